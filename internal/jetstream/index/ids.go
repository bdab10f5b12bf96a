package index

import "github.com/tidings-io/tidings/internal/invariant"

// state is what is kept of a subject, 16 bytes.
type state struct {
	// last is the sequence of its last message, or above it if back has lastLoose.
	// Without messages it is the number of removals there had been (Index.removals).
	last uint64
	// back is last minus the sequence of its first message, or a little more if it
	// has firstLoose; backFar: see ids.far.
	back  uint32
	count uint32 // messages
}

const (
	firstLoose = 1 << 31
	lastLoose  = 1 << 30
	backFar    = 1<<30 - 1
)

// MaxSubjects is the number of subjects with messages that an index can have at a
// time; the caller refuses messages of more. That is some 9 GiB of index.
const MaxSubjects = 1 << 28

// maxID is above all IDs: subjects whose last message was just removed keep theirs
// for a while.
const maxID = 2 * MaxSubjects

// chunkSize is the number of IDs whose states are allocated together, at most.
const chunkSize = 256

// chunk holds the states of neighbouring IDs. It grows to chunkSize, and to
// nothing when none of its IDs is in use.
type chunk struct {
	states []state
	home   []uint32               // page of the subject; of a free ID: slot+1 of the next free one
	free   uint32                 // slot+1 of the first free ID below len(states)
	taken  [chunkSize / 64]uint64 // bits of the IDs in use
	used   uint32
	roomy  bool // it is in ids.roomy
}

// ids is the array of states by ID. IDs are given out densely, so that bitmaps of
// them are short.
type ids struct {
	chunks []*chunk
	roomy  []uint32 // chunks that may have room
	gap    int      // chunks before it are not nil; after Decode some may be
	// far has the first sequences of subjects for which state.back is too small.
	far map[ID]uint64
}

func (t *ids) at(id ID) *state {
	n := uint32(id) - 1
	return &t.chunks[n/chunkSize].states[n%chunkSize]
}

func (t *ids) home(id ID) *uint32 {
	n := uint32(id) - 1
	return &t.chunks[n/chunkSize].home[n%chunkSize]
}

// end is above all IDs that are in use.
func (t *ids) end() int { return len(t.chunks)*chunkSize + 1 }

// alloc returns an ID that is not in use.
func (t *ids) alloc() ID {
	for len(t.roomy) > 0 {
		n := t.roomy[len(t.roomy)-1]
		c := t.chunks[n]
		slot := uint32(len(c.states))
		switch {
		case c.free > 0:
			slot = c.free - 1
			c.free = c.home[slot]
		case slot < chunkSize:
			c.extend(int(slot) + 1)
		default:
			c.roomy = false
			t.roomy = t.roomy[:len(t.roomy)-1]
			continue
		}
		c.used++
		c.taken[slot/64] |= 1 << (slot % 64)
		c.states[slot] = state{}
		return ID(n*chunkSize+slot) + 1
	}
	for t.gap < len(t.chunks) && t.chunks[t.gap] != nil {
		t.gap++
	}
	if t.gap == len(t.chunks) {
		invariant.That(t.gap < maxID/chunkSize, "there are %d chunks of IDs", t.gap)
		t.chunks = append(t.chunks, nil)
	}
	t.chunks[t.gap] = &chunk{roomy: true}
	t.roomy = append(t.roomy, uint32(t.gap))
	return t.alloc()
}

// extend makes the chunk n long.
func (c *chunk) extend(n int) {
	if n > cap(c.states) {
		size := min(max(2*cap(c.states), n, 4), chunkSize)
		c.states = append(make([]state, 0, size), c.states...)
		c.home = append(make([]uint32, 0, size), c.home...)
	}
	c.states, c.home = c.states[:n], c.home[:n]
}

// release makes an ID free.
func (t *ids) release(id ID) {
	n := (uint32(id) - 1) / chunkSize
	slot := (uint32(id) - 1) % chunkSize
	c := t.chunks[n]
	if c.used--; c.used == 0 {
		c.states, c.home, c.free = nil, nil, 0
	} else {
		c.home[slot], c.free = c.free, slot+1
	}
	c.taken[slot/64] &^= 1 << (slot % 64)
	delete(t.far, id)
	if !c.roomy {
		c.roomy = true
		t.roomy = append(t.roomy, n)
	}
}

// first returns the sequence of the subject's first message, or one below it if
// the state has firstLoose.
func (t *ids) first(id ID, s *state) uint64 {
	if back := s.back &^ (firstLoose | lastLoose); back != backFar {
		return s.last - uint64(back)
	}
	return t.far[id]
}

// setSpan notes first and last. loose has firstLoose, lastLoose, both or none.
func (t *ids) setSpan(id ID, s *state, first, last uint64, loose uint32) {
	if s.back&backFar == backFar {
		delete(t.far, id)
	}
	s.last = last
	if last-first < backFar {
		s.back = uint32(last-first) | loose
		return
	}
	s.back = backFar | loose
	if t.far == nil {
		t.far = map[ID]uint64{}
	}
	t.far[id] = first
}

// inUse reports whether the ID is a subject's.
func (t *ids) inUse(id ID) bool {
	n, slot := (uint32(id)-1)/chunkSize, (uint32(id)-1)%chunkSize
	return n < uint32(len(t.chunks)) && t.chunks[n] != nil && t.chunks[n].taken[slot/64]&(1<<(slot%64)) != 0
}
