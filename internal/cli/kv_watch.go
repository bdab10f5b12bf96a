package cli

import (
	"context"
	"fmt"
	"slices"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/spf13/cobra"

	"github.com/tidings-io/tidings/internal/cli/ui"
)

type kvWatchFlags struct {
	from          uint64
	history       bool
	updates       bool
	ignoreDeletes bool
	keysOnly      bool
	count         int
}

func (a *app) kvWatchCommand() *cobra.Command {
	var f kvWatchFlags
	cmd := &cobra.Command{
		Use:   "watch BUCKET [FILTER...]",
		Short: "Show keys and how they change, live",
		Long: `Show the last value of each key, then every change as it happens, until Ctrl-C.
Filters choose: * stands for one token, > for all that follow. If the connection is
lost, the command tries again until it is back and goes on where it was.`,
		Example: `  tidings kv watch CONFIG
  tidings kv watch CONFIG 'machines.>' --updates
  tidings kv watch CONFIG --from 1200 --json`,
		Args: arguments(1, -1, "BUCKET [FILTER...]"),
		RunE: func(cmd *cobra.Command, args []string) error {
			err := oneOf(form{"--from", f.from > 0}, form{"--history", f.history}, form{"--updates", f.updates})
			if err == nil && f.count < 0 {
				err = usage(fmt.Errorf("--count %d: a number is not negative", f.count))
			}
			if err != nil {
				return err
			}
			return a.kvWatch(cmd.Context(), args[0], args[1:], f)
		},
		ValidArgsFunction: a.completeKV(-1),
	}
	flags := cmd.Flags()
	flags.Uint64Var(&f.from, "from", 0, "begin with this `REVISION` instead of the last value of each key")
	flags.BoolVar(&f.history, "history", false, "begin with every revision that is kept")
	flags.BoolVar(&f.updates, "updates", false, "show changes only, not what is there now")
	flags.BoolVar(&f.ignoreDeletes, "ignore-deletes", false, "leave out what was deleted or purged")
	flags.BoolVar(&f.keysOnly, "keys-only", false, "leave out values")
	flags.IntVarP(&f.count, "count", "n", 0, "end after so many lines; 0 does not end")
	return cmd
}

// options begins behind the revision that was seen last.
func (f kvWatchFlags) options(seen uint64) []jetstream.WatchOpt {
	var options []jetstream.WatchOpt
	for _, o := range []struct {
		on     bool
		option jetstream.WatchOpt
	}{
		{f.history && seen == 0, jetstream.IncludeHistory()},
		{f.ignoreDeletes, jetstream.IgnoreDeletes()},
		{f.keysOnly, jetstream.MetaOnly()},
		{seen > 0 || f.from > 0, jetstream.ResumeFromRevision(seen + 1)},
	} {
		if o.on {
			options = append(options, o.option)
		}
	}
	return options
}

// seen returns the last revision that is not to be shown; 0 shows what is there.
func (f kvWatchFlags) seen(ctx context.Context, b *kvBucket) (uint64, error) {
	if !f.updates {
		return max(f.from, 1) - 1, nil
	}
	info, err := kvKind.find(ctx, b.jetStream, b.Bucket())
	if err != nil {
		return 0, err
	}
	return info.State.LastSeq, nil
}

// kvWatch begins a watch anew, where it was, when the connection is back: the
// client library would notice only after a while.
func (a *app) kvWatch(ctx context.Context, bucket string, filters []string, f kvWatchFlags) error {
	b, err := a.openKV(ctx, bucket, a.lasting())
	if err != nil {
		return err
	}
	defer b.nc.Close()
	seen, err := f.seen(ctx, b)
	if err != nil {
		return err
	}
	n := 0
	begun := a.once("watching bucket %q", bucket)
	err = b.api.Lasting(ctx, func(ctx context.Context) error {
		what := fmt.Sprintf("watch bucket %q", bucket)
		w, err := b.WatchFiltered(ctx, slices.Clone(filters), f.options(seen)...) // it changes the filters
		if err != nil {
			return b.explain(what, err)
		}
		defer func() { _ = w.Stop() }() // the connection may be lost, which ends it too
		begun()
		return take(ctx, b.jetStream, what, w.Updates(), 0, func(e jetstream.KeyValueEntry) (bool, error) {
			if e == nil { // from here on it is live
				return false, nil
			}
			seen = e.Revision()
			n++
			return n == f.count, a.showKVUpdate(e, f.keysOnly)
		})
	})
	return watched(err)
}

func (a *app) showKVUpdate(e jetstream.KeyValueEntry, keysOnly bool) error {
	if a.global.json {
		v := newKVView(e)
		if keysOnly {
			v.Value, v.ValueBase64 = nil, nil
		}
		return a.writeJSON(v)
	}
	s := a.screen
	operation := kvOperations[e.Operation()]
	switch e.Operation() {
	case jetstream.KeyValuePut:
		operation = s.Added(operation)
	case jetstream.KeyValueDelete, jetstream.KeyValuePurge:
		operation = s.Removed(operation)
	}
	line := fmt.Sprintf("%s %s %s", s.Faint(fmt.Sprintf("%s #%d", moment(e.Created()), e.Revision())), operation, s.Subject(ui.Printable(e.Key())))
	if e.Operation() == jetstream.KeyValuePut && !keysOnly {
		line += ": " + ui.Printable(string(e.Value()))
	}
	a.out.Println(line)
	return a.out.Err()
}
