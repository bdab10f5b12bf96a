// Package index is the index of one stream, in memory: which sequences have a
// message, of which subject and size, and where its record is.
//
// The path of a message: the stream's machine decides its sequence and calls
// [Index.Append]; limits and acknowledgements take it out with [Index.Remove];
// the store re-points it with [Index.Move] when it copies the record elsewhere.
// Readers look it up by sequence or walk on from one message to the next that a
// [Filter] lets pass, with [Index.Next] or a [Cursor].
//
// It is pure: no goroutine, clock, file or lock. The caller makes sure that one
// goroutine at a time uses an index with its filters and cursors; even look-ups
// write to caches.
package index

import (
	"bytes"
	"encoding/gob"
	"errors"
	"fmt"
	"iter"
	"maps"
	"slices"
	"sort"

	"github.com/tidings-io/tidings/internal/subject"
)

// Index is the index of one stream. Use [New] or [Decode].
type Index struct {
	charge      Charge
	first, last uint64
	live        []uint64 // sequences in order
	entries     map[uint64]Entry
	ids         map[string]ID
	texts       map[ID]string
	states      map[ID]SubjectState
	next        ID
	bytes       uint64
}

// New returns an index without messages. The first message gets the sequence
// first, which is at least 1.
func New(first uint64) *Index {
	x := &Index{charge: FileCharge}
	x.Clear(first)
	return x
}

// SetCharge says what is counted for a message; it is [FileCharge] otherwise. The
// index must be empty.
func (x *Index) SetCharge(c Charge) { x.charge = c }

// Clear removes all messages. The next one gets the sequence nextFirst at least,
// which is above Last.
func (x *Index) Clear(nextFirst uint64) {
	x.first, x.last, x.bytes, x.live = nextFirst, nextFirst-1, 0, nil
	x.entries, x.ids = map[uint64]Entry{}, map[string]ID{}
	x.texts, x.states = map[ID]string{}, map[ID]SubjectState{}
}

// Append adds a message; seq is above Last, and the sequences between are holes.
// size is the length of its record, [HasHeader] added if it has a header block.
func (x *Index) Append(seq uint64, text []byte, size uint32, at Place) ID {
	id, ok := x.ids[string(text)]
	if !ok {
		x.next++
		id = x.next
		x.ids[string(text)], x.texts[id] = id, string(text)
		x.states[id] = SubjectState{ID: id, First: seq}
	}
	s := x.states[id]
	s.Last = seq
	s.Count++
	x.states[id] = s
	e := Entry{Seq: seq, ID: id, Size: size &^ HasHeader, Header: size&HasHeader != 0, Place: at}
	if len(x.live) == 0 {
		x.first = seq
	}
	x.entries[seq], x.last = e, seq
	x.live = append(x.live, seq)
	x.bytes += x.charge.Of(e.Size, e.Header)
	return id
}

// Skip makes last the last sequence, without messages.
func (x *Index) Skip(last uint64) {
	if x.last = last; len(x.live) == 0 {
		x.first = last + 1
	}
}

// Remove takes the message with the sequence out.
func (x *Index) Remove(seq uint64) (Entry, bool) {
	e, ok := x.entries[seq]
	if !ok {
		return Entry{}, false
	}
	delete(x.entries, seq)
	i, _ := slices.BinarySearch(x.live, seq)
	x.live = slices.Delete(x.live, i, i+1)
	x.bytes -= x.charge.Of(e.Size, e.Header)
	if x.first = x.last + 1; len(x.live) > 0 {
		x.first = x.live[0]
	}
	s := x.states[e.ID]
	if s.Count--; s.Count == 0 {
		delete(x.states, e.ID)
		delete(x.ids, x.texts[e.ID])
		delete(x.texts, e.ID)
		return e, true
	}
	if seq == s.First {
		s.First = x.find(func(o Entry) bool { return o.ID == e.ID }, x.live).Seq
	}
	if seq == s.Last {
		back := slices.Clone(x.live)
		slices.Reverse(back)
		s.Last = x.find(func(o Entry) bool { return o.ID == e.ID }, back).Seq
	}
	x.states[e.ID] = s
	return e, true
}

func (x *Index) find(ok func(Entry) bool, in []uint64) Entry {
	for _, seq := range in {
		if e := x.entries[seq]; ok(e) {
			return e
		}
	}
	return Entry{}
}

// RemoveBefore takes all messages below seq out, in order.
func (x *Index) RemoveBefore(seq uint64, f func(Entry)) {
	for len(x.live) > 0 && x.live[0] < seq {
		if e, _ := x.Remove(x.live[0]); f != nil {
			f(e)
		}
	}
}

// Get returns the message with the sequence.
func (x *Index) Get(seq uint64) (Entry, bool) {
	e, ok := x.entries[seq]
	return e, ok
}

// Move re-points a message if it still is at from.
func (x *Index) Move(seq uint64, from, to Place) bool {
	e, ok := x.entries[seq]
	if !ok || e.Place != from {
		return false
	}
	e.Place = to
	x.entries[seq] = e
	return true
}

// State returns the sum.
func (x *Index) State() State {
	n := uint64(len(x.live))
	return State{
		First: x.first, Last: x.last, Messages: n, Bytes: x.bytes,
		Subjects: uint64(len(x.states)), Deleted: x.last + 1 - x.first - n,
	}
}

