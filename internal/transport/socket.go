package transport

import (
	"crypto/tls"
	"errors"
	"net"
	"time"
)

// ErrAgain is returned by Fill when there is nothing to read now.
var ErrAgain = errors.New("nothing to read now")

// ErrNudged is returned by a waiting Fill after Nudge.
var ErrNudged = errors.New("wait was interrupted")

// Space is where Fill puts what it reads.
type Space interface {
	// Space returns room for at least one byte. It is called right before a read
	// that is likely to succeed.
	Space() []byte
	// Idle tells that nothing was read and that the room may be given up.
	Idle()
}

// Socket is one peer's byte stream.
type Socket interface {
	// Fill reads once and returns the number of bytes put into the space, or an
	// error: [ErrAgain] when there is nothing and wait is false, [ErrNudged]
	// after Nudge, io.EOF after the peer's end.
	Fill(sp Space, wait bool) (int, error)
	// Write sends as much of v as goes without blocking. full tells that
	// something is left to WriteWait: bytes of v beyond n, or bytes that the
	// socket itself keeps (TLS). The elements of v may be changed, the bytes are
	// not.
	Write(v [][]byte) (n int, full bool, err error)
	// WriteWait sends all of v, and what the socket keeps, or fails at the
	// deadline (os.ErrDeadlineExceeded) with the number of bytes of v sent.
	WriteWait(v [][]byte, deadline time.Time) (int, error)
	// Unsent is the number of bytes that the socket itself keeps.
	Unsent() int
	// Park arranges for wake, which must not block, to be called once, when there
	// is something to read or the socket is closed. It returns false if
	// that is not to be had; the caller then waits in Fill.
	Park(wake func()) bool
	// Nudge makes a waiting Fill, or the next one, return [ErrNudged]. The
	// socket may ignore it if it cannot park.
	Nudge()
	// CloseWrite tells the peer that nothing more comes. Like Write, it belongs
	// to the one who writes.
	CloseWrite()
	Close() error

	LocalAddr() net.Addr
	RemoteAddr() net.Addr
	// TLS is the state of the TLS session, nil without one.
	TLS() *tls.ConnectionState
	// InProcess tells whether the peer is in this process.
	InProcess() bool
}
