package conn_test

import (
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/tidings-io/tidings/internal/auth"
	"github.com/tidings-io/tidings/internal/conn"
	"github.com/tidings-io/tidings/internal/core"
	"github.com/tidings-io/tidings/internal/wire"
)

// Bad input ends the connection that sent it, with a reason that the client can
// read if there is one and a log line, and nobody notices but the sender.
func TestBadInputEndsOnlyTheConnectionThatSentIt(t *testing.T) {
	t.Parallel()
	bothKinds(t, func(t *testing.T, kind setting) {
		s := start(t, kind)
		witness := s.raw()
		witness.send("SUB > 1\r\n")
		witness.sync()
		f := func(name, input, text string, reason wire.Reason) {
			t.Helper()
			c := s.greeted()
			go func() { _, _ = io.WriteString(c.conn, input) }() // the server may close before it is all gone
			if text == "" {
				c.ended()
			} else {
				c.refused(text)
			}
			if got := s.gone(c.info.ClientID).Reason; got != reason {
				t.Errorf("%s: closed with %q, want %q", name, got, reason)
			}
			s.logs("level=ERROR", fmt.Sprintf("cid=%d ", c.info.ClientID))
			c.close()
		}
		f("garbage", "\x00\xff\x13\x37 what is this\r\n", wire.TextUnknownOperation, wire.ParseFailed)
		f("an HTTP request", "GET / HTTP/1.1\r\nHost: x\r\n\r\n", wire.TextUnknownOperation, wire.ParseFailed)
		f("a POST", "POST / HTTP/1.1\r\nHost: x\r\n\r\n", wire.TextUnknownOperation, wire.ParseFailed)
		f("CONNECT that is no JSON", "CONNECT {\"verbose\":\r\n", "", wire.ProtocolViolation)
		f("2 GB payload", "PUB a 2147483647\r\nhello", wire.TextMaxPayload, wire.MaxPayloadExceeded)
		f("overflow in a size", "PUB a 99999999999999999999\r\nhello\r\n", "", wire.ProtocolViolation)
		f("negative size", "PUB a -1\r\nhello\r\n", "", wire.ProtocolViolation)
		f("no size", "PUB a\r\nhello\r\n", "", wire.ProtocolViolation)
		f("header beyond the message", "HPUB a 12 5\r\nNATS/1.0\r\n\r\n\r\n", "", wire.MessageHeaderViolation)
		f("overflow in a header size", "HPUB a 99999999999999999999 99999999999999999999\r\n", "", wire.MessageHeaderViolation)
		f("payload longer than said", "PUB a 2\r\nhello\r\n", wire.TextUnknownOperation, wire.ParseFailed)
		f("subject of 10 MB", "PUB "+strings.Repeat("a", 10<<20)+" 2\r\nok\r\n", wire.TextMaxControlLine, wire.MaxControlLineExceeded)
		f("subscription of 10 MB", "SUB "+strings.Repeat("a", 10<<20)+" 1\r\n", wire.TextMaxControlLine, wire.MaxControlLineExceeded)
		f("CR without LF", "PING\r"+strings.Repeat("PING\r", 4096), wire.TextMaxControlLine, wire.MaxControlLineExceeded)
		f("many arguments", "SUB a b c d e f\r\n", "", wire.ProtocolViolation)
		witness.send("PUB still.here 2\r\nok\r\n")
		witness.expect("MSG still.here 1 2")
	})
}

func TestHalfAnOperationThenTheEndIsAnOrdinaryClose(t *testing.T) {
	t.Parallel()
	s := start(t)
	for _, input := range []string{"", "CONNECT {\"verb", "PUB a 100000\r\nhello", "P", "SUB a"} {
		c := s.greeted()
		c.send(input)
		c.close()
		if got := s.gone(c.info.ClientID).Reason; got != wire.ClientClosed {
			t.Errorf("after %q: closed with %q, want %q", input, got, wire.ClientClosed)
		}
	}
}

