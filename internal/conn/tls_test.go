package conn_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"io"
	"math/big"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/tidings-io/tidings/internal/conn"
	"github.com/tidings-io/tidings/internal/wire"
)

// certificates is one authority with a certificate for the server and one for a
// client; made once, since it is the same for all tests.
var certificates = sync.OnceValue(func() (c struct {
	pool           *x509.CertPool
	server, client tls.Certificate
},
) {
	must := func(err error) {
		if err != nil {
			panic(err)
		}
	}
	sign := func(template, parent *x509.Certificate, by *ecdsa.PrivateKey) (tls.Certificate, *ecdsa.PrivateKey) {
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		must(err)
		if by == nil {
			by = key
		}
		der, err := x509.CreateCertificate(rand.Reader, template, parent, &key.PublicKey, by)
		must(err)
		leaf, err := x509.ParseCertificate(der)
		must(err)
		return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}, key
	}
	template := func(n int64, name string) *x509.Certificate {
		return &x509.Certificate{
			SerialNumber: big.NewInt(n), Subject: pkix.Name{CommonName: name},
			NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
			KeyUsage:    x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
			ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
			IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		}
	}
	root := template(1, "authority")
	root.IsCA, root.BasicConstraintsValid = true, true
	authority, key := sign(root, root, nil)
	c.pool = x509.NewCertPool()
	c.pool.AddCert(authority.Leaf)
	c.server, _ = sign(template(2, "server"), authority.Leaf, key)
	c.client, _ = sign(template(3, "client"), authority.Leaf, key)
	return c
})

// secured makes the server speak TLS.
func secured(f func(*conn.TLSConfig)) setting {
	return configured(func(c *conn.Config) {
		c.TLS = &conn.TLSConfig{
			Config:  &tls.Config{Certificates: []tls.Certificate{certificates().server}, ClientCAs: certificates().pool},
			Timeout: 10 * time.Second,
		}
		if f != nil {
			f(c.TLS)
		}
	})
}

func clientTLS() *tls.Config {
	return &tls.Config{RootCAs: certificates().pool, ServerName: "127.0.0.1"}
}

// encrypt does the client's side of the handshake.
func (c *raw) encrypt(cfg *tls.Config) *raw {
	c.t.Helper()
	t := tls.Client(c.conn, cfg)
	_ = t.SetDeadline(time.Now().Add(patience))
	if err := t.HandshakeContext(c.t.Context()); err != nil {
		c.t.Fatal(err)
	}
	e := rawOn(c.t, t)
	e.info = c.info
	return e
}

// exchange sends messages of many sizes from pub and expects them at sub.
func exchange(t *testing.T, sub, pub *raw) {
	t.Helper()
	sub.send("SUB a 1\r\n")
	sub.sync()
	sizes := []int{0, 1, 100, 16_000, 16_384, 17_000, 70_000, 300_000, 1 << 20}
	for range 20 {
		sizes = append(sizes, 10, 20)
	}
	go func() {
		for i, n := range sizes {
			pub.sendf("PUB a %d\r\n%s\r\n", n, strings.Repeat(string(rune('a'+i%26)), n))
		}
	}()
	for i, n := range sizes {
		_, d, err := sub.next()
		if err != nil || d == nil || d.payload != strings.Repeat(string(rune('a'+i%26)), n) {
			t.Fatalf("message %d of %d bytes: %v", i, n, err)
		}
	}
}

func TestTLSCarriesMessagesOfAllSizes(t *testing.T) {
	t.Parallel()
	bothKinds(t, func(t *testing.T, kind setting) {
		for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
			s := start(t, kind, secured(nil))
			cfg := clientTLS()
			cfg.MaxVersion = version
			var list [2]*raw
			for i := range list {
				c := s.greeted()
				if !c.info.TLSRequired {
					t.Error("INFO does not say that TLS is required")
				}
				list[i] = c.encrypt(cfg)
				list[i].send(plainConnect)
				list[i].sync()
			}
			if sn, _ := s.open(list[0].info.ClientID); sn.TLSVersion != version || sn.TLSCipher == 0 {
				t.Errorf("shown with TLS version %x, cipher %x", sn.TLSVersion, sn.TLSCipher)
			}
			exchange(t, list[0], list[1])
		}
	})
}

func TestRealClientsConnectOverTLS(t *testing.T) {
	t.Parallel()
	bothKinds(t, func(t *testing.T, kind setting) {
		s := start(t, kind, secured(nil))
		nc := s.nats(nats.Secure(clientTLS()))
		sub, err := nc.SubscribeSync("a")
		if err != nil {
			t.Fatal(err)
		}
		body := strings.Repeat("x", 200_000)
		if err := nc.Publish("a", []byte(body)); err != nil {
			t.Fatal(err)
		}
		m, err := sub.NextMsg(patience)
		if err != nil || string(m.Data) != body {
			t.Errorf("got %v, %v", m, err)
		}
	})
}

