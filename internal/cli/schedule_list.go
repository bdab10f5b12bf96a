package cli

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/spf13/cobra"

	"github.com/tidings-io/tidings/internal/cli/ui"
	"github.com/tidings-io/tidings/internal/client"
	"github.com/tidings-io/tidings/internal/jsapi"
)

func (a *app) scheduleListCommand() *cobra.Command {
	var stream string
	cmd := &cobra.Command{
		Use:     "list [FILTER]",
		Aliases: []string{"ls"},
		Short:   "List schedules and when they are due next",
		Long: `List the schedules whose subjects match the filter, all if there is none, of one stream
or of every stream that allows schedules. * stands for one token, > for all that follow.`,
		Example: "  tidings schedule list\n  tidings schedule list 'jobs.plan.>' --json",
		Args:    arguments(0, 1, "[FILTER]"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.scheduleList(cmd.Context(), strings.Join(args, ""), stream)
		},
		ValidArgsFunction: a.completeSubjects(allowsSchedules),
	}
	addStream(cmd, a, &stream)
	return cmd
}

var scheduleList = lastKind{
	things: "schedules", in: allowsSchedules, headersOnly: true,
	head: []string{"schedule", "when", "next", "target", "stream"},
}

func (a *app) scheduleList(ctx context.Context, filter, stream string) error {
	return a.listLast(ctx, scheduleList, filter, stream, func(name string, m jetstream.Msg, meta *jetstream.MsgMetadata) (any, []string, error) {
		now := time.Now()
		v, p, err := newScheduleView(m.Subject(), name, m.Headers(), meta.Timestamp, now, 1)
		if errors.Is(err, errNoSchedule) {
			err = errOther
		}
		if err != nil {
			return nil, nil, err
		}
		v.Sequence, v.Bytes = meta.Sequence.Stream, messageSize(m.Headers(), len(m.Data()))
		return v, scheduleRow(v, &p, meta.Timestamp, now), nil
	})
}

func scheduleRow(v scheduleView, p *plan, stored, now time.Time) []string {
	next := "never"
	if runs := p.runs(stored, now, 1); len(runs) > 0 {
		next = fmt.Sprintf("%s, in %s", runs[0].In(p.location()).Format("2006-01-02 15:04:05 MST"), inWords(runs[0].Sub(now)))
	}
	return []string{v.Subject, p.text(), next, v.Target, v.Stream}
}

func (a *app) scheduleShowCommand() *cobra.Command {
	var stream string
	cmd := &cobra.Command{
		Use:     "show SUBJECT",
		Aliases: []string{"info"},
		Short:   "Show a schedule, its body and the next five times",
		Example: "  tidings schedule show jobs.plan.report",
		Args:    arguments(1, 1, "SUBJECT"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.scheduleShow(cmd.Context(), args[0], stream)
		},
		ValidArgsFunction: a.completeSubjects(allowsSchedules),
	}
	addStream(cmd, a, &stream)
	return cmd
}

// scheduled is a schedule as it lies in its stream.
type scheduled struct {
	view    scheduleView
	plan    plan
	message *jetstream.RawStreamMsg
	stream  jetstream.Stream
}

// scheduleOn reads the schedule on a subject.
func (j *jetStream) scheduleOn(ctx context.Context, subject, stream string) (*scheduled, error) {
	if err := client.CheckPublishSubject(subject); err != nil {
		return nil, usage(err)
	}
	name, err := j.streamOf(ctx, subject, stream)
	if err != nil {
		return nil, err
	}
	s, err := j.js.Stream(ctx, name)
	if err != nil {
		return nil, j.explain(fmt.Sprintf("stream %q", name), err)
	}
	m, err := s.GetLastMsgForSubject(ctx, subject)
	missing := &client.Error{
		What: fmt.Sprintf("schedule %q", subject), Reason: "there is none on that subject", Err: err,
		Way: "`tidings schedule list` shows those there are",
	}
	if errors.Is(err, jetstream.ErrMsgNotFound) {
		return nil, missing
	}
	if err != nil {
		return nil, j.explain(fmt.Sprintf("schedule %q", subject), err)
	}
	v, p, err := newScheduleView(subject, name, m.Header, m.Time, time.Now(), scheduleRuns)
	if errors.Is(err, errNoSchedule) {
		return nil, missing
	}
	v.Sequence = m.Sequence
	v.setBody(m.Data)
	return &scheduled{v, p, m, s}, err
}

func (a *app) scheduleShow(ctx context.Context, subject, stream string) error {
	j, err := a.jetStream(ctx, client.Options{})
	if err != nil {
		return err
	}
	defer j.nc.Close()
	s, err := j.scheduleOn(ctx, subject, stream)
	switch {
	case err != nil:
		return err
	case a.global.json:
		return a.writeJSON(s.view)
	}
	v, now := s.view, time.Now()
	a.showFacts([][]string{
		{"schedule", v.Subject},
		{"when", s.plan.text()},
		{"target", v.Target},
		{"source", v.Source},
		{"ttl", v.TTL},
		{"rollup", v.Rollup},
		{"stream", v.Stream},
		{"stored", moment(s.message.Time)},
		{"size", ui.Bytes(float64(v.Bytes))},
	})
	a.out.Println("\ndue at")
	for _, line := range s.plan.runLines(s.plan.runs(s.message.Time, now, scheduleRuns), now) {
		a.out.Println("  " + line)
	}
	if v.Bytes > 0 {
		a.out.Println("\n" + ui.Printable(string(s.message.Data)))
	}
	return nil
}

func (a *app) scheduleRemoveCommand() *cobra.Command {
	var stream string
	var c confirmation
	cmd := &cobra.Command{
		Use:     "remove SUBJECT",
		Aliases: []string{"rm", "del"},
		Short:   "Remove a schedule: nothing more is published",
		Example: "  tidings schedule remove jobs.plan.report --yes",
		Args:    arguments(1, 1, "SUBJECT"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.scheduleRemove(cmd, args[0], stream, c)
		},
		ValidArgsFunction: a.completeSubjects(allowsSchedules),
	}
	c.add(cmd)
	addStream(cmd, a, &stream)
	return cmd
}

func (a *app) scheduleRemove(cmd *cobra.Command, subject, stream string, c confirmation) error {
	ctx := cmd.Context()
	j, err := a.jetStream(ctx, client.Options{})
	if err != nil {
		return err
	}
	defer j.nc.Close()
	s, err := j.scheduleOn(ctx, subject, stream)
	if err != nil {
		return err
	}
	if err := c.ask(a, cmd, fmt.Sprintf("remove the schedule %s on %q, for %q?", s.plan.text(), subject, s.view.Target)); err != nil {
		return err
	}
	if err := s.stream.DeleteMsg(ctx, s.message.Sequence); err != nil {
		return j.explain(fmt.Sprintf("remove schedule %q", subject), err)
	}
	if a.global.json {
		return a.writeJSON(s.view)
	}
	a.note("removed the schedule on %q", subject)
	return nil
}

// messageSize is the size of a body that was left out, as the server tells it.
func messageSize(header nats.Header, size int) int {
	if n, err := strconv.Atoi(header.Get(jsapi.HeaderMsgSize)); err == nil {
		return n
	}
	return size
}
