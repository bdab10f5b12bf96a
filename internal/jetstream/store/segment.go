package store

import (
	"errors"
	"io"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/tidings-io/tidings/internal/vfs"
)

// segment is one file of records of a group. It is opened when it is read.
type segment struct {
	// immutable
	group  Group
	number uint32
	path   string
	blocks bool
	pool   *handles

	// size is how far it is written, in bytes of records: what lies behind is not
	// part of it. Written by the keeper.
	size atomic.Int64
	used atomic.Int64 // when it was used last, by the pool's clock

	// owned by the keeper
	sealed bool // nothing is appended any more
	doomed bool // it will be removed

	mu struct {
		sync.RWMutex
		disk    vfs.File // nil: not open
		table   []block
		removed bool
	}
}

// withDisk calls f with the open file under a read lock.
func (g *segment) withDisk(f func(disk vfs.File, table []block) error) error {
	for {
		g.mu.RLock()
		disk, removed := g.mu.disk, g.mu.removed
		if disk != nil && !removed {
			g.used.Store(g.pool.clock.Add(1))
			err := f(disk, g.mu.table)
			g.mu.RUnlock()
			return err
		}
		g.mu.RUnlock()
		if removed {
			return ErrMoved
		}
		if err := g.open(); err != nil {
			return err
		}
		g.pool.opened(g)
	}
}

func (g *segment) open() error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.mu.disk != nil || g.mu.removed {
		return nil
	}
	disk, err := g.pool.fs.Open(g.path)
	if err != nil {
		return err
	}
	if g.blocks && g.mu.table == nil {
		table, _, err := readTable(disk, g.size.Load())
		if err != nil {
			return errors.Join(err, disk.Close())
		}
		g.mu.table = table
	}
	g.mu.disk = disk
	return nil
}

// shut closes the file until it is needed again.
func (g *segment) shut() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.mu.disk != nil {
		_ = g.mu.disk.Close() // what had to be synced was
		g.mu.disk = nil
	}
}

// remove ends all reads.
func (g *segment) remove() {
	g.shut()
	g.mu.Lock()
	defer g.mu.Unlock()
	g.mu.removed = true
}

// readTable finds the blocks of a file by going from one to the next, as long as
// what a header says fits the next one, or the block is whole. Damage ends it, as
// nothing says where the next one is: then the rest is searched for.
func readTable(disk vfs.File, size int64) (table []block, end int64, err error) {
	at := int64(segmentHeader)
	logical := int64(segmentHeader)
	for logical < size {
		b, ok, err := headAt(disk, at)
		if err != nil {
			return table, at, err
		}
		if !ok || int64(b.logical) != logical || !fits(disk, b, size) && !blockWhole(disk, b) {
			next, found := findBlock(disk, at+1, logical)
			if !found {
				return table, at, nil
			}
			b = next
		}
		table = append(table, b)
		at = int64(b.end())
		logical = int64(b.logical) + int64(b.raw)
	}
	return table, at, nil
}

// headAt reads the header of a block. Not ok: there is none.
func headAt(disk vfs.File, at int64) (b block, ok bool, err error) {
	var head [blockHeader]byte
	if _, err = disk.ReadAt(head[:], at); errors.Is(err, io.EOF) {
		return block{}, false, nil
	}
	b, ok = parseBlockHead(head[:], uint32(at))
	return b, ok, err
}

// fits reports whether a block ends where the next one begins, or the segment ends.
func fits(disk vfs.File, b block, size int64) bool {
	end := int64(b.logical) + int64(b.raw)
	if end == size {
		return true
	}
	next, ok, err := headAt(disk, int64(b.end()))
	return ok && err == nil && int64(next.logical) == end
}

// blockWhole reports whether a block matches its checksum.
func blockWhole(disk vfs.File, b block) bool {
	p := make([]byte, blockHeader+b.stored)
	if _, err := disk.ReadAt(p, int64(b.at)); err != nil {
		return false
	}
	_, err := decodeBlock(nil, p)
	return err == nil
}

// findBlock looks for a block from at on that holds something at logical or
// behind it, and is whole.
func findBlock(disk vfs.File, at, logical int64) (block, bool) {
	length, err := disk.Size()
	if err != nil {
		return block{}, false
	}
	buf := make([]byte, 64<<10)
	for ; at+blockHeader <= length; at += int64(len(buf)) - blockHeader + 1 {
		n, err := disk.ReadAt(buf, at)
		if err != nil && !errors.Is(err, io.EOF) {
			continue
		}
		for i := 0; i+blockHeader <= n; i++ {
			b, ok := parseBlockHead(buf[i:n], uint32(at)+uint32(i))
			if !ok || int64(b.logical) < logical || int64(b.end()) > length {
				continue
			}
			if blockWhole(disk, b) {
				return b, true
			}
		}
	}
	return block{}, false
}

