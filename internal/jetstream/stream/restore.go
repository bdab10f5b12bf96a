package stream

import (
	"cmp"
	"container/heap"
	"slices"

	"github.com/tidings-io/tidings/internal/jetstream/index"
	"github.com/tidings-io/tidings/internal/jsapi"
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

// DelayedMessage is a message that waits to be stored.
type DelayedMessage struct {
	Due    int64  // Unix nanoseconds
	Record []byte // as it was published; must not be changed
}

// DelayedMessages returns the messages that wait, in the order of publishing.
func (m *Machine) DelayedMessages() []DelayedMessage {
	waiting := slices.SortedFunc(slices.Values(m.delayed.list), func(a, b delayed) int { return cmp.Compare(a.number, b.number) })
	list := make([]DelayedMessage, len(waiting))
	for i := range waiting {
		list[i] = DelayedMessage{waiting[i].at, waiting[i].rec}
	}
	return list
}

// RestoreDelayed has a message of a backup wait again.
//
// Errors: ErrStreamStoreFailed if so much waits already.
func (m *Machine) RestoreDelayed(due int64, rec []byte) *jsapi.Error {
	if err := m.delayed.room(len(rec)); err != nil {
		return err
	}
	c := candidate{rec: record.View(rec)}
	c.h.parse(c.rec.Header)
	m.delayed.next++
	heap.Push(&m.delayed, delayed{at: due, number: m.delayed.next, id: delayedID(c.h.msgID), rec: slices.Clone(rec)})
	m.remember(&c, 0)
	m.schedule()
	return nil
}