func TestInputCutAnywhereMeansTheSame(t *testing.T) {
	t.Parallel()
	bothKinds(t, func(t *testing.T, kind setting) {
		s := start(t, kind)
		input := plainConnect + "SUB a.* 1\r\nPUB a.b 5\r\nhello\r\nPUB a.c r.e 0\r\n\r\nHPUB a.d 12 14\r\nNATS/1.0\r\n\r\nhi\r\n" +
			"UNSUB 1\r\nPUB a.b 2\r\nno\r\nPING\r\n"
		want := []string{"MSG a.b 1 5", "hello", "MSG a.c 1 r.e 0", "", "HMSG a.d 1 12 14", "NATS/1.0", "", "hi", "PONG"}
		whole := func(c *raw) {
			t.Helper()
			for _, w := range want {
				c.expect(w)
			}
		}
		c := s.greeted()
		for i := range len(input) { // one byte at a time, each in a segment of its own
			c.send(input[i : i+1])
		}
		whole(c)
		for cut := 1; cut < len(input); cut += 7 {
			c := s.greeted()
			c.send(input[:cut])
			c.send(input[cut:])
			whole(c)
			c.close()
		}
	})
}

func TestLargeMessagesCutAtRandomArriveWhole(t *testing.T) {
	t.Parallel()
	bothKinds(t, func(t *testing.T, kind setting) {
		s := start(t, kind)
		rnd := rand.New(rand.NewPCG(1, 2))
		sub, pub := s.raw(), s.raw()
		sub.send("SUB big 1\r\n")
		sub.sync()
		var input strings.Builder
		var want []string
		for range 40 {
			body := strings.Repeat(string(rune('a'+rnd.IntN(26))), []int{0, 10, 5000, 70_000, 300_000, 1 << 20}[rnd.IntN(6)])
			want = append(want, body)
			fmt.Fprintf(&input, "PUB big %d\r\n%s\r\n", len(body), body)
		}
		go func() {
			for text := input.String(); len(text) > 0; {
				n := min(len(text), 1+rnd.IntN(100_000))
				pub.send(text[:n])
				text = text[n:]
			}
		}()
		for i, w := range want {
			_, d, err := sub.next()
			if err != nil || d == nil || d.payload != w {
				t.Fatalf("message %d: %v, want %d bytes", i, err, len(w))
			}
		}
	})
}

func TestSubjectLongerThanTheIndexTakesIsRefused(t *testing.T) {
	t.Parallel()
	s := start(t, configured(func(c *conn.Config) { c.MaxControl = 1 << 20 }))
	c := s.raw()
	c.sendf("SUB %s 1\r\n", strings.Repeat("a", 70_000))
	c.expect("-ERR 'Invalid Subject'")
	c.sendf("SUB %s %s 2\r\n", strings.Repeat("a", 40_000), strings.Repeat("q", 40_000))
	c.expect("-ERR 'Invalid Subject'")
	c.sync()
}

func TestWhoeverIsNotLetInLearnsNothing(t *testing.T) {
	t.Parallel()
	s := start(t, guarded(auth.Config{Token: "secret"}))
	f := func(input string) {
		t.Helper()
		c := s.greeted()
		c.send(input)
		c.refused(wire.TextAuthorization)
		if got := s.gone(c.info.ClientID).Reason; got != wire.AuthenticationFailure {
			t.Errorf("after %q: closed with %q", input, got)
		}
		c.close()
	}
	f("PING\r\n")
	f("PUB a 2\r\nok\r\n")
	f("SUB a 1\r\n")
	f("GET / HTTP/1.1\r\n\r\n")
	f("CONNECT {}\r\n")
	f(`CONNECT {"auth_token":"wrong"}` + "\r\n")
	f("CONNECT " + strings.Repeat("x", 10_000) + "\r\n")
	// Room is not made for what will be refused anyway.
	f("PUB a 1000000\r\n")
}

// panicking is a gate and a permission set that panics where it is told to.
type panicking struct{ account *core.Account }

func (p *panicking) Required() bool { return true }

