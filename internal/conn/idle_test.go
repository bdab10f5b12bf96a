package conn_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tidings-io/tidings/internal/auth"
	"github.com/tidings-io/tidings/internal/conn"
	"github.com/tidings-io/tidings/internal/wire"
)

func soonIdle(c *conn.Config) { c.IdleAfter = 50 * time.Millisecond }

// This and the memory tests are not parallel: they measure the process.
func TestIdleConnectionsGiveUpTheirGoroutines(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Log("this system does not park connections")
		return
	}
	s := start(t, configured(soonIdle))
	before := runtime.NumGoroutine()
	const clients = 100
	var list []*raw
	for i := range clients {
		c := s.raw()
		c.sendf("SUB a.%d 1\r\n", i)
		for range 40 { // enough to make it wait with its goroutine
			c.sync()
		}
		list = append(list, c)
	}
	parked := func() bool { return runtime.NumGoroutine() <= before+2 }
	eventually(t, "all goroutines are gone", parked)
	pub := s.raw()
	for i := range list {
		pub.sendf("PUB a.%d 2\r\nhi\r\n", i)
	}
	for i, c := range list {
		c.expect(fmt.Sprintf("MSG a.%d 1 2", i)) // a delivery needs no goroutine of the receiver
		c.expect("hi")
	}
	for i, c := range list {
		c.sendf("PUB a.%d 3\r\nyou\r\nPING\r\n", (i+1)%clients)
		c.until("PONG", nil)
	}
	eventually(t, "all goroutines are gone again", parked)
	for _, c := range list[:clients/2] {
		c.close() // while parked
		if got := s.gone(c.info.ClientID).Reason; got != wire.ClientClosed {
			t.Errorf("closed with %q", got)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_ = s.Close(ctx) // the others, while parked
	for _, c := range list[clients/2:] {
		c.ended()
	}
}

// Connections that fall asleep and wake at random lose and double nothing.
func TestParkingAndWakingLosesNothing(t *testing.T) {
	t.Parallel()
	bothKinds(t, func(t *testing.T, kind setting) {
		s := start(t, kind, configured(func(c *conn.Config) {
			c.IdleAfter, c.PingInterval = time.Millisecond, 200*time.Millisecond
			c.PingMax = 1000
		}))
		const clients, rounds = 40, 150
		seed := newSeed(t)
		var wg sync.WaitGroup
		for i := range clients {
			rnd := rand.New(rand.NewPCG(seed, uint64(i)))
			c := s.raw()
			c.sendf("SUB to.%d 1\r\n", i)
			c.sync()
			wg.Go(func() {
				for n := range rounds {
					burst := 1 + rnd.IntN(30)*rnd.IntN(2)
					var b strings.Builder
					for k := range burst {
						fmt.Fprintf(&b, "PUB to.%d 12\r\n%06d%06d\r\n", i, n, k)
					}
					text := b.String()
					if cut := rnd.IntN(len(text)); rnd.IntN(4) == 0 {
						c.send(text[:cut]) // asleep in the middle of an operation
						for range rnd.IntN(1000) {
							runtime.Gosched()
						}
						text = text[cut:]
					}
					c.send(text)
					for k := 0; k < burst; {
						line, d, err := c.next()
						if err != nil {
							t.Errorf("client %d: %v", i, err)
							return
						}
						if line == "PING" {
							c.send("PONG\r\n")
						}
						if d == nil {
							continue
						}
						if want := fmt.Sprintf("%06d%06d", n, k); d.payload != want {
							t.Errorf("client %d got %q, want %q; -seed %d", i, d.payload, want, seed)
							return
						}
						k++
					}
					for range rnd.IntN(2000) { // to fall asleep, or not
						runtime.Gosched()
					}
				}
			})
		}
		wg.Wait()
	})
}

func newSeed(t testing.TB) uint64 {
	seed := *soakSeed
	if seed == 0 {
		seed = rand.Uint64()
	}
	t.Logf("run again with -seed %d", seed)
	return seed
}

// perConnection makes n connections, brings them where they should be, and
// returns the bytes that each takes.
func perConnection(t *testing.T, s *running, n int, prepare func(*raw)) int {
	t.Helper()
	warm := s.greeted()
	prepare(warm)
	mine := make([]*raw, 0, n)
	s.settled()
	before := heap()
	for range n {
		c := &raw{t: t, conn: s.dialPlain(), r: nil}
		c.readByHand()
		prepare(c)
		mine = append(mine, c)
	}
	s.settled()
	used := int(heap()-before) / n
	for _, c := range mine {
		c.close()
	}
	return used
}

const strangersMost = 6 << 10

func TestStrangersCostLittleMemory(t *testing.T) {
	const clients = 2500 // each of four times
	f := func(name string, prepare func(*raw), settings ...setting) {
		t.Helper()
		s := start(t, append(settings, configured(func(c *conn.Config) { soonIdle(c); c.AuthTimeout = time.Hour }))...)
		used := perConnection(t, s, clients, prepare)
		t.Logf("%s: %d bytes a connection, both ends", name, used)
		if used > strangersMost {
			t.Errorf("%s: %d bytes a connection, want at most %d", name, used, strangersMost)
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		_ = s.Close(ctx)
	}
	token := guarded(auth.Config{Token: "secret"})
	f("no CONNECT, authentication demanded", func(*raw) {}, token)
	f("half a CONNECT", func(c *raw) { c.send(`CONNECT {"verb`) }, token)
	f("no CONNECT, open to everybody", func(*raw) {})
	f("idle client", func(c *raw) { c.send(plainConnect + "PING\r\n"); c.readByHand() })
}
