package stream

import (
	"bytes"
	"errors"
	"strconv"

	"github.com/tidings-io/tidings/internal/jetstream/stream/schedule"
	"github.com/tidings-io/tidings/internal/jsapi"
	"github.com/tidings-io/tidings/internal/record"
	"github.com/tidings-io/tidings/internal/subject"
)

// checkSchedule refuses a schedule that cannot be followed (ADR-51).
func (m *Machine) checkSchedule(c *candidate, _ *commit) *jsapi.Error {
	if len(c.h.schedule) == 0 || c.sourced {
		return nil
	}
	if !m.cfg.AllowMsgSchedules {
		return jsapi.ErrMessageSchedulesDisabled.New()
	}
	switch _, err := parseSchedule(&c.h); {
	case errors.Is(err, schedule.ErrZone):
		return jsapi.ErrMessageSchedulesTimeZoneInvalid.New()
	case err != nil:
		return jsapi.ErrMessageSchedulesPatternInvalid.New()
	}
	if ttl, bad := parseTTL(c.h.scheduleTTL); bad {
		return jsapi.ErrMessageSchedulesTTLInvalid.New()
	} else if ttl != 0 && !m.cfg.AllowMsgTTL {
		return jsapi.ErrMessageTTLDisabled.New()
	}
	if v := string(c.h.scheduleRollup); v != "" && v != jsapi.RollupSubject {
		return jsapi.ErrMessageSchedulesRollupInvalid.New()
	}
	if t := c.h.scheduleTarget; !m.captures(t) || bytes.Equal(t, c.rec.Subject) {
		return jsapi.ErrMessageSchedulesTargetInvalid.New()
	}
	if s := c.h.scheduleSource; len(s) > 0 &&
		(!m.captures(s) || bytes.Equal(s, c.rec.Subject) || bytes.Equal(s, c.h.scheduleTarget)) {
		return jsapi.ErrMessageSchedulesSourceInvalid.New()
	}
	if v := string(c.h.rollup); v != "" && v != jsapi.RollupSubject {
		return jsapi.ErrMessageSchedulesRollupInvalid.New()
	}
	return nil
}

// checkScheduler: a message that ends a schedule names it, and is on another
// subject, or the schedule's end would take it along.
func (m *Machine) checkScheduler(c *candidate, _ *commit) *jsapi.Error {
	scheduler, next := c.h.scheduler, c.h.scheduleNext
	switch {
	case len(scheduler) == 0 && len(next) == 0, c.sourced:
		return nil
	case string(next) != jsapi.SchedulePurge, !subject.ValidLiteral(scheduler), bytes.Equal(scheduler, c.rec.Subject):
		return jsapi.ErrMessageSchedulesSchedulerInvalid.New()
	case !m.cfg.AllowMsgSchedules:
		return jsapi.ErrMessageSchedulesDisabled.New()
	case !m.endsSchedule(scheduler):
		return jsapi.ErrMessageSchedulesSchedulerInvalid.New()
	}
	return nil
}

// endsSchedule reports whether the last message on the subject, if there is one, is
// a schedule: others are not removed by this way.
func (m *Machine) endsSchedule(scheduler []byte) bool {
	on, ok := m.x.Subject(scheduler)
	if !ok {
		return true
	}
	last, ok := m.message(on.Last)
	var h headers
	h.parse(last.Header)
	return ok && len(h.schedule) > 0
}

// captures reports whether a literal subject is one of the stream's.
func (m *Machine) captures(literal []byte) bool {
	if !subject.ValidLiteral(literal) {
		return false
	}
	for _, s := range m.cfg.Subjects {
		if subject.Matches(s, literal) {
			return true
		}
	}
	return false
}

func parseSchedule(h *headers) (schedule.Schedule, error) {
	var zone *string
	if h.scheduleZone != nil {
		z := string(h.scheduleZone)
		zone = &z
	}
	return schedule.Parse(string(h.schedule), zone)
}

// noteSchedule notes when a schedule is due first.
func (m *Machine) noteSchedule(c *candidate, seq uint64) {
	if len(c.h.schedule) == 0 || c.sourced || !m.cfg.AllowMsgSchedules {
		return
	}
	s, err := parseSchedule(&c.h)
	if err != nil {
		return // a product that was scheduled once has no schedule
	}
	if at, ok := s.First(c.rec.Time); ok {
		m.schedules.add(at, seq, m.x)
	}
}

