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
	ofStream := func(cmd *cobra.Command) *cobra.Command { return a.pickable(cmd, namedStream) }
	pick := func(cmd *cobra.Command) *cobra.Command { return a.pickable(cmd, namedStream, namedConsumer) }
	return a.group(cmd,
		ofStream(a.consumerCreateCommand()), pick(a.consumerEditCommand()), a.consumerCopyCommand(),
		ofStream(a.consumerListCommand()), pick(a.consumerInfoCommand()), ofStream(a.consumerReportCommand()),
		ofStream(a.consumerWatchCommand()), pick(a.consumerGraphCommand()),
		pick(a.consumerNextCommand()), pick(a.consumerSubscribeCommand()),
		a.consumerPauseCommand(), pick(a.consumerResumeCommand()), pick(a.consumerResetCommand()), a.consumerUnpinCommand(),
		pick(a.consumerRedriveCommand()), pick(a.consumerRemoveCommand()),
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
