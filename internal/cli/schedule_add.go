package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/nats-io/nats.go"
	"github.com/spf13/cobra"

	"github.com/tidings-io/tidings/internal/cli/asset"
	"github.com/tidings-io/tidings/internal/cli/ui"
	"github.com/tidings-io/tidings/internal/client"
	"github.com/tidings-io/tidings/internal/jsapi"
)

// scheduleRuns is how many times ahead are shown.
const scheduleRuns = 5

type scheduleFlags struct {
	confirmation
	at, every, cron, zone string
	source                string
	ttl                   time.Duration
	rollup                string
	file                  string
	headers               []string
}

func (a *app) scheduleAddCommand() *cobra.Command {
	var f scheduleFlags
	cmd := &cobra.Command{
		Use:   "add SUBJECT TARGET [BODY]",
		Short: "Add a schedule, or replace one",
		Long: `Add a schedule on SUBJECT that stores its body on TARGET: once (--at), at an interval
(--every), or by the clock (--cron). The next five times are shown before the command
asks. A schedule that is on SUBJECT already is replaced.

The body is the argument, or a file (--file), or else all of standard input; with
--source it is the last message of another subject each time, and BODY may be left out.

A cron expression has six fields: second minute hour day month weekday, each a number, a
range (8-18), a list (1,15), a step (*/5) or *; months and weekdays also as names. Or
one of @hourly, @daily, @weekly, @monthly, @yearly. Times are in UTC unless --time-zone
names a zone.`,
		Example: `  tidings schedule add jobs.plan.greet jobs.greet hello --at 2030-01-01T00:00:00Z
  tidings schedule add jobs.plan.poll jobs.poll '' --every 5m
  tidings schedule add jobs.plan.report jobs.report now --cron '0 30 6 * * mon-fri' --time-zone Europe/Berlin
  tidings schedule add sensors.plan sensors.sampled --source sensors.oven --cron @hourly --yes`,
		Args:              arguments(2, 3, "SUBJECT TARGET [BODY]"),
		RunE:              func(cmd *cobra.Command, args []string) error { return a.scheduleAdd(cmd, args, f) },
		ValidArgsFunction: a.completeSubjects(allowsSchedules),
	}
	f.add(cmd)
	flags := cmd.Flags()
	flags.StringVar(&f.at, "at", "", "once, at this `TIME`: 2030-01-01T00:00:00Z, or from now on, such as 2h")
	flags.StringVar(&f.every, "every", "", "again and again after this `TIME`, such as 5m; at least 1s")
	flags.StringVar(&f.cron, "cron", "", "by the clock: six fields, or @hourly, @daily and so on")
	flags.StringVar(&f.zone, "time-zone", "", "`ZONE` of --cron, such as Europe/Berlin")
	flags.StringVar(&f.source, "source", "", "publish the last message of this `SUBJECT` instead of a body")
	flags.Var(spanFlag{&f.ttl}, "ttl", "remove what was published after so long, such as 1h")
	flags.StringVar(&f.rollup, "rollup", "", "what was published replaces what was before: sub (on the target) or all (in the stream)")
	flags.StringVarP(&f.file, "file", "f", "", "take the body from this `FILE`")
	flags.StringArrayVarP(&f.headers, "header", "H", nil, "publish with a header, \"`NAME:VALUE`\"; may be repeated")
	completeFlag(cmd, "rollup", cobra.FixedCompletions([]cobra.Completion{"sub", "all"}, cobra.ShellCompDirectiveNoFileComp))
	for _, name := range []string{"at", "every", "time-zone", "source", "ttl", "header"} {
		completeFlag(cmd, name, cobra.NoFileCompletions)
	}
	completeFlag(cmd, "cron", cobra.FixedCompletions(
		[]cobra.Completion{"@hourly", "@daily", "@weekly", "@monthly", "@yearly"}, cobra.ShellCompDirectiveNoFileComp))
	return cmd
}

// pattern returns the schedule as its header has it.
func (f *scheduleFlags) pattern(now time.Time) (string, error) {
	err := oneOf(form{"--at", f.at != ""}, form{"--every", f.every != ""}, form{"--cron", f.cron != ""})
	switch {
	case err != nil:
		return "", err
	case f.at != "":
		at, err := asset.ParseFuture(f.at, now)
		if err != nil {
			return "", usage(fmt.Errorf("--at: %w", err))
		}
		if !at.After(now) {
			return "", usage(fmt.Errorf("--at %s: that time has passed", f.at))
		}
		return "@at " + at.UTC().Format(time.RFC3339), nil
	case f.every != "":
		every, err := asset.ParseDuration(f.every)
		if err != nil {
			return "", usage(fmt.Errorf("--every: %w", err))
		}
		return "@every " + plainDuration(every), nil
	case f.cron != "" && (!strings.HasPrefix(f.cron, "@") || !strings.Contains(f.cron, " ")):
		return f.cron, nil
	case f.cron != "":
		return "", usage(fmt.Errorf("--cron %q: use --at or --every for that", f.cron))
	}
	return "", usage(errors.New("say when with --at, --every or --cron"))
}

