package stream

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/tidings-io/tidings/internal/jetstream/index"
	"github.com/tidings-io/tidings/internal/jsapi"
)

// Decode returns the machine whose state AppendState has written. The bytes are not
// retained.
//
// Errors: [ErrInvalid].
func Decode(state []byte, space Space) (*Machine, error) {
	d := NewDecoder(space)
	rest, done, err := d.Part(state)
	switch {
	case err != nil:
		return nil, err
	case !done:
		return nil, fmt.Errorf("%w: it ends early", ErrInvalid)
	case len(rest) > 0:
		return nil, fmt.Errorf("%w: bytes are left over", ErrInvalid)
	}
	return d.Machine(), nil
}

// Decoder reads the parts that a [Capture] has written.
type Decoder struct {
	m      *Machine
	begun  bool
	listed bool // the index follows
	x      *index.Decoder
}

// NewDecoder returns a decoder of the machine of a stream in that space.
func NewDecoder(space Space) *Decoder {
	d := &Decoder{m: &Machine{space: space}, x: index.NewDecoder()}
	d.m.init()
	return d
}

// Part reads a part, in the order in which they were written, and reports whether
// it was the last one; then rest is what is behind it. The bytes are not retained.
//
// Errors: [ErrInvalid].
func (d *Decoder) Part(b []byte) (rest []byte, done bool, err error) {
	r := &reader{b: b}
	if !d.begun {
		if v := r.byte(); v != stateVersion {
			return nil, false, fmt.Errorf("%w: it has version %d, this program reads %d", ErrInvalid, v, stateVersion)
		}
		d.begun = true
	}
	for !d.listed && len(r.b) > 0 {
		d.listed = !d.m.ids.list(r)
	}
	if r.err != nil || !d.listed {
		return nil, false, r.err
	}
	if r.b, done, err = d.x.Part(r.b); err != nil {
		return nil, false, fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	if !done {
		return nil, false, nil
	}
	d.m.x = d.x.Index()
	return d.m.readRest(r)
}

// Machine returns the machine once all parts are read.
func (d *Decoder) Machine() *Machine { return d.m }

// readRest reads what stands behind the index.
func (m *Machine) readRest(r *reader) (rest []byte, done bool, err error) {
	for m.ids.list(r) {
	}
	gone := r.uint()
	if gone > uint64(m.ids.len()) {
		r.fail("more ids are forgotten than there were")
		return nil, false, r.err
	}
	m.ids.drop(uint32(gone))
	var cfg jsapi.StreamConfig
	if err := json.Unmarshal(r.bytes(), &cfg); err != nil {
		return nil, false, fmt.Errorf("%w: configuration: %w", ErrInvalid, err)
	}
	m.configure(cfg)
	m.created = r.int()
	m.limits = Limits{
		AtomicInflight: int(r.int()), AtomicMessages: int(r.int()), AtomicBytes: int(r.int()),
		FastInflight: int(r.int()), Timeout: time.Duration(r.int()),
	}
	m.lastTime, m.lastID = r.int(), slices.Clone(r.bytes())
	m.age.read(r)
	m.ttl.read(r)
	previous := uint64(0)
	for range r.count(1) {
		previous += r.uint()
		m.exempt = append(m.exempt, previous)
	}
	m.schedules.read(r)
	m.readBatches(r)
	if r.err != nil {
		return nil, false, r.err
	}
	m.timeBatches()
	m.schedule()
	return r.b, true, nil
}
