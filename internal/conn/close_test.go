package conn_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/tidings-io/tidings/internal/conn"
	"github.com/tidings-io/tidings/internal/wire"
)

// slowly reads a connection in small pieces, with a pause between them that the
// other end decides on: it goes on whenever step can be received from.
type slowly struct {
	net.Conn
	step <-chan time.Time
}

func (s slowly) Read(b []byte) (int, error) {
	<-s.step
	return s.Conn.Read(b[:min(len(b), 32<<10)])
}

// slow makes a client read 16 KiB each millisecond at most.
func (c *raw) slow() {
	tick := time.NewTicker(time.Millisecond)
	c.t.Cleanup(tick.Stop)
	c.r = bufio.NewReaderSize(slowly{c.conn, tick.C}, 16<<10)
}

func TestCloseDeliversAllThatWasAcknowledged(t *testing.T) {
	t.Parallel()
	bothKinds(t, func(t *testing.T, kind setting) {
		s := start(t, kind, configured(func(c *conn.Config) { c.NoStall = true }))
		const messages, size = 20_000, 512 // 10 MB: more than the sockets hold
		subs := []*raw{s.raw(), s.raw(), s.raw(), s.raw()}
		for _, c := range subs {
			c.send("SUB a 1\r\n")
			c.sync()
		}
		subs[0].slow()
		subs[1].slow()
		pub := s.raw()
		body := strings.Repeat("x", size-8)
		go func() {
			var b strings.Builder
			for i := range messages {
				fmt.Fprintf(&b, "PUB a %d\r\n%08d%s\r\n", size, i, body)
			}
			pub.send(b.String() + "PING\r\n")
		}()
		pub.expect("PONG")
		closed := make(chan error, 1)
		go func() {
			ctx, cancel := context.WithTimeout(context.Background(), patience)
			defer cancel()
			closed <- s.Close(ctx)
		}()
		var wg sync.WaitGroup
		for i, c := range subs {
			wg.Go(func() {
				talk := func() {}
				if i == 1 { // input that nobody reads must not reset the connection
					talk = func() { _, _ = io.WriteString(c.conn, "PING\r\n") }
				}
				list, err := c.collect(talk)
				if err != nil || len(list) != messages {
					t.Errorf("subscriber %d got %d messages, %v; want %d", i, len(list), err, messages)
				}
				for k, d := range list {
					if d.payload[:8] != fmt.Sprintf("%08d", k) {
						t.Errorf("subscriber %d: message %d is %.8q", i, k, d.payload)
						break
					}
				}
				c.conn.Close()
			})
		}
		wg.Wait()
		pub.conn.Close()
		if err := await(t, closed); err != nil {
			t.Errorf("Close: %v", err)
		}
		for _, sn := range s.Closed() {
			if sn.Reason != wire.ServerShutdown {
				t.Errorf("connection %d closed with %q, want %q", sn.ID, sn.Reason, wire.ServerShutdown)
			}
		}
	})
}

// Whatever has been answered with a PONG while the server closes has reached
// every subscriber.
func TestCloseUnderLoadKeepsItsPromises(t *testing.T) {
	t.Parallel()
	bothKinds(t, func(t *testing.T, kind setting) {
		for range 10 {
			s := start(t, kind)
			sub := s.raw()
			sub.send("SUB a.* 1\r\n")
			sub.sync()
			const publishers = 4
			var wg sync.WaitGroup
			acked := make([]int, publishers)
			busy := make(chan struct{}, publishers*1000)
			for p := range publishers {
				c := s.raw()
				wg.Go(func() {
					for n := 1; ; n++ {
						_ = c.conn.SetDeadline(time.Now().Add(patience))
						text := strings.Repeat(fmt.Sprintf("PUB a.%d 8\r\n%08d\r\n", p, n), 200)
						if _, err := io.WriteString(c.conn, text+"PING\r\n"); err != nil {
							break
						}
						if _, err := c.answer(); err != nil {
							break
						}
						acked[p] = n
						select {
						case busy <- struct{}{}:
						default:
						}
					}
					c.conn.Close()
				})
			}
			got := make([]int, publishers)
			done := make(chan struct{})
			go func() {
				defer close(done)
				list, _ := sub.collect(func() {})
				for _, d := range list {
					var p, n int
					_, _ = fmt.Sscanf(d.subject+" "+d.payload, "a.%d %d", &p, &n)
					got[p] = n
				}
				sub.conn.Close()
			}()
			for range 200 {
				await(t, busy)
			}
			ctx, cancel := context.WithTimeout(context.Background(), patience)
			if err := s.Close(ctx); err != nil {
				t.Errorf("Close: %v", err)
			}
			cancel()
			wg.Wait()
			<-done
			for p := range publishers {
				if got[p] < acked[p] {
					t.Fatalf("publisher %d: message %d was acknowledged, the subscriber's last is %d", p, acked[p], got[p])
				}
			}
		}
	})
}

