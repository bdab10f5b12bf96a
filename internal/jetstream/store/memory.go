package store

import (
	"maps"
	"slices"
	"sync"

	"github.com/tidings-io/tidings/internal/jetstream/index"
)

const (
	// pageFirst is the size of the first page, so that an idle stream is small;
	// each page is as large as all before it, up to pageMax.
	pageFirst = 1 << 10
	pageMax   = 256 << 10
	// sparsePages is how many pages with less than half of their bytes in use
	// are left alone before Compact moves what is in them.
	sparsePages = 4
)

// Memory holds records in memory, in pages that are freed when nothing in them is
// used any more. Its methods are safe for concurrent use; what an entry means is
// the index's business, which its owner locks.
type Memory struct {
	mu struct {
		sync.RWMutex
		pages  map[uint32]*page
		open   *page // takes more; nil: none does
		number uint32
		bytes  int64 // of all pages
		sparse int   // closed pages that are less than half used
	}
}

// page is one piece of memory with records one behind the other.
type page struct {
	number uint32
	buf    []byte // its capacity never changes
	live   int    // bytes of records that are used
	sparse bool
}

// NewMemory returns a memory without records.
func NewMemory() *Memory { return &Memory{} }

// Keep copies a record and returns where it is.
func (m *Memory) Keep(rec []byte) index.Place {
	m.mu.Lock()
	defer m.mu.Unlock()
	p := m.mu.open
	if p == nil || cap(p.buf)-len(p.buf) < len(rec) {
		p = m.newPageLocked(len(rec))
	}
	at := index.Place{File: inMemory | p.number, Offset: uint32(len(p.buf))}
	p.buf = append(p.buf, rec...)
	p.live += len(rec)
	return at
}

func (m *Memory) newPageLocked(need int) *page {
	size := max(min(max(int(m.mu.bytes), pageFirst), pageMax), need)
	if old := m.mu.open; old != nil {
		m.mu.open = nil
		m.noteLocked(old)
	}
	m.initLocked()
	m.mu.number = m.mu.number%(inMemory-1) + 1
	p := &page{number: m.mu.number, buf: make([]byte, 0, size)}
	m.mu.pages[p.number] = p
	m.mu.open = p
	m.mu.bytes += int64(size)
	return p
}

// seal has nothing more put into the pages there are.
func (m *Memory) seal() {
	m.mu.Lock()
	defer m.mu.Unlock()
	if p := m.mu.open; p != nil {
		m.mu.open = nil
		m.noteLocked(p)
	}
}

// restore puts a record back to where it was.
func (m *Memory) restore(at index.Place, rec []byte) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.initLocked()
	number := at.File &^ inMemory
	p := m.mu.pages[number]
	if p == nil {
		p = &page{number: number}
		m.mu.pages[number] = p
		m.mu.number = max(m.mu.number, number)
	}
	m.mu.bytes -= int64(cap(p.buf))
	if end := int(at.Offset) + len(rec); end > len(p.buf) {
		p.buf = append(p.buf, make([]byte, end-len(p.buf))...)
	}
	m.mu.bytes += int64(cap(p.buf))
	copy(p.buf[at.Offset:], rec)
	p.live += len(rec)
}

// initLocked makes the table of pages, which an idle stream does without.
func (m *Memory) initLocked() {
	if m.mu.pages == nil {
		m.mu.pages = map[uint32]*page{}
	}
}

// noteLocked acts on what is left of a page under m.mu.
func (m *Memory) noteLocked(p *page) {
	if p == m.mu.open {
		return
	}
	sparse := p.live < cap(p.buf)/2
	if p.live == 0 {
		delete(m.mu.pages, p.number)
		m.mu.bytes -= int64(cap(p.buf))
		sparse = false
	}
	switch {
	case sparse && !p.sparse:
		m.mu.sparse++
	case !sparse && p.sparse:
		m.mu.sparse--
	}
	p.sparse = sparse
}

// Read appends the record of e to dst. It returns [ErrMoved] for one that is
// freed or was moved.
func (m *Memory) Read(dst []byte, e index.Entry) ([]byte, error) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	p := m.mu.pages[e.Place.File&^inMemory]
	if p == nil || kindOf(e.Place) != memoryPage || int64(e.Place.Offset)+int64(e.Size) > int64(len(p.buf)) {
		return dst, ErrMoved
	}
	return append(dst, p.buf[e.Place.Offset:][:e.Size]...), nil
}

// Free says that the record of e is used no more.
func (m *Memory) Free(e index.Entry) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.freeLocked(e)
}

func (m *Memory) freeLocked(e index.Entry) {
	p := m.mu.pages[e.Place.File&^inMemory]
	if p == nil || kindOf(e.Place) != memoryPage {
		return
	}
	p.live -= int(e.Size)
	m.noteLocked(p)
}

// Bytes returns how much memory all pages take.
func (m *Memory) Bytes() int64 {
	m.mu.RLock()
	defer m.mu.RUnlock()
	return m.mu.bytes
}

// Compact moves what is left in sparse pages together, if there are many of them.
// The caller holds the lock of the index. It is cheap when there is nothing to do.
func (m *Memory) Compact(x *index.Index) {
	for _, number := range m.sparsePages() {
		file := inMemory | number
		for e := range x.InFile(file) {
			rec, err := m.Read(nil, e)
			if err != nil {
				continue // cannot be: the index is the owner's
			}
			if x.Move(e.Seq, e.Place, m.Keep(rec)) {
				m.Free(e)
			}
		}
		m.drop(number)
	}
}

// sparsePages returns the pages to be emptied, none while there are few.
func (m *Memory) sparsePages() []uint32 {
	m.mu.RLock()
	defer m.mu.RUnlock()
	if m.mu.sparse <= max(sparsePages, len(m.mu.pages)/4) {
		return nil
	}
	var list []uint32
	for _, p := range m.mu.pages {
		if p.sparse {
			list = append(list, p.number)
		}
	}
	slices.Sort(list)
	return list
}

// drop removes a page that nothing refers to.
func (m *Memory) drop(number uint32) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if p := m.mu.pages[number]; p != nil {
		p.live = 0
		if m.mu.open == p {
			m.mu.open = nil
		}
		m.noteLocked(p)
	}
}

// numbers returns the pages there are, ascending.
func (m *Memory) numbers() []uint32 {
	m.mu.RLock()
	defer m.mu.RUnlock()
	return slices.Sorted(maps.Keys(m.mu.pages))
}
