// Package schedule reads the schedules of messages (ADR-51) and says when they
// are due: once ("@at 2030-01-01T00:00:00Z"), at an interval ("@every 5m") or by
// the clock ("0 30 4 * * mon-fri", "@daily"), the last in a time zone if one is
// given.
//
// The path of one: [Parse] when the message arrives, which refuses what can never
// be due; [Schedule.First] for the first time, [Schedule.Next] each time it has
// been due. A schedule that was due several times while nobody looked is due once.
//
// Everything here is pure: times are passed in. The time zone database is part of
// the program, so that what was accepted once is accepted wherever the log is
// read again.
package schedule

import (
	"errors"
	"math"
	"strings"
	"time"
	_ "time/tzdata" // a schedule that was accepted must be understood after a restart, wherever
)

// Errors of Parse.
var (
	// ErrPattern: the schedule is none, or it is never due, or it has a time zone
	// and is not by the clock.
	ErrPattern = errors.New(`no schedule; write "@at TIME", "@every DURATION" of a second or more, @hourly and so on, ` +
		`or six fields: second minute hour day month weekday`)
	// ErrZone: there is no such time zone.
	ErrZone = errors.New("unknown time zone; write the name of the database, such as Europe/Berlin")
)

// ShortestInterval is the shortest interval of "@every".
const ShortestInterval = time.Second

var presets = map[string]string{
	"@yearly":   "0 0 0 1 1 *",
	"@annually": "0 0 0 1 1 *",
	"@monthly":  "0 0 0 1 * *",
	"@weekly":   "0 0 0 * * 0",
	"@daily":    "0 0 0 * * *",
	"@midnight": "0 0 0 * * *",
	"@hourly":   "0 0 * * * *",
}

// Schedule says when something is due. The zero value is never due.
type Schedule struct {
	once  bool
	at    time.Time // if once
	every time.Duration
	cron  *cron
	zone  *time.Location
}

// Parse reads a schedule. zone is nil if there is none; it goes with schedules by
// the clock only.
//
// Errors: [ErrPattern], [ErrZone].
func Parse(pattern string, zone *string) (Schedule, error) {
	s := Schedule{zone: time.UTC}
	if zone != nil {
		loc, err := time.LoadLocation(*zone)
		if err != nil || *zone == "" {
			return Schedule{}, ErrZone
		}
		s.zone = loc
	}
	if at, ok := strings.CutPrefix(pattern, "@at "); ok {
		t, err := time.Parse(time.RFC3339, at)
		if err != nil || zone != nil {
			return Schedule{}, ErrPattern
		}
		s.once, s.at = true, t
		return s, nil
	}
	if every, ok := strings.CutPrefix(pattern, "@every "); ok {
		d, err := time.ParseDuration(every)
		if err != nil || d < ShortestInterval || zone != nil {
			return Schedule{}, ErrPattern
		}
		s.every = d
		return s, nil
	}
	if fields, ok := presets[pattern]; ok {
		pattern = fields
	}
	c, ok := parseCron(pattern)
	if !ok {
		return Schedule{}, ErrPattern
	}
	s.cron = &c
	return s, nil
}

// Once reports whether the schedule is due at one time only.
func (s *Schedule) Once() bool { return s.once }

// First returns when the schedule of a message that was stored at the given time is
// due first, in Unix nanoseconds; false: never. An interval begins at the full
// second next to that time.
func (s *Schedule) First(stored int64) (int64, bool) {
	switch {
	case s.Once():
		return nanoseconds(s.at), true
	case s.every > 0:
		return after(time.Unix(0, stored).Round(time.Second).UnixNano(), s.every), true
	}
	return s.byClock(stored)
}

// Next returns when the schedule that was due at the given time is due next, which
// is after now; false: never.
func (s *Schedule) Next(due, now int64) (int64, bool) {
	switch {
	case s.Once():
		return 0, false
	case s.every > 0:
		missed := max((now-due)/int64(s.every), 0)
		return after(due+missed*int64(s.every), s.every), true
	}
	return s.byClock(max(due, now))
}

func (s *Schedule) byClock(last int64) (int64, bool) {
	if s.cron == nil {
		return 0, false
	}
	t, ok := s.cron.next(time.Unix(0, last).In(s.zone))
	if !ok {
		return 0, false
	}
	return nanoseconds(t), true
}

// Format returns a time as the header of a produced message has it: in the
// schedule's time zone.
func (s *Schedule) Format(t int64) string {
	return time.Unix(0, t).In(s.zone).Format(time.RFC3339Nano)
}

func after(t int64, d time.Duration) int64 {
	if t > math.MaxInt64-int64(d) {
		return math.MaxInt64
	}
	return t + int64(d)
}

// nanoseconds is UnixNano without its overflow: years that it cannot count are the
// first or the last that it can.
func nanoseconds(t time.Time) int64 {
	switch s := t.Unix(); {
	case s > math.MaxInt64/int64(time.Second)-1:
		return math.MaxInt64
	case s < math.MinInt64/int64(time.Second)+1:
		return math.MinInt64
	}
	return t.UnixNano()
}
