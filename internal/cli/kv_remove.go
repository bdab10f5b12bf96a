package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/spf13/cobra"

	"github.com/tidings-io/tidings/internal/client"
	"github.com/tidings-io/tidings/internal/jsapi"
)

// kvRemoval is the result of a command that takes keys away.
type kvRemoval struct {
	Bucket    string `json:"bucket"`
	Key       string `json:"key,omitempty"`
	Operation string `json:"operation"`
	Keys      int    `json:"keys"`
}

type kvRemoveFlags struct {
	confirmation
	revision uint64
	ttl      time.Duration
}

func (a *app) kvDeleteCommand() *cobra.Command {
	var f kvRemoveFlags
	cmd := &cobra.Command{
		Use:     "delete BUCKET KEY",
		Aliases: []string{"del", "rm"},
		Short:   "Delete a key, keeping its history",
		Long: `Delete a key. Earlier revisions stay as far as the bucket's history goes, and
` + "`tidings kv revert`" + ` brings one back.`,
		Example: `  tidings kv delete CONFIG machines.oven.state
  tidings kv delete CONFIG machines.oven.state --revision 7 --yes`,
		Args: arguments(2, 2, "BUCKET KEY"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.kvRemove(cmd, args[0], args[1], f, "delete", jetstream.KeyValue.Delete)
		},
		ValidArgsFunction: a.completeKV(2),
	}
	f.add(cmd)
	cmd.Flags().Uint64Var(&f.revision, "revision", 0, "only if this is the key's last revision")
	return cmd
}

func (a *app) kvPurgeCommand() *cobra.Command {
	var f kvRemoveFlags
	cmd := &cobra.Command{
		Use:   "purge BUCKET KEY",
		Short: "Remove a key with its history",
		Long: `Remove a key with every revision of it. A marker stays, so that watchers see it; with
--ttl only for that time, if the bucket was created with --limit-marker-ttl.`,
		Example: `  tidings kv purge CONFIG machines.oven.state
  tidings kv purge CONFIG machines.oven.state --ttl 1h --yes`,
		Args: arguments(2, 2, "BUCKET KEY"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.kvRemove(cmd, args[0], args[1], f, "purge", jetstream.KeyValue.Purge)
		},
		ValidArgsFunction: a.completeKV(2),
	}
	f.add(cmd)
	cmd.Flags().Uint64Var(&f.revision, "revision", 0, "only if this is the key's last revision")
	cmd.Flags().Var(spanFlag{&f.ttl}, "ttl", "remove the marker after so long, such as 1h")
	return cmd
}

func (a *app) kvRemove(
	cmd *cobra.Command, bucket, key string, f kvRemoveFlags, operation string,
	remove func(jetstream.KeyValue, context.Context, string, ...jetstream.KVDeleteOpt) error,
) error {
	ctx := cmd.Context()
	b, err := a.openKV(ctx, bucket, client.Options{})
	if err != nil {
		return err
	}
	defer b.nc.Close()
	e, err := b.entry(ctx, key, 0)
	if operation == "purge" && errors.Is(err, jetstream.ErrKeyNotFound) {
		e, err = b.lastOfHistory(ctx, key, err) // a deleted key still has a history to remove
	}
	if err != nil {
		return err
	}
	question := fmt.Sprintf("%s key %q of bucket %q, revision %d, now %s?", operation, key, bucket, e.Revision(), quoted(e.Value()))
	if err := f.ask(a, cmd, question); err != nil {
		return err
	}
	var options []jetstream.KVDeleteOpt
	if f.revision > 0 {
		options = append(options, jetstream.LastRevision(f.revision))
	}
	if f.ttl > 0 {
		options = append(options, jetstream.PurgeTTL(f.ttl))
	}
	if err := remove(b.KeyValue, ctx, key, options...); err != nil {
		return b.explainRevision(key, f.revision, err)
	}
	return a.showKVRemoval(kvRemoval{Bucket: bucket, Key: key, Operation: operation, Keys: 1})
}

// lastOfHistory returns the last revision of a key that has no value, otherwise
// err.
func (b *kvBucket) lastOfHistory(ctx context.Context, key string, err error) (jetstream.KeyValueEntry, error) {
	history, none := b.History(ctx, key)
	if none != nil || len(history) == 0 {
		return nil, err
	}
	return history[len(history)-1], nil
}

func quoted(value []byte) string { return `"` + preview(value) + `"` }

func (a *app) showKVRemoval(r kvRemoval) error {
	if a.global.json {
		return a.writeJSON(r)
	}
	if r.Key != "" {
		a.note("%sd key %q of bucket %q", r.Operation, r.Key, r.Bucket)
	} else {
		a.note("removed the markers of %s from bucket %q", plural(r.Keys, "key"), r.Bucket)
	}
	return nil
}

func (a *app) kvCompactCommand() *cobra.Command {
	var c confirmation
	var older time.Duration
	cmd := &cobra.Command{
		Use:   "compact BUCKET [FILTER...]",
		Short: "Remove what is left of deleted keys",
		Long: `Remove the history and the markers of keys that were deleted or purged longer ago than
--older-than. Watchers that were away for longer than that do not see that such keys
are gone.`,
		Example: `  tidings kv compact CONFIG
  tidings kv compact CONFIG --older-than 7d --yes`,
		Args: arguments(1, -1, "BUCKET [FILTER...]"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.kvCompact(cmd, args[0], args[1:], older, c)
		},
		ValidArgsFunction: a.completeKV(-1),
	}
	c.add(cmd)
	older = 30 * time.Minute
	cmd.Flags().Var(spanFlag{&older}, "older-than", "leave markers younger than this; 0s leaves none")
	return cmd
}

func (a *app) kvCompact(cmd *cobra.Command, bucket string, filters []string, older time.Duration, c confirmation) error {
	ctx := cmd.Context()
	b, err := a.openKV(ctx, bucket, client.Options{})
	if err != nil {
		return err
	}
	defer b.nc.Close()
	info, err := kvKind.find(ctx, b.jetStream, bucket)
	if err != nil {
		return err
	}
	if origin := info.Config.Mirror; origin != nil {
		return fmt.Errorf("bucket %q is a mirror; compact bucket %q, which it copies", bucket, strings.TrimPrefix(origin.Name, kvKind.prefix))
	}
	var markers []jetstream.KeyValueEntry
	limit := time.Now().Add(-older)
	err = b.each(ctx, filters, []jetstream.WatchOpt{jetstream.MetaOnly()}, func(e jetstream.KeyValueEntry) error {
		if e.Operation() != jetstream.KeyValuePut && !e.Created().After(limit) {
			markers = append(markers, e)
		}
		return nil
	})
	if err != nil {
		return err
	}
	if len(markers) > 0 {
		question := fmt.Sprintf("remove the markers of %s deleted more than %s ago from bucket %q?", plural(len(markers), "key"), older, bucket)
		if err := c.ask(a, cmd, question); err != nil {
			return err
		}
	}
	for _, e := range markers {
		// Up to the marker only: the key may have been set again since.
		which := jsapi.StreamPurgeRequest{Filter: "$KV." + bucket + "." + e.Key(), Sequence: e.Revision() + 1}
		if _, err := b.api.Purge(ctx, kvKind.prefix+bucket, which); err != nil {
			return kvKind.explain(bucket, err)
		}
	}
	return a.showKVRemoval(kvRemoval{Bucket: bucket, Operation: "compact", Keys: len(markers)})
}
