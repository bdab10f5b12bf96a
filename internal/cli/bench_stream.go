package cli

import (
	"context"
	"strings"

	"github.com/spf13/cobra"

	"github.com/tidings-io/tidings/internal/cli/bench"
)

// benchStoreFlags are the flags about the stream or bucket of a load.
func benchStoreFlags(cmd *cobra.Command, noun string, p *bench.StorePlan) {
	flags := cmd.Flags()
	flags.StringVar(&p.Name, noun, "", "use this "+noun+"; otherwise one is made for the load and removed after it")
	flags.BoolVar(&p.Memory, "memory", false, "keep the load's own "+noun+" in memory instead of on disk")
	flags.IntVar(&p.Replicas, "replicas", 1, "servers of a cluster that keep a copy of the load's own "+noun)
	flags.BoolVar(&p.Keep, "keep", false, "do not remove the load's own "+noun)
}

func (a *app) benchStreamCommand() *cobra.Command {
	var p bench.StreamPlan
	cmd := &cobra.Command{
		Use:   "stream",
		Short: "Publish to a stream and wait for acknowledgements",
		Long: `Publish messages to a stream and measure the rate of acknowledged ones and the time from
publish to acknowledgement. --mode says how:

  async  each client has --window messages under way
  sync   each client waits for an acknowledgement before it publishes again
  batch  atomic batches of --batch messages, each acknowledged as a whole

Without --stream, a stream is made for the load and removed after it.`,
		Example: `  tidings bench stream
  tidings bench stream --mode sync --clients 16 --duration 10s
  tidings bench stream --mode batch --batch 500 --size 1024 --json
  tidings bench stream --stream ORDERS --subject orders.load --messages 10000`,
		Args: arguments(0, 0, ""),
		RunE: func(cmd *cobra.Command, _ []string) error {
			p.Messages = benchMessages(cmd, p.Messages, p.Duration)
			return a.runBench(cmd.Context(), p.Validate, func(ctx context.Context, env bench.Env) (*bench.Result, error) {
				return bench.Stream(ctx, env, p)
			})
		},
		ValidArgsFunction: cobra.NoFileCompletions,
	}
	a.api.add(cmd)
	benchFlags(cmd, &p.Clients, &p.Messages, &p.Duration)
	flags := cmd.Flags()
	benchMode(cmd, &p.Mode, bench.Async, bench.StreamModes)
	flags.IntVar(&p.Size, "size", 128, "bytes of each message's body")
	flags.IntVar(&p.Window, "window", 256, "with --mode async, messages under way per client")
	flags.IntVar(&p.Batch, "batch", 100, "with --mode batch, messages of a batch")
	flags.StringVar(&p.Subject, "subject", "", "with --stream, publish on this subject of it")
	benchStoreFlags(cmd, "stream", &p.Store)
	a.completeBenchStream(cmd)
	return cmd
}

func benchMode(cmd *cobra.Command, mode *string, usual string, modes []string) {
	cmd.Flags().StringVar(mode, "mode", usual, "`MODE`: "+strings.Join(modes, ", "))
	completeFlag(cmd, "mode", cobra.FixedCompletions(toCompletions(modes), cobra.ShellCompDirectiveNoFileComp))
}

func (a *app) completeBenchStream(cmd *cobra.Command) {
	completeFlag(cmd, "stream", a.completeStreamFlag)
}

func (a *app) benchConsumeCommand() *cobra.Command {
	var p bench.ConsumePlan
	cmd := &cobra.Command{
		Use:   "consume",
		Short: "Consume a stream",
		Long: `Consume messages of a stream and measure the rate, and how long a client waits for its
next message. --mode says how:

  pull     all clients share a pull consumer and acknowledge each message
  no-ack   the same without acknowledgements
  ordered  each client has an ordered push consumer and gets every message

Without --stream, a stream is made, filled with --messages and removed after the load.
With it, up to --messages of what is there are consumed, by a consumer of the load's own.`,
		Example: `  tidings bench consume
  tidings bench consume --mode ordered --clients 4 --messages 500000
  tidings bench consume --stream ORDERS --mode no-ack --json`,
		Args: arguments(0, 0, ""),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if p.Store.Name != "" && !cmd.Flags().Changed("messages") {
				p.Messages = 0 // all there are
			}
			return a.runBench(cmd.Context(), p.Validate, func(ctx context.Context, env bench.Env) (*bench.Result, error) {
				return bench.Consume(ctx, env, p)
			})
		},
		ValidArgsFunction: cobra.NoFileCompletions,
	}
	a.api.add(cmd)
	benchFlags(cmd, &p.Clients, &p.Messages, &p.Duration)
	flags := cmd.Flags()
	benchMode(cmd, &p.Mode, bench.Pull, bench.ConsumeModes)
	flags.IntVar(&p.Size, "size", 128, "bytes of each message's body in the load's own stream")
	flags.IntVar(&p.Batch, "batch", 500, "with --mode pull and no-ack, messages to ask for at once")
	benchStoreFlags(cmd, "stream", &p.Store)
	a.completeBenchStream(cmd)
	return cmd
}

func (a *app) benchKVCommand() *cobra.Command {
	var p bench.KVPlan
	cmd := &cobra.Command{
		Use:   "kv",
		Short: "Put and get keys of a bucket",
		Long: `Put and get keys of a key-value bucket at random and measure both. Every key is put once
before. Without --bucket, a bucket is made for the load and removed after it; in another
bucket, only keys below tidings-bench are touched, and they stay.`,
		Example: `  tidings bench kv
  tidings bench kv --clients 4 --concurrency 16 --put-percent 10 --duration 10s
  tidings bench kv --keys 100000 --size 1024 --memory --json`,
		Args: arguments(0, 0, ""),
		RunE: func(cmd *cobra.Command, _ []string) error {
			p.Messages = benchMessages(cmd, p.Messages, p.Duration)
			return a.runBench(cmd.Context(), p.Validate, func(ctx context.Context, env bench.Env) (*bench.Result, error) {
				return bench.KV(ctx, env, p)
			})
		},
		ValidArgsFunction: cobra.NoFileCompletions,
	}
	a.api.add(cmd)
	benchFlags(cmd, &p.Clients, &p.Messages, &p.Duration)
	flags := cmd.Flags()
	flags.IntVar(&p.Concurrency, "concurrency", 1, "operations under way per client")
	flags.IntVar(&p.Keys, "keys", 1000, "keys to put and get")
	flags.IntVar(&p.Size, "size", 128, "bytes of each value")
	flags.IntVar(&p.PutPercent, "put-percent", 50, "so many operations of a hundred are puts, the others gets")
	flags.IntVar(&p.History, "history", 1, "values kept of each key in the load's own bucket")
	benchStoreFlags(cmd, "bucket", &p.Store)
	completeFlag(cmd, "bucket", func(_ *cobra.Command, _ []string, word string) ([]cobra.Completion, cobra.ShellCompDirective) {
		return a.live(word, kvKind.buckets)
	})
	return cmd
}
