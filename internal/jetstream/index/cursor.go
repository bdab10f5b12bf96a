package index

// Cursor is a place in a stream from which somebody reads on. It costs nothing
// while nobody asks it: what became of the stream meanwhile it learns when it is
// asked.
type Cursor struct {
	x   *Index
	f   *Filter
	pos uint64
	// skip is at least pos; there is nothing for the cursor from pos to before it.
	skip uint64

	// If counted: pending messages pass from pos to upTo, before the removals from
	// removed on.
	counted bool
	pending uint64
	upTo    uint64
	removed uint64 // as removals.n
	inside  uint64 // as removals.inside
	epoch   uint64
}

// NewCursor returns a cursor that sees what f lets pass from the sequence at on.
func (x *Index) NewCursor(f *Filter, at uint64) *Cursor {
	return &Cursor{x: x, f: f, pos: at, skip: at}
}

// Position returns the next sequence that the cursor looks at.
func (c *Cursor) Position() uint64 { return c.pos }

// Seek makes seq the next sequence that the cursor looks at.
func (c *Cursor) Seek(seq uint64) {
	if seq == c.pos {
		return
	}
	if c.counted {
		c.settle()
	}
	if seq < c.pos || seq > c.skip {
		c.skip, c.counted = seq, false
	}
	c.pos = seq
}

// Peek returns the next message and stays.
func (c *Cursor) Peek() (Entry, bool) {
	e, ok := c.x.Next(c.skip, c.f)
	if ok {
		c.skip = e.Seq
	} else {
		c.skip = max(c.skip, c.x.last+1)
	}
	return e, ok
}

// Next returns the next message and goes on behind it.
func (c *Cursor) Next() (Entry, bool) {
	e, ok := c.Peek()
	if !ok {
		return e, false
	}
	if c.counted {
		c.settle()
	}
	if c.counted {
		if e.Seq <= c.upTo {
			c.pending--
		}
		c.upTo = max(c.upTo, e.Seq)
	}
	c.pos, c.skip = e.Seq+1, e.Seq+1
	return e, true
}

// Pending returns the number of messages that the cursor would see if none came
// any more. It is exact. It costs a look at what was appended and removed since
// the last call, or a count if too much was removed.
func (c *Cursor) Pending() uint64 {
	if c.counted {
		c.settle()
	}
	x := c.x
	if !c.counted {
		x.removals.watch()
		c.pending = x.Count(c.skip, c.f)
		c.counted, c.epoch = true, x.epoch
		c.removed, c.inside = x.removals.n, x.removals.inside
	} else if c.upTo < x.last {
		c.pending += x.Count(max(c.upTo+1, c.skip), c.f)
	}
	c.upTo = x.last
	return c.pending
}

// settle takes removals into account, or makes the count unknown.
func (c *Cursor) settle() {
	r := &c.x.removals
	if c.removed == r.n && c.epoch == c.x.epoch {
		return
	}
	known := c.epoch == c.x.epoch && r.since(c.removed, func(m removal) {
		if m.seq >= c.pos && m.seq <= c.upTo && c.f.MatchID(m.id) {
			c.pending--
		}
	})
	// Those at the stream's front do not matter to a cursor that is ahead of it.
	if !known && (c.epoch != c.x.epoch || r.inside != c.inside || c.pos < c.x.first) {
		c.counted = false
	}
	c.removed, c.inside = r.n, r.inside
}
