package cli

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/tidings-io/tidings/internal/cli/asset"
	"github.com/tidings-io/tidings/internal/cli/ui"
	"github.com/tidings-io/tidings/internal/client"
	"github.com/tidings-io/tidings/internal/jsapi"
)

// bucketView is a bucket as JSON. Its config has the names of the flags and of
// the files that `bucket create --file` takes.
type bucketView struct {
	Bucket   string         `json:"bucket"`
	Stream   string         `json:"stream"`
	Created  string         `json:"created"`
	Messages uint64         `json:"messages"`
	Subjects int            `json:"subjects"`
	Bytes    uint64         `json:"bytes"`
	First    uint64         `json:"first_revision"`
	Last     uint64         `json:"last_revision"`
	LastTime string         `json:"last_time,omitempty"`
	Sealed   bool           `json:"sealed,omitempty"`
	Lag      *uint64        `json:"lag,omitempty"` // of a mirror
	Config   map[string]any `json:"config"`
}

func (k bucketKind) view(info *jsapi.StreamInfo) bucketView {
	v := bucketView{
		Bucket: strings.TrimPrefix(info.Config.Name, k.prefix), Stream: info.Config.Name,
		Created:  info.Created.UTC().Format(time.RFC3339Nano),
		Messages: info.State.Msgs, Subjects: info.State.NumSubjects, Bytes: info.State.Bytes,
		First: info.State.FirstSeq, Last: info.State.LastSeq, Sealed: info.Config.Sealed,
		Config: map[string]any{},
	}
	if info.State.LastSeq > 0 {
		v.LastTime = info.State.LastTime.UTC().Format(time.RFC3339Nano)
	}
	if info.Mirror != nil {
		v.Lag = &info.Mirror.Lag
	}
	fields := k.fields()
	for i := range fields {
		switch texts := fields[i].Get(&info.Config); {
		case len(texts) == 0:
		case fields[i].List:
			v.Config[strings.ReplaceAll(fields[i].Name, "-", "_")] = texts
		default:
			v.Config[strings.ReplaceAll(fields[i].Name, "-", "_")] = texts[0]
		}
	}
	return v
}

func (a *app) bucketListCommand(k bucketKind) *cobra.Command {
	var names bool
	cmd := &cobra.Command{
		Use:     "list",
		Aliases: []string{"ls"},
		Short:   "List the " + k.noun + "s",
		Example: fmt.Sprintf("  tidings %[1]s bucket list\n  tidings %[1]s bucket list --names", k.command),
		Args:    arguments(0, 0, ""),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := oneOf(form{"--names", names}, form{"--json", a.global.json}); err != nil {
				return err
			}
			return a.bucketList(cmd.Context(), k, names)
		},
	}
	cmd.Flags().BoolVarP(&names, "names", "n", false, "show names only")
	return cmd
}

func (a *app) bucketList(ctx context.Context, k bucketKind, names bool) error {
	j, err := a.jetStream(ctx, client.Options{})
	if err != nil {
		return err
	}
	defer j.nc.Close()
	streams, missing, err := k.list(ctx, j)
	if err != nil {
		return err
	}
	var rows [][]string
	for _, info := range streams {
		v := k.view(info)
		switch {
		case names:
			a.out.Println(v.Bucket)
		case a.global.json:
			if err := a.writeJSON(v); err != nil {
				return err
			}
		default:
			rows = append(rows, k.row(v, info))
		}
	}
	if len(rows) > 0 {
		a.screen.Table([]string{"bucket", k.holds, "size", "storage", "replicas", "ttl", "last change", "description"}, rows, 2, 3, 5)
	}
	if len(streams) == 0 {
		a.note("there are no %ss; make one with `tidings %s bucket create`", k.noun, k.command)
	}
	for _, name := range missing {
		a.warn(fmt.Sprintf("bucket %q did not answer", strings.TrimPrefix(name, k.prefix)))
	}
	return nil
}

