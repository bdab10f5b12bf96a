package cli

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"sync/atomic"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/spf13/cobra"

	"github.com/tidings-io/tidings/internal/cli/ui"
	"github.com/tidings-io/tidings/internal/client"
)

func (a *app) kvExportCommand() *cobra.Command {
	var history, force bool
	cmd := &cobra.Command{
		Use:   "export BUCKET [FILE]",
		Short: "Write a bucket as JSON lines",
		Long: `Write a bucket to a file or standard output: a line with its configuration, then a line
for each key that has a value, or with --history for each revision that is kept. A value
that is not UTF-8 is written as base64. ` + "`tidings kv import`" + ` reads it back.`,
		Example: `  tidings kv export CONFIG config.jsonl
  tidings kv export CONFIG --history | gzip > config.jsonl.gz`,
		Args: arguments(1, 2, "BUCKET [FILE]"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 1 {
				return a.kvExport(cmd.Context(), args[0], a.out, history)
			}
			return writeFile(args[1], force, func(w io.Writer) error {
				return a.kvExport(cmd.Context(), args[0], w, history)
			})
		},
		ValidArgsFunction: func(cmd *cobra.Command, args []string, word string) ([]cobra.Completion, cobra.ShellCompDirective) {
			if len(args) == 1 {
				return nil, cobra.ShellCompDirectiveDefault // a file
			}
			return a.completeBucket(kvKind, 1)(cmd, args, word)
		},
	}
	cmd.Flags().BoolVar(&history, "history", false, "write every revision that is kept")
	cmd.Flags().BoolVar(&force, "force", false, "overwrite FILE")
	return cmd
}

func (a *app) kvExport(ctx context.Context, bucket string, w io.Writer, history bool) error {
	b, err := a.openKV(ctx, bucket, client.Options{})
	if err != nil {
		return err
	}
	defer b.nc.Close()
	info, err := kvKind.find(ctx, b.jetStream, bucket)
	if err != nil {
		return err
	}
	out := bufio.NewWriterSize(w, 1<<16)
	enc := json.NewEncoder(out)
	enc.SetEscapeHTML(false)
	config := info.Config
	head := kvHead{Kind: kvLinesKind, Version: kvLinesVersion, Bucket: bucket, History: history, Config: &config}
	if err := enc.Encode(head); err != nil {
		return err
	}
	var n atomic.Int64
	stop := a.showProgress(ui.Task{Name: "export", Total: int64(info.State.Msgs), Done: n.Load})
	err = b.each(ctx, nil, kvCopyOptions(history), func(e jetstream.KeyValueEntry) error {
		n.Add(1)
		v := newKVView(e)
		v.Bucket = "" // the head names it
		return enc.Encode(v)
	})
	stop()
	if flushed := out.Flush(); err == nil {
		err = flushed
	}
	if err != nil {
		return err
	}
	a.note("exported %s of bucket %q", plural(int(n.Load()), "value"), bucket)
	return nil
}

func kvCopyOptions(history bool) []jetstream.WatchOpt {
	if history {
		return []jetstream.WatchOpt{jetstream.IncludeHistory()}
	}
	return []jetstream.WatchOpt{jetstream.IgnoreDeletes()}
}

func (a *app) kvCopyCommand() *cobra.Command {
	var e existing
	var history bool
	cmd := &cobra.Command{
		Use:   "copy SOURCE TARGET",
		Short: "Copy the keys of a bucket into another one",
		Long: `Copy the last value of each key, or with --history every revision that is kept, into
another bucket. If the target is not there, it is created as the source is. A key that
is there already ends the copy, unless --replace or --keep says what to do.`,
		Example: `  tidings kv copy CONFIG CONFIG-2
  tidings kv copy CONFIG CONFIG-2 --history --keep`,
		Args: arguments(2, 2, "SOURCE TARGET"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := errors.Join(e.check(), kvKind.checkName(args[1])); err != nil {
				return err
			}
			if args[0] == args[1] {
				return usage(fmt.Errorf("source and target are the same bucket %q", args[0]))
			}
			return a.kvCopy(cmd.Context(), args[0], args[1], history, e)
		},
		ValidArgsFunction: a.completeBucket(kvKind, 2),
	}
	e.add(cmd)
	cmd.Flags().BoolVar(&history, "history", false, "copy every revision that is kept")
	return cmd
}

func (a *app) kvCopy(ctx context.Context, source, target string, history bool, e existing) error {
	b, err := a.openKV(ctx, source, client.Options{})
	if err != nil {
		return err
	}
	defer b.nc.Close()
	info, err := kvKind.find(ctx, b.jetStream, source)
	if err != nil {
		return err
	}
	im, err := newKVImporter(ctx, b.jetStream, target, &info.Config, e)
	if err != nil {
		return err
	}
	stop := a.showProgress(ui.Task{Name: "copy", Total: int64(info.State.Msgs), Done: im.stored.Load})
	err = b.each(ctx, nil, kvCopyOptions(history), func(entry jetstream.KeyValueEntry) error {
		return im.put(ctx, entry.Key(), kvOperations[entry.Operation()], entry.Value())
	})
	if drained := im.drain(ctx); err == nil {
		err = drained
	}
	stop()
	return a.showKVImported(im, err)
}

// showProgress shows tasks live where a person watches; stop must be called.
func (a *app) showProgress(tasks ...ui.Task) (stop func()) {
	if a.global.quiet || a.global.json {
		return func() {}
	}
	return a.screen.StartProgress(tasks).Stop
}

// errFileExists says that a file would be overwritten.
func errFileExists(path string) error {
	return &client.Error{What: "write " + path, Reason: "there is such a file", Way: "choose another name, or add --force to overwrite it", Err: os.ErrExist}
}
