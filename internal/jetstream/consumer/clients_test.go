package consumer_test

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/tidings-io/tidings/internal/jetstream/consumer"
	"github.com/tidings-io/tidings/internal/jetstream/index"
	"github.com/tidings-io/tidings/internal/jsapi"
)

// TestRandomPullRequestsGetTheirTurn has many clients pull in all ways and checks
// each delivery and each status against the rules of the requests.
func TestRandomPullRequestsGetTheirTurn(t *testing.T) {
	t.Parallel()
	for seed := range uint64(300) {
		h := &crowd{world: newWorld(), t: t, seed: seed, r: rand.New(rand.NewPCG(seed, 2)), open: map[string]*ask{}, completed: map[string]int{}}
		h.quiet, h.now = true, 1e15
		h.play()
	}
}

// ask is a pull request as its client sees it.
type ask struct {
	jsapi.PullRequest
	inbox   string
	got     int
	bytes   int
	expires int64
	turn    int // when it came or was served last
	heard   int64
}

// crowd is the clients of one pull consumer.
type crowd struct {
	*world
	t         *testing.T
	seed      uint64
	r         *rand.Rand
	c         *consumer.Machine
	cfg       jsapi.ConsumerConfig
	open      map[string]*ask
	completed map[string]int // bytes left of those that have all their messages
	turns     int
	pin       string
	count     int
}

func (h *crowd) play() {
	h.cfg = jsapi.ConsumerConfig{Durable: "C", AckPolicy: jsapi.AckNone, MaxWaiting: 20}
	switch h.r.IntN(4) {
	case 1:
		h.cfg.PriorityPolicy, h.cfg.PriorityGroups = jsapi.PriorityPrioritized, []string{"A"}
	case 2:
		h.cfg.PriorityPolicy, h.cfg.PriorityGroups = jsapi.PriorityPinned, []string{"A"}
		h.cfg.PriorityTimeout = 50 * time.Millisecond
	case 3:
		h.cfg.PriorityPolicy, h.cfg.PriorityGroups = jsapi.PriorityOverflow, []string{"A"}
	}
	checked, err := h.cfg.Checked(&jsapi.StreamConfig{Name: "S", Subjects: []string{">"}}, jsapi.ConsumerRules{})
	if err != nil {
		h.t.Fatal(err)
	}
	h.c = homeOf(h.x, false).New(&checked, "C", h.now, h)
	for range 300 {
		switch h.r.IntN(6) {
		case 0, 1:
			h.ask()
		case 2, 3:
			h.publish("s.a", h.r.IntN(200))
		case 4:
			for inbox := range h.open {
				h.deaf[inbox] = true // its client is gone
				delete(h.open, inbox)
				break
			}
		case 5:
			for end := h.now + h.r.Int64N(60e6); ; {
				at := h.c.Deadline()
				if at == 0 || at > end {
					h.now = end
					break
				}
				if at <= h.now {
					h.t.Fatalf("seed %d: the deadline has passed and nothing is done", h.seed)
				}
				h.now = at
				h.c.Run(h.now)
			}
		}
		h.c.Run(h.now)
		h.check()
	}
}

func (h *crowd) ask() {
	h.count++
	a := &ask{inbox: fmt.Sprintf("r%d", h.count), turn: h.turns, heard: h.now}
	h.turns++
	a.Batch = 1 + h.r.IntN(5)
	a.Expires = time.Duration(1+h.r.IntN(100)) * time.Millisecond
	a.NoWait = h.r.IntN(5) == 0
	if h.r.IntN(4) == 0 {
		a.MaxBytes = 1 + h.r.IntN(500)
	}
	if h.r.IntN(3) == 0 {
		a.Heartbeat = a.Expires / 3
	}
	if h.cfg.PriorityPolicy != jsapi.PriorityNone {
		a.Group = "A"
		a.Priority = h.r.IntN(10)
	}
	if h.cfg.PriorityPolicy == jsapi.PriorityOverflow && h.r.IntN(2) == 0 {
		a.MinPending = int64(1 + h.r.IntN(4))
	}
	if h.cfg.PriorityPolicy == jsapi.PriorityPinned && h.r.IntN(2) == 0 {
		a.PinID = h.pin
	}
	a.expires = h.now + int64(a.Expires)
	h.open[a.inbox] = a
	body := fmt.Sprintf(`{"batch":%d,"expires":%d,"no_wait":%t,"max_bytes":%d,"idle_heartbeat":%d,"group":%q,"priority":%d,"min_pending":%d,"id":%q}`,
		a.Batch, a.Expires, a.NoWait, a.MaxBytes, a.Heartbeat, a.Group, a.Priority, a.MinPending, a.PinID)
	h.c.Pull(h.now, []byte(a.inbox), []byte(body))
}