func TestClientWithoutTLSIsToldThatItIsRequired(t *testing.T) {
	t.Parallel()
	bothKinds(t, func(t *testing.T, kind setting) {
		s := start(t, kind, secured(nil))
		for range 5 { // the answer must not be lost to a reset
			c := s.greeted()
			c.send(plainConnect + "PING\r\nPUB a 5\r\nhello\r\n")
			c.refused(wire.TextTLSRequired)
			if got := s.gone(c.info.ClientID).Reason; got != wire.TLSHandshakeFailure {
				t.Errorf("closed with %q", got)
			}
			c.close()
		}
	})
}

func TestPlainClientsAreLetInWhereAllowed(t *testing.T) {
	t.Parallel()
	bothKinds(t, func(t *testing.T, kind setting) {
		s := start(t, kind, secured(func(c *conn.TLSConfig) { c.AllowPlain = true }))
		c := s.raw()
		if c.info.TLSRequired || !c.info.TLSAvailable {
			t.Errorf("INFO says required %v, available %v", c.info.TLSRequired, c.info.TLSAvailable)
		}
		e := s.greeted().encrypt(clientTLS())
		e.send(plainConnect)
		e.sync()
		exchange(t, c, e)
		one := s.greeted()
		for _, b := range plainConnect + "PING\r\n" { // one byte at a time
			one.send(string(b))
		}
		one.expect("PONG")
	})
}

func TestHandshakeComesFirstWhereSaid(t *testing.T) {
	t.Parallel()
	bothKinds(t, func(t *testing.T, kind setting) {
		s := start(t, kind, secured(func(c *conn.TLSConfig) { c.First = true }))
		c := s.dial().encrypt(clientTLS())
		c.readInfo()
		c.send(plainConnect)
		c.sync()
		s.nats(nats.Secure(clientTLS()), nats.TLSHandshakeFirst())
		plain := s.dial()
		plain.send("CONNECT {}\r\n")
		plain.refused(wire.TextTLSRequired)
	})
}

func TestInfoComesAfterAWhileWithoutHandshake(t *testing.T) {
	t.Parallel()
	bothKinds(t, func(t *testing.T, kind setting) {
		s := start(t, kind, secured(func(c *conn.TLSConfig) { c.First, c.FirstFallback = true, 50*time.Millisecond }))
		first := s.dial().encrypt(clientTLS())
		first.readInfo()
		first.send(plainConnect)
		first.sync()
		late := s.greeted().encrypt(clientTLS())
		late.send(plainConnect + "PING\r\n")
		if line, err := late.line(); line != "PONG" { // a second INFO is what no client expects
			t.Fatalf("got %q, %v; want PONG", line, err)
		}
		exchange(t, first, late)
		s.nats(nats.Secure(clientTLS()))
		s.nats(nats.Secure(clientTLS()), nats.TLSHandshakeFirst())
	})
}

// The handshake may begin at the very moment when INFO is due.
func TestHandshakeAtTheMomentOfTheFallbackSucceeds(t *testing.T) {
	t.Parallel()
	bothKinds(t, func(t *testing.T, kind setting) {
		for _, wait := range []time.Duration{time.Nanosecond, 100 * time.Microsecond, 300 * time.Microsecond, time.Millisecond} {
			s := start(t, kind, secured(func(c *conn.TLSConfig) { c.First, c.FirstFallback = true, wait }))
			for range 25 {
				nc := s.dialPlain()
				c := tls.Client(skipsInfo{nc, new([]byte)}, clientTLS())
				_ = c.SetDeadline(time.Now().Add(patience))
				if err := c.HandshakeContext(t.Context()); err != nil {
					t.Fatalf("fallback after %v: %v", wait, err)
				}
				nc.Close()
			}
		}
	})
}

// skipsInfo is a connection where a plain INFO before the handshake is dropped,
// as a client that had sent its first record already would do.
type skipsInfo struct {
	net.Conn
	seen *[]byte
}

func (s skipsInfo) Read(b []byte) (int, error) {
	if *s.seen == nil {
		one := make([]byte, 1)
		if _, err := io.ReadFull(s.Conn, one); err != nil {
			return 0, err
		}
		*s.seen = one
		if one[0] == 'I' {
			for one[0] != '\n' {
				if _, err := io.ReadFull(s.Conn, one); err != nil {
					return 0, err
				}
			}
			return s.Conn.Read(b)
		}
		b[0] = one[0]
		return 1, nil
	}
	return s.Conn.Read(b)
}

