package index

import "slices"

// blockSize is the number of sequences of a block. Blocks begin at its multiples.
const blockSize = 4096

// block holds the messages of up to blockSize neighbouring sequences as columns. A
// position in the columns is a row. While most of them live, row n is the sequence
// base+n; when a quarter of the rows are holes the block is packed, and slots tells
// which sequences the rows are. A hole has the ID 0.
type block struct {
	base    uint64 // sequence of row 0; of a packed block, the multiple of blockSize
	live    int
	ids     []ID
	sizes   []uint32 // with HasHeader
	offsets []uint32
	slots   []uint16    // sequence minus base, ascending; nil: not packed
	codes   []uint16    // index into files; nil: all rows are in files[0]
	files   []blockFile // those that were used; entries without rows are taken again
	bloom   []uint64    // bits of the IDs, see bloom.go; nil: none
	vain    uint8       // how often all rows were searched for a rare ID in vain
}

// blockFile is a file that rows of a block are in.
type blockFile struct {
	file uint32
	live uint32 // rows
}

func blockOf(seq uint64) uint64 { return seq / blockSize }

// seq returns the sequence of a row.
func (b *block) seq(row int) uint64 {
	if b.slots != nil {
		return b.base + uint64(b.slots[row])
	}
	return b.base + uint64(row)
}

// from returns the first row at or behind the sequence; len(b.ids) if there is none.
func (b *block) from(seq uint64) int {
	if seq <= b.base {
		return 0
	}
	n := seq - b.base
	if b.slots == nil || n >= blockSize {
		return int(min(n, uint64(len(b.ids))))
	}
	row, _ := slices.BinarySearch(b.slots, uint16(n))
	return row
}

// row returns the row of a message, -1 if there is none with the sequence.
func (b *block) row(seq uint64) int {
	row := b.from(seq)
	if row == len(b.ids) || b.ids[row] == 0 || b.seq(row) != seq {
		return -1
	}
	return row
}

func (b *block) entry(row int) Entry {
	return Entry{
		Seq: b.seq(row), ID: b.ids[row],
		Size: b.sizes[row] &^ HasHeader, Header: b.sizes[row]&HasHeader != 0,
		Place: b.place(row),
	}
}

func (b *block) place(row int) Place {
	return Place{File: b.files[b.code(row)].file, Offset: b.offsets[row]}
}

func (b *block) code(row int) uint16 {
	if b.codes == nil {
		return 0
	}
	return b.codes[row]
}

// append adds a message at the end; seq is in the block and above all others.
func (b *block) append(seq uint64, id ID, size uint32, at Place) {
	if b.slots != nil {
		b.slots = append(b.slots, uint16(seq-b.base))
	}
	for b.slots == nil && b.base+uint64(len(b.ids)) < seq {
		b.push(0, 0, 0) // hole
	}
	b.push(id, size, at.Offset)
	b.live++
	b.setFile(len(b.ids)-1, at.File)
}

// push adds a row in files[0].
func (b *block) push(id ID, size, offset uint32) {
	n := len(b.ids)
	if n == cap(b.ids) {
		b.resize(min(max(4, 2*n), blockSize))
	}
	b.ids, b.sizes, b.offsets = b.ids[:n+1], b.sizes[:n+1], b.offsets[:n+1]
	b.ids[n], b.sizes[n], b.offsets[n] = id, size, offset
	if b.codes != nil {
		b.codes = append(b.codes, 0)
	}
}

// resize gives the columns room for so many rows.
func (b *block) resize(rows int) {
	b.ids = append(make([]ID, 0, rows), b.ids...)
	b.sizes = append(make([]uint32, 0, rows), b.sizes...)
	b.offsets = append(make([]uint32, 0, rows), b.offsets...)
	if b.codes != nil {
		b.codes = append(make([]uint16, 0, rows), b.codes...)
	}
}

// setFile notes the file of a row, which is counted nowhere yet.
func (b *block) setFile(row int, file uint32) {
	code := b.codeOf(file)
	b.files[code].live++
	if code != 0 && b.codes == nil {
		b.codes = make([]uint16, len(b.ids), cap(b.ids))
	}
	if b.codes != nil {
		b.codes[row] = code
	}
}

// codeOf returns the index of the file in files, where it is afterwards.
func (b *block) codeOf(file uint32) uint16 {
	free := -1
	for i, f := range slices.Backward(b.files) {
		switch {
		case f.file == file:
			return uint16(i)
		case f.live == 0:
			free = i
		}
	}
	if free >= 0 {
		b.files[free].file = file
		return uint16(free)
	}
	b.files = append(b.files, blockFile{file: file})
	return uint16(len(b.files) - 1)
}

// hasFile reports whether a message of the block is in the file.
func (b *block) hasFile(file uint32) bool {
	for _, f := range b.files {
		if f.file == file && f.live > 0 {
			return true
		}
	}
	return false
}

// move re-points a row.
func (b *block) move(row int, to Place) {
	b.files[b.code(row)].live--
	b.offsets[row] = to.Offset
	b.setFile(row, to.File)
}

// remove makes a hole of a row.
func (b *block) remove(row int) {
	b.files[b.code(row)].live--
	b.ids[row] = 0
	b.live--
}

// sparse reports whether pack is worth it.
func (b *block) sparse() bool { return len(b.ids) >= 64 && b.live*4 < len(b.ids)*3 }

// pack drops the rows that are holes.
func (b *block) pack() {
	old := *b
	base := old.base &^ (blockSize - 1)
	*b = block{
		base: base, live: old.live,
		ids: make([]ID, 0, old.live), sizes: make([]uint32, 0, old.live), offsets: make([]uint32, 0, old.live),
		slots: make([]uint16, 0, old.live),
	}
	for row, id := range old.ids {
		if id == 0 {
			continue
		}
		b.slots = append(b.slots, uint16(old.seq(row)-base))
		b.push(id, old.sizes[row], old.offsets[row])
		b.setFile(len(b.ids)-1, old.files[old.code(row)].file)
	}
}
