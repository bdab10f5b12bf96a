package index

// Deleted returns the sequences from the given one on that lie between First and
// Last and have no message, limit of them at most, in order.
func (x *Index) Deleted(from uint64, limit int) []uint64 {
	var holes []uint64
	from = max(from, x.first)
	until := func(end uint64) bool { // notes those before end
		for ; from < end && len(holes) < limit; from++ {
			holes = append(holes, from)
		}
		return len(holes) < limit
	}
	for _, b := range x.blocks.list[x.blocks.at(from):] {
		for row := b.from(from); row < len(b.ids); row++ {
			if b.ids[row] == 0 {
				continue
			}
			if !until(b.seq(row)) {
				return holes
			}
			from++
		}
	}
	until(x.last + 1)
	return holes
}
