package core_test

import (
	"fmt"
	"strconv"
	"testing"

	"github.com/tidings-io/tidings/internal/core"
	"github.com/tidings-io/tidings/internal/wire"
)

// sink is a receiver that does what a connection does and drops it.
type sink struct{ bytes int }

func (x *sink) Deliver(st *core.Stage, s *core.Subscription, m *core.Message) {
	appendMessage(st, s, m)
}
func (x *sink) Flush(st *core.Stage)                       { x.bytes += st.Len() }
func (x *sink) Exhausted(*core.Subscription)               {}
func (x *sink) Relief(bool) <-chan struct{}                { return nil }
func (x *sink) Filter(*core.Subscription) core.Permissions { return nil }

// path is one connection's way from bytes to deliveries.
type path struct {
	parser wire.Parser
	pub    *core.Publisher
	msg    core.Message
}

// run handles input as one turn does.
func (w *path) run(tb testing.TB, input []byte) {
	for len(input) > 0 {
		n, err := w.parser.Next(input)
		if n == 0 || err != nil {
			tb.Fatal(n, err)
		}
		op := &w.parser.Op
		w.msg = core.Message{
			Subject: op.Subject, Reply: op.Reply, Payload: op.Payload, HeaderLen: op.HeaderLen,
			Tail: op.Tail, Volatile: op.Rewritten, Same: op.Same,
		}
		w.pub.Publish(&w.msg)
		input = input[n:]
	}
	w.pub.Flush()
}

// shape is who listens, and what is published.
type shape struct {
	name      string
	plain     int
	members   int
	different bool // each message on a subject of its own
}

var shapes = []shape{
	{"one target", 1, 0, false},
	{"ten targets", 10, 0, false},
	{"queue group of ten", 0, 10, false},
	{"different subjects", 1, 0, true},
	{"different subjects, queue group", 0, 10, true},
	{"nobody", 0, 0, false},
}

// prepare makes the path and its input of 100 messages of size bytes.
func (s shape) prepare(tb testing.TB, size int) (*path, []byte, []*sink) {
	as := core.NewAccounts()
	var sinks []*sink
	for i := range s.plain + s.members {
		x := &sink{}
		sinks = append(sinks, x)
		queue := ""
		if i >= s.plain {
			queue = "q"
		}
		subscribe(as, x, "orders.>", queue, strconv.Itoa(i))
	}
	var input []byte
	for i := range 100 {
		subject := "orders.europe.new"
		if s.different {
			subject = fmt.Sprintf("orders.europe.%d", i*7919)
		}
		input = fmt.Appendf(input, "PUB %s %d\r\n%s\r\n", subject, size, make([]byte, size))
	}
	pub := as.Publisher(core.Sender{Self: &sink{}, Account: as.Global(), Echo: true})
	tb.Cleanup(pub.Release)
	if s.different {
		as.SetRemembering(false)
	}
	return &path{parser: wire.Parser{Limits: wire.Limits{Headers: true}}, pub: pub}, input, sinks
}

// BenchmarkPath is the way of 100 messages from the bytes of a publisher to
// those of its receivers; the time is per message.
func BenchmarkPath(b *testing.B) {
	for _, s := range shapes {
		for _, size := range []int{16, 128, 1024} {
			b.Run(fmt.Sprintf("%s/%dB", s.name, size), func(b *testing.B) {
				w, input, _ := s.prepare(b, size)
				b.ReportAllocs()
				for i := 0; i < b.N; i += 100 {
					w.run(b, input)
				}
			})
		}
	}
}
