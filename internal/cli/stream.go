package cli

import (
	"github.com/spf13/cobra"
)

const streamLong = `A stream stores the messages of some subjects, in the order in which they came, until
they are too old, too many, or processed. Programs read it through consumers
(` + "`tidings consumer`" + `); these commands make streams, look into them and copy them.`

func (a *app) streamCommand() *cobra.Command {
	api := &apiFlags{}
	cmd := &cobra.Command{
		Use:     "stream",
		Aliases: []string{"str"},
		Short:   "Make, show, change and copy streams",
		Long:    streamLong,
		Example: `  tidings stream create ORDERS --subjects 'orders.>' --max-age 30d
  tidings stream report
  tidings stream view ORDERS`,
		GroupID: groupStreams,
	}
	api.add(cmd)
	return a.group(cmd,
		a.streamCreateCommand(api), a.streamEditCommand(api), a.streamCopyCommand(api),
		a.streamListCommand(api), a.streamInfoCommand(api), a.streamReportCommand(api), a.streamFindCommand(api),
		a.streamSubjectsCommand(api), a.streamWatchCommand(api),
		a.streamViewCommand(api), a.streamGetCommand(api),
		a.streamPurgeCommand(api), a.streamRemoveMessageCommand(api), a.streamSealCommand(api), a.streamRemoveCommand(api),
		a.streamBackupCommand(api), a.streamRestoreCommand(api),
	)
}
