package index

import (
	"iter"
	"maps"
	"slices"
)

// files counts what lives in each file of the store.
type files struct {
	counts map[uint32]*fileCount
	// recent is the one that was counted last.
	recent     *fileCount
	recentFile uint32
}

type fileCount struct {
	messages uint64
	bytes    uint64 // of their records
}

func (t *files) of(file uint32) *fileCount {
	if t.recent != nil && t.recentFile == file {
		return t.recent
	}
	c := t.counts[file]
	if c == nil {
		if t.counts == nil {
			t.counts = map[uint32]*fileCount{}
		}
		c = new(fileCount)
		t.counts[file] = c
	}
	t.recent, t.recentFile = c, file
	return c
}

func (t *files) add(file, size uint32) {
	c := t.of(file)
	c.messages++
	c.bytes += uint64(size)
}

func (t *files) sub(file, size uint32) {
	c := t.of(file)
	c.messages--
	c.bytes -= uint64(size)
	if c.messages == 0 {
		delete(t.counts, file)
		t.recent = nil
	}
}

// File returns how many messages have their record in the file, and the sum of
// the records' sizes.
func (x *Index) File(file uint32) (messages, bytes uint64) {
	if c := x.files.counts[file]; c != nil {
		return c.messages, c.bytes
	}
	return 0, 0
}

// Files yields the files that records are in, in ascending order.
func (x *Index) Files() iter.Seq[uint32] {
	return slices.Values(slices.Sorted(maps.Keys(x.files.counts)))
}

// InFile yields the messages whose record is in the file, in ascending order.
// Messages may be moved, removed and appended during the walk.
func (x *Index) InFile(file uint32) iter.Seq[Entry] {
	return func(yield func(Entry) bool) {
		for seq := uint64(0); ; {
			e, ok := x.nextInFile(seq, file)
			if !ok || !yield(e) {
				return
			}
			seq = e.Seq + 1
		}
	}
}

func (x *Index) nextInFile(seq uint64, file uint32) (Entry, bool) {
	for _, b := range x.blocks.list[x.blocks.at(seq):] {
		if !b.hasFile(file) {
			continue
		}
		for row := b.from(seq); row < len(b.ids); row++ {
			if b.ids[row] != 0 && b.files[b.code(row)].file == file {
				return b.entry(row), true
			}
		}
	}
	return Entry{}, false
}
