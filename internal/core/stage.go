package core

// Stage is what one publisher has ready for one receiver since its last flush. It
// belongs to the publisher's goroutine.
type Stage struct {
	To Receiver
	// Messages and Size count what is staged: messages, and payload bytes.
	Messages, Size int
	// Side is for what the receiver keeps beside the staged bytes. It takes the
	// slice with them and leaves another; what it leaves is emptied.
	Side []byte

	chunk *Chunk
	views []view
	bytes int // bytes of the views
	last  int // bytes staged in the batch before
	dirty bool
	pub   *Publisher
	// relief is that of the receiver after the last flush, if the publisher is
	// patient.
	relief <-chan struct{}
}

// view is bytes that are sent from where they are, after the first at bytes of
// the chunk.
type view struct {
	at   int
	data []byte
}

// ReferFrom is the size in bytes from which it is cheaper to send a payload from
// the publisher's buffer than to copy it.
const ReferFrom = 8 << 10

// Reserve returns the chunk with room for n more bytes. What was staged may be
// flushed to make room. Append to Chunk.Bytes at once.
func (st *Stage) Reserve(n int) *Chunk {
	c := st.chunk
	if c != nil && c.Room() >= n {
		return c
	}
	return st.grow(n)
}

func (st *Stage) grow(n int) *Chunk {
	c := st.chunk
	switch {
	case c == nil:
		st.chunk = NewChunk(max(n, min(st.last, ChunkLarge)))
	case cap(c.Bytes) < ChunkLarge && len(c.Bytes)+n <= ChunkLarge:
		st.chunk = NewChunk(ChunkLarge)
		st.chunk.Bytes = append(st.chunk.Bytes, c.Bytes...)
		c.Release()
	default:
		st.pub.overflow(st)
		if st.chunk == nil || st.chunk.Room() < n {
			if st.chunk != nil {
				st.chunk.Release()
			}
			st.chunk = NewChunk(max(n, ChunkLarge))
		}
	}
	return st.chunk
}

// Append stages a copy of b.
func (st *Stage) Append(b []byte) {
	c := st.Reserve(len(b))
	c.Bytes = append(c.Bytes, b...)
}

// Refer stages b without a copy; it must stay unchanged until the next Flush of
// the publisher.
func (st *Stage) Refer(b []byte) {
	c := st.Reserve(0)
	st.views = append(st.views, view{len(c.Bytes), b})
	st.bytes += len(b)
}

// behind reports whether the receiver, which has a relief, waits for it still.
func (st *Stage) behind() bool {
	select {
	case <-st.relief:
		st.relief = nil
		return false
	default:
		return true
	}
}

// From is the door that publishes, nil for one that gets nothing itself.
func (st *Stage) From() Receiver {
	if st.pub == nil {
		return nil
	}
	return st.pub.self
}

// Len is the number of staged bytes.
func (st *Stage) Len() int {
	n := st.bytes
	if st.chunk != nil {
		n += len(st.chunk.Bytes)
	}
	return n
}

// Vector appends the staged bytes in order to v, as slices that are valid until
// the stage changes.
func (st *Stage) Vector(v [][]byte) [][]byte {
	if st.chunk == nil {
		return v
	}
	b, from := st.chunk.Bytes, 0
	for _, w := range st.views {
		if w.at > from {
			v = append(v, b[from:w.at])
			from = w.at
		}
		v = append(v, w.data)
	}
	if from < len(b) {
		v = append(v, b[from:])
	}
	return v
}

// Take hands the staged bytes over from offset from on, as chunks that belong to
// the caller, through add. The stage is empty afterwards.
func (st *Stage) Take(from int, add func(*Chunk)) {
	if st.chunk == nil {
		return
	}
	if len(st.views) == 0 {
		c := st.chunk
		st.chunk = nil
		c.Sent += from
		add(c)
		return
	}
	var c *Chunk
	for _, b := range st.Vector(nil) {
		if from >= len(b) {
			from -= len(b)
			continue
		}
		b, from = b[from:], 0
		for len(b) > 0 {
			if c == nil || c.Room() == 0 {
				if c != nil {
					add(c)
				}
				c = NewChunk(ChunkLarge)
			}
			n := min(c.Room(), len(b))
			c.Bytes = append(c.Bytes, b[:n]...)
			b = b[n:]
		}
	}
	if c != nil {
		add(c)
	}
	st.chunk.Release()
	st.chunk = nil
	st.dropViews()
}

func (st *Stage) dropViews() {
	clear(st.views)
	st.views, st.bytes = st.views[:0], 0
}

// reset empties the stage after a flush and gives its chunk back.
func (st *Stage) reset() {
	if st.chunk != nil {
		st.last = len(st.chunk.Bytes)
		st.chunk.Release()
		st.chunk = nil
	}
	st.dropViews()
	st.Side = st.Side[:0]
	st.Messages, st.Size, st.dirty = 0, 0, false
}