func (p *panicking) Authenticate(r auth.Request) (auth.Identity, error) {
	if r.Connect.User == "panic" {
		panic("authenticator")
	}
	return auth.Identity{Account: p.account, Permissions: p}, nil
}

func (p *panicking) MayPublish(subject string) bool {
	if subject == "panic" {
		panic("publish")
	}
	return true
}
func (p *panicking) MaySubscribe(string, string) bool { return true }
func (p *panicking) MayDeliver(subject string) bool {
	if subject == "panic.deliver" {
		panic("deliver")
	}
	return true
}
func (p *panicking) FiltersDeliveries(string) bool { return true }

func TestPanicInAConnectionEndsThatConnectionOnly(t *testing.T) {
	t.Parallel()
	bothKinds(t, func(t *testing.T, kind setting) {
		s := start(t, kind, func(su *setup) {
			su.gate = func(as *core.Accounts) conn.Authenticator { return &panicking{as.Global()} }
		})
		witness := s.raw()
		witness.send("SUB a.* 1\r\nSUB panic.deliver 2\r\n")
		witness.sync()
		f := func(input string) {
			t.Helper()
			c := s.greeted()
			c.send(input)
			c.ended()
			if got := s.gone(c.info.ClientID).Reason; got != wire.ConnectionPanicked {
				t.Errorf("after %q: closed with %q, want %q", input, got, wire.ConnectionPanicked)
			}
			s.logs("level=ERROR", "panicked", fmt.Sprintf("cid=%d ", c.info.ClientID))
			c.close()
		}
		f(`CONNECT {"user":"panic"}` + "\r\n")
		f(plainConnect + "PUB a.b 2\r\nok\r\nPUB panic 2\r\nok\r\n")
		f(plainConnect + "PUB a.b 2\r\nok\r\nPUB panic.deliver 2\r\nok\r\n")
		// What waits for the publishers of the moment must not wait for one that
		// is no more.
		witness.send("UNSUB 1 1000\r\n")
		witness.sync()
		witness.send("PUB a.c 2\r\nok\r\n")
		witness.expect("MSG a.c 1 2")
	})
}

// A panic where no connection reads yet must not end the server either.
type panicsOnArrival struct{ left int }

func (p *panicsOnArrival) Required() bool { return false }
func (p *panicsOnArrival) Authenticate(auth.Request) (auth.Identity, error) {
	if p.left--; p.left >= 0 {
		panic("on arrival")
	}
	return auth.Identity{}, errors.New("nobody is let in")
}

func TestPanicOnArrivalLeavesTheListenerRunning(t *testing.T) {
	t.Parallel()
	s := start(t, gate(&panicsOnArrival{left: 1}))
	c := s.dial()
	c.ended()
	s.logs("level=ERROR", "panicked")
	s.greeted()
}

func TestClientThatNeverReadsItsErrorsIsClosed(t *testing.T) {
	t.Parallel()
	s := start(t, configured(func(c *conn.Config) { c.MaxPending, c.MaxPayload = 1<<20, 1<<16 }))
	c := s.raw()
	go func() {
		for bad := strings.Repeat("SUB a..b 1\r\n", 5000); ; {
			_ = c.conn.SetWriteDeadline(time.Now().Add(patience))
			if _, err := io.WriteString(c.conn, bad); err != nil {
				return
			}
		}
	}()
	if got := s.gone(c.info.ClientID).Reason; got != wire.SlowConsumerPending {
		t.Errorf("closed with %q, want %q", got, wire.SlowConsumerPending)
	}
	s.raw().sync()
}

func TestTooManyConnectionsAreTurnedAwayWithAReason(t *testing.T) {
	t.Parallel()
	s := start(t, configured(func(c *conn.Config) { c.MaxConns = 2 }))
	a, b := s.raw(), s.raw()
	c := s.dial()
	c.refused(wire.TextMaxConnections)
	b.close()
	s.gone(b.info.ClientID)
	s.raw().sync()
	a.sync()
}
