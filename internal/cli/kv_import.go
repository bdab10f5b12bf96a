package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"sync/atomic"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/spf13/cobra"

	"github.com/tidings-io/tidings/internal/cli/ui"
	"github.com/tidings-io/tidings/internal/client"
	"github.com/tidings-io/tidings/internal/jsapi"
)

// kvImportWindow is how many values may be under way to the server at once.
const kvImportWindow = 256

// existing says what becomes of keys that are there before an import.
type existing struct{ replace, keep bool }

func (e *existing) add(cmd *cobra.Command) {
	cmd.Flags().BoolVar(&e.replace, "replace", false, "overwrite keys that are there")
	cmd.Flags().BoolVar(&e.keep, "keep", false, "leave keys that are there as they are")
}

func (e *existing) check() error {
	return oneOf(form{"--replace", e.replace}, form{"--keep", e.keep})
}

// kvImported is the result of an import or copy.
type kvImported struct {
	Bucket  string `json:"bucket"`
	Created bool   `json:"created"` // the bucket was
	Stored  int64  `json:"stored"`
	Kept    int64  `json:"kept"` // lines left out because the key was there
}

func (a *app) kvImportCommand() *cobra.Command {
	var e existing
	cmd := &cobra.Command{
		Use:   "import BUCKET [FILE]",
		Short: "Put the lines of an export into a bucket",
		Long: `Put what ` + "`tidings kv export`" + ` wrote into a bucket, from a file or standard input. If the
bucket is not there, it is created as the exported one was. A key that is there already
ends the import, unless --replace or --keep says what to do.

A line is a JSON object with "key" and "value" (or "value_base64"), so lines made by
other programs can be imported, too.`,
		Example: `  tidings kv import CONFIG config.jsonl
  tidings kv import CONFIG --context other --replace < config.jsonl`,
		Args: arguments(1, 2, "BUCKET [FILE]"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := errors.Join(e.check(), kvKind.checkName(args[0])); err != nil {
				return err
			}
			in := a.input(cmd.Context())
			if len(args) == 2 {
				f, err := os.Open(args[1])
				if err != nil {
					return fmt.Errorf("read the lines: %w", err)
				}
				defer func() { _ = f.Close() }() // it was only read
				in = f
			}
			return a.kvImport(cmd.Context(), args[0], in, e)
		},
		ValidArgsFunction: func(cmd *cobra.Command, args []string, word string) ([]cobra.Completion, cobra.ShellCompDirective) {
			if len(args) == 1 {
				return nil, cobra.ShellCompDirectiveDefault // a file
			}
			return a.completeBucket(kvKind, 1)(cmd, args, word)
		},
	}
	e.add(cmd)
	return cmd
}

func (a *app) kvImport(ctx context.Context, bucket string, in io.Reader, e existing) error {
	lines, err := newKVLineReader(in)
	if err != nil {
		return err
	}
	j, err := a.jetStream(ctx, client.Options{})
	if err != nil {
		return err
	}
	defer j.nc.Close()
	im, err := newKVImporter(ctx, j, bucket, lines.head.Config, e)
	if err != nil {
		return err
	}
	stop := a.showProgress(ui.Task{Name: "import", Done: im.stored.Load})
	err = im.lines(ctx, lines)
	stop()
	return a.showKVImported(im, err)
}

func (im *kvImporter) lines(ctx context.Context, lines *kvLineReader) error {
	for {
		v, err := lines.next()
		if errors.Is(err, io.EOF) {
			return im.drain(ctx)
		}
		if err == nil {
			err = im.put(ctx, v.Key, v.Operation, v.value())
		}
		if err != nil {
			_ = im.drain(ctx) // what was read before counts; the first error is the one to show
			return err
		}
	}
}

// showKVImported says what was stored, also if an error ended the import.
func (a *app) showKVImported(im *kvImporter, err error) error {
	r := kvImported{Bucket: im.bucket, Created: im.created, Stored: im.stored.Load(), Kept: im.kept}
	if a.global.json {
		return errors.Join(a.writeJSON(r), err)
	}
	a.note("stored %s in bucket %q", plural(int(r.Stored), "value"), r.Bucket)
	if r.Kept > 0 {
		a.note("left out %s whose keys were there", plural(int(r.Kept), "value"))
	}
	return err
}

// kvImporter stores revisions, many under way at once. One goroutine uses it.
type kvImporter struct {
	existing
	j       *jetStream
	bucket  string
	kv      jetstream.KeyValue
	created bool

	stored atomic.Int64 // read by the progress display
	kept   int64
	fates  map[string]kvFate // of keys met so far
	window []kvPut           // under way, oldest first
}

