package cli

import (
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/spf13/cobra"

	"github.com/tidings-io/tidings/internal/jetstream/stream/schedule"
	"github.com/tidings-io/tidings/internal/jsapi"
)

const scheduleLong = `A schedule is a message that a stream publishes at a later time, once or again and again:
it lies on a subject of its own, and when it is due, its body is stored on its target
subject. The stream must be made with --allow-schedules and take both subjects.`

func (a *app) scheduleCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "schedule",
		Short: "Have messages published later, or again and again",
		Long:  scheduleLong,
		Example: `  tidings stream create JOBS --subjects 'jobs.>' --allow-schedules
  tidings schedule add jobs.plan.report jobs.report "daily report" --cron '0 30 6 * * mon-fri' --time-zone Europe/Berlin
  tidings schedule list`,
		GroupID: groupStreams,
	}
	a.api.add(cmd)
	return a.group(cmd, a.scheduleAddCommand(), a.scheduleListCommand(), a.scheduleShowCommand(), a.scheduleRemoveCommand())
}

// plan is a schedule with what its message says of it.
type plan struct {
	schedule.Schedule
	pattern string
	zone    string
}

// parsePlan reads a schedule as its headers have it.
func parsePlan(pattern, zone string) (plan, error) {
	var named *string
	if zone != "" {
		named = &zone
	}
	s, err := schedule.Parse(pattern, named)
	return plan{s, pattern, zone}, err
}

// runs returns the next times, at most n, of a schedule that was stored at a
// time.
func (p *plan) runs(stored, now time.Time, n int) []time.Time {
	var out []time.Time
	due, ok := p.First(stored.UnixNano())
	if ok && due <= now.UnixNano() {
		due, ok = p.Next(due, now.UnixNano())
	}
	for ; ok && len(out) < n; due, ok = p.Next(due, due) {
		out = append(out, time.Unix(0, due))
	}
	return out
}

// location is the zone in which a person thinks of the schedule.
func (p *plan) location() *time.Location {
	if p.zone == "" {
		return time.UTC
	}
	loc, err := time.LoadLocation(p.zone)
	if err != nil {
		return time.UTC // it was parsed before
	}
	return loc
}

// text names the schedule in a line.
func (p *plan) text() string {
	if p.zone == "" {
		return p.pattern
	}
	return p.pattern + " in " + p.zone
}

// runLines writes times both in the schedule's zone and in the local one.
func (p *plan) runLines(runs []time.Time, now time.Time) []string {
	var lines []string
	for _, at := range runs {
		line := at.In(p.location()).Format("Mon 2006-01-02 15:04:05 MST")
		if local := at.Local().Format("Mon 2006-01-02 15:04:05 MST"); local != line {
			line += "  (" + local + ")"
		}
		lines = append(lines, fmt.Sprintf("%s, in %s", line, inWords(at.Sub(now))))
	}
	return lines
}

// inWords is a time ahead, to the two largest units.
func inWords(d time.Duration) string {
	const day = 24 * time.Hour
	switch {
	case d >= 2*day:
		return fmt.Sprintf("%dd %dh", d/day, d%day/time.Hour)
	case d >= time.Hour:
		return fmt.Sprintf("%dh %dm", d/time.Hour, d%time.Hour/time.Minute)
	case d >= time.Minute:
		return fmt.Sprintf("%dm %ds", d/time.Minute, d%time.Minute/time.Second)
	}
	return max(d, 0).Round(time.Second).String()
}

// scheduleView is a schedule as JSON.
type scheduleView struct {
	Subject  string   `json:"subject"`
	Stream   string   `json:"stream,omitempty"`
	Schedule string   `json:"schedule"`
	TimeZone string   `json:"time_zone,omitempty"`
	Target   string   `json:"target"`
	Source   string   `json:"source,omitempty"`
	TTL      string   `json:"ttl,omitempty"`
	Rollup   string   `json:"rollup,omitempty"`
	Sequence uint64   `json:"sequence,omitempty"`
	Stored   string   `json:"stored,omitempty"`
	Next     []string `json:"next"`
	Data     *string  `json:"data,omitempty"`
	Base64   []byte   `json:"data_base64,omitempty"`
	Bytes    int      `json:"bytes"`
}

var errNoSchedule = errors.New("no schedule")

// newScheduleView reads the headers of a schedule's message. A message without
// them is [errNoSchedule].
func newScheduleView(subject, stream string, header nats.Header, stored, now time.Time, runs int) (scheduleView, plan, error) {
	v := scheduleView{
		Subject: subject, Stream: stream, Schedule: header.Get(jsapi.HeaderSchedule), TimeZone: header.Get(jsapi.HeaderScheduleTimeZone),
		Target: header.Get(jsapi.HeaderScheduleTarget), Source: header.Get(jsapi.HeaderScheduleSource),
		TTL: header.Get(jsapi.HeaderScheduleTTL), Rollup: header.Get(jsapi.HeaderScheduleRollup),
		Next: []string{}, Stored: stored.UTC().Format(time.RFC3339Nano),
	}
	if v.Schedule == "" {
		return v, plan{}, errNoSchedule
	}
	p, err := parsePlan(v.Schedule, v.TimeZone)
	if err != nil {
		return v, p, fmt.Errorf("schedule %q of subject %q: %w", v.Schedule, subject, err)
	}
	for _, at := range p.runs(stored, now, runs) {
		v.Next = append(v.Next, at.In(p.location()).Format(time.RFC3339))
	}
	return v, p, nil
}
