package index

// Count returns the number of messages at or behind from that f lets pass.
func (x *Index) Count(from uint64, f *Filter) uint64 {
	from = max(from, x.first)
	if from > x.last || x.messages == 0 {
		return 0
	}
	behind := x.liveFrom(from)
	if f == nil || behind == 0 {
		return behind
	}
	s := f.set(min(behind, x.last-from+1))
	switch {
	case s == nil:
		return x.countText(from, f)
	case s.many == nil:
		return x.countFew(from, s.few)
	case behind <= x.messages-behind+x.subjects/8:
		return x.countMany(from, x.last, s)
	}
	// Shorter: all that there are, less those before it.
	n := uint64(0)
	s.each(func(id ID) {
		if x.dict.ids.inUse(id) {
			n += uint64(x.dict.ids.at(id).count)
		}
	})
	if from == x.first {
		return n
	}
	return n - x.countMany(x.first, from-1, s)
}

// liveFrom returns the number of messages at or behind the sequence.
func (x *Index) liveFrom(seq uint64) uint64 {
	if seq <= x.first {
		return x.messages
	}
	i := x.blocks.at(seq)
	if i == len(x.blocks.list) {
		return 0
	}
	b, n := x.blocks.list[i], uint64(0)
	for _, id := range b.ids[b.from(seq):] {
		if id != 0 {
			n++
		}
	}
	if list := x.blocks.list; i >= len(list)/2 { // add up the shorter side
		for _, b := range list[i+1:] {
			n += uint64(b.live)
		}
		return n
	}
	before := uint64(b.live) - n
	for _, b := range x.blocks.list[:i] {
		before += uint64(b.live)
	}
	return x.messages - before
}

func (x *Index) countText(from uint64, f *Filter) uint64 {
	n := uint64(0)
	for _, b := range x.blocks.list[x.blocks.at(from):] {
		for _, id := range b.ids[b.from(from):] {
			if id != 0 && f.Match(x.dict.textOf(id)) {
				n++
			}
		}
	}
	return n
}

// countFew counts subjects that begin behind from as a whole, and looks for the
// messages of the others only where there are some, on the side of from that is
// shorter.
func (x *Index) countFew(from uint64, ids []ID) uint64 {
	n := uint64(0)
	var buf [idSetFew]ID
	var split idSet // subjects with messages on both sides, perhaps
	split.few = buf[:0]
	least, most, whole := from, from, uint64(0)
	for _, id := range ids {
		first, last, ok := x.bounds(id, x.first, x.last)
		switch {
		case !ok || last < from:
		case first >= from:
			n += uint64(x.dict.ids.at(id).count)
		default:
			split.few = append(split.few, id)
			split.mask |= 1 << (id % 64)
			whole += uint64(x.dict.ids.at(id).count)
			least, most = min(least, first), max(most, last)
		}
	}
	switch {
	case len(split.few) == 0:
		return n
	case most-from < from-least:
		return n + x.countRows(from, most, &split)
	}
	return n + whole - x.countRows(least, from-1, &split)
}

// countRows counts the messages from lo to hi of few subjects.
func (x *Index) countRows(lo, hi uint64, s *idSet) uint64 {
	n := uint64(0)
	list := x.blocks.list
	for i := x.blocks.at(lo); i < len(list) && list[i].base <= hi; i++ {
		b := list[i]
		if !b.mayHave(s.few) {
			continue
		}
		from, to, before := b.from(lo), b.upTo(hi)+1, n
		for row := b.nextRow(from, s); row < to; row = b.nextRow(row+1, s) {
			n++
		}
		if n == before && from == 0 && to == len(b.ids) && i < len(list)-1 && len(s.few) <= bloomFew {
			b.searchedInVain()
		}
	}
	return n
}

func (x *Index) countMany(lo, hi uint64, s *idSet) uint64 {
	n := uint64(0)
	list := x.blocks.list
	for i := x.blocks.at(lo); i < len(list) && list[i].base <= hi; i++ {
		b := list[i]
		from, to := b.from(lo), b.upTo(hi)+1
		for _, id := range b.ids[from:max(from, to)] {
			if id != 0 && s.has(id) {
				n++
			}
		}
	}
	return n
}
