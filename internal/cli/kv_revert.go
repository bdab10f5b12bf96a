package cli

import (
	"fmt"
	"strconv"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/spf13/cobra"

	"github.com/tidings-io/tidings/internal/client"
)

func (a *app) kvRevertCommand() *cobra.Command {
	var c confirmation
	cmd := &cobra.Command{
		Use:   "revert BUCKET KEY REVISION",
		Short: "Set a key to an earlier value",
		Long: `Set a key to the value it had at an earlier revision, also if it was deleted since.
The value becomes a new revision; if somebody changes the key meanwhile, nothing is
done.`,
		Example: `  tidings kv history CONFIG machines.oven.state
  tidings kv revert CONFIG machines.oven.state 3`,
		Args: arguments(3, 3, "BUCKET KEY REVISION"),
		RunE: func(cmd *cobra.Command, args []string) error {
			revision, err := strconv.ParseUint(args[2], 10, 64)
			if err != nil || revision == 0 {
				return usage(fmt.Errorf("revision %q: not a number above 0; `tidings kv history` shows those there are", args[2]))
			}
			return a.kvRevert(cmd, args[0], args[1], revision, c)
		},
		ValidArgsFunction: a.completeKV(2),
	}
	c.add(cmd)
	return cmd
}

func (a *app) kvRevert(cmd *cobra.Command, bucket, key string, revision uint64, c confirmation) error {
	ctx := cmd.Context()
	b, err := a.openKV(ctx, bucket, client.Options{})
	if err != nil {
		return err
	}
	defer b.nc.Close()
	old, err := b.entry(ctx, key, revision)
	if err != nil {
		return err
	}
	history, err := b.History(ctx, key, jetstream.MetaOnly())
	if err == nil && len(history) == 0 {
		err = jetstream.ErrKeyNotFound
	}
	if err != nil {
		return b.explainKey(key, err)
	}
	last := history[len(history)-1]
	if last.Revision() == revision {
		return &client.Error{
			What: fmt.Sprintf("key %q of bucket %q", key, bucket), Reason: fmt.Sprintf("revision %d is its last one", revision),
			Way: "`tidings kv history` shows earlier ones",
		}
	}
	question := fmt.Sprintf("set key %q of bucket %q back to revision %d, %s?", key, bucket, revision, quoted(old.Value()))
	if err := c.ask(a, cmd, question); err != nil {
		return err
	}
	next, err := b.Update(ctx, key, old.Value(), last.Revision())
	if err != nil {
		return b.explainRevision(key, last.Revision(), err)
	}
	return a.showKVChange(kvChange{Bucket: bucket, Key: key, Revision: next, Bytes: len(old.Value())})
}
