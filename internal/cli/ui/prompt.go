package ui

import (
	"bufio"
	"context"
	"errors"
	"io"
	"os"
	"strings"
)

// Confirm asks a yes-or-no question on Err; an empty answer is a no.
//
// Errors: [ErrNoTerminal]; [ErrAborted].
func (s *Screen) Confirm(ctx context.Context, in io.Reader, question string) (bool, error) {
	d, err := s.Dialog(in)
	if err != nil {
		return false, err
	}
	return d.Confirm(ctx, question, false)
}

// Secret reads one line without showing it: from the terminal if in is one,
// after the question; otherwise from in, so that a secret can be piped.
//
// Errors: [ErrAborted]; a failed read.
func (s *Screen) Secret(ctx context.Context, in io.Reader, question string) (string, error) {
	if IsTerminal(in) {
		d := s.dialogOn(in.(*os.File))
		return d.read(ctx, func() (string, error) { return d.editor.ReadPassword(question + ": ") })
	}
	line, err := bufio.NewReader(in).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return "", err
	}
	return strings.TrimRight(line, "\r\n"), nil
}
