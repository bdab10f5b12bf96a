package stream

import (
	"bytes"

	"github.com/tidings-io/tidings/internal/jetstream/index"
	"github.com/tidings-io/tidings/internal/jsapi"
	"github.com/tidings-io/tidings/internal/record"
)

// store stores a message that passed the checks, and does what it asks for. It
// returns its sequence.
func (m *Machine) store(c *candidate) uint64 {
	m.lastID = append(m.lastID[:0], c.h.msgID...)
	if !m.wanted(c.rec.Subject) {
		seq := m.x.State().Last + 1
		m.x.Skip(seq)
		m.lastTime = c.rec.Time
		m.remember(c, seq)
		return seq
	}
	m.build(c)
	seq, id := m.append(c.rec, c.at)
	m.remember(c, seq)
	m.noteTTL(c, seq)
	m.noteSchedule(c, seq)
	m.rollup(c, seq, id)
	m.endSchedule(c)
	m.enforce(id)
	return seq
}

// rollup removes what the message replaces by its own word.
func (m *Machine) rollup(c *candidate, seq uint64, id index.ID) {
	switch {
	case bytes.EqualFold(c.h.rollup, rollupSubject):
		for s := m.x.SubjectOf(id); s.First < seq; s = m.x.SubjectOf(id) {
			m.remove(s.First)
		}
	case bytes.EqualFold(c.h.rollup, rollupAll):
		m.x.RemoveBefore(seq, m.removed)
	}
}

var (
	rollupSubject = []byte(jsapi.RollupSubject)
	rollupAll     = []byte(jsapi.RollupAll)
)

// remember notes the message's id, so that it is taken once.
func (m *Machine) remember(c *candidate, seq uint64) {
	if len(c.h.msgID) == 0 || m.cfg.DuplicateWindow <= 0 {
		return
	}
	if c.id == (idHash{}) {
		c.id = hashID(c.h.msgID)
	}
	m.ids.forget(c.rec.Time - int64(m.cfg.DuplicateWindow))
	m.ids.add(c.id, seq, c.rec.Time)
}

// append gives the message the next sequence.
func (m *Machine) append(rec record.Message, at index.Place) (uint64, index.ID) {
	seq := m.x.State().Last + 1
	id := m.appendAt(rec, at, seq)
	return seq, id
}

func (m *Machine) appendAt(rec record.Message, at index.Place, seq uint64) index.ID {
	if at.File == 0 {
		m.buf = record.Build(m.buf[:0], &rec)
		at = m.space.Keep(m.buf)
	}
	previous := uint64(0)
	if m.republish != nil {
		st, _ := m.x.Subject(rec.Subject)
		previous = st.Last
	}
	size := uint32(rec.Len())
	if len(rec.Header) > 0 {
		size |= index.HasHeader
	}
	id := m.x.Append(seq, rec.Subject, size, at)
	m.lastTime = rec.Time
	if m.cfg.MaxAge > 0 {
		m.age.add(seq, rec.Time, int64(m.cfg.MaxAge))
		m.due = min(m.due, m.age.due(int64(m.cfg.MaxAge)))
	}
	if m.OnStored != nil {
		rec.Seq = seq
		m.OnStored(Stored{Seq: seq, Previous: previous, Message: rec})
	}
	return id
}

// enforce removes what the limits do not allow any more after a message on a
// subject was added.
func (m *Machine) enforce(id index.ID) {
	if limit := m.cfg.MaxMsgsPerSubject; limit > 0 {
		for s := m.x.SubjectOf(id); s.Count > uint64(limit); s = m.x.SubjectOf(id) {
			m.remove(s.First)
		}
	}
	if m.limited {
		m.enforceTotal()
	}
}

// enforceTotal applies the limits of the stream as a whole. A stream that discards
// new messages keeps the old.
func (m *Machine) enforceTotal() {
	if m.cfg.Discard == jsapi.DiscardNew {
		return
	}
	for {
		st := m.x.State()
		over := m.cfg.MaxMsgs > 0 && st.Messages > uint64(m.cfg.MaxMsgs) ||
			m.cfg.MaxBytes > 0 && st.Bytes > uint64(m.cfg.MaxBytes)
		if !over || st.Messages == 0 {
			return
		}
		m.remove(st.First)
	}
}

// enforceAllSubjects applies the limit of messages per subject, which was lowered.
func (m *Machine) enforceAllSubjects() {
	limit := uint64(m.cfg.MaxMsgsPerSubject)
	var over []index.ID
	for _, s := range m.x.Subjects(">") {
		if s.Count > limit {
			over = append(over, s.ID)
		}
	}
	for _, id := range over {
		for s := m.x.SubjectOf(id); s.Count > limit; s = m.x.SubjectOf(id) {
			m.remove(s.First)
		}
	}
}

func (m *Machine) remove(seq uint64) bool {
	e, ok := m.x.Remove(seq)
	if ok {
		m.removed(e)
	}
	return ok
}

func (m *Machine) removed(e index.Entry) {
	m.space.Free(e)
	if m.OnRemoved != nil {
		m.OnRemoved(e)
	}
}

// message reads a message back. It is valid until the next call.
func (m *Machine) message(seq uint64) (record.Message, bool) {
	e, ok := m.x.Get(seq)
	if !ok {
		return record.Message{}, false
	}
	b, err := m.space.Read(m.read[:0], e)
	if err != nil {
		return record.Message{}, false // the driver's Read has said so
	}
	m.read = b
	msg, _, err := record.Parse(b)
	msg.Seq = seq
	return msg, err == nil
}

// build makes the message what it is to be in the stream, where that is not what
// was published.
func (m *Machine) build(c *candidate) {
	floor := m.ttlFloor(c)
	schedule := len(c.h.schedule) > 0 && len(c.h.rollup) == 0 && m.cfg.AllowMsgSchedules
	if !floor && !schedule && !c.commit && c.total == nil {
		return
	}
	h := appendHeaders(nil, c.rec.Header, func(name []byte) bool {
		switch string(name) {
		case jsapi.HeaderTTL:
			return floor
		case jsapi.HeaderBatchCommit:
			return c.commit
		case jsapi.HeaderIncrement:
			return c.total != nil && c.sourced
		case jsapi.HeaderCounterSources:
			return c.total != nil
		}
		return false
	})
	if c.total != nil {
		h = appendCounter(h, c)
		c.rec.Body = counterBody(c.total)
	}
	if floor {
		h = appendHeader(h, jsapi.HeaderTTL, m.floorText())
	}
	if schedule {
		h = appendHeader(h, jsapi.HeaderRollup, jsapi.RollupSubject)
		c.h.rollup = rollupSubject
	}
	if c.commit {
		h = appendHeader(h, jsapi.HeaderBatchCommit, jsapi.BatchCommit)
	}
	c.rec.Header = append(h, crlf...)
	c.at = index.Place{}
}
