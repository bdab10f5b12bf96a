package cli

import (
	"context"
	"errors"
	"strconv"

	"github.com/tidings-io/tidings/internal/client"
)

// ExitCode is the code a command ends with. Codes keep their meaning.
type ExitCode struct {
	Code    int
	Meaning string
}

// The exit codes. [ExitCodes] is what help and documentation show of them.
const (
	exitOK           = 0
	exitFailed       = 1
	exitUsage        = 2
	exitConnect      = 3
	exitUnauthorized = 4
	exitTimeout      = 5
	exitNoResponders = 6
	exitInterrupted  = 130
)

// ExitCodes lists what commands end with.
var ExitCodes = []ExitCode{
	{exitOK, "done"},
	{exitFailed, "failed for a reason without a code of its own"},
	{exitUsage, "wrong usage: unknown command or flag, bad argument; nothing was done"},
	{exitConnect, "no connection to a server, or it was lost"},
	{exitUnauthorized, "the server refused the user, or the user lacks a permission"},
	{exitTimeout, "nothing came in time"},
	{exitNoResponders, "a request found nobody who listens on its subject"},
	{exitInterrupted, "interrupted (Ctrl-C, Esc), or answered with no, before the work was done"},
}

// usageError marks what a person has to type differently.
type usageError struct{ err error }

func (e *usageError) Error() string { return e.err.Error() }
func (e *usageError) Unwrap() error { return e.err }

func usage(err error) error {
	if err == nil {
		return nil
	}
	return &usageError{err}
}

// errInterrupted is returned by commands that were stopped before the end.
var errInterrupted = errors.New("interrupted")

// codeError is the exit code of a command that has said everything itself.
type codeError int

func (e codeError) Error() string { return "exit code " + strconv.Itoa(int(e)) }

func exitCode(err error) int {
	var (
		code       codeError
		wrongUsage *usageError
		explained  *client.Error
	)
	switch {
	case err == nil:
		return exitOK
	case errors.As(err, &code):
		return int(code)
	case errors.As(err, &wrongUsage):
		return exitUsage
	case errors.Is(err, errInterrupted), errors.Is(err, context.Canceled):
		return exitInterrupted
	case errors.As(err, &explained):
		return kindCode(explained.Kind)
	}
	return exitFailed
}

func kindCode(k client.Kind) int {
	switch k {
	case client.CannotConnect:
		return exitConnect
	case client.Unauthorized:
		return exitUnauthorized
	case client.TimedOut:
		return exitTimeout
	case client.NoResponders:
		return exitNoResponders
	case client.Failed:
	}
	return exitFailed
}
