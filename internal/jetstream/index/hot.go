package index

import (
	"bytes"
	"hash/maphash"
	"math/bits"
)

// hot finds the IDs of subjects that were used lately without a search: the one
// used last, and one for each slot of a table, by hash. What it has is in the
// dictionary, too.
type hot struct {
	lastID ID
	last   []byte
	slots  []hotSlot
	seed   maphash.Seed
}

// hotSlot fits a cache line. Longer subjects are searched for.
type hotSlot struct {
	id   ID
	n    uint8
	text [59]byte
}

const (
	hotLeast = 8    // slots; of a table that replaces nobody
	hotAll   = 64   // so many subjects get a slot each, beyond it a quarter of them
	hotMax   = 4096 // slots, 256 KiB

	hotSlotMemory = 64
)

func (h *hot) get(key []byte) ID {
	if h.lastID != 0 && bytes.Equal(key, h.last) {
		return h.lastID
	}
	if s := h.slot(key); s != nil && s.id != 0 && int(s.n) == len(key) && bytes.Equal(key, s.text[:s.n]) {
		h.lastID, h.last = s.id, append(h.last[:0], key...)
		return s.id
	}
	return 0
}

func (h *hot) slot(key []byte) *hotSlot {
	if len(h.slots) == 0 || len(key) > len(hotSlot{}.text) {
		return nil
	}
	return &h.slots[maphash.Bytes(h.seed, key)&uint64(len(h.slots)-1)]
}

// put notes that key has the ID.
func (h *hot) put(key []byte, id ID) {
	h.lastID, h.last = id, append(h.last[:0], key...)
	if s := h.slot(key); s != nil {
		s.id, s.n = id, uint8(len(key))
		copy(s.text[:], key)
	}
}

// fit makes the table as large as it should be for so many subjects.
func (h *hot) fit(subjects int) {
	want := subjects
	if want > hotAll {
		want = max(hotAll, want/4)
	}
	if want < 2 || want <= len(h.slots) || len(h.slots) == hotMax {
		return
	}
	if h.slots == nil {
		h.seed = maphash.MakeSeed()
	}
	h.slots = make([]hotSlot, min(max(hotLeast, 1<<bits.Len(uint(want-1))), hotMax))
}

// drop forgets a subject whose ID becomes free.
func (h *hot) drop(key []byte, id ID) {
	if h.lastID == id {
		h.lastID = 0
	}
	if s := h.slot(key); s != nil && s.id == id {
		s.id = 0
	}
}
