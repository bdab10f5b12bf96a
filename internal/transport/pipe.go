package transport

import (
	"crypto/tls"
	"io"
	"net"
	"os"
	"sync"
	"time"
)

// pipeBuffer is what one direction of an in-process connection holds, in bytes:
// the socket buffer of a connection without a socket.
const pipeBuffer = 64 << 10

// NewPipe returns the two ends of a connection inside the process: a socket for
// the server and an ordinary net.Conn for the client.
func NewPipe() (Socket, net.Conn) {
	toServer, toClient := newStream(), newStream()
	return &pipeSocket{in: toServer, out: toClient}, &pipeConn{in: toClient, out: toServer}
}

// stream is one direction: a bounded buffer. Its signal channels are replaced
// when used, so that any number of waiters can wait with a timer of their own.
type stream struct {
	mu struct {
		sync.Mutex
		buf      []byte
		eof      bool // the writer is done
		gone     bool // the reader is gone
		readable chan struct{}
		writable chan struct{}
	}
}

func newStream() *stream {
	s := &stream{}
	s.mu.readable, s.mu.writable = make(chan struct{}), make(chan struct{})
	return s
}

// signal wakes the waiters of *c. The stream's lock is held.
func signal(c *chan struct{}) {
	close(*c)
	*c = make(chan struct{})
}

// read moves what there is into b. When there is nothing it returns a channel to
// wait on.
func (s *stream) read(b []byte) (int, <-chan struct{}, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.mu.gone {
		return 0, nil, net.ErrClosed
	}
	if len(s.mu.buf) == 0 {
		if s.mu.eof {
			return 0, nil, io.EOF
		}
		return 0, s.mu.readable, nil
	}
	n := copy(b, s.mu.buf)
	if s.mu.buf = s.mu.buf[n:]; len(s.mu.buf) == 0 {
		s.mu.buf = nil
	}
	signal(&s.mu.writable)
	return n, nil, nil
}

// ready tells whether a read would not wait, else what to wait on.
func (s *stream) ready() (bool, <-chan struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.mu.buf) > 0 || s.mu.eof || s.mu.gone, s.mu.readable
}

// write takes as much of b as there is room for. When there is none it returns a
// channel to wait on.
func (s *stream) write(b []byte) (int, <-chan struct{}, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.mu.gone || s.mu.eof {
		return 0, nil, io.ErrClosedPipe
	}
	n := min(len(b), pipeBuffer-len(s.mu.buf))
	if n == 0 && len(b) > 0 {
		return 0, s.mu.writable, nil
	}
	s.mu.buf = append(s.mu.buf, b[:n]...)
	signal(&s.mu.readable)
	return n, nil, nil
}

// end is called by the writer, or by the reader with gone set.
func (s *stream) end(gone bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.mu.eof = true
	s.mu.gone = s.mu.gone || gone
	signal(&s.mu.readable)
	signal(&s.mu.writable)
}

// waitFor waits for c, at most until the deadline unless that is zero.
func waitFor(c, interrupt <-chan struct{}, deadline time.Time) error {
	var timeout <-chan time.Time
	if !deadline.IsZero() {
		d := time.Until(deadline)
		if d <= 0 {
			return os.ErrDeadlineExceeded
		}
		t := time.NewTimer(d)
		defer t.Stop()
		timeout = t.C
	}
	select {
	case <-c:
		return nil
	case <-interrupt:
		return ErrNudged
	case <-timeout:
		return os.ErrDeadlineExceeded
	}
}

// pipeSocket is the server's end.
type pipeSocket struct{ in, out *stream }

func (p *pipeSocket) Fill(sp Space, wait bool) (int, error) {
	for {
		ok, c := p.in.ready()
		if ok {
			n, _, err := p.in.read(sp.Space())
			return n, err
		}
		sp.Idle()
		if !wait {
			return 0, ErrAgain
		}
		<-c
	}
}

