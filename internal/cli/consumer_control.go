package cli

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/tidings-io/tidings/internal/cli/asset"
	"github.com/tidings-io/tidings/internal/cli/ui"
	"github.com/tidings-io/tidings/internal/client"
	"github.com/tidings-io/tidings/internal/jsapi"
)

// changeConsumer runs f with a consumer that is there.
func (a *app) changeConsumer(cmd *cobra.Command, args []string, f func(context.Context, *client.JetStream, *jsapi.ConsumerInfo) error) error {
	return a.withConsumer(cmd, args, client.Options{}, f)
}

// withConsumer is changeConsumer over a connection with options.
func (a *app) withConsumer(cmd *cobra.Command, args []string, o client.Options, f func(context.Context, *client.JetStream, *jsapi.ConsumerInfo) error) error {
	if err := checkNames(args[:2]); err != nil {
		return err
	}
	return a.withJetStreamOver(cmd.Context(), o, func(js *client.JetStream) error {
		info, err := js.Consumer(cmd.Context(), args[0], args[1])
		if err != nil {
			return err
		}
		return f(cmd.Context(), js, info)
	})
}

func (a *app) consumerRemoveCommand() *cobra.Command {
	var sure confirmation
	cmd := &cobra.Command{
		Use:     "remove STREAM CONSUMER",
		Aliases: []string{"rm", "delete"},
		Short:   "Remove a consumer and what it knows",
		Example: "  tidings consumer remove ORDERS billing --yes",
		Args:    arguments(2, 2, "STREAM CONSUMER"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.changeConsumer(cmd, args, func(ctx context.Context, js *client.JetStream, info *jsapi.ConsumerInfo) error {
				question := fmt.Sprintf("remove consumer %s of stream %s, which has %s messages pending and %s unacknowledged?",
					info.Name, info.Stream, ui.Count(info.NumPending), ui.Count(info.NumAckPending))
				if err := sure.ask(a, cmd, question); err != nil {
					return err
				}
				if err := js.DeleteConsumer(ctx, info.Stream, info.Name); err != nil {
					return err
				}
				return a.result(removed{Stream: info.Stream, Consumer: info.Name}, "consumer %s of stream %s is removed", info.Name, info.Stream)
			})
		},
		ValidArgsFunction: a.completeConsumer(),
	}
	sure.add(cmd)
	return cmd
}

func (a *app) consumerPauseCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "pause STREAM CONSUMER UNTIL",
		Short: "Keep a consumer from delivering for a while",
		Long: `Keep a consumer from delivering: for a time such as 15m, or until a time such as
2026-03-01T12:00:00Z. Acknowledgements are taken meanwhile.`,
		Example: "  tidings consumer pause ORDERS billing 15m\n  tidings consumer pause ORDERS billing 2099-03-01T12:00:00Z",
		Args:    arguments(3, 3, "STREAM CONSUMER UNTIL"),
		RunE: func(cmd *cobra.Command, args []string) error {
			until, err := asset.ParseFuture(args[2], time.Now())
			if err != nil {
				return usage(err)
			}
			if !until.After(time.Now()) {
				return usage(fmt.Errorf("%s is over; to let the consumer go on, use `tidings consumer resume`", args[2]))
			}
			return a.changeConsumer(cmd, args, func(ctx context.Context, js *client.JetStream, info *jsapi.ConsumerInfo) error {
				return a.pauseConsumer(ctx, js, info, until)
			})
		},
		ValidArgsFunction: a.completeConsumer(),
	}
	return cmd
}

func (a *app) consumerResumeCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "resume STREAM CONSUMER",
		Short:   "Let a paused consumer deliver again",
		Example: "  tidings consumer resume ORDERS billing",
		Args:    arguments(2, 2, "STREAM CONSUMER"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.changeConsumer(cmd, args, func(ctx context.Context, js *client.JetStream, info *jsapi.ConsumerInfo) error {
				return a.pauseConsumer(ctx, js, info, time.Time{})
			})
		},
		ValidArgsFunction: a.completeConsumer(),
	}
}

// pauseConsumer pauses a consumer, or resumes it if until is zero.
func (a *app) pauseConsumer(ctx context.Context, js *client.JetStream, info *jsapi.ConsumerInfo, until time.Time) error {
	r, err := js.PauseConsumer(ctx, info.Stream, info.Name, until)
	if err != nil {
		return err
	}
	if r.Paused {
		return a.result(r, "consumer %s of stream %s is paused until %s", info.Name, info.Stream, moment(r.PauseUntil))
	}
	return a.result(r, "consumer %s of stream %s delivers", info.Name, info.Stream)
}

func (a *app) consumerResetCommand() *cobra.Command {
	var sure confirmation
	cmd := &cobra.Command{
		Use:   "reset STREAM CONSUMER [SEQUENCE]",
		Short: "Let a consumer deliver again from a sequence on",
		Long: `Let a consumer deliver again from a sequence of the stream on, or without one from its
ack floor: what was delivered and acknowledged after that is forgotten. A consumer that
was made to begin at a place can only go there or beyond.`,
		Example: "  tidings consumer reset ORDERS billing 1000 --yes",
		Args:    arguments(2, 3, "STREAM CONSUMER [SEQUENCE]"),
		RunE: func(cmd *cobra.Command, args []string) error {
			seq, from := uint64(0), "its ack floor"
			if len(args) == 3 {
				var err error
				if seq, err = sequenceArgument(args[2]); err != nil {
					return err
				}
				from = "sequence " + args[2]
			}
			return a.changeConsumer(cmd, args, func(ctx context.Context, js *client.JetStream, info *jsapi.ConsumerInfo) error {
				question := fmt.Sprintf("let consumer %s of stream %s deliver again from %s on?", info.Name, info.Stream, from)
				if err := sure.ask(a, cmd, question); err != nil {
					return err
				}
				begins, err := js.ResetConsumer(ctx, info.Stream, info.Name, seq)
				if err != nil {
					return err
				}
				done := struct {
					Stream   string `json:"stream"`
					Consumer string `json:"consumer"`
					Sequence uint64 `json:"sequence"`
				}{info.Stream, info.Name, begins}
				return a.result(done, "consumer %s of stream %s begins at sequence %d", info.Name, info.Stream, begins)
			})
		},
		ValidArgsFunction: a.completeConsumer(),
	}
	sure.add(cmd)
	return cmd
}

func (a *app) consumerUnpinCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "unpin STREAM CONSUMER GROUP",
		Short:   "Let another client of a priority group be served",
		Example: "  tidings consumer unpin ORDERS billing workers",
		Args:    arguments(3, 3, "STREAM CONSUMER GROUP"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.changeConsumer(cmd, args, func(ctx context.Context, js *client.JetStream, info *jsapi.ConsumerInfo) error {
				if err := js.UnpinConsumer(ctx, info.Stream, info.Name, args[2]); err != nil {
					return err
				}
				done := struct {
					Stream   string `json:"stream"`
					Consumer string `json:"consumer"`
					Group    string `json:"group"`
				}{info.Stream, info.Name, args[2]}
				return a.result(done, "group %s of consumer %s has no pinned client", args[2], info.Name)
			})
		},
		ValidArgsFunction: a.completeConsumer(),
	}
}
