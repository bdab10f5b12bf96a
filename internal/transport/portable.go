package transport

import (
	"crypto/tls"
	"errors"
	"net"
	"os"
	"time"
)

// NewPortable returns a socket on any connection. If conn is a *tls.Conn its
// handshake is done.
func NewPortable(conn net.Conn) Socket { return &portable{Conn: conn} }

type portable struct {
	net.Conn
	cut bool // a TLS record was cut off by a deadline; the writer's
}

// errCut is the error of writes after one that left half a record behind.
var errCut = errors.New("a TLS record was cut off by an earlier write deadline")

func (p *portable) Fill(sp Space, wait bool) (int, error) {
	if !wait {
		return 0, ErrAgain
	}
	b := sp.Space()
	n, err := p.Read(b)
	for n == 0 && err == nil { // some connections have empty reads
		n, err = p.Read(b)
	}
	if n > 0 {
		return n, nil
	}
	if errors.Is(err, os.ErrDeadlineExceeded) {
		err = errors.Join(ErrNudged, p.SetReadDeadline(time.Time{}))
	}
	return 0, err
}

func (p *portable) Write([][]byte) (int, bool, error) { return 0, true, nil }

func (p *portable) WriteWait(v [][]byte, deadline time.Time) (int, error) {
	if p.cut {
		return 0, errCut
	}
	if err := p.SetWriteDeadline(deadline); err != nil {
		return 0, err
	}
	total := 0
	for _, b := range v {
		n, err := p.Conn.Write(b)
		total += n
		if err != nil {
			_, p.cut = p.Conn.(*tls.Conn)
			return total, err
		}
	}
	return total, nil
}

func (p *portable) Unsent() int      { return 0 }
func (p *portable) Park(func()) bool { return false }
func (p *portable) Nudge()           { _ = p.SetReadDeadline(time.Unix(1, 0)) } // fails only when closed
func (p *portable) InProcess() bool  { return false }

func (p *portable) CloseWrite() {
	if c, ok := p.Conn.(interface{ CloseWrite() error }); ok {
		_ = c.CloseWrite() // Close follows and reports
	}
}

func (p *portable) TLS() *tls.ConnectionState {
	if t, ok := p.Conn.(*tls.Conn); ok {
		s := t.ConnectionState()
		return &s
	}
	return nil
}