func (k bucketKind) row(v bucketView, info *jsapi.StreamInfo) []string {
	last := ""
	if v.LastTime != "" {
		last = moment(info.State.LastTime)
	}
	ttl := ""
	if info.Config.MaxAge > 0 {
		ttl = asset.FormatDuration(info.Config.MaxAge)
	}
	return []string{
		v.Bucket, ui.Count(v.Messages), ui.Bytes(float64(v.Bytes)), info.Config.Storage.String(),
		strconv.Itoa(info.Config.Replicas), ttl, last, info.Config.Description,
	}
}

func (a *app) bucketInfoCommand(k bucketKind) *cobra.Command {
	return &cobra.Command{
		Use:     "info BUCKET",
		Aliases: []string{"show"},
		Short:   "Show what " + article(k.noun) + " holds and how it is set",
		Example: fmt.Sprintf("  tidings %[1]s bucket info CONFIG\n  tidings %[1]s bucket info CONFIG --json", k.command),
		Args:    arguments(1, 1, "BUCKET"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.bucketInfo(cmd.Context(), k, args[0])
		},
		ValidArgsFunction: a.completeBucket(k, 1),
	}
}

func (a *app) bucketInfo(ctx context.Context, k bucketKind, bucket string) error {
	return a.withBucket(ctx, k, bucket, func(_ *jetStream, info *jsapi.StreamInfo) error { return a.showBucket(k, info) })
}

func (a *app) showBucket(k bucketKind, info *jsapi.StreamInfo) error {
	v := k.view(info)
	if a.global.json {
		return a.writeJSON(v)
	}
	rows := [][]string{
		{"bucket", v.Bucket},
		{"stream", v.Stream},
		{k.holds, ui.Count(v.Messages)},
		{"size", ui.Bytes(float64(v.Bytes))},
		{"created", moment(info.Created)},
	}
	if k.command == kvKind.command {
		rows = append(rows, []string{"keys", ui.Count(v.Subjects)}) // with markers of deleted ones
	}
	if v.LastTime != "" {
		rows = append(rows, []string{"last change", moment(info.State.LastTime)}, []string{"last revision", ui.Count(v.Last)})
	}
	if v.Sealed {
		rows = append(rows, []string{"sealed", "yes: nothing can be changed any more"})
	}
	if v.Lag != nil {
		rows = append(rows, []string{"behind its origin", plural(int(*v.Lag), "value")})
	}
	for _, line := range asset.Shown(&info.Config, k.fields()) {
		rows = append(rows, []string{line.Label, line.Text})
	}
	a.showFacts(rows)
	return nil
}

// bucketRemoved is the result of `bucket remove`.
type bucketRemoved struct {
	Bucket   string `json:"bucket"`
	Messages uint64 `json:"messages"`
	Bytes    uint64 `json:"bytes"`
}

func (a *app) bucketRemoveCommand(k bucketKind) *cobra.Command {
	var c confirmation
	cmd := &cobra.Command{
		Use:     "remove BUCKET",
		Aliases: []string{"rm", "del"},
		Short:   "Remove " + article(k.noun) + " with all that is in it",
		Example: fmt.Sprintf("  tidings %s bucket remove CONFIG --yes", k.command),
		Args:    arguments(1, 1, "BUCKET"),
		RunE: func(cmd *cobra.Command, args []string) error {
			ctx := cmd.Context()
			return a.withBucket(ctx, k, args[0], func(j *jetStream, info *jsapi.StreamInfo) error {
				question := fmt.Sprintf("remove %s %q with %s in it?", k.noun, args[0], ui.Bytes(float64(info.State.Bytes)))
				if err := c.ask(a, cmd, question); err != nil {
					return err
				}
				if err := j.api.DeleteStream(ctx, info.Config.Name); err != nil {
					return k.explain(args[0], err)
				}
				done := bucketRemoved{args[0], info.State.Msgs, info.State.Bytes}
				return a.result(done, "%s %q is removed", k.noun, args[0])
			})
		},
		ValidArgsFunction: a.completeBucket(k, 1),
	}
	c.add(cmd)
	return cmd
}
