//go:build unix

package transport

import (
	"context"
	"crypto/tls"
	"net"
	"sync"
	"time"
)

// UpgradeTLS does the server's side of a TLS handshake on a TCP socket, before
// ctx ends, and returns the socket that speaks TLS. seen is what was already read
// from the peer. The old socket must not be used any more, but Close on either
// closes both.
func UpgradeTLS(ctx context.Context, s Socket, config *tls.Config, seen []byte) (Socket, error) {
	t, ok := s.(*tcp)
	if !ok {
		return upgradePortable(ctx, s, config, seen)
	}
	r := &records{tcp: t, seen: seen}
	conn := tls.Server(r, config)
	if err := conn.HandshakeContext(ctx); err != nil {
		return nil, err
	}
	if err := t.conn.SetDeadline(time.Time{}); err != nil {
		return nil, err
	}
	r.open = true
	e := &encrypted{tcp: t, records: r, conn: conn}
	e.readFn, e.state = e.onReadable, conn.ConnectionState()
	return e, nil
}

// encrypted is TLS on a tcp socket. It relies on crypto/tls keeping a partial
// record and staying usable when the connection below returns a temporary error
// (pinned by a test), so that nothing ever blocks in it.
type encrypted struct {
	*tcp
	records *records
	conn    *tls.Conn
	state   tls.ConnectionState
	readFn  func(uintptr) bool
	dry     bool      // the reader's: the session has no decrypted bytes left
	vector  [1][]byte // the writer's
}

// recordRoom is the most that one record decrypts to.
const recordRoom = 16 << 10

func (e *encrypted) Fill(sp Space, wait bool) (int, error) {
	e.in = reading{space: sp, wait: wait}
	err := e.raw.Read(e.readFn)
	r := e.in
	e.in.space = nil
	if err != nil {
		return 0, e.waitError(err)
	}
	return r.n, r.err
}

func (e *encrypted) onReadable(fd uintptr) bool {
	e.records.fd = int(fd)
	b := e.in.space.Space()
	n := 0
	for {
		k, err := e.conn.Read(b[n:])
		n += k
		e.dry = err == again
		if err == nil && len(b)-n >= recordRoom {
			continue
		}
		if n == 0 && err == again {
			e.in.space.Idle()
			e.in.n, e.in.err = 0, ErrAgain
			return !e.in.wait
		}
		// An error that came after data comes again with the next read.
		if n > 0 || err == again {
			err = nil
		}
		e.in.n, e.in.err = n, err
		return true
	}
}

func (e *encrypted) Write(v [][]byte) (int, bool, error) {
	n, err := e.encrypt(v)
	if err != nil {
		return n, false, err
	}
	out := e.records.take()
	if out == nil {
		return n, false, nil
	}
	e.vector[0] = out.b
	sent, full, err := e.tcp.Write(e.vector[:])
	e.vector[0] = nil
	e.records.giveBack(out, sent)
	return n, full, err
}

func (e *encrypted) WriteWait(v [][]byte, deadline time.Time) (int, error) {
	n, err := e.encrypt(v)
	if err != nil {
		return n, err
	}
	out := e.records.take()
	if out == nil {
		return n, nil
	}
	e.vector[0] = out.b
	sent, err := e.tcp.WriteWait(e.vector[:], deadline)
	e.vector[0] = nil
	e.records.giveBack(out, sent)
	return n, err
}

func (e *encrypted) encrypt(v [][]byte) (n int, err error) {
	for _, b := range v {
		k, err := e.conn.Write(b)
		n += k
		if err != nil {
			return n, err
		}
	}
	return n, nil
}

func (e *encrypted) Unsent() int { return e.records.unsent() }

func (e *encrypted) CloseWrite() {
	_ = e.conn.CloseWrite() // only puts the alert into records
	_, _, _ = e.Write(nil)  // and this is its best effort
	e.tcp.CloseWrite()
}

func (e *encrypted) TLS() *tls.ConnectionState { return &e.state }

// Park keeps the goroutine while decrypted bytes may wait in the session.
func (e *encrypted) Park(wake func()) bool { return e.dry && e.lot.park(e.tcp, wake) }

// records is the connection below a tls.Conn. During the handshake it blocks;
// then reads return [again] when nothing is there, and writes collect.
type records struct {
	*tcp
	seen []byte
	open bool // the handshake is over
	fd   int  // for the read under way

	mu struct {
		sync.Mutex               // a reader may answer a key update while another writes
		out        *recordBuffer // nil when empty
	}
}

// again is what crypto/tls takes for a passing condition.
var again net.Error = wouldBlockError{}

type wouldBlockError struct{}

func (wouldBlockError) Error() string   { return "nothing to read now" }
func (wouldBlockError) Timeout() bool   { return true }
func (wouldBlockError) Temporary() bool { return true }

func (r *records) Read(b []byte) (int, error) {
	if len(r.seen) > 0 {
		n := copy(b, r.seen)
		r.seen = r.seen[n:]
		return n, nil
	}
	if !r.open {
		return readPastNudges(r.conn, b)
	}
	n, err := readFD(r.fd, b)
	if err == ErrAgain {
		return 0, again
	}
	return n, err
}

func (r *records) Write(b []byte) (int, error) {
	if !r.open {
		return r.conn.Write(b)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.mu.out == nil {
		r.mu.out = recordBuffers.Get().(*recordBuffer)
	}
	r.mu.out.b = append(r.mu.out.b, b...)
	return len(b), nil
}

// take returns the collected records, nil if there are none; giveBack must
// follow.
func (r *records) take() *recordBuffer {
	r.mu.Lock()
	defer r.mu.Unlock()
	b := r.mu.out
	r.mu.out = nil
	return b
}

// giveBack returns what take returned, of which the first sent bytes are gone.
func (r *records) giveBack(b *recordBuffer, sent int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	late := r.mu.out
	if sent == len(b.b) {
		b.recycle()
		return
	}
	b.b = b.b[:copy(b.b, b.b[sent:])]
	if late != nil {
		b.b = append(b.b, late.b...)
		late.recycle()
	}
	r.mu.out = b
}

func (r *records) unsent() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.mu.out == nil {
		return 0
	}
	return len(r.mu.out.b)
}

func (r *records) SetDeadline(t time.Time) error      { return r.conn.SetDeadline(t) }
func (r *records) SetReadDeadline(t time.Time) error  { return r.conn.SetReadDeadline(t) }
func (r *records) SetWriteDeadline(t time.Time) error { return nil }

// recordBuffer collects records. It comes from a pool unless it grew.
type recordBuffer struct{ b []byte }

const recordBufferSize = 72 << 10

var recordBuffers = sync.Pool{New: func() any { return &recordBuffer{make([]byte, 0, recordBufferSize)} }}

func (b *recordBuffer) recycle() {
	if cap(b.b) == recordBufferSize {
		b.b = b.b[:0]
		recordBuffers.Put(b)
	}
}
