package index

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
)

// ErrInvalid is part of every error of [Decode].
var ErrInvalid = errors.New("not the state of an index")

// Decode returns the index whose state [Index.AppendState] has written. Messages,
// subjects and their IDs are the same; the index keeps no view of b.
func Decode(b []byte) (*Index, error) {
	r := reader{b: b}
	x := r.header()
	r.subjects(x)
	r.messages(x)
	if r.err == nil && len(r.b) > 0 {
		r.fail("%d bytes behind the end", len(r.b))
	}
	if r.err != nil {
		return nil, r.err
	}
	return x, nil
}

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

// count reads the number of things that take at least size bytes each.
func (r *reader) count(what string, size int) uint64 {
	n := r.number(what, math.MaxUint64)
	if n > uint64(len(r.b)/size) {
		r.fail("%s is %d, with %d bytes left", what, n, len(r.b))
		return 0
	}
	return n
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

func (r *reader) header() *Index {
	x := New(1)
	h := r.bytes("the header", 3)
	if h == nil {
		return x
	}
	if h[0] != stateVersion {
		r.fail("version %d is unknown, %d is the newest", h[0], stateVersion)
		return x
	}
	x.charge = Charge{Plain: int8(h[1]), Header: int8(h[2])}
	if min(x.charge.Plain, x.charge.Header) < -minSize {
		r.fail("a charge of %d, %d is below nothing", x.charge.Plain, x.charge.Header)
	}
	x.first = r.number("the first sequence", math.MaxUint64)
	x.last = r.number("the last sequence", math.MaxUint64-1)
	if r.err == nil && (x.first == 0 || x.first > x.last+1) {
		r.fail("sequences from %d to %d", x.first, x.last)
	}
	return x
}

// minSize is the size of the smallest record.
const minSize = 32

func (r *reader) subjects(x *Index) {
	n := r.count("the number of subjects", 3)
	ids := idRestorer{t: &x.dict.ids}
	w := pageWriter{d: &x.dict}
	var text []byte
	for i := uint64(0); i < n && r.err == nil; i++ {
		shared := r.number("a shared length", uint64(len(text)))
		size := r.number("a length", math.MaxUint16)
		id := r.number("an ID", maxID)
		rest := r.bytes("a subject", size)
		if r.err != nil {
			return
		}
		if i > 0 && (len(rest) == 0 || shared < uint64(len(text)) && rest[0] <= text[shared]) {
			r.fail("subject %d is out of order", i)
			return
		}
		if !ids.take(ID(id)) {
			r.fail("subject %d has the ID %d, which is taken or none", i, id)
			return
		}
		text = append(text[:shared], rest...)
		w.add(text, ID(id))
	}
	w.finish()
	ids.finish()
}

func (r *reader) messages(x *Index) {
	n := r.count("the number of messages", 3)
	if r.err == nil && n == 0 && x.first != x.last+1 {
		r.fail("no messages from %d to %d", x.first, x.last)
	}
	next, end := x.first, Place{}
	for x.messages < n && r.err == nil {
		gap := r.number("a gap", math.MaxUint64)
		length := r.number("the length of a run", n-x.messages)
		switch {
		case r.err != nil:
			return
		case length == 0:
			r.fail("an empty run")
		case gap > 0 && x.messages == 0:
			r.fail("no message with the first sequence")
		case gap > x.last || length > x.last+1-next-gap || next > x.last-gap:
			r.fail("messages behind the last sequence %d", x.last)
		}
		for next += gap; length > 0 && r.err == nil; length-- {
			end = r.message(x, next, end)
			next++
		}
	}
	if r.err == nil && x.subjects != uint64(x.dict.n) {
		r.fail("%d of %d subjects have messages", x.subjects, x.dict.n)
	}
}

// message reads one and returns the end of its record, as of which the next one
// is told.
func (r *reader) message(x *Index, seq uint64, end Place) Place {
	id := ID(r.number("an ID", maxID))
	size := r.number("a size", math.MaxUint32)
	place := r.number("an offset", 1<<35)
	header := size&1 != 0
	size >>= 1
	if place&1 != 0 {
		end = Place{File: uint32(r.number("a file", math.MaxUint32))}
	}
	place >>= 1
	offset := int64(end.Offset) + (int64(place>>1) ^ -int64(place&1))
	switch {
	case r.err != nil:
		return end
	case offset < 0 || offset > math.MaxUint32:
		r.fail("message %d is at offset %d", seq, offset)
		return end
	case size < minSize:
		r.fail("message %d has %d bytes", seq, size)
		return end
	case id == 0 || !x.dict.ids.inUse(id):
		r.fail("message %d has the unknown subject %d", seq, id)
		return end
	}
	at := Place{File: end.File, Offset: uint32(offset)}
	x.restore(id, seq, uint32(size), header, at)
	return Place{File: at.File, Offset: at.Offset + uint32(size)}
}

// restore adds a message of a subject that was decoded.
func (x *Index) restore(id ID, seq uint64, size uint32, header bool, at Place) {
	s := x.dict.ids.at(id)
	if s.count == 0 {
		s.last = seq
		x.subjects++
	}
	x.count(id, s, seq)
	x.messages++
	x.bytes += x.charge.Of(size, header)
	x.files.add(at.File, size)
	if header {
		size |= HasHeader
	}
	x.blocks.append(seq, id, size, at)
}
