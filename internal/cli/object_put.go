package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/spf13/cobra"

	"github.com/tidings-io/tidings/internal/cli/ui"
	"github.com/tidings-io/tidings/internal/client"
)

type objectPutFlags struct {
	confirmation
	name        string
	description string
	headers     []string
	metadata    []string
	chunk       int64
}

func (a *app) objectPutCommand() *cobra.Command {
	var f objectPutFlags
	cmd := &cobra.Command{
		Use:   "put BUCKET FILE",
		Short: "Store a file",
		Long: `Store a file under its name, or under --name. FILE - is standard input, which needs
--name. If there is such an object already, the command asks before it replaces it.`,
		Example: `  tidings object put FILES report.pdf
  tidings object put FILES /tmp/report-7.pdf --name report.pdf --yes
  tar c src | tidings object put FILES - --name src.tar`,
		Args: arguments(2, 2, "BUCKET FILE"),
		RunE: func(cmd *cobra.Command, args []string) error { return a.objectPut(cmd, args[0], args[1], f) },
		ValidArgsFunction: func(cmd *cobra.Command, args []string, word string) ([]cobra.Completion, cobra.ShellCompDirective) {
			if len(args) == 1 {
				return nil, cobra.ShellCompDirectiveDefault // a file
			}
			return a.completeBucket(objectKind, 1)(cmd, args, word)
		},
	}
	f.add(cmd)
	flags := cmd.Flags()
	flags.StringVar(&f.name, "name", "", "store it under this `NAME`")
	flags.StringVar(&f.description, "description", "", "what it is")
	flags.StringArrayVarP(&f.headers, "header", "H", nil, "keep a header with it, \"`NAME:VALUE`\"; may be repeated")
	flags.StringArrayVar(&f.metadata, "metadata", nil, "keep a fact with it, `NAME=VALUE`; may be repeated")
	flags.Var(sizeFlag{&f.chunk}, "chunk-size", "bytes of a chunk, such as 512KiB; 128KiB if not given")
	for _, name := range []string{"name", "description", "header", "metadata", "chunk-size"} {
		completeFlag(cmd, name, cobra.NoFileCompletions)
	}
	return cmd
}

// meta is what is stored beside the body.
func (f objectPutFlags) meta(file string) (jetstream.ObjectMeta, error) {
	meta := jetstream.ObjectMeta{Name: f.name, Description: f.description}
	if meta.Name == "" {
		meta.Name = filepath.Base(file)
	}
	if f.name == "" && (file == "-" || file == os.Stdin.Name()) {
		return meta, usage(errors.New("tidings object put: name what comes from standard input with --name"))
	}
	var err error
	if meta.Headers, err = benchHeader(f.headers); err != nil {
		return meta, err
	}
	for _, fact := range f.metadata {
		name, value, ok := strings.Cut(fact, "=")
		if !ok || name == "" {
			return meta, usage(fmt.Errorf("--metadata %q: write NAME=VALUE", fact))
		}
		if meta.Metadata == nil {
			meta.Metadata = map[string]string{}
		}
		meta.Metadata[name] = value
	}
	switch {
	case f.chunk < 0 || f.chunk > bodyMax:
		return meta, usage(fmt.Errorf("--chunk-size %d: use a size up to %s", f.chunk, ui.Bytes(bodyMax)))
	case f.chunk > 0:
		meta.Opts = &jetstream.ObjectMetaOptions{ChunkSize: uint32(f.chunk)}
	}
	return meta, nil
}

// bodyMax is the largest message any server takes.
const bodyMax = 64 << 20

func (a *app) objectPut(cmd *cobra.Command, bucket, file string, f objectPutFlags) error {
	ctx := cmd.Context()
	meta, err := f.meta(file)
	if err != nil {
		return err
	}
	in, size, err := a.openBody(cmd.Context(), file)
	if err != nil {
		return err
	}
	defer func() { _ = in.Close() }() // it was only read
	b, err := a.openObjects(ctx, bucket, client.Options{})
	if err != nil {
		return err
	}
	defer b.nc.Close()
	if f.chunk > b.nc.MaxPayload() {
		return usage(fmt.Errorf("--chunk-size: the server takes messages of at most %s", ui.Bytes(float64(b.nc.MaxPayload()))))
	}
	if err := a.mayReplace(cmd, b, meta.Name, f.confirmation); err != nil {
		return err
	}
	body := &countingReader{r: in}
	stop := a.showProgress(ui.Task{Name: "put " + ui.Printable(meta.Name), Total: size, Bytes: true, Done: body.n.Load})
	start := time.Now()
	o, err := b.Put(ctx, meta, body)
	stop()
	switch {
	case ctx.Err() != nil:
		return errInterrupted
	case err != nil:
		return b.explainObject(meta.Name, err)
	case a.global.json:
		return a.writeJSON(newObjectView(o))
	}
	a.note("stored object %q in bucket %q, %s in %s", o.Name, bucket, ui.Bytes(float64(o.Size)), ui.Duration(time.Since(start)))
	return nil
}

// mayReplace asks before an object is replaced.
func (a *app) mayReplace(cmd *cobra.Command, b *objectBucket, name string, c confirmation) error {
	old, err := b.GetInfo(cmd.Context(), name)
	if errors.Is(err, jetstream.ErrObjectNotFound) {
		return nil
	}
	if err != nil {
		return b.explainObject(name, err)
	}
	return c.ask(a, cmd, fmt.Sprintf("replace object %q of bucket %q, %s of %s?",
		name, b.name, ui.Bytes(float64(old.Size)), moment(old.ModTime)))
}

// openBody opens a file, or standard input for "-"; its size is 0 if unknown.
func (a *app) openBody(ctx context.Context, file string) (io.ReadCloser, int64, error) {
	if file == "-" {
		return io.NopCloser(a.input(ctx)), 0, nil
	}
	f, err := os.Open(file)
	if err != nil {
		return nil, 0, fmt.Errorf("read the body: %w", err)
	}
	info, err := f.Stat()
	if err == nil && info.IsDir() {
		err = fmt.Errorf("%s is a directory; store a file, such as a tar archive of it", file)
	}
	if err != nil {
		_ = f.Close() // the error that led here says more
		return nil, 0, err
	}
	return f, info.Size(), nil
}

// countingReader counts what was read, for a progress display.
type countingReader struct {
	r io.Reader
	n atomic.Int64
}

func (c *countingReader) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n.Add(int64(n))
	return n, err
}
