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
	seen, greeted, err := c.firstByte(t)
	if err != nil {
		c.readEnded(err)
		return
	}
	if seen[0] != tlsRecordHandshake {
		c.plain(t, seen, greeted)
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
	c.server.runners.run(job{c: c, begin: true, info: !greeted})
}

// plain lets a client in that did not start TLS, if that is allowed.
func (c *Conn) plain(t *TLSConfig, seen []byte, greeted bool) {
	if !t.AllowPlain {
		c.server.slowLog(c, "Client did not start TLS, which is required", 0)
		c.refusePlainly(wire.TextTLSRequired)
		return
	}
	c.set(flagHandshake, false)
	c.partial = seen
	c.server.runners.run(job{c: c, begin: true, info: !greeted})
}

// refusePlainly ends a connection before its TLS handshake.
func (c *Conn) refusePlainly(text string) {
	c.set(flagHandshake, false)
	c.send(wire.AppendErr(nil, text))
	c.finish(wire.TLSHandshakeFailure, lingerTime)
	c.wake()
}

// firstByte sends INFO when it is due and reads the first byte of the client, which
// tells TLS from the protocol. greeted tells whether INFO was sent.
func (c *Conn) firstByte(t *TLSConfig) (seen []byte, greeted bool, err error) {
	buf := &firstSpace{}
	if t.First && t.FirstFallback == 0 {
		_, err = c.sock.Fill(buf, true)
		return buf.b[:], false, err
	}
	if t.First {
		nudged := make(chan struct{})
		timer := time.AfterFunc(t.FirstFallback, func() { c.sock.Nudge(); close(nudged) })
		_, err = c.sock.Fill(buf, true)
		if timer.Stop() {
			return buf.b[:], false, err
		}
		<-nudged
		if err == nil {
			// The nudge came too late, and must not meet the handshake.
			if _, late := c.sock.Fill(&firstSpace{}, true); !errors.Is(late, transport.ErrNudged) {
				err = late
			}
		}
		if !errors.Is(err, transport.ErrNudged) {
			return buf.b[:], false, err
		}
	}
	if err = c.greet(t); err == nil {
		_, err = c.sock.Fill(buf, true)
	}
	return buf.b[:], true, err
}

// greet sends INFO before the handshake. It does not leave that to another
// goroutine, which might still have the socket when TLS replaces it.
func (c *Conn) greet(t *TLSConfig) error {
	_, err := c.sock.WriteWait([][]byte{c.server.greeting(c)}, time.Now().Add(t.Timeout))
	return err
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
