package conn

import (
	"errors"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/tidings-io/tidings/internal/core"
	"github.com/tidings-io/tidings/internal/wire"
)

// outbound is the write side of a connection.
type outbound struct {
	// Owned by the writer: whoever set mu.writing.
	vector [][]byte

	// behind is set while pending is above the mark where publishers pause;
	// written under mu.
	behind atomic.Bool

	mu struct {
		sync.Mutex
		writing bool          // somebody owns the socket's write side
		closed  bool          // nothing is taken any more
		queue   []*core.Chunk // behind what the writer has in hand
		pending int           // bytes in queue, in the writer's hand, and kept by the socket
		peak    int           // highest pending so far
		// moved is when the peer last took something while there was a queue.
		moved  time.Time
		gap    time.Duration // longest time between two such moments, of late
		relief chan struct{} // closed when pending has fallen; nil if nobody asked
		// final is why to close once all is written; empty while open.
		final wire.Reason
		// linger is how long the client may take to close its side then.
		linger time.Duration
		// ended is when all was written and the client told; zero before.
		ended time.Time
	}
}

const (
	// vectorMax is the number of chunks given to one write.
	vectorMax = 16
	// inlineRounds is how often a publisher goes on writing what others queued
	// meanwhile, before a goroutine takes over.
	inlineRounds = 4
	// joinBelow is the size in bytes up to which staged bytes are copied behind
	// the last queued chunk instead of being queued as a chunk of their own, so
	// that small messages to a slow client do not hold a large chunk each.
	joinBelow = core.ChunkLarge / 2
	// Publishers pause when MaxPending/pauseShare bytes are queued, until less
	// than MaxPending/reliefShare are.
	pauseShare  = 16
	reliefShare = 32
)

// Flush takes what a publisher staged. It implements core.Receiver.
func (c *Conn) Flush(st *core.Stage) {
	o := &c.out
	n := st.Len()
	o.mu.Lock()
	if o.mu.closed {
		o.mu.Unlock()
		c.dropped.Add(uint64(st.Messages))
		c.server.stats.dropped.Add(uint64(st.Messages))
		return
	}
	if o.mu.writing {
		st.Take(0, o.enqueueLocked)
		slow := o.addLocked(n, c.server.cfg.MaxPending)
		o.mu.Unlock()
		c.countOut(st)
		if slow {
			c.slow(wire.SlowConsumerPending)
		}
		return
	}
	o.mu.writing = true
	o.mu.Unlock()
	c.countOut(st)
	o.vector = st.Vector(o.vector[:0])
	sent, full, err := c.sock.Write(o.vector)
	clear(o.vector)
	if err != nil {
		c.writeFailed(err)
		return
	}
	if !full {
		c.writeQueued()
		return
	}
	rest := n - sent + c.sock.Unsent()
	o.mu.Lock()
	behind := o.mu.queue
	o.mu.queue = nil
	st.Take(sent, o.enqueueLocked)
	o.mu.queue = append(o.mu.queue, behind...)
	slow := o.addLocked(rest, c.server.cfg.MaxPending)
	o.mu.moved = time.Now()
	o.mu.Unlock()
	if slow {
		c.slow(wire.SlowConsumerPending)
		return
	}
	go c.drain()
}

// addLocked counts n more pending bytes and tells whether that is too much. The
// lock of mu is held.
func (o *outbound) addLocked(n, limit int) bool {
	o.mu.pending += n
	if o.mu.pending >= limit/pauseShare {
		o.behind.Store(true)
	}
	o.mu.peak = max(o.mu.peak, o.mu.pending)
	return o.mu.pending > limit
}

// enqueueLocked puts c behind the queue. The lock of mu is held.
func (o *outbound) enqueueLocked(c *core.Chunk) {
	b := c.Rest()
	if k := len(o.mu.queue); k > 0 && len(b) <= joinBelow {
		if last := o.mu.queue[k-1]; last.Room() >= len(b) {
			last.Bytes = append(last.Bytes, b...)
			c.Release()
			return
		}
	}
	if len(b) <= joinBelow && cap(c.Bytes) >= core.ChunkLarge {
		small := core.NewChunk(len(b))
		if cap(small.Bytes) < cap(c.Bytes) {
			small.Bytes = append(small.Bytes, b...)
			c.Release()
			c = small
		} else {
			small.Release()
		}
	}
	o.mu.queue = append(o.mu.queue, c)
}

// writeQueued writes what others queued while we wrote, and lets go of the write
// side. The caller is the writer.
func (c *Conn) writeQueued() {
	o := &c.out
	for range inlineRounds {
		chunks := c.takeQueue()
		if chunks == nil {
			return
		}
		o.load(chunks)
		sent, full, err := c.sock.Write(o.vector)
		clear(o.vector)
		if err != nil {
			release(chunks)
			c.writeFailed(err)
			return
		}
		kept := c.sock.Unsent()
		rest := skip(chunks, sent)
		o.mu.Lock()
		o.mu.pending += kept - sent
		if full {
			o.mu.queue = append(rest, o.mu.queue...)
			o.mu.moved = time.Now()
			o.mu.Unlock()
			go c.drain()
			return
		}
		o.mu.Unlock()
	}
	go c.drain()
}

// takeQueue takes up to vectorMax chunks. If there are none it gives up the write
// side and returns nil.
func (c *Conn) takeQueue() []*core.Chunk {
	o := &c.out
	o.mu.Lock()
	if len(o.mu.queue) == 0 && o.mu.final == "" {
		o.mu.writing = false
		o.mu.pending, o.mu.gap = 0, 0
		o.relieveLocked()
		o.mu.Unlock()
		return nil
	}
	if len(o.mu.queue) == 0 {
		// What comes now would never leave: it is refused, and counted.
		o.mu.closed, o.mu.ended, o.mu.pending = true, time.Now(), 0
		linger := o.mu.linger
		o.relieveLocked()
		o.mu.Unlock()
		c.sock.CloseWrite()
		c.server.wheel.hasten(c, linger)
		return nil
	}
	k := min(len(o.mu.queue), c.batch)
	chunks := o.mu.queue[:k:k]
	o.mu.queue = o.mu.queue[k:]
	o.mu.Unlock()
	return chunks
}