// Subject returns the state of a subject, false if it has no message.
func (x *Index) Subject(text []byte) (SubjectState, bool) {
	s, ok := x.states[x.ids[string(text)]]
	return s, ok
}

// SubjectOf returns the state of the subject with the number.
func (x *Index) SubjectOf(id ID) SubjectState { return x.states[id] }

// SubjectText appends the subject with the number.
func (x *Index) SubjectText(id ID, dst []byte) []byte { return append(dst, x.texts[id]...) }

// Next returns the first message from seq on that f lets pass.
func (x *Index) Next(seq uint64, f *Filter) (Entry, bool) {
	i, _ := slices.BinarySearch(x.live, seq)
	e := x.find(func(e Entry) bool { return f.MatchID(e.ID) }, x.live[i:])
	return e, e.Seq != 0
}

// Prev returns the last message up to seq that f lets pass.
func (x *Index) Prev(seq uint64, f *Filter) (Entry, bool) {
	i, ok := slices.BinarySearch(x.live, seq)
	if ok {
		i++
	}
	for i--; i >= 0; i-- {
		if e := x.entries[x.live[i]]; f.MatchID(e.ID) {
			return e, true
		}
	}
	return Entry{}, false
}

// Count returns the number of messages from seq on that f lets pass.
func (x *Index) Count(from uint64, f *Filter) uint64 {
	i, _ := slices.BinarySearch(x.live, from)
	n := uint64(0)
	for _, seq := range x.live[i:] {
		if f.MatchID(x.entries[seq].ID) {
			n++
		}
	}
	return n
}

// Subjects yields the subjects that have messages and match the pattern, in
// order. The text is valid until the next step.
func (x *Index) Subjects(pattern string) iter.Seq2[[]byte, SubjectState] {
	return func(yield func([]byte, SubjectState) bool) {
		for _, text := range slices.Sorted(maps.Keys(x.ids)) {
			if subject.Matches(pattern, text) && !yield([]byte(text), x.states[x.ids[text]]) {
				return
			}
		}
	}
}

// Deleted returns the sequences from the given one to Last that have no message,
// limit at most, not counting those below First.
func (x *Index) Deleted(from uint64, limit int) []uint64 {
	var holes []uint64
	for seq := max(from, x.first); seq <= x.last && len(holes) < limit; seq++ {
		if _, ok := x.entries[seq]; !ok {
			holes = append(holes, seq)
		}
	}
	return holes
}

// InFile yields the messages whose record is in the file, in order. They may be
// moved and removed during the walk.
func (x *Index) InFile(file uint32) iter.Seq[Entry] {
	return func(yield func(Entry) bool) {
		for _, seq := range slices.Clone(x.live) {
			if e, ok := x.entries[seq]; ok && e.Place.File == file && !yield(e) {
				return
			}
		}
	}
}

// File returns how many messages are in the file and the sum of their sizes.
func (x *Index) File(file uint32) (messages, size uint64) {
	for e := range x.InFile(file) {
		messages++
		size += uint64(e.Size)
	}
	return messages, size
}

// Files yields the files that have messages, in ascending order.
func (x *Index) Files() iter.Seq[uint32] {
	files := map[uint32]bool{}
	for _, e := range x.entries {
		files[e.Place.File] = true
	}
	return slices.Values(slices.Sorted(maps.Keys(files)))
}

type stored struct {
	Charge      Charge
	First, Last uint64
	Entries     []Entry
	Texts       map[ID]string
	Next        ID
}

// AppendState appends the index in the form that [Decode] takes.
func (x *Index) AppendState(dst []byte) []byte {
	s := stored{Charge: x.charge, First: x.first, Last: x.last, Texts: x.texts, Next: x.next}
	for _, seq := range x.live {
		s.Entries = append(s.Entries, x.entries[seq])
	}
	var b bytes.Buffer
	if err := gob.NewEncoder(&b).Encode(s); err != nil {
		panic(err)
	}
	return append(dst, b.Bytes()...)
}

// ErrInvalid is part of every error about bytes that are no state of an index.
var ErrInvalid = errors.New("no valid state of an index")

// Decode returns the index that [Index.AppendState] has written.
func Decode(b []byte) (*Index, error) {
	var s stored
	if err := gob.NewDecoder(bytes.NewReader(b)).Decode(&s); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	x := New(max(s.First, 1))
	x.charge, x.next = s.Charge, s.Next
	sort.Slice(s.Entries, func(i, j int) bool { return s.Entries[i].Seq < s.Entries[j].Seq })
	for _, e := range s.Entries {
		text, ok := s.Texts[e.ID]
		if !ok || e.Seq <= x.last && len(x.live) > 0 {
			return nil, fmt.Errorf("%w: message %d", ErrInvalid, e.Seq)
		}
		x.ids[text], x.texts[e.ID] = e.ID, text
		if _, ok := x.states[e.ID]; !ok {
			x.states[e.ID] = SubjectState{ID: e.ID, First: e.Seq}
		}
		size := e.Size
		if e.Header {
			size |= HasHeader
		}
		x.Append(e.Seq, []byte(text), size, e.Place)
	}
	x.Skip(max(s.Last, x.last))
	return x, nil
}
