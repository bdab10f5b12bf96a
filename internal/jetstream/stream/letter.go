package stream

import (
	"github.com/tidings-io/tidings/internal/jetstream/index"
	"github.com/tidings-io/tidings/internal/jsapi"
	"github.com/tidings-io/tidings/internal/record"
)

// PublishLetter stores a dead letter: a message that a consumer has given up, and
// that is gone from there in the same step of the log. So it is taken, whatever the
// limits say; a stream that refuses new messages when it is full gets beyond that by
// what was on its way, see [Machine.Full].
func (m *Machine) PublishLetter(rec record.Message, at index.Place) Decision {
	if rec.Time >= m.due {
		m.Expire(rec.Time)
	}
	c := candidate{rec: rec, at: at, own: true}
	m.prepare(&c)
	m.lastID = m.lastID[:0]
	seq, id := m.append(c.rec, c.at)
	if m.cfg.Discard != jsapi.DiscardNew {
		m.enforce(id)
	}
	m.schedule()
	return Decision{Seq: seq}
}

// Full reports whether the stream refuses new messages because of those it has.
func (m *Machine) Full() bool {
	if m.cfg.Discard != jsapi.DiscardNew {
		return false
	}
	st := m.x.State()
	return m.cfg.MaxMsgs > 0 && st.Messages >= uint64(m.cfg.MaxMsgs) || m.cfg.MaxBytes > 0 && st.Bytes >= uint64(m.cfg.MaxBytes)
}
