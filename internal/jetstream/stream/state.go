package stream

import (
	"encoding/json"
	"errors"
	"maps"
	"slices"

	"github.com/tidings-io/tidings/internal/record"
)

// ErrInvalid is part of every error about bytes that are no state of a stream.
var ErrInvalid = errors.New("no valid state of a stream")

// stateVersion is the first byte of a state. The rest, in this order: lists of ids,
// the index, lists of newer ids, how many of all these are forgotten, the
// configuration as JSON, creation, limits, last time and id, ages, TTLs, exempt
// messages, schedules, atomic batches, fast batches, sources, batches whose end
// nobody has been told, delayed messages. Numbers are varints, texts have their
// length before them, lists their count.
const stateVersion = 2

// AppendState appends the state in the form that Decode takes.
func (m *Machine) AppendState(dst []byte) []byte {
	dst, _ = m.Capture().Next(dst, -1)
	return dst
}

// appendRest appends what stands behind the index.
func (m *Machine) appendRest(dst []byte, ids *idsCapture) []byte {
	config, err := json.Marshal(m.cfg)
	if err != nil {
		panic("stream: configuration does not marshal: " + err.Error()) // it came from JSON
	}
	w := writer(ids.end(dst, &m.ids))
	w.bytes(config)
	w.int(m.created)
	w.int(int64(m.limits.AtomicInflight))
	w.int(int64(m.limits.AtomicMessages))
	w.int(int64(m.limits.AtomicBytes))
	w.int(int64(m.limits.FastInflight))
	w.int(int64(m.limits.Timeout))
	w.int(m.lastTime)
	w.bytes(m.lastID)
	m.age.write(&w)
	m.ttl.write(&w)
	w.uint(uint64(len(m.exempt)))
	previous := uint64(0)
	for _, seq := range m.exempt {
		w.uint(seq - previous)
		previous = seq
	}
	m.schedules.write(&w)
	m.writeBatches(&w)
	return w
}

func (a *ages) write(w *writer) {
	w.uint(a.done)
	w.int(a.start)
	w.uint(uint64(len(a.spans)))
	var previous span
	for _, s := range a.spans {
		w.uint(s.last - previous.last)
		w.int(s.time - previous.time)
		previous = s
	}
}

func (a *ages) read(r *reader) {
	a.done, a.start = r.uint(), r.int()
	n := r.count(2)
	a.spans = slices.Grow(a.spans, n)
	var s span
	for range n {
		s.last += r.uint()
		s.time += r.int()
		a.spans = append(a.spans, s)
	}
}

func (t timers) write(w *writer) {
	w.uint(uint64(len(t)))
	for _, one := range t {
		w.int(one.at)
		w.uint(one.seq)
	}
}

func (t *timers) read(r *reader) {
	n := r.count(2)
	*t = make(timers, n)
	for i := range *t {
		(*t)[i] = timer{r.int(), r.uint()}
		if i > 0 && t.Less(i, (i-1)/2) {
			r.fail("timers are no heap")
		}
	}
}

// list reads a list of ids and reports whether it was one: the number 0 ends them.
func (d *ids) list(r *reader) bool {
	n := r.uint32()
	if uint64(n) > min(uint64(len(r.b)/idLeast), idsNumber) {
		r.fail("list of ids is cut off")
		return false
	}
	for range n {
		var h idHash
		for i := range h {
			h[i] = r.uint32()
		}
		d.add(h, r.uint(), r.int())
	}
	return n > 0 && r.err == nil
}

func (m *Machine) writeBatches(w *writer) {
	w.uint(uint64(len(m.batches)))
	for _, id := range slices.Sorted(maps.Keys(m.batches)) {
		b := m.batches[id]
		w.bytes([]byte(id))
		w.int(b.last)
		w.uint(uint64(len(b.records)))
		for _, rec := range b.records {
			w.bytes(rec)
		}
	}
	w.uint(uint64(len(m.fast)))
	for _, id := range slices.Sorted(maps.Keys(m.fast)) {
		b := m.fast[id]
		w.bytes([]byte(id))
		w.int(b.last)
		for _, n := range [...]uint64{b.seq, b.stored, b.acked, uint64(b.flow), uint64(b.flowMax)} {
			w.uint(n)
		}
		w.bool(b.failOnGap)
	}
	w.uint(uint64(len(m.sources)))
	for _, key := range slices.Sorted(maps.Keys(m.sources)) {
		w.bytes([]byte(key))
		w.bytes([]byte(m.sources[key].identity))
		w.uint(m.sources[key].seq)
	}
	w.uint(uint64(len(m.abandoned)))
	for _, a := range m.abandoned {
		w.bytes([]byte(a.Batch))
		w.bytes([]byte(a.Reason))
	}
	m.delayed.write(w)
}

func (m *Machine) readBatches(r *reader) {
	for range r.count(3) {
		id, b := string(r.bytes()), &batch{last: r.int()}
		for range r.count(record.HeaderSize + 1) {
			rec := slices.Clone(r.bytes())
			if _, n, err := record.Parse(rec); err != nil || n != len(rec) {
				r.fail("record of a batch is damaged")
				return
			}
			b.records = append(b.records, rec)
			b.bytes += len(rec)
		}
		m.staged += b.bytes
		m.batches[id] = b
	}
	for range r.count(8) {
		id, b := string(r.bytes()), &fastBatch{last: r.int()}
		b.seq, b.stored, b.acked = r.uint(), r.uint(), r.uint()
		b.flow, b.flowMax = uint16(r.uint()), uint16(r.uint())
		b.failOnGap = r.bool()
		m.fast[id] = b
	}
	for range r.count(3) {
		key := string(r.bytes())
		m.sources[key] = progress{string(r.bytes()), r.uint()}
	}
	for range r.count(2) {
		m.abandoned = append(m.abandoned, Abandoned{string(r.bytes()), string(r.bytes())})
	}
	m.delayed.read(r)
}
