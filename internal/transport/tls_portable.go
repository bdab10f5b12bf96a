package transport

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"os"
	"time"
)

// upgradePortable is UpgradeTLS for a socket on any net.Conn.
func upgradePortable(ctx context.Context, s Socket, config *tls.Config, seen []byte) (Socket, error) {
	p, ok := s.(*portable)
	if !ok {
		return nil, errors.New("this kind of connection has no TLS")
	}
	r := &replay{Conn: p.Conn, seen: seen}
	conn := tls.Server(r, config)
	if err := conn.HandshakeContext(ctx); err != nil {
		return nil, err
	}
	r.open = true
	return NewPortable(conn), nil
}

// replay is a connection whose first bytes were already read.
type replay struct {
	net.Conn
	seen []byte
	open bool // the handshake is over
}

func (r *replay) Read(b []byte) (int, error) {
	if len(r.seen) > 0 {
		n := copy(b, r.seen)
		r.seen = r.seen[n:]
		return n, nil
	}
	if !r.open {
		return readPastNudges(r.Conn, b)
	}
	return r.Conn.Read(b)
}

// readPastNudges reads for a handshake, which no Nudge may interrupt: its context
// ends it by Close.
func readPastNudges(c net.Conn, b []byte) (int, error) {
	for {
		n, err := c.Read(b)
		if n > 0 || !errors.Is(err, os.ErrDeadlineExceeded) {
			return n, err
		}
		if err := c.SetReadDeadline(time.Time{}); err != nil {
			return 0, err
		}
	}
}
