package cli

import "github.com/spf13/cobra"

// confirmation is the flag of commands that ask before they change something
// for good.
type confirmation struct{ yes bool }

func (c *confirmation) add(cmd *cobra.Command) { addYes(cmd, &c.yes) }

// ask asks the question unless --yes was given.
func (c *confirmation) ask(a *app, cmd *cobra.Command, question string) error {
	return a.sure(cmd, c.yes, question)
}
