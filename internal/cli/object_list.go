package cli

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/spf13/cobra"

	"github.com/tidings-io/tidings/internal/cli/ui"
	"github.com/tidings-io/tidings/internal/client"
)

func (a *app) objectListCommand() *cobra.Command {
	var names bool
	cmd := &cobra.Command{
		Use:     "list [BUCKET]",
		Aliases: []string{"ls"},
		Short:   "List the objects of a bucket, or the buckets",
		Example: "  tidings object list FILES\n  tidings object list FILES --names",
		Args:    arguments(0, 1, "[BUCKET]"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := oneOf(form{"--names", names}, form{"--json", a.global.json}); err != nil {
				return err
			}
			if len(args) == 0 {
				return a.bucketList(cmd.Context(), objectKind, names)
			}
			return a.objectList(cmd.Context(), args[0], names)
		},
		ValidArgsFunction: a.completeBucket(objectKind, 1),
	}
	cmd.Flags().BoolVarP(&names, "names", "n", false, "show names only")
	return cmd
}

func (a *app) objectList(ctx context.Context, bucket string, names bool) error {
	b, err := a.openObjects(ctx, bucket, client.Options{})
	if err != nil {
		return err
	}
	defer b.nc.Close()
	objects, err := b.List(ctx)
	if err != nil && !errors.Is(err, jetstream.ErrNoObjectsFound) {
		return b.explain(fmt.Sprintf("list object bucket %q", bucket), err)
	}
	slices.SortFunc(objects, func(x, y *jetstream.ObjectInfo) int { return strings.Compare(x.Name, y.Name) })
	var rows [][]string
	for _, o := range objects {
		switch {
		case names:
			a.out.Println(ui.Printable(o.Name))
		case a.global.json:
			if err := a.writeJSON(newObjectView(o)); err != nil {
				return err
			}
		default:
			rows = append(rows, objectRow(newObjectView(o), o))
		}
	}
	if len(rows) > 0 {
		a.screen.Table([]string{"name", "size", "modified", "link", "description"}, rows, 2)
	}
	if len(objects) == 0 {
		a.note("there are no objects in bucket %q", bucket)
	}
	return nil
}

func objectRow(v objectView, o *jetstream.ObjectInfo) []string {
	return []string{v.Name, ui.Bytes(float64(v.Bytes)), moment(o.ModTime), v.Link.String(), v.Description}
}

func (a *app) objectInfoCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "info BUCKET [NAME]",
		Aliases: []string{"show"},
		Short:   "Show what is known about an object, or about a bucket",
		Example: "  tidings object info FILES report.pdf\n  tidings object info FILES",
		Args:    arguments(1, 2, "BUCKET [NAME]"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 1 {
				return a.bucketInfo(cmd.Context(), objectKind, args[0])
			}
			b, err := a.openObjects(cmd.Context(), args[0], client.Options{})
			if err != nil {
				return err
			}
			defer b.nc.Close()
			o, err := b.GetInfo(cmd.Context(), args[1])
			if err != nil {
				return b.explainObject(args[1], err)
			}
			if a.global.json {
				return a.writeJSON(newObjectView(o))
			}
			a.showObject(newObjectView(o), o)
			return nil
		},
		ValidArgsFunction: a.completeObject,
	}
}

func (a *app) showObject(v objectView, o *jetstream.ObjectInfo) {
	rows := [][]string{
		{"name", v.Name},
		{"bucket", v.Bucket},
		{"description", v.Description},
		{"link to", v.Link.String()},
		{"size", fmt.Sprintf("%s (%s bytes)", ui.Bytes(float64(v.Bytes)), ui.Count(v.Bytes))},
		{"chunks", strconv.FormatUint(uint64(v.Chunks), 10)},
		{"digest", v.Digest},
		{"modified", moment(o.ModTime)},
	}
	for _, name := range slices.Sorted(maps.Keys(v.Headers)) {
		rows = append(rows, []string{"header " + name, strings.Join(v.Headers[name], ", ")})
	}
	for _, name := range slices.Sorted(maps.Keys(v.Metadata)) {
		rows = append(rows, []string{"metadata " + name, v.Metadata[name]})
	}
	a.showFacts(rows)
}

// showFacts prints lines of a label and a text; those without a text are left
// out.
func (a *app) showFacts(rows [][]string) {
	width := 0
	for _, row := range rows {
		if row[1] != "" {
			width = max(width, len(row[0]))
		}
	}
	for _, row := range rows {
		if row[1] != "" {
			a.out.Printf("%s%s  %s\n", a.screen.Faint(row[0]), strings.Repeat(" ", width-len(row[0])), ui.Printable(row[1]))
		}
	}
}

func (a *app) objectWatchCommand() *cobra.Command {
	var updates bool
	var count int
	cmd := &cobra.Command{
		Use:   "watch BUCKET",
		Short: "Show objects and how they change, live",
		Long: `Show each object there is, then every change as it happens, until Ctrl-C. If the
connection is lost, the command tries again until it is back and goes on where it was.`,
		Example: "  tidings object watch FILES\n  tidings object watch FILES --updates --json",
		Args:    arguments(1, 1, "BUCKET"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.objectWatch(cmd.Context(), args[0], updates, count)
		},
		ValidArgsFunction: a.completeBucket(objectKind, 1),
	}
	cmd.Flags().BoolVar(&updates, "updates", false, "show changes only, not what is there now")
	cmd.Flags().IntVarP(&count, "count", "n", 0, "end after so many lines; 0 does not end")
	return cmd
}

// objectWatch begins a watch anew when the connection is back, and leaves out
// what it has shown: the client library would notice only after a while.
func (a *app) objectWatch(ctx context.Context, bucket string, updates bool, count int) error {
	b, err := a.openObjects(ctx, bucket, a.lasting())
	if err != nil {
		return err
	}
	defer b.nc.Close()
	var seen time.Time // of the last change that is not to be shown
	if updates {
		info, err := objectKind.find(ctx, b.jetStream, bucket)
		if err != nil {
			return err
		}
		seen = info.State.LastTime
	}
	n := 0
	begun := a.once("watching object bucket %q", bucket)
	err = b.api.Lasting(ctx, func(ctx context.Context) error {
		what := fmt.Sprintf("watch object bucket %q", bucket)
		w, err := b.Watch(ctx)
		if err != nil {
			return b.explain(what, err)
		}
		defer func() { _ = w.Stop() }() // the connection may be lost, which ends it too
		begun()
		return take(ctx, b.jetStream, what, w.Updates(), 0, func(o *jetstream.ObjectInfo) (bool, error) {
			if o == nil || !o.ModTime.After(seen) { // nil: from here on it is live
				return false, nil
			}
			seen = o.ModTime
			n++
			return n == count, a.showObjectUpdate(o)
		})
	})
	return watched(err)
}

func (a *app) showObjectUpdate(o *jetstream.ObjectInfo) error {
	v := newObjectView(o)
	if a.global.json {
		return a.writeJSON(v)
	}
	s := a.screen
	what, detail := s.Added("put"), ui.Bytes(float64(v.Bytes))
	switch {
	case v.Deleted:
		what, detail = s.Removed("removed"), ""
	case v.Link != nil:
		what, detail = s.Added("link"), "to "+v.Link.String()
	}
	a.out.Println(strings.TrimRight(fmt.Sprintf("%s %s %s %s",
		s.Faint(moment(o.ModTime)), what, s.Subject(ui.Printable(v.Name)), ui.Printable(detail)), " "))
	return a.out.Err()
}
