package cli

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"
)

// helpCommand replaces cobra's, which ends successfully for unknown names.
func (a *app) helpCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "help [COMMAND or TOPIC]",
		Short:   "Help about any command or topic",
		Example: "  tidings help pub\n  tidings help exit-codes",
		GroupID: groupSettings,
		RunE: func(cmd *cobra.Command, args []string) error {
			root := cmd.Root()
			target, rest, err := root.Find(args)
			if err != nil || target == root && len(args) > 0 {
				return a.knownCommand(root, args)
			}
			if len(rest) > 0 {
				return usage(fmt.Errorf("`tidings help %s`: there is no such command or topic", strings.Join(args, " ")))
			}
			target.InitDefaultHelpFlag()
			return target.Help()
		},
		ValidArgsFunction: completeHelp,
	}
}

// completeHelp offers the commands and topics below what is typed already.
func completeHelp(cmd *cobra.Command, args []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
	target, _, err := cmd.Root().Find(args)
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	var names []cobra.Completion
	for _, sub := range target.Commands() {
		if !sub.Hidden {
			names = append(names, cobra.CompletionWithDesc(sub.Name(), sub.Short))
		}
	}
	return names, cobra.ShellCompDirectiveNoFileComp
}