func (h *crowd) Deliver(to []byte, e index.Entry, d *consumer.Delivery) (int, consumer.Result) {
	if h.deaf[string(to)] {
		return 0, consumer.NoInterest
	}
	size := h.Size(e, d)
	a := h.open[string(to)]
	switch {
	case a == nil:
		h.t.Fatalf("seed %d: %s is over and gets #%d", h.seed, to, e.Seq)
	case a.expires <= h.now:
		h.t.Fatalf("seed %d: %s has expired and gets #%d", h.seed, to, e.Seq)
	case a.MaxBytes > 0 && a.bytes+size > a.MaxBytes:
		h.t.Fatalf("seed %d: %s gets more bytes than it takes", h.seed, to)
	case h.cfg.PriorityPolicy == jsapi.PriorityPinned && d.PinID != h.pin:
		h.t.Fatalf("seed %d: %s gets a message for %q, pinned is %q", h.seed, to, d.PinID, h.pin)
	case a.MinPending > 0 && d.Pending+1 < uint64(a.MinPending):
		h.t.Fatalf("seed %d: %s gets a message of %d", h.seed, to, d.Pending+1)
	}
	for _, other := range h.open {
		if h.before(other, a) {
			h.t.Fatalf("seed %d: %s gets #%d and it is the turn of %s", h.seed, to, e.Seq, other.inbox)
		}
	}
	a.turn, a.heard = h.turns, h.now
	h.turns++
	a.got++
	a.bytes += size
	if a.got == a.Batch || a.MaxBytes > 0 && a.bytes == a.MaxBytes {
		delete(h.open, a.inbox)
		if left := a.MaxBytes - a.bytes; left > 0 {
			h.completed[a.inbox] = left
		}
	}
	return size, consumer.Sent
}

// before reports whether other, which waits, must be served before a.
func (h *crowd) before(other, a *ask) bool {
	switch h.cfg.PriorityPolicy {
	case jsapi.PriorityPrioritized:
		return other.Priority < a.Priority || other.Priority == a.Priority && other.turn < a.turn
	case jsapi.PriorityOverflow:
		if other.MinPending > 0 {
			return false
		}
		return a.MinPending > 0 || other.turn < a.turn
	case jsapi.PriorityPinned:
		return false
	case jsapi.PriorityNone:
	}
	return other.turn < a.turn
}

func (h *crowd) Status(to []byte, status, _ string, headers ...consumer.Header) {
	a := h.open[string(to)]
	if want, ok := h.completed[string(to)]; ok {
		if status != jsapi.StatusBatchCompleted || headers[1].Value != strconv.Itoa(want) {
			h.t.Fatalf("seed %d: %s has all its messages and hears %s %v, %d bytes are left", h.seed, to, status, headers, want)
		}
		delete(h.completed, string(to))
		return
	}
	if a == nil {
		if !h.deaf[string(to)] {
			h.t.Fatalf("seed %d: %s is over and hears %s", h.seed, to, status)
		}
		return
	}
	if status == jsapi.StatusIdleHeartbeat {
		if h.now-a.heard < int64(a.Heartbeat) {
			h.t.Fatalf("seed %d: %s hears a heartbeat early", h.seed, to)
		}
		a.heard = h.now
		return
	}
	if status == jsapi.StatusRequestTimeout && (h.now < a.expires || headers[0].Value != strconv.Itoa(a.Batch-a.got)) {
		h.t.Fatalf("seed %d: %s hears %s %v at %d, it expires at %d", h.seed, to, status, headers, h.now, a.expires)
	}
	if strings.HasPrefix(status, "100") {
		h.t.Fatalf("seed %d: %s", h.seed, status)
	}
	delete(h.open, a.inbox)
}