// plainDuration writes a time with Go's units, which servers read, without the
// parts that are zero.
func plainDuration(d time.Duration) string {
	text := d.String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}

// check checks what needs no server and returns the plan.
func (f *scheduleFlags) check(subject, target string, now time.Time) (plan, error) {
	for _, s := range []string{subject, target, f.source} {
		if s == "" {
			continue
		}
		if err := client.CheckPublishSubject(s); err != nil {
			return plan{}, usage(err)
		}
	}
	if subject == target {
		return plan{}, usage(errors.New("the schedule and its target are the same subject; give the schedule a subject of its own"))
	}
	if f.rollup != "" && f.rollup != jsapi.RollupSubject && f.rollup != jsapi.RollupAll {
		return plan{}, usage(fmt.Errorf("--rollup %q: use sub or all", f.rollup))
	}
	pattern, err := f.pattern(now)
	if err != nil {
		return plan{}, err
	}
	p, err := parsePlan(pattern, f.zone)
	if err != nil && f.zone != "" && f.cron == "" {
		err = errors.New("--time-zone goes with --cron only; --at takes a zone in the time itself")
	}
	return p, usage(err)
}

func (f *scheduleFlags) message(subject, target string, body []byte, p plan) (*nats.Msg, error) {
	header, err := benchHeader(f.headers)
	if err != nil {
		return nil, err
	}
	m := &nats.Msg{Subject: subject, Header: header, Data: body}
	if m.Header == nil {
		m.Header = nats.Header{}
	}
	ttl := ""
	if f.ttl > 0 {
		ttl = plainDuration(f.ttl)
	}
	for _, h := range []struct{ name, value string }{
		{jsapi.HeaderSchedule, p.pattern},
		{jsapi.HeaderScheduleTimeZone, f.zone},
		{jsapi.HeaderScheduleTarget, target},
		{jsapi.HeaderScheduleSource, f.source},
		{jsapi.HeaderScheduleTTL, ttl},
		{jsapi.HeaderScheduleRollup, f.rollup},
	} {
		if h.value != "" {
			m.Header.Set(h.name, h.value)
		}
	}
	return m, nil
}

func (a *app) scheduleAdd(cmd *cobra.Command, args []string, f scheduleFlags) error {
	ctx, now := cmd.Context(), time.Now()
	p, err := f.check(args[0], args[1], now)
	if err != nil {
		return err
	}
	var body []byte
	if f.source == "" || len(args) == 3 || f.file != "" {
		if body, err = a.readBody(ctx, args[1:], f.file); err != nil {
			return err
		}
	}
	m, err := f.message(args[0], args[1], body, p)
	if err != nil {
		return err
	}
	a.note("%s is due at", p.text())
	for _, line := range p.runLines(p.runs(now, now, scheduleRuns), now) {
		a.note("  %s", line)
	}
	if err := f.ask(a, cmd, fmt.Sprintf("add this schedule on %q, for %q?", args[0], args[1])); err != nil {
		return err
	}
	return a.scheduleStore(ctx, m, body)
}

func (a *app) scheduleStore(ctx context.Context, m *nats.Msg, body []byte) error {
	j, err := a.jetStream(ctx, client.Options{})
	if err != nil {
		return err
	}
	defer j.nc.Close()
	ack, err := j.publish(ctx, fmt.Sprintf("schedule on %q", m.Subject), m)
	if err != nil {
		return err
	}
	now := time.Now()
	v, p, err := newScheduleView(m.Subject, ack.Stream, m.Header, now, now, scheduleRuns)
	if err != nil {
		return err
	}
	v.Sequence = ack.Seq
	v.setBody(body)
	if a.global.json {
		return a.writeJSON(v)
	}
	a.note("added the schedule %s on %q of stream %q", p.text(), ui.Printable(m.Subject), ack.Stream)
	return nil
}

func (v *scheduleView) setBody(body []byte) {
	v.Bytes = len(body)
	if utf8.Valid(body) {
		text := string(body)
		v.Data = &text
	} else {
		v.Base64 = body
	}
}
