package index

import (
	"bytes"
	"encoding/binary"
	"math"

	"github.com/tidings-io/tidings/internal/invariant"
)

// Capture takes the state of an index in parts, between which the index goes on.
//
// It lists the subjects in their order, then the messages. What changes in the part
// of the index that it has passed is noted, and written in front of the next part:
// a message that is removed or moved, a subject that gets its first message. So the
// parts together are the index as it is when the last one is taken, wherever it was
// meanwhile, and neither a copy nor an older version of anything is kept; what is
// noted is what changes while one part is on its way to the disk. Notes say what the
// index did, not what a stream was asked for, so that reading them decides nothing.
//
// While a capture is open IDs are not given out a second time (dict.held): a subject
// that was listed and is gone cannot be mistaken for another one.
type Capture struct {
	x       *Index
	begun   bool   // there was a part
	some    bool   // there is a last subject: text
	listed  bool   // all subjects are written
	text    []byte // the subject that was written last
	next    uint64 // messages below it are written
	end     Place  // of the record of the last of them
	changes []byte // records, since the last part
}

// Capture begins to take the state. There is one capture at a time that is open,
// which is from its first part to its last one, or to Drop.
func (x *Index) Capture() *Capture { return &Capture{x: x} }

// Next appends the next part, which is about size bytes long besides what has
// changed since the one before, and without an end if size is negative. It reports
// whether it was the last one.
func (c *Capture) Next(dst []byte, size int) (all []byte, last bool) {
	x := c.x
	if !c.begun {
		c.begun = true
		dst = append(dst, stateVersion, byte(x.charge.Plain), byte(x.charge.Header))
	}
	dst = append(dst, c.changes...)
	c.changes = c.changes[:0]
	room := partRoom{from: len(dst), size: size}
	if !c.listed {
		dst = c.subjects(dst, room)
	}
	if c.listed {
		dst, last = c.messages(dst, room)
	}
	if !last {
		x.attach(c)
		return dst, false
	}
	c.Drop()
	dst = append(dst, recordEnd)
	for _, n := range [...]uint64{x.first, x.last, x.subjects, x.messages} {
		dst = binary.AppendUvarint(dst, n)
	}
	return dst, true
}

// Drop ends a capture before its last part.
func (c *Capture) Drop() {
	if c.x.capture == c {
		c.x.capture, c.x.dict.held = nil, false
	}
}

func (x *Index) attach(c *Capture) {
	invariant.That(x.capture == nil || x.capture == c, "two captures of an index are open")
	x.capture, x.dict.held = c, true
}

// What a message takes in a state: at least, and mostly.
const (
	messageLeast = 3
	messageUsual = 8
)

// partRoom says when a part is full.
type partRoom struct{ from, size int }

func (p partRoom) full(dst []byte) bool { return p.left(dst) <= 0 }

// left returns how many bytes there is room for.
func (p partRoom) left(dst []byte) int {
	if p.size < 0 {
		return math.MaxInt - 1
	}
	return p.size - (len(dst) - p.from)
}

// subjects lists those that have messages.
func (c *Capture) subjects(dst []byte, room partRoom) []byte {
	at, n := len(dst), 0
	dst = openList(dst, recordSubjects)
	c.listed = c.x.dict.behind(c.text, c.some, func(text []byte, id ID) bool {
		dst = appendSubject(dst, c.text, text, id)
		c.text, c.some = append(c.text[:0], text...), true
		n++
		return !room.full(dst)
	})
	return closeList(dst, at, n)
}

// behind calls f with each subject that has messages, in order, with those behind
// after only if that counts, until f returns false; then it does, too.
func (d *dict) behind(after []byte, counts bool, f func(text []byte, id ID) bool) bool {
	if len(d.groups) == 0 {
		return true
	}
	var l leaf
	if counts {
		l = d.leaf(after)
	}
	var text []byte
	for ; l.group < len(d.groups); l.group, l.at = l.group+1, 0 {
		for ; l.at < len(d.groups[l.group].pages); l.at++ {
			p := &d.pages[d.groups[l.group].pages[l.at]]
			for at := 0; at < len(p.b); {
				e := entryAt(p.b, at)
				at = e.end
				text = append(text[:e.shared], p.b[e.text:e.end]...)
				if counts && !less(after, text) {
					continue
				}
				counts = false // f may change after
				if p.dead > 0 && d.ids.at(e.id).count == 0 {
					continue
				}
				if !f(text, e.id) {
					return false
				}
			}
		}
	}
	return true
}

// messages lists messages and reports whether these were all.
func (c *Capture) messages(dst []byte, room partRoom) (_ []byte, done bool) {
	at := len(dst)
	w := writer{dst: openList(dst, recordMessages), next: c.next, end: c.end}
	done = c.x.blocks.each(c.next, func(b *block, row int) (next int, more bool) {
		next = b.appendRun(&w, row, max(room.left(w.dst), 0)/messageUsual+1)
		return next, !room.full(w.dst)
	})
	c.next, c.end = w.next, w.end
	return closeList(w.dst, at, w.n), done
}

// each calls f with the first message at or behind seq and then with the first one
// at or behind the row that f returns, until f says that it wants no more; then it
// returns false.
func (t *blocks) each(seq uint64, f func(b *block, row int) (next int, more bool)) bool {
	for _, b := range t.list[t.at(seq):] {
		for row := b.from(seq); row < len(b.ids); {
			if b.ids[row] == 0 {
				row++
				continue
			}
			next, more := f(b, row)
			if !more {
				return false
			}
			row = next
		}
	}
	return true
}

// born notes a subject that gets its first message.
func (c *Capture) born(text []byte, id ID) {
	if !c.listed && (!c.some || bytes.Compare(text, c.text) > 0) {
		return // it will be listed
	}
	c.note(recordBorn, uint64(id), uint64(len(text)))
	c.changes = append(c.changes, text...)
}

// removed notes that a message is gone.
func (c *Capture) removed(seq uint64) {
	if seq < c.next {
		c.note(recordRemoved, seq)
	}
}

// moved notes that the record of a message is elsewhere.
func (c *Capture) moved(seq uint64, to Place) {
	if seq < c.next {
		c.note(recordMoved, seq, uint64(to.File), uint64(to.Offset))
	}
}

// cleared notes that all is gone: the capture begins again.
func (c *Capture) cleared() {
	*c = Capture{x: c.x, begun: true, text: c.text[:0], changes: append(c.changes[:0], recordCleared)}
	c.x.dict.held = true
}

func (c *Capture) note(kind byte, numbers ...uint64) {
	c.changes = append(c.changes, kind)
	for _, n := range numbers {
		c.changes = binary.AppendUvarint(c.changes, n)
	}
}