func TestCloseCutsOffWhoTakesNothing(t *testing.T) {
	t.Parallel()
	bothKinds(t, func(t *testing.T, kind setting) {
		s := start(t, kind)
		stuck, pub := s.raw(), s.raw()
		stuck.send("SUB a 1\r\n")
		stuck.sync()
		id := stuck.info.ClientID
		body := strings.Repeat("x", 1<<20)
		for range 100 {
			pub.sendf("PUB a %d\r\n%s\r\n", len(body), body)
			pub.sync()
			if sn, _ := s.open(id); sn.Pending > 16<<20 {
				break
			}
		}
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		if err := s.Close(ctx); !errors.Is(err, context.Canceled) {
			t.Errorf("Close = %v, want an error that says who was cut off", err)
		}
		if got := s.gone(id).Reason; got != wire.ServerShutdown {
			t.Errorf("closed with %q", got)
		}
	})
}

func TestCloseIsQuickWithIdleClients(t *testing.T) {
	t.Parallel()
	bothKinds(t, func(t *testing.T, kind setting) {
		s := start(t, kind)
		var ended sync.WaitGroup
		for range 50 {
			ended.Add(1)
			s.nats(nats.ClosedHandler(func(*nats.Conn) { ended.Done() }))
		}
		if err := s.Close(t.Context()); err != nil {
			t.Errorf("Close: %v", err)
		}
		ended.Wait()
		if err := s.Close(t.Context()); err != nil {
			t.Errorf("second Close: %v", err)
		}
	})
}

func TestClientThatIgnoresTheEndDoesNotKeepTheServer(t *testing.T) {
	t.Parallel()
	s := start(t, configured(func(c *conn.Config) { c.WriteDeadline = 100 * time.Millisecond }))
	c := s.raw() // which stays open after it got everything
	if err := s.Close(t.Context()); err != nil {
		t.Errorf("Close: %v", err)
	}
	c.ended()
}

func TestLameDuckAsksClientsToLeaveAndClosesThemOneByOne(t *testing.T) {
	t.Parallel()
	bothKinds(t, func(t *testing.T, kind setting) {
		s := start(t, kind)
		const clients = 10
		lame := make(chan struct{}, clients)
		closed := make(chan struct{}, clients)
		for range clients {
			s.nats(nats.LameDuckModeHandler(func(*nats.Conn) { lame <- struct{}{} }),
				nats.ClosedHandler(func(*nats.Conn) { closed <- struct{}{} }))
		}
		old := s.greeted() // speaks no CONNECT, so it is not to be told
		done := make(chan error, 1)
		go func() { done <- s.LameDuck(t.Context(), 100*time.Millisecond, 200*time.Millisecond) }()
		for range clients {
			await(t, lame)
		}
		if _, err := net.Dial("tcp", s.addr); err == nil {
			t.Error("a new connection was taken in lame duck mode")
		}
		if _, err := s.InProcess(); err == nil {
			t.Error("a new connection in the process was taken in lame duck mode")
		}
		for range clients {
			await(t, closed)
		}
		old.ended()
		old.close()
		if err := await(t, done); err != nil {
			t.Errorf("LameDuck: %v", err)
		}
		for _, sn := range s.Closed() {
			if sn.Reason != wire.ServerShutdown {
				t.Errorf("connection %d closed with %q, want %q", sn.ID, sn.Reason, wire.ServerShutdown)
			}
		}
	})
}

func TestInfoInLameDuckModeSaysSo(t *testing.T) {
	t.Parallel()
	s := start(t)
	c := s.raw()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- s.LameDuck(ctx, time.Hour, time.Hour) }()
	for !c.info.LameDuckMode {
		c.readInfo()
	}
	c.send("PING\r\n")
	c.expect("PONG") // it is still served
	cancel()
	if err := await(t, done); !errors.Is(err, context.Canceled) {
		t.Errorf("LameDuck = %v, want %v", err, context.Canceled)
	}
}

func TestConnectionsThatArriveWhileTheServerClosesAreClosed(t *testing.T) {
	t.Parallel()
	for range 20 {
		s := start(t)
		stop := make(chan struct{})
		var wg sync.WaitGroup
		arrived := make(chan struct{})
		var once sync.Once
		for range 4 {
			wg.Go(func() {
				for {
					select {
					case <-stop:
						return
					default:
					}
					nc, err := net.Dial("tcp", s.addr)
					if err != nil {
						return
					}
					once.Do(func() { close(arrived) })
					defer nc.Close()
				}
			})
		}
		<-arrived
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		_ = s.Close(ctx)
		close(stop)
		wg.Wait()
		if left := s.Stats().Connections; left != 0 {
			t.Fatalf("%d connections are open after Close", left)
		}
	}
}
