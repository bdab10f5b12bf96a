package cli

import (
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/tidings-io/tidings/internal/client"
)

const completionLong = `Write a script that makes the shell complete commands, flags, flag values and
context names. For bash no further package is needed.

  bash   tidings completion bash > ~/.local/share/bash-completion/completions/tidings
         or, in ~/.bashrc:  source <(tidings completion bash)
  zsh    tidings completion zsh > "${fpath[1]}/_tidings"
  fish   tidings completion fish > ~/.config/fish/completions/tidings.fish`

func (a *app) completionCommand() *cobra.Command {
	return &cobra.Command{
		Use:       "completion bash|zsh|fish",
		Short:     "Write the completion script of a shell",
		Long:      completionLong,
		GroupID:   groupSettings,
		Example:   "  source <(tidings completion bash)",
		ValidArgs: []cobra.Completion{"bash", "zsh", "fish"},
		Args:      arguments(1, 1, "bash|zsh|fish"),
		RunE: func(cmd *cobra.Command, args []string) error {
			root := cmd.Root()
			switch args[0] {
			case "bash":
				if _, err := io.WriteString(a.out, bashWords); err != nil {
					return err
				}
				return root.GenBashCompletionV2(a.out, true)
			case "zsh":
				return root.GenZshCompletion(a.out)
			case "fish":
				return root.GenFishCompletion(a.out, true)
			}
			return usage(fmt.Errorf("shell %q: use bash, zsh or fish", args[0]))
		},
	}
}

// bashWords stands in for the one function of the bash-completion package that
// the script below it calls: it splits the command line into words, joining
// what bash splits at '=' and ':'. It is defined only where it is missing.
const bashWords = `# completion of tidings for bash

if ! declare -F _get_comp_words_by_ref >/dev/null 2>&1; then
    _get_comp_words_by_ref()
    {
        local i word joined=()
        cword=0
        for ((i = 0; i < ${#COMP_WORDS[@]}; i++)); do
            word=${COMP_WORDS[i]}
            if ((${#joined[@]} > 0)) && [[ $word == [:=]* || ${joined[${#joined[@]}-1]} == *[:=] ]]; then
                joined[${#joined[@]}-1]+=$word
            else
                joined+=("$word")
            fi
            ((i == COMP_CWORD)) && cword=$((${#joined[@]} - 1))
        done
        words=("${joined[@]}")
        cur=${words[cword]}
        prev=
        ((cword > 0)) && prev=${words[cword-1]}
        return 0
    }
fi

`

// completeContexts offers the names of the contexts there are.
func (a *app) completeContexts(_ *cobra.Command, _ []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
	store, err := a.store()
	if err != nil {
		return nil, cobra.ShellCompDirectiveError
	}
	entries, err := store.List()
	if err != nil {
		return nil, cobra.ShellCompDirectiveError
	}
	var names []cobra.Completion
	for _, e := range entries {
		if e.Hidden || e.Err != nil {
			continue
		}
		description := e.Description
		if description == "" {
			description = e.Settings.Shown(client.Server)
		}
		names = append(names, cobra.CompletionWithDesc(e.Name, description))
	}
	return names, cobra.ShellCompDirectiveNoFileComp
}

// completeContext completes a first argument that names a context.
func (a *app) completeContext(cmd *cobra.Command, args []string, word string) ([]cobra.Completion, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	return a.completeContexts(cmd, args, word)
}
