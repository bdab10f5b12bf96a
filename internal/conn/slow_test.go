package conn_test

import (
	"fmt"
	"io"
	"net"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/tidings-io/tidings/internal/conn"
	"github.com/tidings-io/tidings/internal/wire"
)

// flood publishes messages of size bytes on subject until stop tells so, in
// portions that are each answered.
func (c *raw) flood(subject string, size, each int, stop func() bool) (sent int) {
	c.t.Helper()
	portion := strings.Repeat(fmt.Sprintf("PUB %s %d\r\n%s\r\n", subject, size, strings.Repeat("x", size)), each)
	for !stop() {
		c.send(portion)
		c.sync()
		sent += each
	}
	return sent
}

func smallPending(c *conn.Config) { c.MaxPending, c.MaxPayload = 4<<20, 64<<10 }

// count reads deliveries in the background until there are n, or one says "end".
func (c *raw) count(n int) <-chan int {
	got := make(chan int, 1)
	go func() {
		k := 0
		for k < n {
			_, d, err := c.next()
			if err != nil {
				break
			}
			if d != nil {
				k++
			}
			if d != nil && d.payload == "end" {
				break
			}
		}
		got <- k
	}()
	return got
}

func TestSubscriberThatNeverReadsIsClosedAtMaxPending(t *testing.T) {
	t.Parallel()
	bothKinds(t, func(t *testing.T, kind setting) {
		s := start(t, kind, configured(smallPending))
		stuck, well, pub := s.raw(), s.raw(), s.raw()
		for _, c := range []*raw{stuck, well} {
			c.send("SUB a 1\r\n")
			c.sync()
		}
		id := stuck.info.ClientID
		got := well.count(1 << 30)
		sent := pub.flood("a", 4096, 64, func() bool { _, open := s.open(id); return !open })
		sn := s.gone(id)
		if sn.Reason != wire.SlowConsumerPending {
			t.Errorf("closed with %q, want %q", sn.Reason, wire.SlowConsumerPending)
		}
		// One portion is what a batch may bring on top.
		if most := 4<<20 + 65*4200; sn.PendingPeak > most {
			t.Errorf("%d bytes were pending at the most, want at most %d", sn.PendingPeak, most)
		}
		if st := s.Stats(); st.SlowPending != 1 || st.SlowDeadline != 0 {
			t.Errorf("slow consumers counted: %d pending, %d deadline; want 1 and 0", st.SlowPending, st.SlowDeadline)
		}
		if n := s.accounts.Global().SlowClients.Load(); n != 1 {
			t.Errorf("slow consumers counted for the account: %d, want 1", n)
		}
		if n := s.log.count("level=WARN", string(wire.SlowConsumerPending), fmt.Sprintf("cid=%d ", id)); n != 1 {
			t.Errorf("%d log lines about it, want 1", n)
		}
		pub.send("PUB a 3\r\nend\r\n")
		pub.sync()
		if n := await(t, got); n != sent+1 {
			t.Errorf("the other subscriber got %d messages, want %d", n, sent+1)
		}
	})
}

func TestSubscriberThatTakesNothingUntilTheDeadlineIsClosed(t *testing.T) {
	t.Parallel()
	bothKinds(t, func(t *testing.T, kind setting) {
		s := start(t, kind, configured(func(c *conn.Config) { c.WriteDeadline = 100 * time.Millisecond }))
		stuck, pub := s.raw(), s.raw()
		stuck.send("SUB a 1\r\n")
		stuck.sync()
		id := stuck.info.ClientID
		pub.flood("a", 64<<10, 8, func() bool {
			sn, open := s.open(id)
			return !open || sn.Pending > 16<<20
		})
		sn := s.gone(id)
		if sn.Reason != wire.SlowConsumerDeadline {
			t.Errorf("closed with %q, want %q", sn.Reason, wire.SlowConsumerDeadline)
		}
		if n := s.Stats().SlowDeadline; n != 1 {
			t.Errorf("%d counted, want 1", n)
		}
		if n := s.log.count("level=WARN", string(wire.SlowConsumerDeadline), fmt.Sprintf("cid=%d ", id)); n != 1 {
			t.Errorf("%d log lines about it, want 1", n)
		}
		pub.sync()
	})
}

func TestMissedDeadlineIsOnlyLoggedWithRetry(t *testing.T) {
	t.Parallel()
	bothKinds(t, func(t *testing.T, kind setting) {
		s := start(t, kind, configured(func(c *conn.Config) {
			c.WriteDeadline, c.RetryWrites, c.NoStall = 50*time.Millisecond, true, true
		}))
		late, pub := s.raw(), s.raw()
		late.send("SUB a 1\r\n")
		late.sync()
		sent := pub.flood("a", 64<<10, 8, func() bool {
			sn, _ := s.open(late.info.ClientID)
			return sn.Pending > 16<<20
		})
		s.logs("level=WARN", "missed its write deadline", fmt.Sprintf("cid=%d ", late.info.ClientID))
		if got := await(t, late.count(sent)); got != sent {
			t.Errorf("got %d messages after the deadline, want %d", got, sent)
		}
		late.sync()
		if st := s.Stats(); st.SlowDeadline+st.SlowPending != 0 {
			t.Errorf("%d connections counted as closed, want 0", st.SlowDeadline+st.SlowPending)
		}
	})
}