func TestClientCertificatesAreVerified(t *testing.T) {
	t.Parallel()
	bothKinds(t, func(t *testing.T, kind setting) {
		s := start(t, kind, secured(func(c *conn.TLSConfig) { c.Config.ClientAuth = tls.RequireAndVerifyClientCert }))
		cfg := clientTLS()
		cfg.Certificates = []tls.Certificate{certificates().client}
		c := s.greeted()
		if !c.info.TLSVerify {
			t.Error("INFO does not say that certificates are verified")
		}
		e := c.encrypt(cfg)
		e.send(plainConnect)
		e.sync()
		without := s.greeted()
		u := without.encrypt(clientTLS()) // TLS 1.3 tells the client with its next read
		_, _ = io.WriteString(u.conn, plainConnect)
		u.ended()
		if got := s.gone(without.info.ClientID).Reason; got != wire.TLSHandshakeFailure {
			t.Errorf("closed with %q", got)
		}
		s.logs("level=WARN", "TLS handshake failed")
	})
}

func TestHandshakeThatTakesTooLongIsGivenUp(t *testing.T) {
	t.Parallel()
	bothKinds(t, func(t *testing.T, kind setting) {
		s := start(t, kind, secured(func(c *conn.TLSConfig) { c.Timeout = 50 * time.Millisecond }))
		f := func(input string) {
			t.Helper()
			c := s.greeted()
			c.send(input)
			c.ended()
			if got := s.gone(c.info.ClientID).Reason; got != wire.TLSHandshakeFailure {
				t.Errorf("after %q: closed with %q", input, got)
			}
			c.close()
		}
		f("")
		f("\x16")
		f("\x16\x03\x01\x02\x00\x01")
		s.logs("level=WARN", "TLS handshake")
	})
}

func TestGarbageInsteadOfAHandshakeEndsTheConnection(t *testing.T) {
	t.Parallel()
	bothKinds(t, func(t *testing.T, kind setting) {
		s := start(t, kind, secured(nil))
		c := s.greeted()
		c.send("\x16" + strings.Repeat("garbage", 1000))
		c.ended()
		if got := s.gone(c.info.ClientID).Reason; got != wire.TLSHandshakeFailure {
			t.Errorf("closed with %q", got)
		}
	})
}

func TestHandshakesAreLimitedPerSecond(t *testing.T) {
	t.Parallel()
	s := start(t, secured(func(c *conn.TLSConfig) { c.Rate = 1 }))
	refused := 0
	for range 5 {
		c := s.dial()
		line, err := c.line()
		if err != nil {
			t.Fatal(err)
		}
		if line == fmt.Sprintf("-ERR '%s'", wire.TextTLSThrottled) {
			refused++
			c.ended()
		}
	}
	if refused == 0 { // five connections in at most two seconds
		t.Error("no connection was refused")
	}
}

func TestSlowReaderOverTLSGetsEverything(t *testing.T) {
	t.Parallel()
	bothKinds(t, func(t *testing.T, kind setting) {
		s := start(t, kind, secured(nil), configured(func(c *conn.Config) { c.NoStall = true }))
		sub := s.greeted().encrypt(clientTLS())
		sub.send(plainConnect + "SUB a 1\r\n")
		sub.sync()
		pub := s.greeted().encrypt(clientTLS())
		pub.send(plainConnect)
		sent := pub.flood("a", 10_000, 50, func() bool {
			sn, _ := s.open(sub.info.ClientID)
			return sn.Pending > 8<<20
		})
		if got := await(t, sub.count(sent)); got != sent {
			t.Errorf("got %d messages, want %d", got, sent)
		}
		eventually(t, "nothing is pending", func() bool {
			sn, _ := s.open(sub.info.ClientID)
			return sn.Pending == 0
		})
	})
}

func TestStuckReaderOverTLSIsClosedWithinItsLimits(t *testing.T) {
	t.Parallel()
	bothKinds(t, func(t *testing.T, kind setting) {
		s := start(t, kind, secured(nil), configured(smallPending))
		sub := s.greeted().encrypt(clientTLS())
		sub.send(plainConnect + "SUB a 1\r\n")
		sub.sync()
		pub := s.greeted().encrypt(clientTLS())
		pub.send(plainConnect)
		id := sub.info.ClientID
		pub.flood("a", 4096, 64, func() bool { _, open := s.open(id); return !open })
		if got := s.gone(id).Reason; got != wire.SlowConsumerPending {
			t.Errorf("closed with %q", got)
		}
	})
}

func TestCloseOverTLSDeliversAll(t *testing.T) {
	t.Parallel()
	bothKinds(t, func(t *testing.T, kind setting) {
		s := start(t, kind, secured(nil), configured(func(c *conn.Config) { c.NoStall = true }))
		sub := s.greeted().encrypt(clientTLS())
		sub.send(plainConnect + "SUB a 1\r\n")
		sub.sync()
		pub := s.greeted().encrypt(clientTLS())
		pub.send(plainConnect)
		sent := pub.flood("a", 10_000, 50, func() bool {
			sn, _ := s.open(sub.info.ClientID)
			return sn.Pending > 4<<20
		})
		closed := make(chan error, 1)
		go func() { closed <- s.Close(t.Context()) }()
		if list, err := sub.collect(func() {}); len(list) != sent {
			t.Errorf("got %d messages, %v; want %d", len(list), err, sent)
		}
		sub.close()
		pub.close()
		if err := await(t, closed); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
}
