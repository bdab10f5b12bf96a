package cli

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/spf13/cobra"

	"github.com/tidings-io/tidings/internal/cli/ui"
	"github.com/tidings-io/tidings/internal/client"
)

func addStream(cmd *cobra.Command, a *app, stream *string) {
	cmd.Flags().StringVar(stream, "stream", "", "use the stream of this `NAME`; otherwise the one that takes the subject")
	completeFlag(cmd, "stream", a.completeStreamFlag)
}

func (a *app) counterGetCommand() *cobra.Command {
	var stream string
	var sources bool
	cmd := &cobra.Command{
		Use:   "get SUBJECT",
		Short: "Print the value of a counter",
		Long: `Print the value of a counter. With --sources also what each source contributed, if the
stream adds up the counters of others.`,
		Example: "  tidings counter get hits.start\n  tidings counter get hits.start --sources",
		Args:    arguments(1, 1, "SUBJECT"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.counterGet(cmd.Context(), args[0], stream, sources)
		},
		ValidArgsFunction: a.completeSubjects(allowsCounter),
	}
	addStream(cmd, a, &stream)
	cmd.Flags().BoolVar(&sources, "sources", false, "show what each source contributed")
	return cmd
}

func (a *app) counterGet(ctx context.Context, subject, stream string, sources bool) error {
	if err := client.CheckPublishSubject(subject); err != nil {
		return usage(err)
	}
	j, err := a.jetStream(ctx, client.Options{})
	if err != nil {
		return err
	}
	defer j.nc.Close()
	if stream, err = j.streamOf(ctx, subject, stream); err != nil {
		return err
	}
	v, err := j.counter(ctx, subject, stream)
	switch {
	case err != nil:
		return err
	case a.global.json:
		return a.writeJSON(v)
	}
	a.note("counter %q of stream %q, last change %s", subject, stream, v.Change)
	a.out.Println(v.Value)
	if sources {
		a.showCounterSources(v)
	}
	return nil
}

// counter reads the last message of a counter.
func (j *jetStream) counter(ctx context.Context, subject, stream string) (counterView, error) {
	s, err := j.js.Stream(ctx, stream)
	if err != nil {
		return counterView{}, j.explain(fmt.Sprintf("stream %q", stream), err)
	}
	m, err := s.GetLastMsgForSubject(ctx, subject)
	if errors.Is(err, jetstream.ErrMsgNotFound) {
		return counterView{}, &client.Error{
			What: fmt.Sprintf("counter %q of stream %q", subject, stream), Reason: "nobody has counted on it yet", Err: err,
			Way: "`tidings counter list` shows the counters there are",
		}
	}
	if err != nil {
		return counterView{}, j.explain(fmt.Sprintf("counter %q", subject), err)
	}
	return counterOf(m.Subject, stream, m.Header, m.Data, m.Sequence, m.Time)
}

func (a *app) showCounterSources(v counterView) {
	var rows [][]string
	for _, stream := range slices.Sorted(maps.Keys(v.Sources)) {
		for _, subject := range slices.Sorted(maps.Keys(v.Sources[stream])) {
			rows = append(rows, []string{stream, subject, v.Sources[stream][subject]})
		}
	}
	if len(rows) == 0 {
		a.note("no other stream contributes to it")
		return
	}
	a.screen.Table([]string{"stream", "subject", "value"}, rows, 3)
}

func (a *app) counterListCommand() *cobra.Command {
	var stream string
	cmd := &cobra.Command{
		Use:     "list [FILTER]",
		Aliases: []string{"ls"},
		Short:   "List counters and their values",
		Long: `List the counters whose subjects match the filter, all if there is none, of one stream or
of every stream that allows counters. * stands for one token, > for all that follow.`,
		Example: "  tidings counter list\n  tidings counter list 'hits.*' --json",
		Args:    arguments(0, 1, "[FILTER]"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.counterList(cmd.Context(), strings.Join(args, ""), stream)
		},
		ValidArgsFunction: a.completeSubjects(allowsCounter),
	}
	addStream(cmd, a, &stream)
	return cmd
}

var counterList = lastKind{
	things: "counters", in: allowsCounter,
	head: []string{"counter", "value", "last change", "stream", "at"}, numeric: []int{2, 3},
}

func (a *app) counterList(ctx context.Context, filter, stream string) error {
	return a.listLast(ctx, counterList, filter, stream, func(name string, m jetstream.Msg, meta *jetstream.MsgMetadata) (any, []string, error) {
		v, err := counterOf(m.Subject(), name, m.Headers(), m.Data(), meta.Sequence.Stream, meta.Timestamp)
		return v, []string{v.Subject, v.Value, v.Change, v.Stream, moment(meta.Timestamp)}, err
	})
}

func (a *app) counterWatchCommand() *cobra.Command {
	var stream string
	var updates bool
	var count int
	cmd := &cobra.Command{
		Use:   "watch SUBJECT",
		Short: "Show counters and how they change, live",
		Long: `Show the value of each counter that matches the subject, then every change as it happens,
until Ctrl-C. * stands for one token, > for all that follow.`,
		Example: "  tidings counter watch hits.start\n  tidings counter watch 'hits.>' --updates",
		Args:    arguments(1, 1, "SUBJECT"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.counterWatch(cmd.Context(), args[0], stream, lastOptions{live: true, updates: updates, limit: count})
		},
		ValidArgsFunction: a.completeSubjects(allowsCounter),
	}
	addStream(cmd, a, &stream)
	cmd.Flags().BoolVar(&updates, "updates", false, "show changes only, not what is there now")
	cmd.Flags().IntVarP(&count, "count", "n", 0, "end after so many lines; 0 does not end")
	return cmd
}

func (a *app) counterWatch(ctx context.Context, subject, stream string, o lastOptions) error {
	if err := client.CheckSubscribeSubject(subject); err != nil {
		return usage(err)
	}
	j, err := a.jetStream(ctx, a.lasting())
	if err != nil {
		return err
	}
	defer j.nc.Close()
	if stream, err = j.streamOf(ctx, subject, stream); err != nil {
		return err
	}
	o.filter = subject
	o.begun = func() { a.note("watching counters %q of stream %q", subject, stream) }
	err = j.lastMessages(ctx, stream, o, func(m jetstream.Msg, meta *jetstream.MsgMetadata) error {
		v, err := counterOf(m.Subject(), stream, m.Headers(), m.Data(), meta.Sequence.Stream, meta.Timestamp)
		switch {
		case err != nil:
			a.warn(err.Error())
			return nil
		case a.global.json:
			return a.writeJSON(v)
		}
		change := a.screen.Added(v.Change)
		if strings.HasPrefix(v.Change, "-") {
			change = a.screen.Removed(v.Change)
		}
		a.out.Printf("%s %s %s %s\n", a.screen.Faint(moment(meta.Timestamp)), a.screen.Subject(ui.Printable(v.Subject)), a.screen.Strong(v.Value), change)
		return a.out.Err()
	})
	return watched(err)
}
