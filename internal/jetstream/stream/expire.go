package stream

import (
	"slices"
	"strings"
	"time"

	"github.com/tidings-io/tidings/internal/jetstream/index"
	"github.com/tidings-io/tidings/internal/jsapi"
	"github.com/tidings-io/tidings/internal/record"
)

// schedule finds out when there is something to do before the next command.
func (m *Machine) schedule() {
	if len(m.batches)+len(m.fast) == 0 {
		m.batchesDue = never
	}
	m.due = min(m.age.due(int64(m.cfg.MaxAge)), m.ttl.due(), m.schedulesDue(), m.delayedDue(), m.batchesDue)
}

// Deadline returns when [Machine.Expire] has something to do, in Unix nanoseconds;
// 0: never.
func (m *Machine) Deadline() int64 {
	if m.due == never {
		return 0
	}
	return max(m.due, 1)
}

// Produces reports whether Expire would append messages: then it must be a command
// in the log, with its time.
func (m *Machine) Produces(now int64) bool {
	if min(m.schedulesDue(), m.delayedDue()) <= now {
		return true
	}
	return m.cfg.SubjectDeleteMarkerTTL > 0 && min(m.age.due(int64(m.cfg.MaxAge)), m.ttl.due()) <= now
}

// Expire does what is due: messages that are too old go, delete markers take the
// place of the last of a subject, schedules produce their messages, delayed messages are stored, batches that
// nobody goes on with are given up. Every command with a time does it first. now must
// not be after the time of any command that is applied later.
func (m *Machine) Expire(now int64) {
	for m.due <= now {
		switch m.due {
		case m.age.due(int64(m.cfg.MaxAge)):
			m.expireSpan(now)
		case m.ttl.due():
			m.expireTTL(now)
		case m.schedulesDue():
			m.fire(now)
		case m.delayedDue():
			m.release(now)
		default:
			m.expireBatches(now)
		}
		m.schedule()
	}
}

// expireSpan removes the messages of the span that is too old.
func (m *Machine) expireSpan(now int64) {
	first := max(m.x.State().First, m.age.done+1)
	last := m.age.take()
	if m.cfg.SubjectDeleteMarkerTTL <= 0 && !m.exemptBetween(0, last) {
		m.x.RemoveBefore(last+1, m.removed)
		return
	}
	var gone []*record.Message
	for e, ok := m.x.Next(first, nil); ok && e.Seq <= last; e, ok = m.x.Next(e.Seq+1, nil) {
		if _, ok := slices.BinarySearch(m.exempt, e.Seq); ok {
			continue
		}
		gone = append(gone, m.expire(e))
	}
	m.mark(gone, now)
}

// expireTTL removes the messages whose TTL is over.
func (m *Machine) expireTTL(now int64) {
	var gone []*record.Message
	for m.ttl.due() <= now {
		if e, ok := m.x.Get(m.ttl.take().seq); ok {
			gone = append(gone, m.expire(e))
		}
	}
	m.mark(gone, now)
}

// expire removes a message that is too old and returns the marker that is to take
// its place, nil: none.
func (m *Machine) expire(e index.Entry) *record.Message {
	var marker *record.Message
	if m.cfg.SubjectDeleteMarkerTTL > 0 && m.x.SubjectOf(e.ID).Count == 1 && !m.isMarker(e.Seq) {
		marker = &record.Message{Subject: m.x.SubjectText(e.ID, nil)}
	}
	m.remove(e.Seq)
	return marker
}

// isMarker reports whether a message says itself that its subject is gone.
func (m *Machine) isMarker(seq uint64) bool {
	msg, ok := m.message(seq)
	if !ok {
		return false
	}
	var h headers
	h.parse(msg.Header)
	return len(h.markReason) > 0 || string(h.kvOperation) == jsapi.KVPurge
}

