package stream

import (
	"math/big"

	"github.com/tidings-io/tidings/internal/jetstream/index"
	"github.com/tidings-io/tidings/internal/jsapi"
	"github.com/tidings-io/tidings/internal/record"
)

// candidate is a message on its way into the stream.
type candidate struct {
	rec     record.Message // with the subject that it will have
	at      index.Place    // where rec is; nowhere if it is not in the log as it is
	h       headers
	sourced bool // copied from another stream
	own     bool // made by the machine
	batched bool // of a batch, atomic or fast

	id        idHash
	known     bool   // there was a message with the same id
	duplicate uint64 // its sequence, 0 while it waits
	ttl       int64  // nanoseconds; 0: none, negative: never expires
	ttlBad    bool
	increment *big.Int
	total     *big.Int // of the counter with this message
	counters  []byte   // Nats-Counter-Sources with this message
	commit    bool     // gets the header that commits its batch
}

// Publish decides a client's message. rec is sealed and has its time, which is not
// before that of any earlier command; at is where the log has it, nowhere if the
// stream is not logged. rec is not retained.
func (m *Machine) Publish(rec record.Message, at index.Place) Decision {
	if rec.Time >= m.due {
		m.Expire(rec.Time)
	}
	if len(rec.Header) == 0 && m.plain && len(rec.Body) <= m.plainMax {
		return m.publishPlain(rec, at)
	}
	return m.publish(rec, at, false)
}

// publishPlain stores a message that needs no check.
func (m *Machine) publishPlain(rec record.Message, at index.Place) Decision {
	m.lastID = m.lastID[:0]
	seq, id := m.append(rec, at)
	m.enforce(id)
	return Decision{Answer: m.answer(), Seq: seq}
}

// PublishSourced decides a message that was copied from another stream, with the
// header Nats-Stream-Source that says where it came from. What its publisher
// expected of that stream does not count here, and it is refused as a duplicate if
// the source has come further already; see [Machine.Source]. Only
// ErrStreamStoreFailed is worth another try.
func (m *Machine) PublishSourced(rec record.Message, at index.Place) Decision {
	if rec.Time >= m.due {
		m.Expire(rec.Time)
	}
	return m.publish(rec, at, true)
}

func (m *Machine) publish(rec record.Message, at index.Place, sourced bool) Decision {
	c := &m.one
	special := c.h.parse(rec.Header)
	if !special && !sourced && m.plain && len(rec.Header)+len(rec.Body) <= m.plainMax && len(rec.Header) <= headerMaxBytes {
		return m.publishPlain(rec, at)
	}
	defer func() { m.one = candidate{} }() // rec is the caller's
	c.rec, c.at, c.sourced = rec, at, sourced
	if sourced {
		return m.source(c)
	}
	if err := m.admit(c); err != nil {
		return m.refuse(err)
	}
	if len(c.h.delay) > 0 && m.delaying {
		return m.delay(c)
	}
	if len(c.h.batchID) > 0 {
		return m.atomic(c)
	}
	return m.decide(c)
}

// admit refuses what is refused whatever else there is in the message.
func (m *Machine) admit(c *candidate) *jsapi.Error {
	switch {
	case m.cfg.Sealed:
		return jsapi.ErrStreamSealed.New()
	case m.cfg.MaxMsgSize > 0 && len(c.rec.Header)+len(c.rec.Body) > int(m.cfg.MaxMsgSize):
		return jsapi.ErrStreamMessageExceedsMaximum.New()
	}
	return nil
}

// decide checks and stores one message that is in no atomic batch.
func (m *Machine) decide(c *candidate) Decision {
	m.prepare(c)
	err := m.check(c, nil)
	switch {
	case err != nil:
		return m.refuse(err)
	case c.known:
		return Decision{Answer: m.answer(), Seq: c.duplicate, Duplicate: true}
	}
	d := Decision{Answer: m.answer(), Seq: m.store(c)}
	if c.total != nil {
		d.Value = c.total.String()
	}
	m.schedule()
	return d
}

// prepare gives the message the subject that it will have.
func (m *Machine) prepare(c *candidate) {
	if m.transform == nil {
		return
	}
	to, ok := m.transform.Apply(string(c.rec.Subject), mix(uint64(c.rec.Time)))
	if ok && to != string(c.rec.Subject) && len(to) <= record.MaxSubject {
		c.rec.Subject = []byte(to)
		c.at = index.Place{}
	}
}

// mix spreads a time over all numbers: what is random must be the same when the
// log is applied again.
func mix(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}
