package index

import "math"

// Next returns the first message at or behind seq that f lets pass, false if there
// is none.
func (x *Index) Next(seq uint64, f *Filter) (Entry, bool) {
	seq = max(seq, x.first)
	if seq > x.last || x.messages == 0 {
		return Entry{}, false
	}
	if f == nil {
		return entryOf(x.blocks.next(seq))
	}
	for ; seq <= x.last; seq++ { // subjects as text, until finding the set pays
		if s := f.set(1); s != nil {
			return x.nextIn(seq, s)
		}
		b, row := x.blocks.next(seq)
		if b == nil {
			return Entry{}, false
		}
		if f.Match(x.dict.textOf(b.ids[row])) {
			return b.entry(row), true
		}
		seq = b.seq(row)
	}
	return Entry{}, false
}

// Prev returns the last message at or before seq that f lets pass, false if there
// is none.
func (x *Index) Prev(seq uint64, f *Filter) (Entry, bool) {
	if seq < x.first || x.messages == 0 {
		return Entry{}, false
	}
	seq = min(seq, x.last)
	if f == nil {
		return entryOf(x.blocks.prev(seq))
	}
	for {
		if s := f.set(1); s != nil {
			return x.prevIn(seq, s)
		}
		b, row := x.blocks.prev(seq)
		if b == nil {
			return Entry{}, false
		}
		if f.Match(x.dict.textOf(b.ids[row])) {
			return b.entry(row), true
		}
		if seq = b.seq(row); seq == 0 {
			return Entry{}, false
		}
		seq--
	}
}

func entryOf(b *block, row int) (Entry, bool) {
	if b == nil {
		return Entry{}, false
	}
	return b.entry(row), true
}

func (x *Index) nextIn(seq uint64, s *idSet) (Entry, bool) {
	if s.many != nil {
		return entryOf(x.nextOfMany(seq, s))
	}
	lo, hi := x.span(s.few, seq, x.last)
	if lo > hi {
		return Entry{}, false
	}
	return entryOf(x.nextOf(lo, hi, s.few))
}

func (x *Index) prevIn(seq uint64, s *idSet) (Entry, bool) {
	if s.many != nil {
		return entryOf(x.prevOfMany(seq, s))
	}
	lo, hi := x.span(s.few, x.first, seq)
	if lo > hi {
		return Entry{}, false
	}
	return entryOf(x.prevOf(hi, lo, s.few))
}

// span narrows from lo to hi to where messages of the subjects can be; lo > hi if
// there are none.
func (x *Index) span(ids []ID, lo, hi uint64) (uint64, uint64) {
	least, most := uint64(math.MaxUint64), uint64(0)
	for _, id := range ids {
		if first, last, ok := x.bounds(id, lo, hi); ok {
			least, most = min(least, first), max(most, last)
		}
	}
	return least, most
}

// bounds returns the part of lo to hi where messages of a subject can be.
func (x *Index) bounds(id ID, lo, hi uint64) (first, last uint64, ok bool) {
	if !x.dict.ids.inUse(id) {
		return 0, 0, false
	}
	s := x.dict.ids.at(id)
	if s.count == 0 {
		return 0, 0, false
	}
	first, last = max(lo, x.dict.ids.first(id, s)), min(hi, s.last)
	return first, last, first <= last
}

// nextOf returns the first message from lo to hi of one of few subjects.
func (x *Index) nextOf(lo, hi uint64, few []ID) (*block, int) {
	s := idSet{few: few}
	for _, id := range few {
		s.mask |= 1 << (id % 64)
	}
	list := x.blocks.list
	for i := x.blocks.at(lo); i < len(list) && list[i].base <= hi; i++ {
		b := list[i]
		if !b.mayHave(few) {
			continue
		}
		from := b.from(lo)
		row := b.nextRow(from, &s)
		if row < len(b.ids) {
			if b.seq(row) > hi {
				return nil, 0
			}
			return b, row
		}
		if from == 0 && i < len(list)-1 && len(few) <= bloomFew {
			b.searchedInVain()
		}
	}
	return nil, 0
}

// nextRow returns the first row from the given one on with an ID of s, or
// len(b.ids).
func (b *block) nextRow(row int, s *idSet) int {
	if len(s.few) == 1 {
		only := s.few[0]
		for i, id := range b.ids[row:] {
			if id == only {
				return row + i
			}
		}
		return len(b.ids)
	}
	for i, id := range b.ids[row:] {
		if s.has(id) {
			return row + i
		}
	}
	return len(b.ids)
}

// prevOf returns the last message from hi down to lo of one of few subjects.
func (x *Index) prevOf(hi, lo uint64, few []ID) (*block, int) {
	s := idSet{few: few}
	for _, id := range few {
		s.mask |= 1 << (id % 64)
	}
	list := x.blocks.list
	for i := x.blocks.upTo(hi); i >= 0; i-- {
		b := list[i]
		if b.seq(len(b.ids)-1) < lo {
			break
		}
		if !b.mayHave(few) {
			continue
		}
		from := b.upTo(hi)
		for row := from; row >= 0; row-- {
			if s.has(b.ids[row]) {
				if b.seq(row) < lo {
					return nil, 0
				}
				return b, row
			}
		}
		if from == len(b.ids)-1 && i < len(list)-1 && len(few) <= bloomFew {
			b.searchedInVain()
		}
	}
	return nil, 0
}

func (x *Index) nextOfMany(seq uint64, s *idSet) (*block, int) {
	for _, b := range x.blocks.list[x.blocks.at(seq):] {
		for row := b.from(seq); row < len(b.ids); row++ {
			if id := b.ids[row]; id != 0 && s.has(id) {
				return b, row
			}
		}
	}
	return nil, 0
}

func (x *Index) prevOfMany(seq uint64, s *idSet) (*block, int) {
	for i := x.blocks.upTo(seq); i >= 0; i-- {
		b := x.blocks.list[i]
		for row := b.upTo(seq); row >= 0; row-- {
			if id := b.ids[row]; id != 0 && s.has(id) {
				return b, row
			}
		}
	}
	return nil, 0
}
