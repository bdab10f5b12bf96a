package cli

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/spf13/cobra"

	"github.com/tidings-io/tidings/internal/cli/ui"
	"github.com/tidings-io/tidings/internal/client"
)

// kvChange is the result of a command that changes a key.
type kvChange struct {
	Bucket   string `json:"bucket"`
	Key      string `json:"key"`
	Revision uint64 `json:"revision"`
	Bytes    int    `json:"bytes"`
}

// kvWrite runs a command that stores a value: the argument after the key, a
// file, or standard input.
func (a *app) kvWrite(ctx context.Context, args []string, file string, write func(*kvBucket, []byte) (uint64, error)) error {
	value, err := a.readBody(ctx, args[1:], file)
	if err != nil {
		return err
	}
	b, err := a.openKV(ctx, args[0], client.Options{})
	if err != nil {
		return err
	}
	defer b.nc.Close()
	revision, err := write(b, value)
	if err != nil {
		return b.explainKey(args[1], err)
	}
	return a.showKVChange(kvChange{Bucket: args[0], Key: args[1], Revision: revision, Bytes: len(value)})
}

// showKVChange prints the revision, which is what another command needs.
func (a *app) showKVChange(c kvChange) error {
	if a.global.json {
		return a.writeJSON(c)
	}
	a.note("stored key %q of bucket %q, %s, as revision", c.Key, c.Bucket, ui.Bytes(float64(c.Bytes)))
	a.out.Println(c.Revision)
	return nil
}

const kvValueLong = `The value is the argument, or a file (--file), or else all of standard input. The new
revision is printed.`

func addValueFile(cmd *cobra.Command, file *string) {
	cmd.Flags().StringVarP(file, "file", "f", "", "take the value from this `FILE`")
}

func (a *app) kvPutCommand() *cobra.Command {
	var file string
	cmd := &cobra.Command{
		Use:   "put BUCKET KEY [VALUE]",
		Short: "Set a key, whatever it was before",
		Long:  "Set a key, whatever it was before. " + kvValueLong,
		Example: `  tidings kv put CONFIG machines.oven.state on
  tidings kv put CONFIG logo --file logo.png
  date | tidings kv put CONFIG last-run`,
		Args: arguments(2, 3, "BUCKET KEY [VALUE]"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.kvWrite(cmd.Context(), args, file, func(b *kvBucket, value []byte) (uint64, error) {
				return b.Put(cmd.Context(), args[1], value)
			})
		},
		ValidArgsFunction: a.completeKV(2),
	}
	addValueFile(cmd, &file)
	return cmd
}

func (a *app) kvCreateCommand() *cobra.Command {
	var file string
	var ttl time.Duration
	cmd := &cobra.Command{
		Use:   "create BUCKET KEY [VALUE]",
		Short: "Set a key if it is not there",
		Long: "Set a key if it is not there or was deleted; otherwise fail. " + kvValueLong + `

With --ttl the key is removed after that time. The bucket must allow it: create it
with --limit-marker-ttl.`,
		Example: `  tidings kv create CONFIG machines.oven.state off
  tidings kv create LOCKS oven "$HOSTNAME" --ttl 30s`,
		Args: arguments(2, 3, "BUCKET KEY [VALUE]"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.kvWrite(cmd.Context(), args, file, func(b *kvBucket, value []byte) (uint64, error) {
				var options []jetstream.KVCreateOpt
				if ttl > 0 {
					options = append(options, jetstream.KeyTTL(ttl))
				}
				return b.Create(cmd.Context(), args[1], value, options...)
			})
		},
		ValidArgsFunction: a.completeKV(1),
	}
	addValueFile(cmd, &file)
	cmd.Flags().Var(spanFlag{&ttl}, "ttl", "remove the key after so long, such as 30s or 2h")
	return cmd
}

func (a *app) kvUpdateCommand() *cobra.Command {
	var file string
	var revision uint64
	cmd := &cobra.Command{
		Use:   "update BUCKET KEY [VALUE] --revision N",
		Short: "Set a key if it still has the revision last seen",
		Long: "Set a key if its last revision is the one given; otherwise fail: somebody else was\nfaster. " + kvValueLong + `
Revision 0 means that the key was never set.`,
		Example: `  tidings kv update CONFIG machines.oven.state off --revision 7`,
		Args:    arguments(2, 3, "BUCKET KEY [VALUE] --revision N"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if !cmd.Flags().Changed("revision") {
				return usage(errors.New("tidings kv update: name the revision last seen with --revision; `tidings kv get` shows it"))
			}
			return a.kvWrite(cmd.Context(), args, file, func(b *kvBucket, value []byte) (uint64, error) {
				next, err := b.Update(cmd.Context(), args[1], value, revision)
				return next, b.explainRevision(args[1], revision, err)
			})
		},
		ValidArgsFunction: a.completeKV(2),
	}
	addValueFile(cmd, &file)
	cmd.Flags().Uint64Var(&revision, "revision", 0, "revision last seen")
	return cmd
}

// explainRevision explains that a key has another revision than expected.
func (b *kvBucket) explainRevision(key string, expected uint64, err error) error {
	if !errors.Is(err, jetstream.ErrKeyRevisionMismatch) && !errors.Is(err, jetstream.ErrKeyExists) {
		return b.explainKey(key, err)
	}
	return &client.Error{
		What:   fmt.Sprintf("key %q of bucket %q", key, b.Bucket()),
		Reason: fmt.Sprintf("its last revision is not %d: it was changed meanwhile", expected),
		Way:    "look at it with `tidings kv get` and decide again", Err: err,
	}
}
