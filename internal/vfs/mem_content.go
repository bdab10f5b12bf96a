package vfs

import "math/rand/v2"

// content is what a file in memory holds, now and after a loss of power. Its
// owner locks.
type content struct {
	now     []byte
	durable []byte
	// dirty has the sectors written since the last sync. A sector of it differs
	// from durable or may do so; one that is not in it and not in lost does not.
	dirty map[int64]struct{}
	// lost has the sectors a failed sync took for written: still seen by readers,
	// never written by a later sync.
	lost map[int64]struct{}
}

func (c *content) size() int64 { return int64(len(c.now)) }

// write stores p at off; the file is long enough.
func (c *content) write(p []byte, off int64) {
	if len(p) == 0 {
		return
	}
	copy(c.now[off:], p)
	c.touch(off, off+int64(len(p)))
}

// touch marks the sectors of a range as written.
func (c *content) touch(from, to int64) {
	if c.dirty == nil {
		c.dirty = map[int64]struct{}{}
	}
	for s := from / SectorSize; s*SectorSize < to; s++ {
		c.dirty[s] = struct{}{}
		delete(c.lost, s)
	}
}

// resize changes the length; new bytes are zero.
func (c *content) resize(size int64) {
	old := c.size()
	if size <= old {
		// What is cut off must not come back when the file grows again.
		clear(c.now[size:])
		c.now = c.now[:size]
		c.touch(size, old)
		return
	}
	if size <= int64(cap(c.now)) {
		c.now = c.now[:size]
	} else {
		grown := make([]byte, size, max(size, int64(cap(c.now))*2))
		copy(grown, c.now)
		c.now = grown
	}
	c.touch(old, size)
}

// sync makes durable what was written, except what a failed sync has lost.
func (c *content) sync() {
	c.durable = fit(c.durable, c.size())
	for s := range c.dirty {
		c.persist(s)
	}
	clear(c.dirty)
}

// persist copies one sector as far as both images reach.
func (c *content) persist(s int64) {
	from := s * SectorSize
	to := min(from+SectorSize, c.size(), int64(len(c.durable)))
	if from < to {
		copy(c.durable[from:to], c.now[from:to])
	}
}

// dropDirty is a failed sync: the system forgets that the sectors were written.
func (c *content) dropDirty() {
	if c.lost == nil {
		c.lost = map[int64]struct{}{}
	}
	for s := range c.dirty {
		c.lost[s] = struct{}{}
	}
	clear(c.dirty)
}

// forget shows the durable form of what only the cache had.
func (c *content) forget() {
	for s := range c.lost {
		from := s * SectorSize
		to := min(from+SectorSize, c.size())
		if from >= to {
			continue
		}
		clear(c.now[from:to])
		if from < int64(len(c.durable)) {
			copy(c.now[from:to], c.durable[from:])
		}
	}
	clear(c.lost)
}

// afterPowerLoss returns what a disk might hold: each unsynced sector survives
// with probability keep, an unsynced length as chance has it.
func (c *content) afterPowerLoss(rng *rand.Rand, keep float64) content {
	size := int64(len(c.durable))
	if rng != nil && size != c.size() {
		switch {
		case rng.Float64() < keep:
			size = c.size()
		case rng.IntN(2) == 0:
			low, high := min(size, c.size()), max(size, c.size())
			size = low + rng.Int64N(high-low+1)
		}
	}
	left := content{durable: fit(append([]byte(nil), c.durable...), size)}
	left.now = append([]byte(nil), left.durable...)
	for s := int64(0); rng != nil && s*SectorSize < min(size, c.size()); s++ {
		if _, dirty := c.dirty[s]; dirty && rng.Float64() < keep {
			from, to := s*SectorSize, min((s+1)*SectorSize, size, c.size())
			copy(left.now[from:to], c.now[from:to])
		}
	}
	copy(left.durable, left.now)
	return left
}

// fit returns b with the given length, zero where it was shorter.
func fit(b []byte, size int64) []byte {
	if size <= int64(len(b)) {
		return b[:size:size]
	}
	return append(b, make([]byte, size-int64(len(b)))...)
}
