package stream

import (
	"bytes"

	"github.com/tidings-io/tidings/internal/jetstream/index"
	"github.com/tidings-io/tidings/internal/jsapi"
	"github.com/tidings-io/tidings/internal/record"
)

// origin is the header Nats-Stream-Source taken apart: stream, sequence, filter,
// destination and subject there, and since protocol 2.15 the stream's identity.
type origin struct {
	stream, key, subject string
	identity             string // of the stream there; empty: not told
	seq                  uint64
}

// progress is how far a source has been copied.
type progress struct {
	identity string // of the stream that it was copied from; empty: not known
	seq      uint64
}

func parseSource(text []byte) (o origin, ok bool) {
	f := bytes.Split(text, []byte(" "))
	if len(f) < 5 || len(f[0]) == 0 {
		return origin{}, false
	}
	seq, ok := parseUint(f[1])
	o = origin{
		stream: string(f[0]), key: SourceKey(string(f[0]), string(f[2]), string(f[3])), subject: string(f[4]), seq: seq,
	}
	if len(f) > 5 {
		o.identity = string(f[5])
	}
	return o, ok
}

// SourceKey returns the name of a source: the three words of the header
// Nats-Stream-Source that do not depend on the message.
func SourceKey(stream, filter, destination string) string {
	return stream + " " + filter + " " + destination
}

// Source returns how far the source has been copied: the last sequence, and the
// identity of the stream that has it. A stream of the same name with another
// identity begins anew. Nothing is known of a source: "", 0.
func (m *Machine) Source(key string) (identity string, seq uint64) {
	p := m.sources[key]
	return p.identity, p.seq
}

// SetSource says how far the source has been copied: it was begun anew, or what is
// there up to seq is not to be had. "", 0 forgets the source.
func (m *Machine) SetSource(key, identity string, seq uint64) {
	if seq == 0 && identity == "" {
		delete(m.sources, key)
		return
	}
	m.sources[key] = progress{identity, seq}
}

// copied reports whether the message was copied before.
func (m *Machine) copied(o *origin) bool {
	p := m.sources[o.key]
	return o.seq <= p.seq && (o.identity == p.identity || o.identity == "" || p.identity == "")
}

func (m *Machine) noteSource(o *origin) { m.sources[o.key] = progress{o.identity, o.seq} }

// source decides a sourced message.
func (m *Machine) source(c *candidate) Decision {
	o, ok := parseSource(c.h.streamSource)
	if !ok {
		return m.refuse(jsapi.ErrBadRequest.New())
	}
	if m.copied(&o) {
		return Decision{Seq: m.x.State().Last, Duplicate: true}
	}
	c.h.withoutChecks()
	if err := m.admit(c); err != nil {
		if err.Code != jsapi.ErrStreamSealed {
			m.noteSource(&o)
		}
		return m.refuse(err)
	}
	d := m.decide(c)
	if d.Err == nil || d.Err.Code != jsapi.ErrStreamStoreFailed {
		m.noteSource(&o)
	}
	return d
}

// PublishAt stores a mirrored message with the sequence and the time that it has in
// the origin; sequences that are left out become holes. now is the time of the
// command, 0 if it has none. A sequence that is there already is a duplicate. The
// error is ErrStreamSealed, or ErrStreamStoreFailed if there is no room.
func (m *Machine) PublishAt(rec record.Message, at index.Place, seq uint64, now int64) Decision {
	if now >= m.due && now != 0 {
		m.Expire(now)
	}
	st := m.x.State()
	if m.cfg.Sealed {
		return m.refuse(jsapi.ErrStreamSealed.New())
	}
	if seq <= st.Last {
		return Decision{Seq: seq, Duplicate: true}
	}
	c := candidate{rec: rec, at: at, sourced: true, own: true}
	c.h.parse(rec.Header)
	m.prepare(&c)
	if err := m.checkRoom(&c, nil); err != nil {
		return m.refuse(err)
	}
	_ = m.checkTTLAllowed(&c, nil) // of sourced messages it has no error
	m.lastID = append(m.lastID[:0], c.h.msgID...)
	if len(c.h.streamSource) > 0 {
		// A mirror knows its origin's sources, should it go on with them by itself.
		if o, ok := parseSource(c.h.streamSource); ok && !m.copied(&o) {
			m.noteSource(&o)
		}
	}
	if !m.wanted(c.rec.Subject) {
		m.x.Skip(seq)
		return Decision{Seq: seq}
	}
	id := m.appendAt(c.rec, c.at, seq)
	m.noteTTL(&c, seq)
	m.enforce(id)
	m.schedule()
	return Decision{Seq: seq}
}