// readAt appends n bytes from off on; n is at most what is there.
func (g *segment) readAt(dst []byte, off, n int64) ([]byte, error) {
	if off < segmentHeader || off+n > g.size.Load() {
		return dst, io.ErrUnexpectedEOF
	}
	err := g.withDisk(func(disk vfs.File, table []block) error {
		var err error
		if g.blocks {
			dst, err = readBlocks(disk, table, dst, off, n)
			return err
		}
		from := len(dst)
		dst = slices.Grow(dst, int(n))[:from+int(n)]
		if _, err = disk.ReadAt(dst[from:], off); err != nil {
			dst = dst[:from]
		}
		return err
	})
	return dst, err
}

// around returns a part of the file that begins at or before off and holds at
// least n bytes from there, or want if there are as many; dst is used for it.
func (g *segment) around(dst []byte, off, n, want int64) (part []byte, from int64, err error) {
	if !g.blocks {
		part, err = g.readAt(dst[:0], off, min(max(n, want), max(g.size.Load()-off, n)))
		return part, off, err
	}
	err = g.withDisk(func(disk vfs.File, table []block) error {
		i, ok := blockAt(table, off)
		if !ok {
			return io.ErrUnexpectedEOF
		}
		from = int64(table[i].logical)
		part, err = readBlock(disk, &table[i], dst[:0])
		return err
	})
	return part, from, err
}

func blockAt(table []block, off int64) (int, bool) {
	i, found := slices.BinarySearchFunc(table, off, func(b block, off int64) int {
		return int(int64(b.logical) - off)
	})
	if !found {
		i--
	}
	return i, i >= 0 && off < int64(table[i].logical)+int64(table[i].raw)
}

var blockBuffers = sync.Pool{New: func() any { return new([]byte) }}

// readBlock appends what a block holds.
func readBlock(disk vfs.File, b *block, dst []byte) ([]byte, error) {
	buf := blockBuffers.Get().(*[]byte)
	defer blockBuffers.Put(buf)
	*buf = slices.Grow((*buf)[:0], blockHeader+int(b.stored))[:blockHeader+b.stored]
	if _, err := disk.ReadAt(*buf, int64(b.at)); err != nil {
		return dst, err
	}
	return decodeBlock(dst, *buf)
}

func readBlocks(disk vfs.File, table []block, dst []byte, off, n int64) ([]byte, error) {
	i, ok := blockAt(table, off)
	if !ok || off+n > int64(table[i].logical)+int64(table[i].raw) {
		return dst, io.ErrUnexpectedEOF // a record lies in one block
	}
	from := len(dst)
	dst, err := readBlock(disk, &table[i], dst)
	if err != nil {
		return dst[:from], err
	}
	part := dst[from:][off-int64(table[i].logical):][:n]
	return dst[:from+copy(dst[from:], part)], nil
}

// handles keeps the number of open segments small.
type handles struct {
	fs    vfs.FS
	clock atomic.Int64

	mu struct {
		sync.Mutex
		open []*segment
	}
}

// openSegments is how many segments are kept open.
const openSegments = 256

// opened notes that g is open, and closes the one that was used least lately if
// there are too many.
func (h *handles) opened(g *segment) {
	h.mu.Lock()
	h.mu.open = append(h.mu.open, g)
	var victim *segment
	if len(h.mu.open) > openSegments {
		at := 0
		for i, s := range h.mu.open {
			if s.used.Load() < h.mu.open[at].used.Load() {
				at = i
			}
		}
		victim = h.mu.open[at]
		h.mu.open = slices.Delete(h.mu.open, at, at+1)
	}
	h.mu.Unlock()
	if victim != nil {
		victim.shut()
	}
}

// closed forgets g.
func (h *handles) closed(g *segment) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.mu.open = slices.DeleteFunc(h.mu.open, func(s *segment) bool { return s == g })
}

// closeAll closes what is open.
func (h *handles) closeAll() {
	h.mu.Lock()
	open := h.mu.open
	h.mu.open = nil
	h.mu.Unlock()
	for _, g := range open {
		g.shut()
	}
}
