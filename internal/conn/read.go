package conn

import (
	"errors"
	"io"
	"net"
	"os"
	"runtime"
	"runtime/debug"
	"sync"
	"syscall"
	"time"

	"github.com/tidings-io/tidings/internal/core"
	"github.com/tidings-io/tidings/internal/transport"
	"github.com/tidings-io/tidings/internal/wire"
)

const (
	// bufferSmall serves clients that are not admitted yet.
	bufferSmall = 4 << 10
	// bufferSize is what one read returns at most: the bound of a turn.
	bufferSize = 64 << 10
	// bufferBig serves connections whose messages are larger than half a buffer.
	bufferBig = 256 << 10
	// hotAfter is the number of reads, without a longer pause between them, after
	// which a connection keeps its goroutine while it waits.
	hotAfter = 16
	// A publisher pauses after a turn for pauseFirst at most, and for twice as
	// long each time that this brought no relief, up to pauseMost.
	pauseFirst = 10 * time.Millisecond
	pauseMost  = 80 * time.Millisecond
	// forgetAfter is how long a publisher may remember receivers that may have
	// been closed.
	forgetAfter = 30 * time.Second
)

// turn is what a connection needs while its goroutine runs; pooled.
type turn struct {
	c      *Conn
	pub    *core.Publisher
	parser wire.Parser
	msg    core.Message

	buf     *buffer
	r, w    int // buf.b[r:w] is unread
	want    int // size of the next buffer
	need    int // bytes the begun operation takes; 0 if unknown
	biggest int // largest operation of this turn
	forgot  time.Time
	pause   *time.Timer
	pauseUp time.Duration // bound of the next pause
}

type buffer struct{ b []byte }

var (
	turnPool    = sync.Pool{New: func() any { return &turn{} }}
	bufferPools = map[int]*sync.Pool{
		bufferSmall: {New: func() any { return &buffer{make([]byte, bufferSmall)} }},
		bufferSize:  {New: func() any { return &buffer{make([]byte, bufferSize)} }},
		bufferBig:   {New: func() any { return &buffer{make([]byte, bufferBig)} }},
	}
)

// getBuffer returns a buffer of at least n bytes.
func getBuffer(n int) *buffer {
	switch {
	case n <= bufferSmall:
		return bufferPools[bufferSmall].Get().(*buffer)
	case n <= bufferSize:
		return bufferPools[bufferSize].Get().(*buffer)
	case n <= bufferBig:
		return bufferPools[bufferBig].Get().(*buffer)
	}
	return &buffer{make([]byte, n)}
}

func (b *buffer) release() {
	if p := bufferPools[len(b.b)]; p != nil {
		p.Put(b)
	}
}

// run reads until the connection parks or ends. One goroutine per active
// connection; it ends when the connection is idle or closed.
func (c *Conn) run() {
	t := turnPool.Get().(*turn)
	t.begin(c)
	defer func() {
		if x := recover(); x != nil {
			if t.pub != nil {
				t.pub.Abandon()
			}
			c.panicked(x)
			return // t is in an unknown state: not for the pool
		}
		t.end()
	}()
	if time.Since(time.Unix(0, c.active.Load())) > c.server.cfg.IdleAfter {
		c.reads = 0
	}
	for !c.closing() {
		// A new client is about to speak; strangers are not waited for like that.
		wait := c.reads >= hotAfter || !c.begun && c.admitted
		if wait != c.has(flagHot) {
			c.set(flagHot, wait)
			if wait {
				c.server.wheel.hasten(c, c.server.cfg.IdleAfter)
			}
		}
		n, err := c.sock.Fill(t, wait)
		switch {
		case n > 0:
			c.reads++
			c.begun = true
			t.w += n
			t.turn()
			if n >= bufferSize/2 || c.reads&15 == 0 {
				runtime.Gosched()
			}
		case errors.Is(err, transport.ErrAgain):
			if c.park(t) {
				return
			}
			c.reads = hotAfter
		case errors.Is(err, transport.ErrNudged):
			c.reads, c.begun = 0, true
		default:
			c.readEnded(err)
			return
		}
	}
}

