package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path"
	"strings"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/spf13/cobra"

	"github.com/tidings-io/tidings/internal/cli/ui"
	"github.com/tidings-io/tidings/internal/client"
)

func (a *app) objectGetCommand() *cobra.Command {
	var output string
	var force bool
	cmd := &cobra.Command{
		Use:   "get BUCKET NAME",
		Short: "Fetch an object into a file",
		Long: `Fetch an object into a file of its name in this directory, or into --output, where - is
standard output. The file appears when the whole object is there and its digest was
found right. A file that is there is not overwritten without --force.`,
		Example: `  tidings object get FILES report.pdf
  tidings object get FILES report.pdf --output /tmp/report.pdf --force
  tidings object get FILES src.tar --output - | tar t`,
		Args: arguments(2, 2, "BUCKET NAME"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if output == "-" && a.global.json {
				return usage(errors.New("--output - and --json contradict each other; leave one out"))
			}
			return a.objectGet(cmd.Context(), args[0], args[1], output, force)
		},
		ValidArgsFunction: a.completeObject,
	}
	cmd.Flags().StringVarP(&output, "output", "o", "", "write it to this `FILE`; - is standard output")
	cmd.Flags().BoolVar(&force, "force", false, "overwrite a file that is there")
	return cmd
}

func (a *app) objectGet(ctx context.Context, bucket, name, output string, force bool) error {
	if output == "" {
		var err error
		if output, err = fileNameOf(name); err != nil {
			return err
		}
	}
	b, err := a.openObjects(ctx, bucket, client.Options{})
	if err != nil {
		return err
	}
	defer b.nc.Close()
	object, err := b.Get(ctx, name)
	if err != nil {
		return b.explainObject(name, err)
	}
	defer func() { _ = object.Close() }() // errors of reading it were seen
	info, err := object.Info()
	if err != nil {
		return b.explainObject(name, err)
	}
	start := time.Now()
	fetch := func(w io.Writer) error {
		return b.explainObject(name, a.fetchObject(ctx, w, object, info))
	}
	if output == "-" {
		return fetch(a.out)
	}
	if err := writeFile(output, force, fetch); err != nil {
		return err
	}
	if a.global.json {
		v := newObjectView(info)
		v.File = output
		return a.writeJSON(v)
	}
	a.note("fetched object %q of bucket %q into %s, %s in %s, digest right",
		name, bucket, ui.Printable(output), ui.Bytes(float64(info.Size)), ui.Duration(time.Since(start)))
	return nil
}

// fileNameOf returns the last part of an object's name as a file in this
// directory: a name must not lead anywhere else.
func fileNameOf(name string) (string, error) {
	base := path.Base(strings.ReplaceAll(name, `\`, "/"))
	if base == "." || base == ".." || base == "/" || strings.ContainsAny(base, "\x00:") {
		return "", usage(fmt.Errorf("object %q has a name that can be no file's; name one with --output", name))
	}
	return base, nil
}

// fetchObject copies the body. The library checks the digest at its end.
func (a *app) fetchObject(ctx context.Context, w io.Writer, object jetstream.ObjectResult, info *jetstream.ObjectInfo) error {
	var n atomic.Int64
	stop := a.showProgress(ui.Task{Name: "get " + ui.Printable(info.Name), Total: int64(info.Size), Bytes: true, Done: n.Load})
	defer stop()
	buffer := make([]byte, 1<<16)
	for {
		got, err := object.Read(buffer)
		if got > 0 {
			n.Add(int64(got))
			if _, err := w.Write(buffer[:got]); err != nil {
				return err
			}
		}
		switch {
		case ctx.Err() != nil:
			return errInterrupted
		case errors.Is(err, io.EOF):
			return a.complete(n.Load(), info)
		case err != nil:
			return err
		}
	}
}

// complete checks that as much came as was stored.
func (*app) complete(n int64, info *jetstream.ObjectInfo) error {
	if uint64(n) != info.Size {
		return fmt.Errorf("%d bytes came, %d were stored", n, info.Size)
	}
	return nil
}
