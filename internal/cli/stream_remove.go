package cli

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/tidings-io/tidings/internal/cli/ui"
	"github.com/tidings-io/tidings/internal/client"
	"github.com/tidings-io/tidings/internal/jsapi"
)

// removed is the result of the commands that take something away.
type removed struct {
	Stream   string `json:"stream"`
	Consumer string `json:"consumer,omitempty"`
	Messages uint64 `json:"messages"`
}

func (a *app) streamRemoveCommand() *cobra.Command {
	var sure confirmation
	cmd := &cobra.Command{
		Use:     "remove STREAM",
		Aliases: []string{"rm", "delete"},
		Short:   "Remove a stream with all its messages and consumers",
		Example: "  tidings stream remove ORDERS\n  tidings stream remove ORDERS --yes",
		Args:    arguments(1, 1, "STREAM"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.changeStream(cmd, args[0], func(ctx context.Context, js *client.JetStream, info *jsapi.StreamInfo) error {
				question := fmt.Sprintf("remove stream %s with its %s messages and %s?", args[0],
					ui.Count(info.State.Msgs), plural(info.State.Consumers, "consumer"))
				if err := sure.ask(a, cmd, question); err != nil {
					return err
				}
				if err := js.DeleteStream(ctx, args[0]); err != nil {
					return err
				}
				return a.result(removed{Stream: args[0], Messages: info.State.Msgs}, "stream %s is removed", args[0])
			})
		},
		ValidArgsFunction: a.completeStream(),
	}
	sure.add(cmd)
	return cmd
}

// changeStream runs f with a stream that is there.
func (a *app) changeStream(cmd *cobra.Command, name string, f func(context.Context, *client.JetStream, *jsapi.StreamInfo) error) error {
	if err := checkName("stream", name); err != nil {
		return err
	}
	return a.withJetStream(cmd.Context(), func(js *client.JetStream) error {
		info, err := js.Stream(cmd.Context(), name)
		if err != nil {
			return err
		}
		return f(cmd.Context(), js, info)
	})
}

func (a *app) streamPurgeCommand() *cobra.Command {
	var which jsapi.StreamPurgeRequest
	var sure confirmation
	cmd := &cobra.Command{
		Use:   "purge STREAM",
		Short: "Remove messages of a stream, all or some",
		Long: `Remove messages of a stream: all, or those of --subject, and of these those below
--sequence or all but the last --keep.`,
		Example: `  tidings stream purge ORDERS
  tidings stream purge ORDERS --subject 'orders.test.>' --yes
  tidings stream purge ORDERS --keep 1000 --yes
  tidings stream purge ORDERS --sequence 5000 --yes`,
		Args: arguments(1, 1, "STREAM"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if which.Sequence > 0 && which.Keep > 0 {
				return usage(errors.New("--sequence and --keep contradict each other; leave one out"))
			}
			if which.Filter != "" {
				if err := client.CheckSubscribeSubject(which.Filter); err != nil {
					return usage(fmt.Errorf("--subject: %w", err))
				}
			}
			return a.changeStream(cmd, args[0], func(ctx context.Context, js *client.JetStream, _ *jsapi.StreamInfo) error {
				if err := sure.ask(a, cmd, "remove "+purgeText(args[0], which)+"?"); err != nil {
					return err
				}
				n, err := js.Purge(ctx, args[0], which)
				if err != nil {
					return err
				}
				return a.result(removed{Stream: args[0], Messages: n}, "%s messages of stream %s are removed", ui.Count(n), args[0])
			})
		},
		ValidArgsFunction: a.completeStream(),
	}
	flags := cmd.Flags()
	flags.StringVar(&which.Filter, "subject", "", "only messages whose subject matches")
	flags.Uint64Var(&which.Sequence, "sequence", 0, "only messages before this one")
	flags.Uint64Var(&which.Keep, "keep", 0, "all but so many of the last")
	sure.add(cmd)
	completeFlag(cmd, "subject", a.completeSubjectFlag)
	return cmd
}

func purgeText(stream string, which jsapi.StreamPurgeRequest) string {
	text := "all messages"
	if which.Filter != "" {
		text += fmt.Sprintf(" of %q", which.Filter)
	}
	text += " of stream " + stream
	switch {
	case which.Sequence > 0:
		text += fmt.Sprintf(" before sequence %d", which.Sequence)
	case which.Keep > 0:
		text += fmt.Sprintf(" but the last %d", which.Keep)
	}
	return text
}

func (a *app) streamSealCommand() *cobra.Command {
	var sure confirmation
	cmd := &cobra.Command{
		Use:     "seal STREAM",
		Short:   "Keep a stream as it is: nothing is stored or removed any more",
		Example: "  tidings stream seal ORDERS_2025 --yes",
		Args:    arguments(1, 1, "STREAM"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.changeStream(cmd, args[0], func(ctx context.Context, js *client.JetStream, info *jsapi.StreamInfo) error {
				if info.Config.Sealed {
					return a.result(info, "stream %s is sealed already", args[0])
				}
				if err := sure.ask(a, cmd, fmt.Sprintf("seal stream %s for good?", args[0])); err != nil {
					return err
				}
				info.Config.Sealed = true
				info, err := js.UpdateStream(ctx, &info.Config)
				if err != nil {
					return err
				}
				return a.result(info, "stream %s is sealed", args[0])
			})
		},
		ValidArgsFunction: a.completeStream(),
	}
	sure.add(cmd)
	return cmd
}

func (a *app) streamRemoveMessageCommand() *cobra.Command {
	var sure confirmation
	var keepBytes bool
	cmd := &cobra.Command{
		Use:     "remove-message STREAM SEQUENCE",
		Aliases: []string{"rmm"},
		Short:   "Remove one message of a stream",
		Long: `Remove one message of a stream. Its bytes are overwritten on the disk unless
--no-erase says that this is not needed.`,
		Example: "  tidings stream remove-message ORDERS 1234 --yes",
		Args:    arguments(2, 2, "STREAM SEQUENCE"),
		RunE: func(cmd *cobra.Command, args []string) error {
			seq, err := sequenceArgument(args[1])
			if err != nil {
				return err
			}
			return a.changeStream(cmd, args[0], func(ctx context.Context, js *client.JetStream, _ *jsapi.StreamInfo) error {
				if err := sure.ask(a, cmd, fmt.Sprintf("remove message %d of stream %s?", seq, args[0])); err != nil {
					return err
				}
				if err := js.DeleteMessage(ctx, args[0], seq, keepBytes); err != nil {
					return err
				}
				return a.result(removed{Stream: args[0], Messages: 1}, "message %d of stream %s is removed", seq, args[0])
			})
		},
		ValidArgsFunction: a.completeStream(),
	}
	cmd.Flags().BoolVar(&keepBytes, "no-erase", false, "do not overwrite its bytes: faster")
	sure.add(cmd)
	return cmd
}

func sequenceArgument(text string) (uint64, error) {
	seq, err := strconv.ParseUint(text, 10, 64)
	if err != nil || seq == 0 {
		return 0, usage(fmt.Errorf("sequence %q: write a whole number from 1", text))
	}
	return seq, nil
}