// relieveLocked wakes the publishers that wait. The lock of mu is held.
func (o *outbound) relieveLocked() {
	o.behind.Store(false)
	if o.mu.relief != nil {
		close(o.mu.relief)
		o.mu.relief = nil
	}
}

// load points the vector at what is left of the chunks.
func (o *outbound) load(chunks []*core.Chunk) {
	o.vector = o.vector[:0]
	for _, k := range chunks {
		o.vector = append(o.vector, k.Rest())
	}
}

func release(chunks []*core.Chunk) {
	for _, k := range chunks {
		k.Release()
	}
}

// skip releases the chunks that are sent and returns the others.
func skip(chunks []*core.Chunk, sent int) []*core.Chunk {
	for len(chunks) > 0 {
		n := len(chunks[0].Rest())
		if sent < n {
			chunks[0].Sent += sent
			break
		}
		sent -= n
		chunks[0].Release()
		chunks = chunks[1:]
	}
	return chunks
}

// drain writes the queue until it is empty. It is the writer, in a goroutine of
// its own that ends with the queue or the connection.
func (c *Conn) drain() {
	o := &c.out
	for {
		chunks := c.takeForDrain()
		if chunks == nil {
			return
		}
		o.load(chunks)
		before := c.sock.Unsent()
		sent, err := c.sock.WriteWait(o.vector, time.Now().Add(c.server.cfg.WriteDeadline))
		after := c.sock.Unsent()
		clear(o.vector)
		rest := skip(chunks, sent)
		o.mu.Lock()
		moved := sent + before - after
		o.mu.pending -= moved
		if moved > 0 {
			now := time.Now()
			o.mu.moved, o.mu.gap = now, max(now.Sub(o.mu.moved), o.mu.gap-o.mu.gap/16)
		}
		if len(rest) > 0 {
			o.mu.queue = append(rest, o.mu.queue...)
		}
		if o.mu.pending < c.server.cfg.MaxPending/reliefShare {
			o.relieveLocked()
		}
		o.mu.Unlock()
		switch {
		case err == nil:
		case errors.Is(err, os.ErrDeadlineExceeded):
			if moved > 0 {
				continue // slow, but alive
			}
			if !c.server.cfg.RetryWrites {
				c.slow(wire.SlowConsumerDeadline)
				return
			}
			c.server.slowLog(c, "Slow consumer missed its write deadline; the write is tried again", 0)
		default:
			c.writeFailed(err)
			return
		}
	}
}

// takeForDrain is takeQueue for the drain goroutine: it also goes on, with an
// empty list, while the socket keeps bytes of its own.
func (c *Conn) takeForDrain() []*core.Chunk {
	if c.sock.Unsent() > 0 {
		o := &c.out
		o.mu.Lock()
		defer o.mu.Unlock()
		k := min(len(o.mu.queue), c.batch)
		chunks := append([]*core.Chunk{}, o.mu.queue[:k]...)
		o.mu.queue = o.mu.queue[k:]
		return chunks
	}
	return c.takeQueue()
}

// send queues protocol bytes from outside the reader's turn.
func (c *Conn) send(b []byte) {
	o := &c.out
	o.mu.Lock()
	if o.mu.closed {
		o.mu.Unlock()
		return
	}
	k := core.NewChunk(len(b))
	k.Bytes = append(k.Bytes, b...)
	o.mu.queue = append(o.mu.queue, k)
	slow := o.addLocked(len(b), c.server.cfg.MaxPending)
	mine := !o.mu.writing
	o.mu.writing = true
	o.mu.Unlock()
	switch {
	case slow:
		c.slow(wire.SlowConsumerPending)
	case mine:
		c.writeQueued()
	}
}

// Relief implements core.Receiver: publishers pause while the queue is long and
// the peer keeps taking from it. A peer that takes nothing gets no pause: it will
// meet its limits, and nobody else should wait for that. A slow peer takes in
// lumps, since its window opens in lumps, so what counts is the time between them.
// The patient wait for every peer, until it takes something or is closed.
func (c *Conn) Relief(patient bool) <-chan struct{} {
	o := &c.out
	if !o.behind.Load() || c.server.cfg.NoStall && !patient {
		return nil
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if !o.behind.Load() || o.mu.closed || !patient && o.stuckLocked() {
		return nil
	}
	if o.mu.relief == nil {
		o.mu.relief = make(chan struct{})
	}
	return o.mu.relief
}

// stuckAfter is how long a peer may take nothing and still be worth waiting for;
// stuckMost is that for one that is known to take in lumps.
const (
	stuckAfter = 500 * time.Millisecond
	stuckMost  = 2 * time.Second
)

// stuckLocked reports whether the peer takes nothing any more.
func (o *outbound) stuckLocked() bool {
	return time.Since(o.mu.moved) > max(stuckAfter, min(4*o.mu.gap, stuckMost))
}

func (c *Conn) writeFailed(err error) {
	c.closeWith(c.endingFor(wire.WriteFailed), err)
}

// shut makes the write side refuse everything and drops what is queued; it
// returns the number of bytes dropped.
func (o *outbound) shut() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.mu.closed = true
	dropped := o.mu.pending
	if !o.mu.writing {
		release(o.mu.queue)
	}
	o.mu.queue = nil
	o.relieveLocked()
	return dropped
}