func (p *pipeSocket) Write(v [][]byte) (total int, full bool, err error) {
	for _, b := range v {
		for len(b) > 0 {
			n, wait, err := p.out.write(b)
			if wait != nil || err != nil {
				return total, err == nil, err
			}
			total += n
			b = b[n:]
		}
	}
	return total, false, nil
}

func (p *pipeSocket) WriteWait(v [][]byte, deadline time.Time) (total int, err error) {
	for _, b := range v {
		for len(b) > 0 {
			n, c, err := p.out.write(b)
			if err == nil && c != nil {
				err = waitFor(c, nil, deadline)
			}
			if err != nil {
				return total, err
			}
			total += n
			b = b[n:]
		}
	}
	return total, nil
}

func (p *pipeSocket) Unsent() int               { return 0 }
func (p *pipeSocket) Park(func()) bool          { return false }
func (p *pipeSocket) Nudge()                    {}
func (p *pipeSocket) CloseWrite()               { p.out.end(false) }
func (p *pipeSocket) LocalAddr() net.Addr       { return pipeAddr{} }
func (p *pipeSocket) RemoteAddr() net.Addr      { return pipeAddr{} }
func (p *pipeSocket) TLS() *tls.ConnectionState { return nil }
func (p *pipeSocket) InProcess() bool           { return true }

func (p *pipeSocket) Close() error {
	p.out.end(false)
	p.in.end(true)
	return nil
}

type pipeAddr struct{}

func (pipeAddr) Network() string { return "pipe" }
func (pipeAddr) String() string  { return "in-process" }

// pipeConn is the client's end.
type pipeConn struct {
	in, out   *stream
	rd, wr    deadline
	closeOnce sync.Once
}

// deadline is a time that can be changed while somebody waits for it.
type deadline struct {
	mu      sync.Mutex
	at      time.Time
	changed chan struct{}
}

func (d *deadline) set(t time.Time) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.at = t
	if d.changed != nil {
		close(d.changed)
		d.changed = nil
	}
}

func (d *deadline) get() (time.Time, <-chan struct{}) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.changed == nil {
		d.changed = make(chan struct{})
	}
	return d.at, d.changed
}

func (p *pipeConn) Read(b []byte) (int, error) {
	if len(b) == 0 {
		return 0, nil
	}
	for {
		at, changed := p.rd.get()
		if !at.IsZero() && !time.Now().Before(at) {
			return 0, os.ErrDeadlineExceeded
		}
		n, c, err := p.in.read(b)
		if c == nil || err != nil {
			return n, err
		}
		if err := waitFor(c, changed, at); err != nil && err != ErrNudged {
			return 0, err
		}
	}
}

func (p *pipeConn) Write(b []byte) (total int, err error) {
	for len(b) > 0 {
		at, changed := p.wr.get()
		if !at.IsZero() && !time.Now().Before(at) {
			return total, os.ErrDeadlineExceeded
		}
		n, c, err := p.out.write(b)
		if err != nil {
			return total, err
		}
		total += n
		b = b[n:]
		if c != nil {
			if err := waitFor(c, changed, at); err != nil && err != ErrNudged {
				return total, err
			}
		}
	}
	return total, nil
}

func (p *pipeConn) Close() error {
	p.closeOnce.Do(func() {
		p.out.end(false)
		p.in.end(true)
	})
	return nil
}

func (p *pipeConn) LocalAddr() net.Addr                { return pipeAddr{} }
func (p *pipeConn) RemoteAddr() net.Addr               { return pipeAddr{} }
func (p *pipeConn) SetReadDeadline(t time.Time) error  { p.rd.set(t); return nil }
func (p *pipeConn) SetWriteDeadline(t time.Time) error { p.wr.set(t); return nil }
func (p *pipeConn) SetDeadline(t time.Time) error {
	p.rd.set(t)
	p.wr.set(t)
	return nil
}
