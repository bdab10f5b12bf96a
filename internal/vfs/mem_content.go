package vfs

import (
	"bytes"
	"math/rand/v2"
)

// pageBytes is the unit in which contents share memory.
const pageBytes = 4096

// page is a part of a file. Many contents may have the same one, which nobody
// changes then.
type page struct {
	bytes  [pageBytes]byte
	shared bool // it is in several images; never taken back
}

var zeroPage [pageBytes]byte

// image is the bytes of a file. A page that is nil, and what is behind the size
// in the last one, is zero.
type image struct {
	size  int64
	pages []*page
}

// read copies what there is from off on to p.
func (m *image) read(p []byte, off int64) (n int) {
	p = p[:max(0, min(int64(len(p)), m.size-off))]
	for n < len(p) {
		at := off + int64(n)
		from := zeroPage[at%pageBytes:]
		if pg := m.pages[at/pageBytes]; pg != nil {
			from = pg.bytes[at%pageBytes:]
		}
		n += copy(p[n:], from)
	}
	return n
}

// write stores p at off; the image is long enough.
func (m *image) write(p []byte, off int64) {
	for len(p) > 0 {
		part := p[:min(int64(len(p)), pageBytes-off%pageBytes)]
		if m.pages[off/pageBytes] != nil || !bytes.Equal(part, zeroPage[:len(part)]) {
			copy(m.own(off / pageBytes).bytes[off%pageBytes:], part)
		}
		p, off = p[len(part):], off+int64(len(part))
	}
}

// own returns a page that may be changed.
func (m *image) own(i int64) *page {
	switch pg := m.pages[i]; {
	case pg == nil:
		m.pages[i] = &page{}
	case pg.shared:
		m.pages[i] = &page{bytes: pg.bytes}
	}
	return m.pages[i]
}

// resize changes the length; what is cut off does not come back.
func (m *image) resize(size int64) {
	pages := int((size + pageBytes - 1) / pageBytes)
	if size < m.size {
		clear(m.pages[pages:])
		m.pages = m.pages[:pages]
		if rest := size % pageBytes; rest > 0 && m.pages[pages-1] != nil {
			clear(m.own(int64(pages) - 1).bytes[rest:])
		}
	}
	for len(m.pages) < pages {
		m.pages = append(m.pages, nil)
	}
	m.size = size
}

// share puts page i of m in the place of that of other.
func (m *image) share(i int64, other *image) {
	if pg := m.pages[i]; pg != nil && !pg.shared {
		pg.shared = true
	}
	other.pages[i] = m.pages[i]
}

// twin returns an image of the same bytes.
func (m *image) twin() image {
	other := image{size: m.size, pages: make([]*page, len(m.pages))}
	for i := range m.pages {
		m.share(int64(i), &other)
	}
	return other
}

// sectors is a set of sectors of a file.
type sectors []uint64

func (s *sectors) add(n int64) {
	for int64(len(*s)) <= n/64 {
		*s = append(*s, 0)
	}
	(*s)[n/64] |= 1 << (n % 64)
}

func (s sectors) remove(n int64) {
	if n/64 < int64(len(s)) {
		s[n/64] &^= 1 << (n % 64)
	}
}

func (s sectors) has(n int64) bool {
	return n/64 < int64(len(s)) && s[n/64]&(1<<(n%64)) != 0
}

// inPage returns those of a page, a bit for each.
func (s sectors) inPage(i int64) uint64 {
	const perPage = pageBytes / SectorSize
	if at := i * perPage; at/64 < int64(len(s)) {
		return s[at/64] >> (at % 64) & (1<<perPage - 1)
	}
	return 0
}

// content is what a file in memory holds, now and after a loss of power. Its
// owner locks.
type content struct {
	now     image
	durable image
	// dirty has the sectors written since the last sync. A sector of it differs
	// from durable or may do so; one that is not in it and not in lost does not.
	dirty sectors
	// lost has the sectors a failed sync took for written: still seen by readers,
	// never written by a later sync.
	lost sectors
}

func (c *content) size() int64 { return c.now.size }

// write stores p at off; the file is long enough.
func (c *content) write(p []byte, off int64) {
	if len(p) == 0 {
		return
	}
	c.now.write(p, off)
	c.touch(off, off+int64(len(p)))
}

// touch marks the sectors of a range as written.
func (c *content) touch(from, to int64) {
	for s := from / SectorSize; s*SectorSize < to; s++ {
		c.dirty.add(s)
		c.lost.remove(s)
	}
}

// resize changes the length; new bytes are zero.
func (c *content) resize(size int64) {
	old := c.size()
	c.now.resize(size)
	c.touch(min(size, old), max(size, old))
}

// sync makes durable what was written, except what a failed sync has lost.
func (c *content) sync() {
	c.durable.resize(c.size())
	for i := range int64(len(c.now.pages)) {
		switch {
		case c.dirty.inPage(i) == 0:
		case c.lost.inPage(i) == 0:
			c.now.share(i, &c.durable)
		default:
			for s := i * pageBytes / SectorSize; s*SectorSize < (i+1)*pageBytes; s++ {
				if c.dirty.has(s) {
					copySector(&c.durable, &c.now, s)
				}
			}
		}
	}
	clear(c.dirty)
}

// copySector copies one sector as far as both images reach.
func copySector(to, from *image, s int64) {
	var b [SectorSize]byte
	off := s * SectorSize
	if n := min(SectorSize, from.size-off, to.size-off); n > 0 {
		from.read(b[:n], off)
		to.write(b[:n], off)
	}
}

// dropDirty is a failed sync: the system forgets that the sectors were written.
func (c *content) dropDirty() {
	for s := range int64(len(c.dirty)) * 64 {
		if c.dirty.has(s) {
			c.lost.add(s)
		}
	}
	clear(c.dirty)
}

// forget shows the durable form of what only the cache had.
func (c *content) forget() {
	for s := range int64(len(c.lost)) * 64 {
		if !c.lost.has(s) {
			continue
		}
		off := s * SectorSize
		if n := min(SectorSize, c.size()-off); n > 0 {
			c.now.write(zeroPage[:n], off)
		}
		copySector(&c.now, &c.durable, s)
	}
	clear(c.lost)
}

// afterPowerLoss returns what a disk might hold: each unsynced sector survives
// with probability keep, an unsynced length as chance has it.
func (c *content) afterPowerLoss(rng *rand.Rand, keep float64) content {
	size := c.durable.size
	if rng != nil && size != c.size() {
		switch {
		case rng.Float64() < keep:
			size = c.size()
		case rng.IntN(2) == 0:
			low, high := min(size, c.size()), max(size, c.size())
			size = low + rng.Int64N(high-low+1)
		}
	}
	left := c.durable.twin()
	left.resize(size)
	for s := int64(0); rng != nil && s*SectorSize < min(size, c.size()); s++ {
		if c.dirty.has(s) && rng.Float64() < keep {
			copySector(&left, &c.now, s)
		}
	}
	return content{now: left.twin(), durable: left}
}
