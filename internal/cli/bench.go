package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/spf13/cobra"

	"github.com/tidings-io/tidings/internal/cli/bench"
	"github.com/tidings-io/tidings/internal/cli/ui"
	"github.com/tidings-io/tidings/internal/client"
)

func (a *app) benchCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "bench",
		Short: "Put load on a server and measure it",
		Long: `Publish, receive or request as fast as possible, or at a rate, and show how many
messages went through and how long they took. Progress is shown while it runs if
standard error is a terminal. Ctrl-C ends the load and shows the figures so far.

Where publisher and receiver run on two machines, latencies compare two clocks.`,
		Example: `  tidings bench pub demo.load --clients 4 --messages 1000000 --subscribers 2
  tidings bench request demo.load --serve --concurrency 16 --duration 5s
  tidings bench stream --mode sync --clients 16 --duration 10s
  tidings bench kv --concurrency 16 --json`,
		GroupID: groupMessages,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				return usage(fmt.Errorf("unknown load %q; use pub, sub, request, stream, consume or kv", args[0]))
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(a.benchPublishCommand(), a.benchSubscribeCommand(), a.benchRequestCommand(),
		a.benchStreamCommand(), a.benchConsumeCommand(), a.benchKVCommand())
	return cmd
}

func (a *app) benchPublishCommand() *cobra.Command {
	var p bench.PublishPlan
	var headers []string
	cmd := &cobra.Command{
		Use:   "pub SUBJECT",
		Short: "Publish as fast as possible, or at a rate",
		Long: `Publish messages and measure the rate. With --subscribers, connections of this
command receive them, and every message is measured from publish to receive. Without,
one message in --probe-every takes the way through the server and back.`,
		Example: `  tidings bench pub demo.load
  tidings bench pub demo.load --clients 4 --messages 1000000 --size 64 --subscribers 2
  tidings bench pub demo.load --rate 5000 --duration 10s --batch 100`,
		Args: arguments(1, 1, "SUBJECT"),
		RunE: func(cmd *cobra.Command, args []string) error {
			p.Subject = args[0]
			var err error
			if p.Header, err = benchHeader(headers); err != nil {
				return err
			}
			p.Messages = benchMessages(cmd, p.Messages, p.Duration)
			return a.runBench(cmd.Context(), p.Validate, func(ctx context.Context, env bench.Env) (*bench.Result, error) {
				return bench.Publish(ctx, env, p)
			})
		},
		ValidArgsFunction: cobra.NoFileCompletions,
	}
	flags := cmd.Flags()
	benchFlags(cmd, &p.Clients, &p.Messages, &p.Duration)
	flags.IntVar(&p.Size, "size", 128, "bytes of each message's body")
	flags.Float64Var(&p.Rate, "rate", 0, "messages per second of all clients together; 0 is as fast as possible")
	flags.Int64Var(&p.Batch, "batch", 0, "wait for the server after so many messages of a client; 0 waits at the end only")
	flags.StringArrayVarP(&headers, "header", "H", nil, "add a header, \"`NAME:VALUE`\"; may be repeated")
	flags.IntVar(&p.Subscribers, "subscribers", 0, "connections that receive everything")
	flags.StringVar(&p.Queue, "queue", "", "queue group the subscribers join")
	flags.Int64Var(&p.ProbeEvery, "probe-every", 1000, "without subscribers, measure one message in so many; 0 measures none")
	return cmd
}

func (a *app) benchSubscribeCommand() *cobra.Command {
	var p bench.SubscribePlan
	cmd := &cobra.Command{
		Use:   "sub SUBJECT",
		Short: "Receive and measure the rate",
		Long: `Subscribe and measure, from the first message to the last. Each client waits for
--messages of them; with --queue all clients together do. Latencies are shown if the
messages come from ` + "`tidings bench pub`" + ` with a size of at least 16 bytes.`,
		Example: `  tidings bench sub demo.load --clients 2 --messages 100000
  tidings bench sub demo.load --queue workers --clients 4 --duration 30s`,
		Args: arguments(1, 1, "SUBJECT"),
		RunE: func(cmd *cobra.Command, args []string) error {
			p.Subject = args[0]
			p.Messages = benchMessages(cmd, p.Messages, p.Duration)
			return a.runBench(cmd.Context(), p.Validate, func(ctx context.Context, env bench.Env) (*bench.Result, error) {
				return bench.Subscribe(ctx, env, p)
			})
		},
		ValidArgsFunction: cobra.NoFileCompletions,
	}
	benchFlags(cmd, &p.Clients, &p.Messages, &p.Duration)
	cmd.Flags().StringVar(&p.Queue, "queue", "", "queue group all clients join")
	return cmd
}

