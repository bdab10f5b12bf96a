package cli

import (
	"context"
	"slices"
	"strconv"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/spf13/cobra"

	"github.com/tidings-io/tidings/internal/cli/ui"
	"github.com/tidings-io/tidings/internal/client"
)

// keyView is a key in `tidings kv keys --json`.
type keyView struct {
	Key string `json:"key"`
}

func (a *app) kvKeysCommand() *cobra.Command {
	var values bool
	cmd := &cobra.Command{
		Use:     "keys [BUCKET] [FILTER...]",
		Aliases: []string{"list", "ls"},
		Short:   "List the keys of a bucket, or the buckets",
		Long: `List the keys that have a value, one per line, as the server sends them, which is in
the order of their last change. Filters choose: * stands for one token, > for all that
follow. With --values, revision, time and the beginning of the value are shown, too.`,
		Example: `  tidings kv keys CONFIG
  tidings kv keys CONFIG 'machines.>' 'people.*.name'
  tidings kv keys CONFIG --values`,
		Args: arguments(0, -1, "[BUCKET] [FILTER...]"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return a.bucketList(cmd.Context(), kvKind, !values && !a.global.json)
			}
			return a.kvKeys(cmd.Context(), args[0], args[1:], values)
		},
		ValidArgsFunction: a.completeKV(-1),
	}
	cmd.Flags().BoolVar(&values, "values", false, "show revision, time and value, too")
	return cmd
}

func (a *app) kvKeys(ctx context.Context, bucket string, filters []string, values bool) error {
	b, err := a.openKV(ctx, bucket, client.Options{})
	if err != nil {
		return err
	}
	defer b.nc.Close()
	options := []jetstream.WatchOpt{jetstream.IgnoreDeletes()}
	if !values {
		options = append(options, jetstream.MetaOnly())
	}
	var rows [][]string
	n := 0
	err = b.each(ctx, filters, options, func(e jetstream.KeyValueEntry) error {
		n++
		switch {
		case a.global.json && values:
			return a.writeJSON(newKVView(e))
		case a.global.json:
			return a.writeJSON(keyView{e.Key()})
		case values:
			rows = append(rows, []string{e.Key(), strconv.FormatUint(e.Revision(), 10), moment(e.Created()), preview(e.Value())})
		default:
			a.out.Println(ui.Printable(e.Key()))
		}
		return a.out.Err()
	})
	if err != nil {
		return err
	}
	if len(rows) > 0 {
		a.screen.Table([]string{"key", "revision", "time", "value"}, rows, 2)
	}
	if n == 0 {
		a.note("there are no such keys")
	}
	return nil
}

// each gives every entry there is now to handle, in the order of revisions. An
// answer that fails to come for the timeout is an error.
func (b *kvBucket) each(ctx context.Context, filters []string, options []jetstream.WatchOpt, handle func(jetstream.KeyValueEntry) error) error {
	what := "read bucket " + strconv.Quote(b.Bucket())
	w, err := b.WatchFiltered(ctx, slices.Clone(filters), options...) // it changes the filters
	if err != nil {
		return b.explain(what, err)
	}
	defer func() { _ = w.Stop() }() // the connection is closed next, which ends it too
	return take(ctx, b.jetStream, what, w.Updates(), b.timeout, func(e jetstream.KeyValueEntry) (bool, error) {
		if e == nil {
			return true, nil
		}
		return false, handle(e)
	})
}
