package stream

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/tidings-io/tidings/internal/jetstream/index"
	"github.com/tidings-io/tidings/internal/jsapi"
	"github.com/tidings-io/tidings/internal/record"
)

// ErrInvalid is part of every error about bytes that are no state of a stream.
var ErrInvalid = errors.New("no valid state of a stream")

// stateVersion is the first byte of a state. The rest, in this order: the
// configuration as JSON, creation, limits, last time and id, the index, ages, TTLs,
// exempt messages, schedules, ids, atomic batches, fast batches, sources, batches
// whose end nobody has been told, delayed messages. Numbers are varints, texts have their length
// before them, lists their count.
const stateVersion = 1

// AppendState appends the state in the form that Decode takes.
func (m *Machine) AppendState(dst []byte) []byte {
	config, err := json.Marshal(m.cfg)
	if err != nil {
		panic("stream: configuration does not marshal: " + err.Error()) // it came from JSON
	}
	w := writer(append(dst, stateVersion))
	w.bytes(config)
	w.int(m.created)
	w.int(int64(m.limits.AtomicInflight))
	w.int(int64(m.limits.AtomicMessages))
	w.int(int64(m.limits.AtomicBytes))
	w.int(int64(m.limits.FastInflight))
	w.int(int64(m.limits.Timeout))
	w.int(m.lastTime)
	w.bytes(m.lastID)
	m.writeIndex(&w)
	m.age.write(&w)
	m.ttl.write(&w)
	w.uint(uint64(len(m.exempt)))
	previous := uint64(0)
	for _, seq := range m.exempt {
		w.uint(seq - previous)
		previous = seq
	}
	m.schedules.write(&w)
	m.ids.write(&w)
	m.writeBatches(&w)
	return w
}

// writeIndex writes the index with its length, which is a number of fixed size so
// that the index need not be written twice.
func (m *Machine) writeIndex(w *writer) {
	at := len(*w)
	*w = append(*w, make([]byte, 8)...)
	*w = m.x.AppendState(*w)
	binary.LittleEndian.PutUint64((*w)[at:], uint64(len(*w)-at-8))
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

func (d *ids) write(w *writer) {
	w.uint(uint64(d.len()))
	for n := d.first; n < d.next; n++ {
		e := d.get(n)
		for _, part := range e.hash {
			*w = binary.LittleEndian.AppendUint32(*w, part)
		}
		w.uint(e.seq())
		w.int(e.at())
	}
}

func (d *ids) read(r *reader) {
	for range r.count(18) {
		var h idHash
		for i := range h {
			h[i] = r.uint32()
		}
		d.add(h, r.uint(), r.int())
	}
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

// Decode returns the machine whose state AppendState has written. The bytes are not
// retained.
//
// Errors: [ErrInvalid].
func Decode(state []byte, space Space) (*Machine, error) {
	m := &Machine{space: space}
	m.init()
	r := &reader{b: state}
	if v := r.byte(); v != stateVersion {
		return nil, fmt.Errorf("%w: version %d; this program reads %d", ErrInvalid, v, stateVersion)
	}
	var cfg jsapi.StreamConfig
	if err := json.Unmarshal(r.bytes(), &cfg); err != nil {
		return nil, fmt.Errorf("%w: configuration: %w", ErrInvalid, err)
	}
	m.configure(cfg)
	m.created = r.int()
	m.limits = Limits{
		AtomicInflight: int(r.int()), AtomicMessages: int(r.int()), AtomicBytes: int(r.int()),
		FastInflight: int(r.int()), Timeout: time.Duration(r.int()),
	}
	m.lastTime, m.lastID = r.int(), slices.Clone(r.bytes())
	x, err := index.Decode(r.take(r.uint64()))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	m.x = x
	m.age.read(r)
	m.ttl.read(r)
	previous := uint64(0)
	for range r.count(1) {
		previous += r.uint()
		m.exempt = append(m.exempt, previous)
	}
	m.schedules.read(r)
	m.ids.read(r)
	m.readBatches(r)
	if r.err == nil && len(r.b) > 0 {
		r.fail("bytes are left over")
	}
	if r.err != nil {
		return nil, r.err
	}
	m.timeBatches()
	m.schedule()
	return m, nil
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
