package transport

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
)

// upgradePortable is UpgradeTLS for a socket on any net.Conn.
func upgradePortable(ctx context.Context, s Socket, config *tls.Config, seen []byte) (Socket, error) {
	p, ok := s.(*portable)
	if !ok {
		return nil, errors.New("this kind of connection has no TLS")
	}
	conn := tls.Server(&replay{Conn: p.Conn, seen: seen}, config)
	if err := conn.HandshakeContext(ctx); err != nil {
		return nil, err
	}
	return NewPortable(conn), nil
}

// replay is a connection whose first bytes were already read.
type replay struct {
	net.Conn
	seen []byte
}

func (r *replay) Read(b []byte) (int, error) {
	if len(r.seen) > 0 {
		n := copy(b, r.seen)
		r.seen = r.seen[n:]
		return n, nil
	}
	return r.Conn.Read(b)
}