func (h *crowd) Advise(kind jsapi.EventKind, event any) {
	switch kind {
	case jsapi.EventConsumerPinned:
		if h.pin != "" {
			h.t.Fatalf("seed %d: somebody is pinned beside %s", h.seed, h.pin)
		}
		h.pin = event.(*jsapi.GroupPinned).PinnedID
	case jsapi.EventConsumerUnpinned:
		h.pin = ""
	}
}

// check has nobody wait who should not.
func (h *crowd) check() {
	for inbox := range h.completed {
		h.t.Fatalf("seed %d: %s has all its messages and is not told", h.seed, inbox)
	}
	info := h.c.Info(h.now)
	if info.NumWaiting != len(h.open) {
		h.t.Fatalf("seed %d: %d requests wait, want %d", h.seed, info.NumWaiting, len(h.open))
	}
	for _, a := range h.open {
		if a.expires <= h.now || a.Heartbeat > 0 && h.now-a.heard > int64(a.Heartbeat) {
			h.t.Fatalf("seed %d: %s is forgotten", h.seed, a.inbox)
		}
		plain := h.cfg.PriorityPolicy != jsapi.PriorityPinned && a.MinPending == 0
		if info.NumPending > 0 && plain {
			h.t.Fatalf("seed %d: %s waits beside %d messages", h.seed, a.inbox, info.NumPending)
		}
	}
}

// TestRandomPushesKeepToTheirLimits has a push consumer send to a client that
// answers flow control late or never, and comes and goes.
func TestRandomPushesKeepToTheirLimits(t *testing.T) {
	t.Parallel()
	for seed := range uint64(200) {
		h := &listener{world: newWorld(), t: t, seed: seed, r: rand.New(rand.NewPCG(seed, 3)), deliveries: map[uint64]int{}}
		h.quiet, h.now = true, 1e15
		h.play()
	}
}

// listener is the client of one push consumer.
type listener struct {
	*world
	t          *testing.T
	seed       uint64
	r          *rand.Rand
	c          *consumer.Machine
	cfg        *jsapi.ConsumerConfig
	bound      bool
	request    string
	received   consumer.Received
	unanswered int // bytes since the client answered last
	rated      int
	started    int64
	heard      int64
	deliveries map[uint64]int
}

func (h *listener) play() {
	cfg := jsapi.ConsumerConfig{Durable: "C", DeliverSubject: "d", AckPolicy: jsapi.AckPolicy(h.r.IntN(4))}
	if cfg.FlowControl = h.r.IntN(2) == 0; cfg.FlowControl {
		cfg.Heartbeat = 100 * time.Millisecond
	}
	if h.r.IntN(3) == 0 {
		cfg.RateLimit = 1 + h.r.Uint64N(1e9)
	}
	if cfg.AckPolicy != jsapi.AckNone {
		cfg.MaxAckPending = 1 + h.r.IntN(20)
	}
	checked, err := cfg.Checked(&jsapi.StreamConfig{Name: "S", Subjects: []string{"s.>"}}, jsapi.ConsumerRules{})
	if err != nil {
		h.t.Fatal(err)
	}
	h.cfg = &checked
	h.c = homeOf(h.x, false).New(h.cfg, "C", h.now, h)
	for range 400 {
		h.act()
	}
	h.bind(true)
	for range 5000 {
		if h.answer(); h.c.Info(h.now).NumPending == 0 && h.c.Info(h.now).NumAckPending == 0 {
			break
		}
		h.pass(int64(time.Second))
	}
	if i := h.c.Info(h.now); i.NumPending > 0 || i.NumAckPending > 0 {
		h.t.Fatalf("seed %d: %d pending, %d ack pending at the end, %+v", h.seed, i.NumPending, i.NumAckPending, *h.cfg)
	}
	for seq := range h.x.State().Last {
		if h.deliveries[seq+1] == 0 {
			h.t.Fatalf("seed %d: #%d is lost", h.seed, seq+1)
		}
	}
}