// endSchedule removes the schedule that the message ends.
func (m *Machine) endSchedule(c *candidate) {
	if len(c.h.scheduler) == 0 || string(c.h.scheduleNext) != jsapi.SchedulePurge || !m.cfg.AllowMsgSchedules || c.sourced {
		return
	}
	for s, ok := m.x.Subject(c.h.scheduler); ok; s, ok = m.x.Subject(c.h.scheduler) {
		m.remove(s.First)
	}
}

// schedulesDue returns when the first schedule is due. A sealed stream takes no
// messages.
func (m *Machine) schedulesDue() int64 {
	if m.cfg.Sealed {
		return never
	}
	return m.schedules.due()
}

// fire stores what the schedule that is due produces.
func (m *Machine) fire(now int64) {
	t := m.schedules.take()
	msg, ok := m.message(t.seq)
	if !ok {
		return // it is gone, and its schedule with it
	}
	product, next, ok := m.produce(&msg, t.at, now)
	if !ok {
		return
	}
	if next != 0 {
		m.schedules.add(next, t.seq, m.x)
	}
	c := candidate{rec: *product, own: true}
	m.prepare(&c)
	m.storeOwn(&c.rec)
}

// produce builds the message that a schedule produces. next is when it is due
// again; 0: it is over.
func (m *Machine) produce(msg *record.Message, due, now int64) (product *record.Message, next int64, ok bool) {
	var h headers
	h.parse(msg.Header)
	s, err := parseSchedule(&h)
	if err != nil {
		return nil, 0, false
	}
	nextText := jsapi.SchedulePurge
	if at, again := s.Next(due, now); again {
		next, nextText = at, s.Format(at)
	}
	// The views of msg end with the next message that is read.
	scheduler := bytes.Clone(msg.Subject)
	target, ttl, rollup := bytes.Clone(h.scheduleTarget), bytes.Clone(h.scheduleTTL), bytes.Clone(h.scheduleRollup)
	header, body := appendHeaders(nil, msg.Header, dropFromProduct), bytes.Clone(msg.Body)
	if len(h.scheduleSource) > 0 {
		if on, found := m.x.Subject(h.scheduleSource); found {
			if last, readable := m.message(on.Last); readable {
				header, body = appendHeaders(nil, last.Header, dropFromProduct), bytes.Clone(last.Body)
			}
		}
	}
	header = appendHeader(header, jsapi.HeaderScheduler, scheduler)
	header = appendHeader(header, jsapi.HeaderScheduleNext, nextText)
	if len(ttl) > 0 {
		header = appendHeader(header, jsapi.HeaderTTL, ttl)
	}
	if len(rollup) > 0 {
		header = appendHeader(header, jsapi.HeaderRollup, rollup)
	}
	return &record.Message{Time: now, Subject: target, Header: append(header, crlf...), Body: body}, next, true
}

// dropFromProduct names the headers that are about the message that has the
// schedule, or was sampled, not about the product.
func dropFromProduct(name []byte) bool {
	switch string(name) {
	case jsapi.HeaderSchedule, jsapi.HeaderScheduleTarget, jsapi.HeaderScheduleSource, jsapi.HeaderScheduleTTL,
		jsapi.HeaderScheduleRollup, jsapi.HeaderScheduleTimeZone, jsapi.HeaderScheduler, jsapi.HeaderScheduleNext,
		jsapi.HeaderMsgID, jsapi.HeaderTTL, jsapi.HeaderRollup, jsapi.HeaderStreamSource, jsapi.HeaderMarkerReason,
		jsapi.HeaderExpectedStream, jsapi.HeaderExpectedLastSeq, jsapi.HeaderExpectedLastSubjectSeq,
		jsapi.HeaderExpectedLastSubjectSeqSubject, jsapi.HeaderExpectedLastMsgID,
		jsapi.HeaderBatchID, jsapi.HeaderBatchSeq, jsapi.HeaderBatchCommit:
		return true
	}
	return false
}

func formatInt(n int64) string { return strconv.FormatInt(n, 10) }
