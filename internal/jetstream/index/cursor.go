package index

// Cursor is a place in a stream from which somebody reads on. It costs nothing
// while nobody asks it.
type Cursor struct {
	x   *Index
	f   *Filter
	pos uint64
}

// NewCursor returns a cursor that sees what f lets pass from the sequence at on.
func (x *Index) NewCursor(f *Filter, at uint64) *Cursor {
	return &Cursor{x: x, f: f, pos: at}
}

// Peek returns the next message and stays.
func (c *Cursor) Peek() (Entry, bool) { return c.x.Next(c.pos, c.f) }

// Next returns the next message and goes on behind it.
func (c *Cursor) Next() (Entry, bool) {
	e, ok := c.Peek()
	if ok {
		c.pos = e.Seq + 1
	}
	return e, ok
}

// Seek makes seq the next sequence that the cursor looks at.
func (c *Cursor) Seek(seq uint64) { c.pos = seq }

// Position returns the next sequence that the cursor looks at.
func (c *Cursor) Position() uint64 { return c.pos }

// Pending returns the number of messages that the cursor will still see, of those
// there are now.
func (c *Cursor) Pending() uint64 { return c.x.Count(c.pos, c.f) }
