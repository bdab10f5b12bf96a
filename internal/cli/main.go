package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/tidings-io/tidings/internal/cli/ui"
	"github.com/tidings-io/tidings/internal/client"
)

// app is what the commands of one process share.
type app struct {
	in     io.Reader
	out    *ui.Printer
	errOut *ui.Printer
	getenv func(string) string

	screen *ui.Screen // set before a command runs
	global globalFlags
	api    apiFlags // of the commands that use them through a.jetStream
	ran    bool     // a command began; errors before that are wrong usage
}

// Main runs the tool with the arguments args (args[0] is the program's name)
// and returns its exit code. It blocks until the command has ended; SIGINT and
// SIGTERM end it early. Under the name nats-server it is `tidings serve`.
func Main(args []string, in io.Reader, stdout, stderr io.Writer) int {
	out, errOut := ui.NewPrinter(stdout), ui.NewPrinter(stderr)
	if isServerName(args[0]) {
		return runServe(natsServerName, args[1:], out, errOut)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // a second Ctrl-C ends the process at once
	a := &app{in: in, out: out, errOut: errOut, getenv: os.Getenv}
	root := a.rootCommand()
	root.SetArgs(args[1:])
	err := root.ExecuteContext(ctx)
	if err == nil && out.Err() != nil {
		err = fmt.Errorf("write the result: %w", out.Err())
	}
	if err == nil {
		return exitOK
	}
	if !a.ran {
		err = usage(err)
	}
	if code := codeError(0); !errors.Is(err, errInterrupted) && !errors.As(err, &code) {
		errOut.Println("tidings: " + err.Error())
	}
	return exitCode(err)
}

// note tells the person something that is no result, unless --quiet.
func (a *app) note(format string, args ...any) {
	if !a.global.quiet {
		a.errOut.Printf(format+"\n", args...)
	}
}

// warn tells the person that something went wrong though the command goes on.
func (a *app) warn(text string) { a.errOut.Println("tidings: " + text) }

// store returns the context files of this user.
func (a *app) store() (*client.Store, error) { return client.NewStore(a.getenv) }

// arguments checks the number of arguments and says what is wrong in words.
func arguments(least, most int, form string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) < least {
			return usage(fmt.Errorf("%s: an argument is missing; the form is `%s %s`", cmd.CommandPath(), cmd.CommandPath(), form))
		}
		if most >= 0 && len(args) > most {
			return usage(fmt.Errorf("%s: too many arguments, the first one too many is %q; the form is `%s %s`",
				cmd.CommandPath(), args[most], cmd.CommandPath(), form))
		}
		return nil
	}
}

// form is a flag that chooses how something is shown.
type form struct {
	flag   string
	chosen bool
}

// oneOf refuses flags that contradict each other.
func oneOf(forms ...form) error {
	first := ""
	for _, f := range forms {
		switch {
		case f.chosen && first != "":
			return usage(fmt.Errorf("%s and %s contradict each other; leave one out", first, f.flag))
		case f.chosen:
			first = f.flag
		}
	}
	return nil
}