// The write deadline is for the write it was set for: a connection that was
// behind once and caught up serves on after it.
func TestDeadlineOfOldWritesDoesNotEndTheConnection(t *testing.T) {
	t.Parallel()
	bothKinds(t, func(t *testing.T, kind setting) {
		const deadline = 50 * time.Millisecond
		s := start(t, kind, configured(func(c *conn.Config) { c.WriteDeadline, c.RetryWrites = deadline, true }))
		c, pub := s.raw(), s.raw()
		c.send("SUB a 1\r\n")
		c.sync()
		sent := pub.flood("a", 64<<10, 8, func() bool {
			sn, _ := s.open(c.info.ClientID)
			return sn.Pending > 8<<20
		})
		if got := await(t, c.count(sent)); got != sent {
			t.Fatalf("got %d messages, want %d", got, sent)
		}
		for until := time.Now().Add(4 * deadline); time.Now().Before(until); {
			c.sync()
		}
	})
}

// It is not parallel because a reader that other tests starve looks stuck.
func TestPublishersPauseForASubscriberThatIsSlowButAlive(t *testing.T) {
	for _, kind := range []setting{func(*setup) {}, portable} {
		s := start(t, kind, configured(func(c *conn.Config) { c.MaxPending = 32 << 20 }))
		slow, pub := s.raw(), s.raw()
		slow.send("SUB a 1\r\n")
		slow.sync()
		slow.slow()
		const messages = 45_000 // 45 MB
		got := slow.count(messages)
		body := strings.Repeat("x", 1000)
		portion := strings.Repeat("PUB a 1000\r\n"+body+"\r\n", 100)
		for range messages / 100 {
			pub.send(portion)
		}
		pub.sync()
		if n := await(t, got); n != messages {
			t.Errorf("the slow subscriber got %d messages, want %d", n, messages)
		}
		if s.Stats().Stalls == 0 {
			t.Error("no publisher paused")
		}
		sn, _ := s.open(pub.info.ClientID)
		if sn.Stalls == 0 {
			t.Error("the publisher's own pauses are not counted")
		}
	}
}

func TestPublishersNeverPauseWithNoFastProducerStall(t *testing.T) {
	t.Parallel()
	s := start(t, configured(smallPending), configured(func(c *conn.Config) { c.NoStall = true }))
	slow, pub := s.raw(), s.raw()
	slow.send("SUB a 1\r\n")
	slow.sync()
	pub.flood("a", 4096, 64, func() bool { _, open := s.open(slow.info.ClientID); return !open })
	if n := s.Stats().Stalls; n != 0 {
		t.Errorf("%d pauses, want none", n)
	}
	if got := s.gone(slow.info.ClientID).Reason; got != wire.SlowConsumerPending {
		t.Errorf("closed with %q", got)
	}
}

// fullSockets is more than the buffers of a connection grow to, in bytes, so that
// what is pending beyond stays pending.
const fullSockets = 8 << 20

func TestOneStuckSubscriberAmongAThousandCostsTheOthersNothing(t *testing.T) {
	t.Parallel()
	s := start(t, configured(func(c *conn.Config) { c.MaxPending, c.MaxPayload = 16<<20, 64<<10 }))
	const others, messages, size = 1000, 100, 16 << 10
	stuck, pub := s.raw(), s.raw()
	if err := stuck.conn.(*net.TCPConn).SetReadBuffer(4096); err != nil {
		t.Fatal(err)
	}
	stuck.send("SUB a 1\r\nSUB only.me 2\r\n")
	stuck.sync()
	pub.flood("only.me", 64<<10, 4, func() bool { // until its sockets are full
		sn, _ := s.open(stuck.info.ClientID)
		return sn.Pending > fullSockets
	})
	got := make([]<-chan int, others)
	for i := range got {
		c := s.raw()
		c.send("SUB a 1\r\n")
		c.sync()
		got[i] = c.count(messages)
	}
	body := strings.Repeat("x", size)
	for range messages {
		pub.sendf("PUB a %d\r\n%s\r\n", size, body)
		pub.sync()
	}
	for i, c := range got {
		if n := await(t, c); n != messages {
			t.Fatalf("subscriber %d got %d messages, want %d", i, n, messages)
		}
	}
	st := s.Stats()
	if st.SlowPending+st.SlowDeadline > 1 {
		t.Errorf("%d subscribers were closed, want at most the one that is stuck", st.SlowPending+st.SlowDeadline)
	}
	if sn, open := s.open(stuck.info.ClientID); open && sn.Pending == 0 {
		t.Error("the stuck subscriber has nothing pending: it was not stuck")
	}
	if n := s.log.count("level=WARN", "Slow Consumer"); n > 1 {
		t.Errorf("%d log lines, want at most 1", n)
	}
}

// Memory for clients that do not read is what their limit says, not more.
func TestPendingBytesAreAllThatSlowClientsCost(t *testing.T) {
	s := start(t, configured(func(c *conn.Config) { c.MaxPending = 64 << 20 }))
	const subscribers, most = 20, 2 << 20
	var list []*raw
	for range subscribers {
		c := s.raw()
		c.send("SUB a 1\r\n")
		c.sync()
		list = append(list, c)
	}
	before := heap()
	pub := s.raw()
	pub.flood("a", 100, 2000, func() bool {
		for _, sn := range s.Connections() {
			if sn.ID != pub.info.ClientID && sn.Pending < most {
				return false
			}
		}
		return true
	})
	pending := 0
	for _, sn := range s.Connections() {
		pending += sn.Pending
	}
	if used := int(heap()) - int(before); used > 2*pending+8<<20 {
		t.Errorf("%d bytes are pending and cost %d bytes", pending, used)
	}
	for _, c := range list {
		go func() { _, _ = io.Copy(io.Discard, c.conn) }()
	}
	eventually(t, "all is taken", func() bool {
		for _, sn := range s.Connections() {
			if sn.Pending > 0 {
				return false
			}
		}
		return true
	})
}

// heap is the memory in use, without garbage.
func heap() uint64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.GC() // pools give up what they hold only with the second
	runtime.ReadMemStats(&m)
	return m.HeapAlloc + m.StackInuse
}
