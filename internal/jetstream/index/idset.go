package index

import (
	"math/bits"
	"slices"
)

// idSet is a set of IDs: a short list of few, a bitmap of many. It may have IDs
// that are free; they mean nothing until they are given out again.
type idSet struct {
	few  []ID // in order, if many is nil
	mask uint64
	many []uint64
}

// idSetFew is the length of the longest list.
const idSetFew = 32

func (s *idSet) has(id ID) bool {
	if s.many != nil {
		n := uint(id) / 64
		return n < uint(len(s.many)) && s.many[n]&(1<<(id%64)) != 0
	}
	if s.mask&(1<<(id%64)) == 0 {
		return false
	}
	return slices.Contains(s.few, id)
}

// add adds an ID; all are below end.
func (s *idSet) add(id ID, end int) {
	if s.many == nil && len(s.few) == idSetFew && !s.has(id) {
		s.many = make([]uint64, end/64+1)
		for _, o := range s.few {
			s.many[o/64] |= 1 << (o % 64)
		}
		s.few = nil
	}
	if s.many != nil {
		if n := int(id / 64); n >= len(s.many) {
			s.many = slices.Grow(s.many, end/64+1-len(s.many))[:end/64+1]
		}
		s.many[id/64] |= 1 << (id % 64)
		return
	}
	if at, ok := slices.BinarySearch(s.few, id); !ok {
		s.few = slices.Insert(s.few, at, id)
		s.mask |= 1 << (id % 64)
	}
}

func (s *idSet) remove(id ID) {
	if s.many != nil {
		if n := int(id / 64); n < len(s.many) {
			s.many[n] &^= 1 << (id % 64)
		}
		return
	}
	if at, ok := slices.BinarySearch(s.few, id); ok {
		s.few = slices.Delete(s.few, at, at+1)
		s.mask = 0
		for _, o := range s.few {
			s.mask |= 1 << (o % 64)
		}
	}
}

// each calls f with all IDs in order.
func (s *idSet) each(f func(ID)) {
	for _, id := range s.few {
		f(id)
	}
	for n, word := range s.many {
		for ; word != 0; word &= word - 1 {
			f(ID(n*64 + bits.TrailingZeros64(word)))
		}
	}
}

// words is the number of words of the bitmap.
func (s *idSet) words() int { return cap(s.many) }
