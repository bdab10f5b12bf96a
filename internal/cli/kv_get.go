package cli

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/spf13/cobra"

	"github.com/tidings-io/tidings/internal/cli/ui"
	"github.com/tidings-io/tidings/internal/client"
)

func (a *app) kvGetCommand() *cobra.Command {
	var revision uint64
	var raw bool
	cmd := &cobra.Command{
		Use:   "get BUCKET KEY",
		Short: "Print the value of a key",
		Long: `Print the value of a key, followed by a newline; revision and time go to standard
error. With --raw the bytes are printed as they are, without a newline.`,
		Example: `  tidings kv get CONFIG machines.oven.state
  tidings kv get CONFIG logo --raw > logo.png
  tidings kv get CONFIG machines.oven.state --revision 3 --json`,
		Args: arguments(2, 2, "BUCKET KEY"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := oneOf(form{"--raw", raw}, form{"--json", a.global.json}); err != nil {
				return err
			}
			return a.kvGet(cmd.Context(), args[0], args[1], revision, raw)
		},
		ValidArgsFunction: a.completeKV(2),
	}
	cmd.Flags().Uint64Var(&revision, "revision", 0, "print this earlier revision instead of the last one")
	cmd.Flags().BoolVarP(&raw, "raw", "r", false, "print the bytes as they are")
	return cmd
}

func (a *app) kvGet(ctx context.Context, bucket, key string, revision uint64, raw bool) error {
	b, err := a.openKV(ctx, bucket, client.Options{})
	if err != nil {
		return err
	}
	defer b.nc.Close()
	e, err := b.entry(ctx, key, revision)
	if err != nil {
		return err
	}
	switch {
	case a.global.json:
		return a.writeJSON(newKVView(e))
	case raw:
		_, err := a.out.Write(e.Value())
		return err
	}
	a.note("key %q of bucket %q, revision %d, %s", key, bucket, e.Revision(), moment(e.Created()))
	a.out.Println(ui.Printable(string(e.Value())))
	return nil
}

// entry returns the last revision of a key (0), or an earlier one.
func (b *kvBucket) entry(ctx context.Context, key string, revision uint64) (jetstream.KeyValueEntry, error) {
	if revision == 0 {
		e, err := b.Get(ctx, key)
		return e, b.explainKey(key, err)
	}
	e, err := b.GetRevision(ctx, key, revision)
	if errors.Is(err, jetstream.ErrKeyNotFound) || errors.Is(err, jetstream.ErrKeyDeleted) {
		return nil, &client.Error{
			What:   fmt.Sprintf("key %q of bucket %q", key, b.Bucket()),
			Reason: fmt.Sprintf("revision %d is no value of it", revision), Err: err,
			Way: "`tidings kv history` shows the revisions that are kept",
		}
	}
	return e, b.explainKey(key, err)
}

func (a *app) kvHistoryCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "history BUCKET KEY",
		Short: "Show what became of a key: every revision that is kept",
		Example: `  tidings kv history CONFIG machines.oven.state
  tidings kv history CONFIG machines.oven.state --json`,
		Args: arguments(2, 2, "BUCKET KEY"),
		RunE: func(cmd *cobra.Command, args []string) error {
			b, err := a.openKV(cmd.Context(), args[0], client.Options{})
			if err != nil {
				return err
			}
			defer b.nc.Close()
			entries, err := b.History(cmd.Context(), args[1])
			if err != nil {
				return b.explainKey(args[1], err)
			}
			return a.showKVHistory(entries)
		},
		ValidArgsFunction: a.completeKV(2),
	}
}

func (a *app) showKVHistory(entries []jetstream.KeyValueEntry) error {
	var rows [][]string
	for _, e := range entries {
		if !a.global.json {
			rows = append(rows, []string{
				strconv.FormatUint(e.Revision(), 10), kvOperations[e.Operation()], moment(e.Created()),
				strconv.Itoa(len(e.Value())), preview(e.Value()),
			})
		} else if err := a.writeJSON(newKVView(e)); err != nil {
			return err
		}
	}
	if !a.global.json {
		a.screen.Table([]string{"revision", "operation", "time", "bytes", "value"}, rows, 1, 4)
	}
	return nil
}

const previewLength = 60

// preview is the beginning of a value on one line.
func preview(value []byte) string {
	text := []rune(ui.Printable(string(value[:min(len(value), 4*previewLength)])))
	cut := len(value) > 4*previewLength || len(text) > previewLength
	if len(text) > previewLength {
		text = text[:previewLength]
	}
	for i, r := range text {
		if r == '\n' || r == '\t' {
			text[i] = ' '
		}
	}
	if cut {
		return string(text) + "…"
	}
	return string(text)
}
