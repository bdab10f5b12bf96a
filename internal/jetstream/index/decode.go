package index

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
)

// ErrInvalid is part of every error of [Decode] and [Decoder].
var ErrInvalid = errors.New("not the state of an index")

// Decode returns the index whose state [Index.AppendState] has written. Messages,
// subjects and their IDs are the same; the index keeps no view of b.
func Decode(b []byte) (*Index, error) {
	d := NewDecoder()
	rest, done, err := d.Part(b)
	switch {
	case err != nil:
		return nil, err
	case !done:
		return nil, fmt.Errorf("%w: it ends early", ErrInvalid)
	case len(rest) > 0:
		return nil, fmt.Errorf("%w: %d bytes behind the end", ErrInvalid, len(rest))
	}
	return d.Index(), nil
}

// Decoder reads the parts that a [Capture] has written.
type Decoder struct {
	r       reader
	x       *Index // nil before the first part
	done    bool
	changed bool // subjects may have no message although one was read

	listed bool // all subjects are in the dictionary
	ids    idRestorer
	pages  pageWriter
	text   []byte // the subject that was read last
	born   []born // before all subjects were listed
	next   uint64 // the sequence behind the last message
	end    Place  // of its record
}

type born struct {
	id   ID
	text []byte
}

// NewDecoder returns a decoder that has read nothing.
func NewDecoder() *Decoder { return new(Decoder) }

// Part reads a part, in the order in which they were written, and reports whether
// it was the last one; then rest is what is behind it. It keeps no view of b.
func (d *Decoder) Part(b []byte) (rest []byte, done bool, err error) {
	d.r.b = b
	if d.x == nil {
		d.header()
	}
	for d.r.err == nil && !d.done && len(d.r.b) > 0 {
		d.record()
	}
	return d.r.b, d.done, d.r.err
}

// Index returns the index once all parts are read.
func (d *Decoder) Index() *Index { return d.x }

// reader takes the state apart. After an error it reads zeros.
type reader struct {
	b   []byte
	err error
}

func (r *reader) fail(format string, args ...any) {
	if r.err == nil {
		r.err = fmt.Errorf("%w: "+format, append([]any{ErrInvalid}, args...)...)
	}
	r.b = nil
}

// number reads a uvarint that is at most limit.
func (r *reader) number(what string, limit uint64) uint64 {
	v, k := binary.Uvarint(r.b)
	switch {
	case r.err != nil:
		return 0
	case k <= 0:
		r.fail("it ends before %s", what)
		return 0
	case v > limit:
		r.fail("%s is %d, more than %d", what, v, limit)
		return 0
	}
	r.b = r.b[k:]
	return v
}

func (r *reader) bytes(what string, n uint64) []byte {
	if n > uint64(len(r.b)) {
		r.fail("it ends in %s", what)
		return nil
	}
	b := r.b[:n]
	r.b = r.b[n:]
	return b
}

func (d *Decoder) header() {
	r := &d.r
	h := r.bytes("the header", 3)
	if h == nil {
		return
	}
	if h[0] != stateVersion {
		r.fail("it has version %d, this program reads %d", h[0], stateVersion)
		return
	}
	c := Charge{Plain: int8(h[1]), Header: int8(h[2])}
	if min(c.Plain, c.Header) < -minSize {
		r.fail("a charge of %d, %d is below nothing", c.Plain, c.Header)
	}
	d.begin(c)
}

// begin begins with an empty index.
func (d *Decoder) begin(c Charge) {
	x := New(1)
	x.charge, x.dict.held = c, true
	*d = Decoder{r: d.r, x: x, ids: idRestorer{t: &x.dict.ids}, pages: pageWriter{d: &x.dict}}
}

// minSize is the size of the smallest record.
const minSize = 32

func (d *Decoder) record() {
	kind := d.r.bytes("a record", 1)[0]
	if kind != recordSubjects && kind != recordBorn && !d.listed {
		d.endList()
	}
	switch kind {
	case recordEnd:
		d.finish()
	case recordSubjects:
		d.subjects()
	case recordMessages:
		d.messages()
	case recordBorn:
		d.readBorn()
	case recordRemoved:
		seq := d.r.number("a sequence", math.MaxUint64)
		if _, ok := d.x.Remove(seq); !ok {
			d.r.fail("message %d is removed and not there", seq)
		}
		d.changed = true
	case recordMoved:
		d.moved()
	case recordCleared:
		d.begin(d.x.charge)
	default:
		d.r.fail("a record of the kind %d", kind)
	}
}

// list reads the number of entries of a record, which take at least size bytes each.
func (d *Decoder) list(size int) uint64 {
	b := d.r.bytes("a number of entries", 4)
	if b == nil {
		return 0
	}
	n := uint64(binary.LittleEndian.Uint32(b))
	if n == 0 || n > uint64(len(d.r.b)/size) {
		d.r.fail("%d entries, with %d bytes left", n, len(d.r.b))
		return 0
	}
	return n
}

