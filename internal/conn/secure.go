package conn

import (
	"context"
	"crypto/tls"
	"errors"
	"sync"
	"time"

	"github.com/tidings-io/tidings/internal/transport"
	"github.com/tidings-io/tidings/internal/wire"
)

// tlsRecordHandshake is the first byte of a TLS handshake.
const tlsRecordHandshake = 0x16

// verifies tells whether client certificates are demanded.
func (t *TLSConfig) verifies() bool {
	return t.Config.ClientAuth >= tls.RequireAnyClientCert
}

// secure brings a new connection through its TLS handshake, in a goroutine of its
// own, and lets it read.
func (c *Conn) secure() {
	defer func() {
		if x := recover(); x != nil {
			c.panicked(x)
		}
	}()
	s, t := c.server, c.server.cfg.TLS
	if !s.rate.allow(t.Rate, time.Now()) {
		c.refusePlainly(wire.TextTLSThrottled)
		return
	}
	timer := time.AfterFunc(t.Timeout, func() {
		if c.has(flagHandshake) {
			s.slowLog(c, "TLS handshake did not finish in time; connection closed", 0)
			c.close(wire.TLSHandshakeFailure)
		}
	})
	defer timer.Stop()
	if !t.First {
		c.send(s.greeting(c))
	}
	seen, ok := c.firstBytes(t)
	if !ok {
		return
	}
	if seen == nil || seen[0] != tlsRecordHandshake {
		c.plain(t, seen)
		return
	}
	ctx, cancel := context.WithTimeout(s.ctx, t.Timeout)
	defer cancel()
	sock, err := transport.UpgradeTLS(ctx, c.sock, t.Config, seen)
	if err != nil {
		s.slowLog(c, "TLS handshake failed: "+err.Error(), 0)
		c.close(wire.TLSHandshakeFailure)
		return
	}
	shown := *c.shown.Load()
	state := sock.TLS()
	shown.tlsVersion, shown.tlsCipher = state.Version, state.CipherSuite
	c.shown.Store(&shown)
	c.sock = sock
	c.batch = 1 // what is encrypted at once is held once more
	c.set(flagHandshake, false)
	c.begin(t.First)
}

// plain lets a client in that did not start TLS, if that is allowed.
func (c *Conn) plain(t *TLSConfig, seen []byte) {
	if !t.AllowPlain {
		c.server.slowLog(c, "Client did not start TLS, which is required", 0)
		c.refusePlainly(wire.TextTLSRequired)
		return
	}
	c.set(flagHandshake, false)
	c.partial = seen
	c.begin(t.First)
}

// refusePlainly ends a connection before its TLS handshake.
func (c *Conn) refusePlainly(text string) {
	c.set(flagHandshake, false)
	c.send(wire.AppendErr(nil, text))
	c.finish(wire.TLSHandshakeFailure, lingerTime)
	go c.run()
}

// firstBytes reads the first input. With a fallback it sends INFO when nothing
// came in time, and reads on.
func (c *Conn) firstBytes(t *TLSConfig) (seen []byte, ok bool) {
	buf := &firstSpace{}
	if t.First && t.FirstFallback > 0 {
		timer := time.AfterFunc(t.FirstFallback, c.sock.Nudge)
		_, err := c.sock.Fill(buf, true)
		timer.Stop()
		if errors.Is(err, transport.ErrNudged) {
			c.send(c.server.greeting(c))
			_, err = c.sock.Fill(buf, true)
		}
		return c.firstRead(buf, err)
	}
	_, err := c.sock.Fill(buf, true)
	return c.firstRead(buf, err)
}

func (c *Conn) firstRead(buf *firstSpace, err error) ([]byte, bool) {
	if err != nil {
		c.readEnded(err)
		return nil, false
	}
	return buf.b[:1], true
}

// firstSpace takes one byte: enough to tell TLS from the protocol.
type firstSpace struct{ b [1]byte }

// Space implements transport.Space.
func (f *firstSpace) Space() []byte { return f.b[:] }

// Idle implements transport.Space.
func (f *firstSpace) Idle() {}

// handshakeRate bounds TLS handshakes per second.
type handshakeRate struct {
	mu     sync.Mutex
	second int64
	n      int
}

// allow counts a handshake and tells whether it is within rate; 0 is no limit.
func (r *handshakeRate) allow(rate int, now time.Time) bool {
	if rate <= 0 {
		return true
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if s := now.Unix(); s != r.second {
		r.second, r.n = s, 0
	}
	r.n++
	return r.n <= rate
}
