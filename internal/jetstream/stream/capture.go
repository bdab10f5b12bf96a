package stream

import (
	"encoding/binary"

	"github.com/tidings-io/tidings/internal/jetstream/index"
)

// Capture takes the state of a machine in parts, between which the machine goes
// on. What may be large comes first, in pieces: the ids of the duplicate window,
// which are only added at one end and forgotten at the other, then the index, as
// [index.Capture] does it. All else is in the last part, with the ids that came
// meanwhile: so the parts together are the state when that one is taken.
type Capture struct {
	m     *Machine
	begun bool
	ids   idsCapture
	done  bool // all ids are written that there were
	x     *index.Capture
}

// Capture begins to take the state; see [index.Index.Capture].
func (m *Machine) Capture() *Capture { return &Capture{m: m, x: m.x.Capture()} }

// Next appends the next part, which is about size bytes long besides what has
// changed since the one before and what is in the last one only, and without an end
// if size is negative. It reports whether it was the last one.
func (c *Capture) Next(dst []byte, size int) (all []byte, last bool) {
	if !c.begun {
		c.begun = true
		c.ids.from, c.ids.next = c.m.ids.gone, c.m.ids.gone
		dst = append(dst, stateVersion)
	}
	if !c.done {
		most := -1
		if size >= 0 {
			most = size/idLeast + 1
		}
		if dst = c.ids.write(dst, &c.m.ids, most); c.ids.next < c.m.ids.end() {
			return dst, false
		}
		c.done = true
		dst = binary.LittleEndian.AppendUint32(dst, 0)
	}
	if dst, last = c.x.Next(dst, size); last {
		dst = c.m.appendRest(dst, &c.ids)
	}
	return dst, last
}

// Drop ends a capture before its last part.
func (c *Capture) Drop() { c.x.Drop() }

// idsCapture says which ids are written. They are counted from the first one that
// the machine ever had.
type idsCapture struct {
	next    uint64 // those before it are written or were forgotten before that
	from    uint64 // of those written, the first one that was there at the last look
	written int    // before from, all of which are forgotten
}

// idLeast is the size of an id in a state, at least.
const idLeast = 18

// write appends a list of up to most ids, all if that is below 0, unless there are
// none.
func (c *idsCapture) write(dst []byte, d *ids, most int) []byte {
	if d.gone > c.next {
		c.written += int(c.next - c.from)
		c.from, c.next = d.gone, d.gone
	}
	n := int(d.end() - c.next)
	if most >= 0 {
		n = min(n, most)
	}
	if n > 0 {
		dst = c.list(dst, d, n)
	}
	return dst
}

func (c *idsCapture) list(dst []byte, d *ids, n int) []byte {
	dst = binary.LittleEndian.AppendUint32(dst, uint32(n))
	for at := d.first + uint32(c.next-d.gone); n > 0; n-- {
		e := d.get(at)
		for _, part := range e.hash {
			dst = binary.LittleEndian.AppendUint32(dst, part)
		}
		dst = binary.AppendUvarint(dst, e.seq())
		dst = binary.AppendVarint(dst, e.at())
		at++
		c.next++
	}
	return dst
}

// end appends the ids that are not written yet, and how many of all those that are
// have been forgotten.
func (c *idsCapture) end(dst []byte, d *ids) []byte {
	dst = c.write(dst, d, -1)
	dst = binary.LittleEndian.AppendUint32(dst, 0)
	return binary.AppendUvarint(dst, uint64(c.written)+d.gone-c.from)
}
