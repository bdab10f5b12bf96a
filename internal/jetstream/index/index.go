package index

import "github.com/tidings-io/tidings/internal/invariant"

// Index is the index of one stream. Use [New] or [Decode].
type Index struct {
	charge      Charge
	first, last uint64 // as in State
	messages    uint64
	bytes       uint64
	subjects    uint64 // with messages

	blocks   blocks
	dict     dict
	files    files
	removals removals
	sets     sets
	// epoch counts how often all was cleared, after which no ID means anything.
	epoch   uint64
	capture *Capture // nil: none is open
}

// New returns an index without messages. The first message gets the sequence
// first, which is at least 1.
func New(first uint64) *Index {
	return &Index{charge: FileCharge, first: first, last: first - 1}
}

// SetCharge says what is counted for a message; it is [FileCharge] otherwise. The
// index must be empty.
func (x *Index) SetCharge(c Charge) {
	invariant.That(x.messages == 0, "the charge is changed with %d messages", x.messages)
	x.charge = c
}

// Append adds a message and returns the ID of its subject. seq is above Last; the
// sequences between become holes. size is the length of its record, with
// [HasHeader] added if it has a header block. It keeps no view of text.
func (x *Index) Append(seq uint64, text []byte, size uint32, at Place) ID {
	if invariant.Enabled {
		invariant.That(seq > x.last, "sequence %d is appended after %d", seq, x.last)
	}
	id := x.dict.add(text)
	if x.enter(id, seq) && x.capture != nil {
		x.capture.born(text, id)
	}
	x.blocks.append(seq, id, size, at)
	if x.messages == 0 {
		x.first = seq
	}
	x.last = seq
	x.messages++
	x.bytes += x.charge.Of(size&^HasHeader, size&HasHeader != 0)
	x.files.add(at.File, size&^HasHeader)
	return id
}

// enter counts a message, the newest, for its subject. It reports whether it is
// the only one.
func (x *Index) enter(id ID, seq uint64) bool {
	s := x.dict.ids.at(id)
	only := s.count == 0
	if only {
		x.dict.revive(id)
		x.subjects++
		s.last, s.back = seq, 0
	}
	x.count(id, s, seq)
	return only
}

// count counts a message of a subject whose last one is set.
func (x *Index) count(id ID, s *state, seq uint64) {
	switch {
	case s.back < lastLoose && seq-s.last < backFar-uint64(s.back): // exact, and stays near
		s.back += uint32(seq - s.last)
		s.last = seq
	default:
		x.dict.ids.setSpan(id, s, x.dict.ids.first(id, s), seq, s.back&firstLoose)
	}
	s.count++
}

// Skip makes last, which is not below Last, the last sequence, without messages.
func (x *Index) Skip(last uint64) {
	if invariant.Enabled {
		invariant.That(last >= x.last, "sequences are skipped to %d after %d", last, x.last)
	}
	if x.last = last; x.messages == 0 {
		x.first = last + 1
	}
}

// Remove takes the message with the sequence out. It returns what it was, or
// false if there is none.
func (x *Index) Remove(seq uint64) (Entry, bool) {
	b, row := x.blocks.find(seq)
	if b == nil {
		return Entry{}, false
	}
	e := b.entry(row)
	x.blocks.remove(b, row)
	x.messages--
	x.bytes -= x.charge.Of(e.Size, e.Header)
	x.files.sub(e.Place.File, e.Size)
	x.removals.note(seq, e.ID, seq == x.first)
	if x.capture != nil {
		x.capture.removed(seq)
	}
	if x.messages == 0 {
		x.first = x.last + 1
	} else if seq == x.first {
		b, row := x.blocks.next(seq + 1)
		x.first = b.seq(row)
	}
	x.leave(e.ID, seq)
	x.dict.sweepDue(x.removals.n)
	return e, true
}

// leave counts a message less for its subject. Which one is its first or last
// then is found out when somebody asks.
func (x *Index) leave(id ID, seq uint64) {
	s := x.dict.ids.at(id)
	if invariant.Enabled {
		invariant.That(s.count > 0 && seq <= s.last, "message %d of subject %d, which has %d up to %d", seq, id, s.count, s.last)
	}
	s.count--
	first, loose := x.dict.ids.first(id, s), s.back&(firstLoose|lastLoose)
	switch {
	case s.count == 0:
		x.subjects--
		x.dict.bury(id, x.removals.n)
	case s.count == 1 && seq == s.last && loose == 0:
		x.dict.ids.setSpan(id, s, first, first, 0)
	case s.count == 1 && seq == first && loose == 0:
		x.dict.ids.setSpan(id, s, s.last, s.last, 0)
	case seq == first || seq < first:
		x.dict.ids.setSpan(id, s, seq+1, s.last, loose|firstLoose)
	case seq == s.last:
		x.dict.ids.setSpan(id, s, first, seq-1, loose|lastLoose)
	}
}

// RemoveBefore takes all messages below seq out, in order, and calls f with each
// unless it is nil.
func (x *Index) RemoveBefore(seq uint64, f func(Entry)) {
	for x.messages > 0 && x.first < seq {
		if e, _ := x.Remove(x.first); f != nil {
			f(e)
		}
	}
}

// Clear removes all messages at once. The next one gets the sequence nextFirst or
// a higher one; it is above Last.
func (x *Index) Clear(nextFirst uint64) {
	if invariant.Enabled {
		invariant.That(nextFirst > x.last, "cleared to %d after %d", nextFirst, x.last)
	}
	x.first, x.last = nextFirst, nextFirst-1
	x.messages, x.bytes, x.subjects = 0, 0, 0
	x.blocks, x.dict, x.files, x.sets = blocks{}, dict{}, files{}, sets{}
	x.removals.n++
	x.removals.forget()
	x.epoch++
	if x.capture != nil {
		x.capture.cleared()
	}
}

// Get returns the message with the sequence, false if there is none.
func (x *Index) Get(seq uint64) (Entry, bool) {
	b, row := x.blocks.find(seq)
	if b == nil {
		return Entry{}, false
	}
	return b.entry(row), true
}

// Move re-points the message with the sequence if its record still is at from. It
// returns false if it is not, or the message is gone.
func (x *Index) Move(seq uint64, from, to Place) bool {
	b, row := x.blocks.find(seq)
	if b == nil || b.place(row) != from {
		return false
	}
	size := b.sizes[row] &^ HasHeader
	b.move(row, to)
	x.files.sub(from.File, size)
	x.files.add(to.File, size)
	if x.capture != nil {
		x.capture.moved(seq, to)
	}
	return true
}

// State returns the sum.
func (x *Index) State() State {
	return State{
		First: x.first, Last: x.last, Messages: x.messages, Bytes: x.bytes,
		Subjects: x.subjects, Deleted: x.last + 1 - x.first - x.messages,
	}
}

// What an index takes in memory at most, in bytes.
const (
	messageMemory = 16
	subjectMemory = 45
)

// Memory returns how many bytes the index takes in memory, about.
func (x *Index) Memory() int64 {
	return int64(x.messages)*messageMemory + int64(x.dict.n)*subjectMemory + int64(len(x.dict.hot.slots))*hotSlotMemory
}