func (d *Decoder) subjects() {
	r := &d.r
	if d.listed {
		r.fail("subjects behind messages")
	}
	for n := d.list(3); n > 0 && r.err == nil; n-- {
		shared := r.number("a shared length", uint64(len(d.text)))
		size := r.number("a length", math.MaxUint16)
		id := r.number("an ID", maxID)
		rest := r.bytes("a subject", size)
		if r.err != nil {
			return
		}
		if d.pages.any() && (len(rest) == 0 || shared < uint64(len(d.text)) && rest[0] <= d.text[shared]) {
			r.fail("subject %q is out of order", rest)
			return
		}
		if !d.ids.take(ID(id)) {
			r.fail("the ID %d is taken or none", id)
			return
		}
		d.text = append(d.text[:shared], rest...)
		d.pages.add(d.text, ID(id))
	}
}

// endList completes the dictionary.
func (d *Decoder) endList() {
	d.listed = true
	d.pages.finish()
	for _, one := range d.born {
		d.bear(one)
	}
	d.born = nil
}

func (d *Decoder) readBorn() {
	id := d.r.number("an ID", maxID)
	text := d.r.bytes("a subject", d.r.number("a length", math.MaxUint16))
	switch {
	case d.r.err != nil:
	case d.listed:
		d.bear(born{ID(id), text})
	default:
		d.born = append(d.born, born{ID(id), bytes.Clone(text)})
	}
	d.changed = true
}

// bear adds a subject, which may be there: it was without messages for a while.
func (d *Decoder) bear(one born) {
	dict := &d.x.dict
	if dict.lookup(one.text) == one.id && one.id != 0 {
		return
	}
	if !d.ids.take(one.id) {
		d.r.fail("the ID %d is taken or none", one.id)
		return
	}
	if id := dict.addAs(one.text, func() ID { return one.id }); id != one.id {
		d.r.fail("subject %q has two IDs", one.text)
	}
}

func (d *Decoder) messages() {
	r := &d.r
	for n := d.list(messageLeast); n > 0 && r.err == nil; {
		gap := r.number("a gap", math.MaxUint64-1-d.next)
		length := r.number("the length of a run", n)
		switch {
		case r.err != nil:
			return
		case length == 0:
			r.fail("an empty run")
		case length > math.MaxUint64-1-d.next-gap || d.next+gap == 0:
			r.fail("a run of %d at %d", length, d.next+gap)
		}
		n -= length
		for d.next += gap; length > 0 && r.err == nil; length-- {
			d.message()
			d.next++
		}
	}
}

// message reads the one with the sequence next.
func (d *Decoder) message() {
	r, seq := &d.r, d.next
	id := ID(r.number("an ID", maxID))
	size := r.number("a size", math.MaxUint32)
	place := r.number("an offset", 1<<35)
	header := size&1 != 0
	size >>= 1
	if place&1 != 0 {
		d.end = Place{File: uint32(r.number("a file", math.MaxUint32))}
	}
	place >>= 1
	offset := int64(d.end.Offset) + (int64(place>>1) ^ -int64(place&1))
	switch {
	case r.err != nil:
		return
	case offset < 0 || offset > math.MaxUint32:
		r.fail("message %d is at offset %d", seq, offset)
		return
	case size < minSize:
		r.fail("message %d has %d bytes", seq, size)
		return
	case id == 0 || !d.x.dict.ids.inUse(id):
		r.fail("message %d has the unknown subject %d", seq, id)
		return
	}
	at := Place{File: d.end.File, Offset: uint32(offset)}
	d.x.restore(id, seq, uint32(size), header, at)
	d.end = Place{File: at.File, Offset: at.Offset + uint32(size)}
}

func (d *Decoder) moved() {
	seq := d.r.number("a sequence", math.MaxUint64)
	to := Place{
		File:   uint32(d.r.number("a file", math.MaxUint32)),
		Offset: uint32(d.r.number("an offset", math.MaxUint32)),
	}
	e, ok := d.x.Get(seq)
	if !ok {
		d.r.fail("message %d is moved and not there", seq)
		return
	}
	d.x.Move(seq, e.Place, to)
}

// finish reads the sums and completes the index.
func (d *Decoder) finish() {
	r, x := &d.r, d.x
	first := r.number("the first sequence", math.MaxUint64)
	last := r.number("the last sequence", math.MaxUint64-1)
	subjects := r.number("the number of subjects", MaxSubjects)
	messages := r.number("the number of messages", math.MaxUint64)
	switch {
	case r.err != nil:
		return
	case x.messages != messages || x.subjects != subjects:
		r.fail("%d messages on %d subjects, %d on %d were told", x.messages, x.subjects, messages, subjects)
		return
	case messages == 0 && (first == 0 || first != last+1) || messages > 0 && (first != x.first || last < x.last):
		r.fail("sequences from %d to %d, messages from %d to %d", first, last, x.first, x.last)
		return
	}
	x.first, x.last = first, last
	d.ids.finish()
	if d.changed || x.subjects != uint64(x.dict.n) {
		x.dict.recount(x.removals.n)
	}
	x.dict.held = false
	d.done = true
}

// restore adds a message of a subject that was decoded.
func (x *Index) restore(id ID, seq uint64, size uint32, header bool, at Place) {
	s := x.dict.ids.at(id)
	if s.count == 0 {
		s.last = seq
		x.subjects++
	}
	x.count(id, s, seq)
	if x.messages == 0 {
		x.first = seq
	}
	x.last = seq
	x.messages++
	x.bytes += x.charge.Of(size, header)
	x.files.add(at.File, size)
	if header {
		size |= HasHeader
	}
	x.blocks.append(seq, id, size, at)
}
