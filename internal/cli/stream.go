package cli

import (
	"github.com/spf13/cobra"
)

const streamLong = `A stream stores the messages of some subjects, in the order in which they came, until
they are too old, too many, or processed. Programs read it through consumers
(` + "`tidings consumer`" + `); these commands make streams, look into them and copy them.`

func (a *app) streamCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "stream",
		Aliases: []string{"str", "s"},
		Short:   "Make, show, change and copy streams",
		Long:    streamLong,
		Example: `  tidings stream create ORDERS --subjects 'orders.>' --max-age 30d
  tidings stream report
  tidings stream view ORDERS`,
		GroupID: groupStreams,
	}
	a.api.add(cmd)
	pick := func(cmd *cobra.Command) *cobra.Command { return a.pickable(cmd, namedStream) }
	return a.group(cmd,
		a.streamCreateCommand(), pick(a.streamEditCommand()), a.streamCopyCommand(),
		a.streamListCommand(), pick(a.streamInfoCommand()), a.streamReportCommand(), a.streamFindCommand(), a.streamUsageCommand(),
		pick(a.streamSubjectsCommand()), pick(a.streamGapsCommand()), a.streamWatchCommand(), pick(a.streamGraphCommand()),
		pick(a.streamViewCommand()), a.streamGetCommand(),
		pick(a.streamPurgeCommand()), a.streamRemoveMessageCommand(), pick(a.streamSealCommand()), pick(a.streamRemoveCommand()),
		a.streamBackupCommand(), a.streamRestoreCommand(),
	)
}
