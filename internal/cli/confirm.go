package cli

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/tidings-io/tidings/internal/cli/ui"
)

// confirmation is the flag of commands that ask before they change something
// for good.
type confirmation struct{ yes bool }

func (c *confirmation) add(cmd *cobra.Command) {
	cmd.Flags().BoolVarP(&c.yes, "yes", "y", false, "do not ask")
}

// ask asks the question unless --yes was given. No is the error of an
// interruption.
func (c *confirmation) ask(a *app, cmd *cobra.Command, question string) error {
	if c.yes {
		return nil
	}
	ok, err := a.screen.Confirm(cmd.Context(), a.in, question)
	if errors.Is(err, ui.ErrNoTerminal) {
		return usage(fmt.Errorf("%s: nobody can be asked here; add --yes", cmd.CommandPath()))
	}
	if err == nil && !ok {
		err = ui.ErrAborted
	}
	return a.answered(err)
}

// answered makes an interruption of the end of a dialog by the person, and says
// that this was understood.
func (a *app) answered(err error) error {
	if errors.Is(err, ui.ErrAborted) {
		a.note("nothing was done")
		return errInterrupted
	}
	return err
}
