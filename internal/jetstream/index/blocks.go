package index

import (
	"slices"
	"sort"
)

// blocks are the blocks of an index in order. Only those that have messages are
// kept, and the newest one, to which the next message goes.
type blocks struct {
	list []*block
}

// at returns the position of the first block that has sequences from seq on.
func (t *blocks) at(seq uint64) int {
	if len(t.list) == 0 {
		return 0
	}
	n, first := blockOf(seq), blockOf(t.list[0].base)
	if n <= first {
		return 0
	}
	if i := n - first; i < uint64(len(t.list)) && blockOf(t.list[i].base) == n {
		return int(i)
	}
	return sort.Search(len(t.list), func(i int) bool { return blockOf(t.list[i].base) >= n })
}

// find returns the block and the row of a message, nil if there is none.
func (t *blocks) find(seq uint64) (*block, int) {
	i := t.at(seq)
	if i == len(t.list) || blockOf(t.list[i].base) != blockOf(seq) {
		return nil, 0
	}
	if row := t.list[i].row(seq); row >= 0 {
		return t.list[i], row
	}
	return nil, 0
}

// append adds a message behind all others.
func (t *blocks) append(seq uint64, id ID, size uint32, at Place) {
	n := len(t.list)
	if n > 0 && blockOf(t.list[n-1].base) == blockOf(seq) {
		t.list[n-1].append(seq, id, size, at)
		return
	}
	if n > 0 && t.list[n-1].live == 0 {
		t.drop(n - 1)
	} else if n > 0 && t.list[n-1].sparse() {
		t.list[n-1].pack()
	}
	b := &block{base: seq}
	b.append(seq, id, size, at)
	t.list = append(t.list, b)
}

// remove makes a hole of a row of b.
func (t *blocks) remove(b *block, row int) {
	b.remove(row)
	tail := t.list[len(t.list)-1] == b
	switch {
	case b.live == 0 && (!tail || len(b.ids) >= 64):
		t.drop(t.at(b.base))
	case !tail && b.sparse():
		b.pack()
	}
}

func (t *blocks) drop(i int) {
	if i == 0 {
		t.list[0] = nil
		t.list = t.list[1:]
		return
	}
	t.list = slices.Delete(t.list, i, i+1)
}

// next returns the first message at or behind seq; nil if there is none.
func (t *blocks) next(seq uint64) (*block, int) {
	for _, b := range t.list[t.at(seq):] {
		for row := b.from(seq); row < len(b.ids); row++ {
			if b.ids[row] != 0 {
				return b, row
			}
		}
	}
	return nil, 0
}

// prev returns the last message at or before seq; nil if there is none.
func (t *blocks) prev(seq uint64) (*block, int) {
	for i := t.upTo(seq); i >= 0; i-- {
		b := t.list[i]
		for row := b.upTo(seq); row >= 0; row-- {
			if b.ids[row] != 0 {
				return b, row
			}
		}
	}
	return nil, 0
}

// upTo returns the position of the last block that has sequences up to seq, or -1.
func (t *blocks) upTo(seq uint64) int {
	i := t.at(seq)
	if i < len(t.list) && t.list[i].base <= seq {
		return i
	}
	return i - 1
}

// upTo returns the last row at or before the sequence, or -1.
func (b *block) upTo(seq uint64) int {
	row := b.from(seq)
	if row < len(b.ids) && b.seq(row) == seq {
		return row
	}
	return row - 1
}
