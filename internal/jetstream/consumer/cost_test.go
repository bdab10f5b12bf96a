package consumer_test

import (
	"fmt"
	"runtime"
	"testing"
	"time"

	"github.com/tidings-io/tidings/internal/invariant"
	"github.com/tidings-io/tidings/internal/jetstream/consumer"
	"github.com/tidings-io/tidings/internal/jetstream/index"
	"github.com/tidings-io/tidings/internal/jsapi"
)

// sink is a driver that sends nowhere and remembers the last deliveries.
type sink struct {
	*world
	count int
	acks  [512]jsapi.AckSubject
}

func (s *sink) Deliver(_ []byte, e index.Entry, d *consumer.Delivery) (int, consumer.Result) {
	s.acks[s.count%len(s.acks)] = jsapi.AckSubject{StreamSeq: e.Seq, ConsumerSeq: d.ConsumerSeq, Deliveries: d.Deliveries}
	s.count++
	return int(e.Size), consumer.Sent
}

// busy is a machine in a stream of n messages.
func busy(tb testing.TB, n int, cfg jsapi.ConsumerConfig) (*consumer.Machine, *sink) {
	tb.Helper()
	s := &sink{world: newWorld()}
	s.quiet = true
	for range n {
		seq := s.x.State().Last + 1
		s.x.Append(seq, []byte("orders.new"), 164, index.Place{File: 1, Offset: uint32(seq)})
	}
	cfg.Durable = "C"
	checked, err := cfg.Checked(&jsapi.StreamConfig{Name: "S", Subjects: []string{"orders.>"}}, jsapi.ConsumerRules{})
	if err != nil {
		tb.Fatal(err)
	}
	return homeOf(s.x, true).New(&checked, "C", 1, s), s
}

// round has a client pull a batch and acknowledge all of it, and logs that.
func (s *sink) round(c *consumer.Machine, now int64, body []byte, delta []byte) []byte {
	from := s.count
	c.Pull(now, inbox, body)
	for c.Run(now) {
	}
	for i := from; i < s.count; i++ {
		c.Ack(now, &s.acks[i%len(s.acks)], nil, nil)
	}
	if delta = c.Delta(delta[:0]); len(delta) > 0 {
		if err := c.ApplyDelta(delta, nil); err != nil {
			panic(err)
		}
		c.Committed()
	}
	return delta
}

var (
	inbox = []byte("_INBOX.abcdefghijklmnopqrstuv.1")
	fifty = []byte("50")
)

func TestDeliveringAndAcknowledgingDoesNotAllocate(t *testing.T) {
	c, s := busy(t, 50_000, jsapi.ConsumerConfig{AckPolicy: jsapi.AckExplicit})
	delta := make([]byte, 0, 4096)
	for range 20 {
		delta = s.round(c, 1, fifty, delta)
	}
	// One allocation for all fifty is that of reading the pull request.
	if n := testing.AllocsPerRun(400, func() { delta = s.round(c, 1, fifty, delta) }); n > 1 && !invariant.Enabled {
		t.Errorf("%v allocations for fifty messages", n)
	}
	if s.count < 20_000 {
		t.Fatalf("%d messages were delivered", s.count)
	}
}

// consumerMaxBytes is what an idle durable consumer may cost, with its filter and
// its configuration.
const consumerMaxBytes = 960

func TestIdleConsumersAreSmall(t *testing.T) {
	w := newWorld()
	for range 1000 {
		w.publish("orders.new", 100)
	}
	const count = 2000
	machines := make([]*consumer.Machine, count)
	home := homeOf(w.x, false)
	before := heap()
	for i := range machines {
		name := fmt.Sprintf("C%d", i)
		cfg := jsapi.ConsumerConfig{Durable: name, FilterSubject: "orders." + name + ".>", AckPolicy: jsapi.AckExplicit}
		checked, err := cfg.Checked(&jsapi.StreamConfig{Name: "S", Subjects: []string{"orders.>"}}, jsapi.ConsumerRules{})
		if err != nil {
			t.Fatal(err)
		}
		machines[i] = home.New(&checked, name, 1, w)
	}
	each := (heap() - before) / count
	t.Logf("%d bytes each", each)
	if each > consumerMaxBytes {
		t.Errorf("%d bytes for an idle consumer, want at most %d", each, consumerMaxBytes)
	}
	for _, c := range machines {
		if c.Hungry() || c.Deadline() != 0 {
			t.Fatal("an idle consumer wants to be run")
		}
	}
}

func heap() uint64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

func BenchmarkDeliverAndAck(b *testing.B) {
	for _, pending := range []int{0, 10_000} {
		b.Run(fmt.Sprintf("pending=%d", pending), func(b *testing.B) {
			const each = 50
			c, s := busy(b, 1<<20+pending, jsapi.ConsumerConfig{AckPolicy: jsapi.AckExplicit, MaxAckPending: -1})
			for s.count < pending {
				c.Pull(1, inbox, fifty)
				for c.Run(1) {
				}
			}
			delta := make([]byte, 0, 4096)
			b.ReportAllocs()
			start := s.count
			for b.Loop() {
				if s.count-start >= 1<<20-each {
					b.StopTimer()
					c.Reset(1, 1)
					start = s.count
					b.StartTimer()
				}
				delta = s.round(c, 1, fifty, delta)
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*each), "ns/message")
		})
	}
}

func BenchmarkRedelivery(b *testing.B) {
	c, s := busy(b, 100_000, jsapi.ConsumerConfig{AckPolicy: jsapi.AckExplicit, MaxAckPending: -1, AckWait: time.Second})
	c.Pull(1, inbox, []byte("1000000000"))
	for c.Run(1) {
	}
	now := int64(1)
	var delta []byte
	b.ReportAllocs()
	from := s.count
	for b.Loop() {
		now += int64(time.Second) + 1
		for c.Run(now) {
		}
		delta = c.Delta(delta[:0])
		_ = c.ApplyDelta(delta, nil)
		c.Committed()
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(s.count-from), "ns/message")
}