// mark stores the delete markers of subjects whose last message went.
func (m *Machine) mark(markers []*record.Message, now int64) {
	for _, marker := range markers {
		if marker == nil {
			continue
		}
		h := appendHeaders(nil, nil, nil)
		h = appendHeader(h, jsapi.HeaderMarkerReason, jsapi.MarkerMaxAge)
		h = appendHeader(h, jsapi.HeaderTTL, m.cfg.SubjectDeleteMarkerTTL.String())
		h = appendHeader(h, jsapi.HeaderRollup, jsapi.RollupSubject)
		marker.Header, marker.Time = append(h, crlf...), now
		m.storeOwn(marker)
	}
}

// storeOwn stores a message that the stream makes by itself.
func (m *Machine) storeOwn(rec *record.Message) {
	c := candidate{rec: *rec, own: true}
	c.h.parse(rec.Header)
	c.ttl, c.ttlBad = parseTTL(c.h.ttl)
	if !m.cfg.AllowMsgTTL {
		c.ttl = 0
	}
	m.store(&c)
}

func (m *Machine) exemptBetween(first, last uint64) bool {
	i, _ := slices.BinarySearch(m.exempt, first)
	return i < len(m.exempt) && m.exempt[i] <= last
}

// noteTTL notes when a message goes, or that it does not.
func (m *Machine) noteTTL(c *candidate, seq uint64) {
	switch {
	case c.ttl < 0:
		if n := len(m.exempt); n >= 1024 && uint64(n) >= 2*m.x.State().Messages {
			m.exempt = slices.DeleteFunc(m.exempt, func(seq uint64) bool {
				_, ok := m.x.Get(seq)
				return !ok
			})
		}
		m.exempt = append(m.exempt, seq)
	case c.ttl > 0 && c.rec.Time <= never-c.ttl:
		m.ttl.add(c.rec.Time+c.ttl, seq, m.x)
	}
}

func (m *Machine) checkTTLAllowed(c *candidate, _ *commit) *jsapi.Error {
	c.ttl, c.ttlBad = parseTTL(c.h.ttl)
	disabled := c.ttl != 0 || c.ttlBad && c.batched
	if !disabled || m.cfg.AllowMsgTTL {
		return nil
	}
	c.ttl, c.ttlBad = 0, false
	if c.sourced {
		return nil // another stream's header
	}
	return jsapi.ErrMessageTTLDisabled.New()
}

func (m *Machine) checkTTL(c *candidate, _ *commit) *jsapi.Error {
	if !c.ttlBad || c.sourced {
		return nil
	}
	return jsapi.ErrMessageTTLInvalid.New()
}

// ttlFloor raises a TTL that is shorter than that of the delete markers: a reader
// who misses the message must still see the marker. It reports whether it did.
func (m *Machine) ttlFloor(c *candidate) bool {
	floor := int64(m.cfg.SubjectDeleteMarkerTTL)
	if c.own || c.ttl <= 0 || c.ttl >= floor || m.cfg.MaxMsgsPerSubject == 1 {
		return false
	}
	c.ttl = floor
	return true
}

// floorText is the header of a TTL that was raised: full seconds.
func (m *Machine) floorText() string {
	s := (m.cfg.SubjectDeleteMarkerTTL + time.Second - 1) / time.Second
	return formatInt(int64(s))
}

// ttlMax is the longest TTL that has an end.
const ttlMax = int64(never)

// parseTTL reads a TTL: seconds, a duration or "never". It is negative for never, 0
// for none.
func parseTTL(text []byte) (ttl int64, bad bool) {
	if len(text) == 0 {
		return 0, false
	}
	if strings.EqualFold(string(text), jsapi.TTLNever) {
		return -1, false
	}
	if seconds, ok := parseUint(text); ok {
		switch {
		case seconds == 0 || seconds > uint64(never):
			return 0, true
		case seconds > uint64(ttlMax)/uint64(time.Second):
			return ttlMax, false
		}
		return int64(seconds) * int64(time.Second), false
	}
	d, err := time.ParseDuration(string(text))
	if err != nil || d < time.Second {
		return 0, true
	}
	return int64(d), false
}