func (h *listener) act() {
	switch h.r.IntN(8) {
	case 0, 1, 2:
		h.publish("s.a", h.r.IntN(400_000))
	case 3:
		h.bind(h.r.IntN(4) > 0)
	case 4, 5:
		h.answer()
	default:
		h.pass(h.r.Int64N(300e6))
	}
	h.run()
}

func (h *listener) run() {
	for h.c.Run(h.now) {
	}
}

func (h *listener) bind(bound bool) {
	if bound != h.bound {
		h.bound, h.heard, h.unanswered, h.request = bound, h.now, 0, ""
		h.rated, h.started = 0, h.now
		h.c.Interested(h.now, bound)
		h.run()
	}
}

// answer acknowledges what was sent and answers the flow control request.
func (h *listener) answer() {
	for _, s := range h.sent {
		h.c.Ack(h.now, ackOf(s), nil, nil)
	}
	h.sent = h.sent[:0]
	if h.request != "" {
		id := strings.TrimPrefix(h.request, h.FlowReply(""))
		h.request, h.unanswered = "", 0
		h.c.FlowResponse(h.now, id, h.received)
	}
	h.run()
}

func (h *listener) pass(span int64) {
	for end := h.now + span; ; {
		at := h.c.Deadline()
		if at == 0 || at > end {
			h.now = end
			return
		}
		if at <= h.now {
			h.t.Fatalf("seed %d: the deadline has passed and nothing is done, %+v", h.seed, *h.cfg)
		}
		h.now = at
		h.run()
	}
}

// flowWindow is the largest window of flow control, rateBurst the time by which a
// rate may be exceeded.
const (
	flowWindow = 32 << 20
	rateBurst  = 0.021
)

func (h *listener) Deliver(_ []byte, e index.Entry, d *consumer.Delivery) (int, consumer.Result) {
	size := h.Size(e, d)
	switch {
	case !h.bound:
		h.t.Fatalf("seed %d: #%d is sent to nobody", h.seed, e.Seq)
	case h.cfg.FlowControl && h.unanswered >= flowWindow:
		h.t.Fatalf("seed %d: #%d is sent beside %d bytes", h.seed, e.Seq, h.unanswered)
	case h.cfg.RateLimit > 0 && float64(h.rated)*8 > float64(h.cfg.RateLimit)*(float64(h.now-h.started)/1e9+rateBurst)+1:
		h.t.Fatalf("seed %d: #%d is sent too early after %d bytes", h.seed, e.Seq, h.rated)
	}
	h.heard = h.now
	h.unanswered += size
	h.rated += size
	h.deliveries[e.Seq]++
	h.received = consumer.Received{ConsumerSeq: d.ConsumerSeq, StreamSeq: e.Seq, Set: true}
	h.sent = append(h.sent, sent{"d", e.Seq, *d})
	return size, consumer.Sent
}

func (h *listener) Status(_ []byte, status, reply string, headers ...consumer.Header) {
	switch status {
	case jsapi.StatusFlowControl:
		if h.request != "" {
			h.t.Fatalf("seed %d: a second request before the answer to the first", h.seed)
		}
		h.request = reply
	case jsapi.StatusIdleHeartbeat:
		if h.now-h.heard < int64(h.cfg.Heartbeat) {
			h.t.Fatalf("seed %d: a heartbeat comes early", h.seed)
		}
		h.heard = h.now
		if len(headers) > 2 && headers[2].Value != h.request {
			h.t.Fatalf("seed %d: stalled by %s, asked was %s", h.seed, headers[2].Value, h.request)
		}
	}
}