type kvFate uint8

const (
	fateUnknown kvFate = iota
	fatePending        // its first value is under way
	fateOurs           // stored by this import: what follows is, too
	fateKept           // was there before and stays
)

type kvPut struct {
	key, operation string
	value          []byte
	ack            jetstream.PubAckFuture
}

// newKVImporter opens the bucket, or creates it with the configuration of
// another one.
func newKVImporter(ctx context.Context, j *jetStream, bucket string, like *jsapi.StreamConfig, e existing) (*kvImporter, error) {
	im := &kvImporter{existing: e, j: j, bucket: bucket, fates: map[string]kvFate{}}
	info, err := kvKind.find(ctx, j, bucket)
	if errors.Is(err, jsapi.ErrStreamNotFound) && like != nil {
		c := likeBucket(bucket, like)
		_, err = j.api.CreateStream(ctx, &c)
		err, im.created = kvKind.explain(bucket, err), true
	}
	if err != nil {
		return nil, err
	}
	if info != nil && info.Config.Mirror != nil {
		origin := strings.TrimPrefix(info.Config.Mirror.Name, kvKind.prefix)
		return nil, fmt.Errorf("bucket %q is a mirror; store into bucket %q, which it copies", bucket, origin)
	}
	im.kv, err = j.js.KeyValue(ctx, bucket)
	return im, j.explain(fmt.Sprintf("bucket %q", bucket), err)
}

// likeBucket returns the configuration of another bucket for this one. It takes
// its values from the import, not from other buckets.
func likeBucket(bucket string, like *jsapi.StreamConfig) jsapi.StreamConfig {
	c := *like
	own := kvKind.config(bucket)
	c.Name, c.Subjects = own.Name, own.Subjects
	c.Mirror, c.MirrorDirect, c.Sources, c.FirstSeq = nil, false, nil, 0
	return c
}

// put stores one revision, or finds that its key was there before.
func (im *kvImporter) put(ctx context.Context, key, operation string, value []byte) error {
	if im.fates[key] == fatePending {
		if err := im.drain(ctx); err != nil {
			return err
		}
	}
	if im.fates[key] == fateKept {
		im.kept++
		return nil
	}
	m := &nats.Msg{Subject: "$KV." + im.bucket + "." + key, Header: nats.Header{}, Data: value}
	switch operation {
	case "delete":
		m.Header.Set(jsapi.HeaderKVOperation, jsapi.KVDelete)
	case "purge":
		m.Header.Set(jsapi.HeaderKVOperation, jsapi.KVPurge)
		m.Header.Set(jsapi.HeaderRollup, jsapi.RollupSubject)
	}
	var options []jetstream.PublishOpt
	if !im.replace && im.fates[key] == fateUnknown {
		options = append(options, jetstream.WithExpectLastSequencePerSubject(0))
		im.fates[key] = fatePending
	}
	ack, err := im.j.js.PublishMsgAsync(m, options...)
	if err != nil {
		return im.explain(key, err)
	}
	im.window = append(im.window, kvPut{key, operation, value, ack})
	if len(im.window) < kvImportWindow {
		return nil
	}
	return im.settle(ctx)
}

// drain waits for everything under way.
func (im *kvImporter) drain(ctx context.Context) error {
	for len(im.window) > 0 {
		if err := im.settle(ctx); err != nil {
			return err
		}
	}
	return nil
}

// settle waits for the oldest value under way.
func (im *kvImporter) settle(ctx context.Context) error {
	p := im.window[0]
	im.window = im.window[1:]
	select {
	case <-p.ack.Ok():
	case err := <-p.ack.Err():
		if !errors.Is(err, jetstream.ErrKeyExists) || p.operation != "put" {
			return im.explain(p.key, err)
		}
		// The key may only be a marker of a deleted one.
		_, err = im.kv.Create(ctx, p.key, p.value)
		switch {
		case errors.Is(err, jetstream.ErrKeyExists) && im.keep:
			im.fates[p.key] = fateKept
			im.kept++
			return nil
		case err != nil:
			return im.explain(p.key, err)
		}
	case <-ctx.Done():
		return errInterrupted
	}
	if !im.replace {
		im.fates[p.key] = fateOurs
	}
	im.stored.Add(1)
	return nil
}

func (im *kvImporter) explain(key string, err error) error {
	what := fmt.Sprintf("key %q of bucket %q", key, im.bucket)
	if errors.Is(err, jetstream.ErrKeyExists) {
		return &client.Error{What: what, Reason: "it is there already", Way: "add --replace to overwrite such keys or --keep to leave them", Err: err}
	}
	return im.j.explain(what, err)
}
