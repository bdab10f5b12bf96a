package consumer_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/tidings-io/tidings/internal/jetstream/consumer"
	"github.com/tidings-io/tidings/internal/jetstream/index"
	"github.com/tidings-io/tidings/internal/jsapi"
)

// sent is a message that a machine delivered.
type sent struct {
	to  string
	seq uint64
	d   consumer.Delivery
}

// world is a stream and the driver of one consumer, without clock or disk: it
// keeps what the machine does until somebody looks.
type world struct {
	x       *index.Index
	subject map[uint64]string
	stored  map[uint64]int64 // time of each message
	size    map[uint64]int
	now     int64
	deaf    map[string]bool   // subjects without subscriber
	behind  map[string]uint64 // subjects whose client has a backlog: its number
	broken  map[uint64]bool   // messages that cannot be read
	random  uint64
	ids     int

	quiet     bool   // nothing is written to log
	mark      string // to be written before whatever comes next
	log       strings.Builder
	sent      []sent
	dead      []uint64
	boxClosed bool // there is no place for dead letters

	confirmed []string
}

func newWorld() *world {
	return &world{
		x: index.New(1), subject: map[uint64]string{}, stored: map[uint64]int64{}, size: map[uint64]int{},
		deaf: map[string]bool{}, behind: map[string]uint64{}, broken: map[uint64]bool{}, now: 1,
	}
}

// homeOf is a stream S with an index.
func homeOf(x *index.Index, retained bool) *consumer.Home {
	h := consumer.NewHome("", "", "S", x)
	h.Retained = retained
	return h
}

func (w *world) printf(format string, args ...any) {
	if !w.quiet {
		w.log.WriteString(w.mark)
		w.mark = ""
		fmt.Fprintf(&w.log, format+"\n", args...)
	}
}

// took returns what was written since the last call.
func (w *world) took() string {
	s := w.log.String()
	w.log.Reset()
	if s == "" {
		return "ok\n"
	}
	return s
}

func (w *world) publish(subject string, body int) uint64 {
	seq := w.x.State().Last + 1
	w.subject[seq], w.stored[seq], w.size[seq] = subject, w.now, len(subject)+body
	w.x.Append(seq, []byte(subject), uint32(32+len(subject)+body), index.Place{File: 1, Offset: uint32(seq)})
	return seq
}

// ackBytes is the length of the ack subjects of this world.
const ackBytes = 20

func (w *world) Deliver(to []byte, e index.Entry, d *consumer.Delivery) (int, consumer.Result) {
	switch {
	case w.deaf[string(to)]:
		return 0, consumer.NoInterest
	case w.broken[e.Seq]:
		return 0, consumer.Gone
	}
	w.sent = append(w.sent, sent{string(to), e.Seq, *d})
	d.Hold = w.behind[string(to)]
	if !w.quiet {
		pin := ""
		if d.PinID != "" {
			pin = " pin=" + d.PinID
		}
		if d.HeadersOnly {
			pin += " headers only"
		}
		w.printf("%s: #%d %s consumer=%d deliveries=%d pending=%d%s", to, e.Seq, w.subject[e.Seq], d.ConsumerSeq, d.Deliveries, d.Pending, pin)
	}
	return w.Size(e, d), consumer.Sent
}

func (w *world) Size(e index.Entry, _ *consumer.Delivery) int { return int(e.Size) - 32 + ackBytes }
func (w *world) Time(e index.Entry) int64                     { return w.stored[e.Seq] }

func (w *world) SeqAt(t int64) uint64 {
	for seq := w.x.State().First; seq <= w.x.State().Last; seq++ {
		if _, ok := w.x.Get(seq); ok && w.stored[seq] >= t {
			return seq
		}
	}
	return w.x.State().Last + 1
}

func (w *world) Status(to []byte, status, reply string, headers ...consumer.Header) {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %s", to, status)
	for _, h := range headers {
		fmt.Fprintf(&b, " %s=%s", h.Name, h.Value)
	}
	if reply != "" {
		fmt.Fprintf(&b, " reply=%s", reply)
	}
	w.printf("%s", b.String())
}

func (w *world) FlowReply(id string) string { return "$JS.FC.S.C." + id }
func (w *world) Interest(to []byte) bool    { return !w.deaf[string(to)] }
func (w *world) Reply(to []byte) {
	w.confirmed = append(w.confirmed, string(to))
	w.printf("%s: confirmed", to)
}
func (w *world) UniqueID() string { w.ids++; return fmt.Sprintf("id%d", w.ids) }
func (w *world) Random() uint64   { w.random += 37; return w.random }

func (w *world) Advise(kind jsapi.EventKind, event any) {
	if w.quiet {
		return
	}
	text, err := json.Marshal(event)
	if err != nil {
		panic(err)
	}
	var fields map[string]any
	if err := json.Unmarshal(text, &fields); err != nil {
		panic(err)
	}
	for _, name := range []string{"type", "id", "timestamp", "stream", "consumer", "account"} {
		delete(fields, name)
	}
	text, _ = json.Marshal(fields)
	w.printf("%s %s", strings.TrimPrefix(strings.TrimPrefix(kind.Subject, jsapi.AdvisoryPrefix), "$JS.EVENT."), text)
}

func (w *world) DeadLetter(e index.Entry, reason, detail string, deliveries uint64) consumer.Burial {
	if w.boxClosed {
		w.printf("no place for dead letter #%d", e.Seq)
		return consumer.NoPlace
	}
	w.dead = append(w.dead, e.Seq)
	w.printf("dead letter #%d %s %q deliveries=%d", e.Seq, reason, detail, deliveries)
	return consumer.Buried
}

// ackOf is the ack subject of what was sent.
func ackOf(s sent) *jsapi.AckSubject {
	return &jsapi.AckSubject{Deliveries: s.d.Deliveries, StreamSeq: s.seq, ConsumerSeq: s.d.ConsumerSeq, Pending: s.d.Pending}
}

// lastSent returns the last delivery of a message.
func (w *world) lastSent(seq uint64) (sent, bool) {
	for _, s := range slices.Backward(w.sent) {
		if s.seq == seq {
			return s, true
		}
	}
	return sent{}, false
}
