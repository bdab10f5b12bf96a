package stream

import (
	"github.com/tidings-io/tidings/internal/jetstream/index"
	"github.com/tidings-io/tidings/internal/record"
)

// Restore stores a message of a backup with the sequence and the time that it had.
// It obeyed the rules when it was published, so it is checked for none: it is taken
// by a stream that is sealed or full, or whose consumers are not there yet, and its
// subject is not transformed again. What it asks for holds on: its time to live, its
// schedule, its id in the duplicate window, its rollup; limits remove others. A
// sequence that is not behind the last is passed over.
//
// Nothing expires: that is for [Machine.Expire], when everything is there.
func (m *Machine) Restore(rec record.Message, at index.Place) {
	seq := rec.Seq
	if seq <= m.x.State().Last {
		return
	}
	c := candidate{rec: rec, at: at}
	c.h.parse(rec.Header)
	if c.ttl, _ = parseTTL(c.h.ttl); !m.cfg.AllowMsgTTL {
		c.ttl = 0
	}
	m.lastID = append(m.lastID[:0], c.h.msgID...)
	if o, ok := parseSource(c.h.streamSource); ok && !m.copied(&o) {
		m.noteSource(&o)
	}
	id := m.appendAt(c.rec, c.at, seq)
	m.remember(&c, seq)
	m.noteTTL(&c, seq)
	m.noteSchedule(&c, seq)
	if m.cfg.AllowRollup {
		m.rollup(&c, seq, id)
	}
	m.enforce(id)
	m.schedule()
}
