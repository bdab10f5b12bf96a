package cli

import (
	"github.com/spf13/cobra"
)

// synonym is a command under another name that hands are used to from other
// tools. It works and is not listed.
func synonym(use string, cmd *cobra.Command) *cobra.Command {
	cmd.Use, cmd.Aliases, cmd.Hidden = use, nil, true
	return cmd
}

// bucketSynonyms are the commands about buckets, without the word bucket.
func (a *app) bucketSynonyms(k bucketKind) []*cobra.Command {
	return []*cobra.Command{
		synonym("add [BUCKET]", a.bucketCreateCommand(k)),
		synonym("status BUCKET", a.bucketInfoCommand(k)),
	}
}