// wake has a connection run that has input, or is to end.
func (c *Conn) wake() { c.server.runners.run(job{c: c}) }

// panicked ends a connection whose goroutine panicked with x.
func (c *Conn) panicked(x any) {
	c.logPanic(x)
	c.close(wire.ConnectionPanicked)
}

func (c *Conn) logPanic(x any) {
	c.server.log.Error("Connection panicked and was closed; the server goes on",
		"cid", c.id, "remote", c.remote().String(), "panic", x, "stack", string(debug.Stack()))
}

// park gives the connection up to the lot; the goroutine must return when it
// succeeded, since another may run at once.
func (c *Conn) park(t *turn) bool {
	if t.buf != nil || t.w > t.r {
		return false // a large operation is under way
	}
	t.letGo()
	if c.sock.Park(c.wakeFn) {
		return true
	}
	t.begin(c)
	return false
}

func (t *turn) begin(c *Conn) {
	t.c = c
	t.parser.Limits = wire.Limits{ControlLine: c.server.cfg.MaxControl, Payload: c.server.cfg.MaxPayload, Headers: c.has(flagHeaders)}
	t.want = bufferSmall
	if c.admitted {
		t.want = bufferSize
	}
	t.forgot = time.Now()
	t.pauseUp = pauseFirst
}

// letGo gives the connection's publisher back before somebody else may run it.
func (t *turn) letGo() {
	if t.pub != nil {
		t.pub.Release()
		t.pub = nil
	}
	t.parser.Reset()
	t.c = nil
}

func (t *turn) end() {
	t.letGo()
	if t.buf != nil {
		t.buf.release()
		t.buf = nil
	}
	t.r, t.w, t.need, t.msg = 0, 0, 0, core.Message{}
	turnPool.Put(t)
}

// publisher returns the connection's publisher, which exists while the
// connection is active.
func (t *turn) publisher() *core.Publisher {
	if t.pub == nil {
		t.pub = t.c.server.accounts.Publisher(t.c.sender())
	}
	return t.pub
}

// Space implements transport.Space.
func (t *turn) Space() []byte {
	if t.buf == nil {
		t.buf = getBuffer(max(t.want, len(t.c.partial)+1))
		t.r, t.w = 0, copy(t.buf.b, t.c.partial)
		t.c.partial = nil
	}
	if t.w == len(t.buf.b) || t.need > len(t.buf.b) {
		t.grow()
	}
	return t.buf.b[t.w:]
}

// grow makes room: the unread bytes are at the start and fill the buffer, or the
// operation needs more than the buffer has. An operation is bounded by the
// control line and payload limits; bytes are allocated as they arrive, at most
// four times what is there.
func (t *turn) grow() {
	n := min(max(t.need, len(t.buf.b)+1), 4*max(t.w, bufferSize))
	if n > bufferSize {
		n = max(n, bufferBig)
	}
	if n <= len(t.buf.b) {
		n = 2 * len(t.buf.b)
	}
	b := getBuffer(n)
	copy(b.b, t.buf.b[:t.w])
	t.buf.release()
	t.buf = b
	t.want = min(n, bufferBig)
}

// Idle implements transport.Space: nothing is there to read, so the buffer goes
// back unless a large operation has begun in it.
func (t *turn) Idle() {
	if t.buf == nil || t.w > bufferSmall {
		return
	}
	if t.w > 0 {
		t.c.partial = append([]byte(nil), t.buf.b[:t.w]...)
	}
	t.buf.release()
	t.buf, t.r, t.w = nil, 0, 0
}

