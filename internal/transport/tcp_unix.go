//go:build unix

package transport

import (
	"crypto/tls"
	"errors"
	"io"
	"net"
	"os"
	"syscall"
	"time"
)

// tcp is a TCP socket that is read and written without blocking, on the
// descriptor itself. The Go runtime's poller still does the waiting.
type tcp struct {
	conn *net.TCPConn
	raw  syscall.RawConn
	lot  *Lot

	// Owned by the reader.
	in      reading
	readFn  func(uintptr) bool // onReadable, made once
	parking parked

	// Owned by the writer.
	out     writing
	writeFn func(uintptr) bool
}

type reading struct {
	space Space
	wait  bool
	n     int
	err   error
}

type writing struct {
	v    [][]byte
	wait bool
	n    int
	err  error
}

// NewTCP returns a socket on a TCP connection; idle sockets park in lot, which
// may be nil.
func NewTCP(conn *net.TCPConn, lot *Lot) (Socket, error) { return newTCP(conn, lot) }

func newTCP(conn *net.TCPConn, lot *Lot) (*tcp, error) {
	raw, err := conn.SyscallConn()
	if err != nil {
		return nil, err
	}
	t := &tcp{conn: conn, raw: raw, lot: lot}
	t.readFn, t.writeFn = t.onReadable, t.onWritable
	return t, nil
}

func (t *tcp) Fill(sp Space, wait bool) (int, error) {
	t.in = reading{space: sp, wait: wait}
	err := t.raw.Read(t.readFn)
	r := t.in
	t.in.space = nil
	if err != nil {
		return 0, t.waitError(err)
	}
	return r.n, r.err
}

// waitError is the error of a wait that the poller ended.
func (t *tcp) waitError(err error) error {
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return errors.Join(ErrNudged, t.conn.SetReadDeadline(time.Time{}))
	}
	return err
}

// onReadable is called with the descriptor; false means "wait and call again".
// It always tries to read: the poller reports edges, and one may have come
// before.
func (t *tcp) onReadable(fd uintptr) bool {
	t.in.n, t.in.err = readFD(int(fd), t.in.space.Space())
	if t.in.err == ErrAgain {
		t.in.space.Idle()
		return !t.in.wait
	}
	return true
}

func readFD(fd int, b []byte) (int, error) {
	for {
		n, err := syscall.Read(fd, b)
		switch {
		case n > 0:
			return n, nil
		case err == nil:
			return 0, io.EOF
		case err == syscall.EAGAIN:
			return 0, ErrAgain
		case err != syscall.EINTR:
			return 0, os.NewSyscallError("read", err)
		}
	}
}

func (t *tcp) Write(v [][]byte) (int, bool, error) {
	t.out = writing{v: v}
	err := t.raw.Write(t.writeFn)
	w := t.out
	t.out.v = nil
	if err == nil {
		err = w.err
	}
	return w.n, len(w.v) > 0 && err == nil, err
}

func (t *tcp) WriteWait(v [][]byte, deadline time.Time) (int, error) {
	if err := t.conn.SetWriteDeadline(deadline); err != nil {
		return 0, err
	}
	t.out = writing{v: v, wait: true}
	err := t.raw.Write(t.writeFn)
	w := t.out
	t.out.v = nil
	_ = t.conn.SetWriteDeadline(time.Time{}) // it would end later writes; fails only when closed
	return w.n, errors.Join(err, w.err)
}

// onWritable writes as much as goes; false means "wait and call again".
func (t *tcp) onWritable(fd uintptr) bool {
	w := &t.out
	for len(w.v) > 0 {
		n, err := writeFD(int(fd), w.v)
		w.n += n
		w.v = advance(w.v, n)
		switch err {
		case nil, syscall.EINTR:
		case syscall.EAGAIN:
			return !w.wait
		default:
			w.err = os.NewSyscallError("write", err)
			return true
		}
	}
	return true
}

// advance drops the first n bytes of v, which it changes.
func advance(v [][]byte, n int) [][]byte {
	for len(v) > 0 && n >= len(v[0]) {
		n -= len(v[0])
		v = v[1:]
	}
	if n > 0 {
		v[0] = v[0][n:]
	}
	return v
}

func (t *tcp) Nudge()                    { _ = t.conn.SetReadDeadline(time.Unix(1, 0)) } // fails only when closed
func (t *tcp) Unsent() int               { return 0 }
func (t *tcp) CloseWrite()               { _ = t.conn.CloseWrite() } // Close follows and reports
func (t *tcp) LocalAddr() net.Addr       { return t.conn.LocalAddr() }
func (t *tcp) RemoteAddr() net.Addr      { return t.conn.RemoteAddr() }
func (t *tcp) TLS() *tls.ConnectionState { return nil }
func (t *tcp) InProcess() bool           { return false }

func (t *tcp) Park(wake func()) bool { return t.lot.park(t, wake) }

func (t *tcp) Close() error {
	t.lot.leave(t)
	return t.conn.Close()
}