func (a *app) benchRequestCommand() *cobra.Command {
	var p bench.RequestPlan
	cmd := &cobra.Command{
		Use:   "request SUBJECT",
		Short: "Send requests and measure the time to the answer",
		Long: `Send requests, --concurrency of them at once on each of --clients connections, and
measure how long answers take. With --serve this command answers them itself.`,
		Example: `  tidings bench request demo.load --serve
  tidings bench request demo.echo --clients 2 --concurrency 32 --duration 5s`,
		Args: arguments(1, 1, "SUBJECT"),
		RunE: func(cmd *cobra.Command, args []string) error {
			p.Subject = args[0]
			p.Messages = benchMessages(cmd, p.Messages, p.Duration)
			return a.runBench(cmd.Context(), p.Validate, func(ctx context.Context, env bench.Env) (*bench.Result, error) {
				return bench.Request(ctx, env, p)
			})
		},
		ValidArgsFunction: cobra.NoFileCompletions,
	}
	flags := cmd.Flags()
	benchFlags(cmd, &p.Clients, &p.Messages, &p.Duration)
	flags.IntVar(&p.Concurrency, "concurrency", 1, "requests under way per client")
	flags.IntVar(&p.Size, "size", 128, "bytes of each request's body")
	flags.BoolVar(&p.Serve, "serve", false, "answer the requests, too")
	flags.IntVar(&p.ReplySize, "reply-size", 128, "with --serve, bytes of each answer's body")
	return cmd
}

const benchMessagesDefault = 100_000

func benchFlags(cmd *cobra.Command, clients *int, messages *int64, d *time.Duration) {
	flags := cmd.Flags()
	flags.IntVar(clients, "clients", 1, "connections to use")
	flags.Int64VarP(messages, "messages", "n", benchMessagesDefault, "end after so many messages")
	flags.DurationVar(d, "duration", 0, "end after this time, such as 10s, instead of after a number of messages")
}

// benchMessages lets --duration alone decide unless --messages is given, too.
func benchMessages(cmd *cobra.Command, messages int64, d time.Duration) int64 {
	if d > 0 && !cmd.Flags().Changed("messages") {
		return 0
	}
	return messages
}

func benchHeader(headers []string) (nats.Header, error) {
	c, err := newContent(nil, contentFlags{headers: headers})
	if err != nil {
		return nil, err
	}
	m, err := c.message("", &templateData{})
	return m.Header, err
}

// runBench checks the plan, runs the load and shows its result, also that of
// an interrupted one.
func (a *app) runBench(ctx context.Context, check func() error, run func(context.Context, bench.Env) (*bench.Result, error)) error {
	if err := check(); err != nil {
		return usage(errors.New(strings.ReplaceAll(err.Error(), "\n", "; ")))
	}
	settings, err := a.resolve()
	if err != nil {
		return err
	}
	env := a.benchEnv(settings)
	if env.Prefix, err = a.api.subject(); err != nil {
		return err
	}
	result, err := run(ctx, env)
	interrupted := errors.Is(err, bench.ErrInterrupted)
	switch {
	case err != nil && !interrupted:
		return err
	case result == nil: // interrupted before anything was measured
		return errInterrupted
	}
	if !a.global.json {
		result.Show(a.screen)
	} else if err := a.writeJSON(result); err != nil {
		return err
	}
	switch {
	case interrupted:
		return errInterrupted
	case result.Timeouts > 0:
		return &client.Error{Kind: client.TimedOut, What: ui.Count(result.Timeouts) + " requests", Reason: "no answer within " + settings.Timeout().String(), Way: "wait longer with --timeout"}
	case result.Unacked > 0:
		return &client.Error{Kind: client.TimedOut, What: ui.Count(result.Unacked) + " messages", Reason: "no acknowledgement within " + settings.Timeout().String(), Way: "wait longer with --timeout, or have fewer under way"}
	case result.Missing > 0 && result.Load == "consume":
		return &client.Error{Kind: client.TimedOut, What: ui.Count(result.Missing) + " messages of the stream", Reason: "nothing more came within " + settings.Timeout().String(), Way: "wait longer with --timeout, or look at the stream with `tidings stream info`"}
	case result.Missing > 0:
		return fmt.Errorf("%s messages did not arrive within %s; the server or a subscriber dropped them, lower the --rate or wait longer with --timeout", ui.Count(result.Missing), settings.Timeout())
	}
	return nil
}

// benchEnv announces the first connection and makes the others silently.
func (a *app) benchEnv(settings *client.Resolved) bench.Env {
	announced := false
	return bench.Env{
		Timeout: settings.Timeout(),
		Dial: func(ctx context.Context) (*nats.Conn, error) {
			if !announced {
				announced = true
				return a.dial(ctx, settings, client.Options{})
			}
			return client.Dial(ctx, settings, client.Options{})
		},
		Watch: func(tasks []ui.Task) func() {
			if a.global.quiet || a.global.json {
				return func() {}
			}
			return a.screen.StartProgress(tasks).Stop
		},
	}
}