// turn handles what was read and flushes.
func (t *turn) turn() {
	c := t.c
	now := time.Now()
	c.active.Store(now.UnixNano())
	t.biggest = 0
	// Within the turn, so that whoever ends connections can wait for the turns
	// that did not see it.
	t.publisher().Begin()
	if c.has(flagEnding) {
		t.r, t.w, t.need = 0, 0, 0 // nothing is accepted any more
		t.pub.Flush()
		return
	}
	err := t.operations()
	t.flush()
	if err != nil {
		c.refuse(t, err)
		t.r, t.w, t.need = 0, 0, 0
		return
	}
	// What is left is one begun operation; it moves to the front.
	b := t.buf.b
	if t.r > 0 {
		t.w = copy(b, b[t.r:t.w])
		t.r = 0
	}
	if t.want > bufferSize && t.biggest < bufferSize/2 && t.need < bufferSize/2 {
		t.want = bufferSize
	}
	if now.Sub(t.forgot) > forgetAfter && t.pub != nil {
		t.pub.Forget()
		t.forgot = now
	}
}

// operations parses and handles until the buffer holds no complete operation.
func (t *turn) operations() error {
	if t.need > t.w-t.r {
		return nil
	}
	var msgs, size uint64
	c := t.c
	defer func() {
		if msgs > 0 {
			c.used.Store(c.active.Load())
			c.inMsgs.Add(msgs)
			c.inBytes.Add(size)
		}
	}()
	t.need = 0
	for t.r < t.w {
		if !c.admitted && t.buf.b[t.r]|0x20 != 'c' {
			// It can only be refused: what else it says is not waited for.
			return &refusal{text: wire.TextAuthorization, reason: wire.AuthenticationFailure}
		}
		if !c.admitted && t.buf.b[t.r]|0x20 != 'c' {
			return wire.ErrUnknownOperation // whatever it is, it may not be said yet
		}
		n, err := t.parser.Next(t.buf.b[t.r:t.w])
		if err != nil {
			return err
		}
		if n == 0 {
			t.need = t.parser.Need
			break
		}
		t.r += n
		t.biggest = max(t.biggest, n)
		op := &t.parser.Op
		if c.fresh != nil && op.Kind != wire.Unsub {
			c.insertFresh()
		}
		if op.Kind == wire.Pub && c.admitted {
			msgs++
			size += uint64(len(op.Payload))
			if err := c.publish(t, op); err != nil {
				return err
			}
			continue
		}
		if op.Kind == wire.HPub {
			msgs++
			size += uint64(len(op.Payload))
		}
		if err := c.handle(t, op); err != nil {
			return err
		}
	}
	if c.fresh != nil {
		c.insertFresh()
	}
	return nil
}

// flush hands everything over and pauses if a receiver is behind.
func (t *turn) flush() {
	if t.pub == nil {
		return
	}
	t.pub.Flush()
	reliefs := t.pub.Reliefs()
	if len(reliefs) == 0 {
		t.pauseUp = pauseFirst
		return
	}
	t.c.stalls.Add(1)
	t.c.server.stats.stalls.Add(1)
	if t.pause == nil {
		t.pause = time.NewTimer(t.pauseUp)
	} else {
		t.pause.Reset(t.pauseUp)
	}
	defer t.pause.Stop()
	for i, relief := range reliefs {
		select {
		case <-relief:
		case <-t.pause.C:
			clear(reliefs[i:])
			t.pauseUp = min(2*t.pauseUp, pauseMost)
			return
		}
		reliefs[i] = nil
	}
	t.pauseUp = pauseFirst
}

// readEnded closes the connection after a read that failed.
func (c *Conn) readEnded(err error) {
	// Before the peer can see its end: whoever has seen it is counted on no more.
	c.endSubscriptions()
	switch {
	case errors.Is(err, io.EOF), errors.Is(err, net.ErrClosed), errors.Is(err, syscall.ECONNRESET), errors.Is(err, os.ErrClosed):
		c.close(c.endingFor(wire.ClientClosed))
	default:
		c.closeWith(wire.ReadFailed, err)
	}
}
