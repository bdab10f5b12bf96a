package cli

import (
	"github.com/spf13/cobra"
)

const consumerLong = `A consumer delivers the messages of a stream to programs, remembers which are done, and
delivers again what was not acknowledged. Pull consumers are asked for messages, push
consumers send them. These commands make consumers, look into them, and read with them.`

func (a *app) consumerCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "consumer",
		Aliases: []string{"con", "c"},
		Short:   "Make, show, change and use consumers of streams",
		Long:    consumerLong,
		Example: `  tidings consumer create ORDERS billing --filter orders.new
  tidings consumer next ORDERS billing
  tidings consumer report ORDERS`,
		GroupID: groupStreams,
	}
	a.api.add(cmd)
	return a.group(cmd,
		a.consumerCreateCommand(), a.consumerEditCommand(), a.consumerCopyCommand(),
		a.consumerListCommand(), a.consumerInfoCommand(), a.consumerReportCommand(),
		a.consumerWatchCommand(), a.consumerGraphCommand(),
		a.consumerNextCommand(), a.consumerSubscribeCommand(),
		a.consumerPauseCommand(), a.consumerResumeCommand(), a.consumerResetCommand(), a.consumerUnpinCommand(),
		a.consumerRedriveCommand(), a.consumerRemoveCommand(),
	)
}

// checkNames refuses arguments that cannot be a stream and a consumer of it.
func checkNames(args []string) error {
	if err := checkName("stream", args[0]); err != nil {
		return err
	}
	for _, name := range args[1:] {
		if err := checkName("consumer", name); err != nil {
			return err
		}
	}
	return nil
}
