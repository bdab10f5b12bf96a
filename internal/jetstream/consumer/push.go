package consumer

import "github.com/tidings-io/tidings/internal/jsapi"

// The window of flow control (ADR-15) is the bytes that may be on their way: it
// doubles with each answer.
const (
	firstWindow = 2 << 20
	lastWindow  = 32 << 20
	// burst is how far a rate limit may be exceeded for a moment.
	burst = int64(20e6)
	// flowIDLength is the number of characters of a flow control request's id.
	flowIDLength = 4
)

// push is what a consumer with a deliver subject has besides.
type push struct {
	to      []byte
	bound   bool   // somebody subscribes to the deliver subject
	hold    uint64 // not 0: who does has a backlog of that number
	last    int64  // when something was sent: the next heartbeat follows from it
	free    int64  // rate limit: when what was sent will have had its time
	wait    int64  // rate limit: when more may be sent, 0: that keeps nothing back
	window  int    // flow control: bytes that may be on their way
	out     int    // and that are
	asked   int    // part of out that the answer to the request confirms
	request string // id of the request that was not answered; empty: none
}

func newPush() *push { return &push{window: firstWindow} }

// Interested says whether somebody subscribes to the deliver subject. A new
// machine, and one that was decoded, takes it that nobody does.
func (c *Machine) Interested(now int64, bound bool) {
	p := c.push
	if p == nil || p.bound == bound {
		return
	}
	p.bound = bound
	c.active = now
	p.last, p.window, p.out, p.asked, p.request, p.hold = now, firstWindow, 0, 0, "", 0
}

// stalled reports whether a flow control response must come first.
func (p *push) stalled() bool { return p.request != "" && p.out >= p.window }

// ready reports whether the client may be sent a message.
func (p *push) ready() bool { return p.bound && p.hold == 0 && !p.stalled() }

// open reports whether a message may be sent at now.
func (p *push) open(now int64) bool {
	p.wait = 0
	if !p.ready() {
		return false
	}
	if p.free > now+burst {
		p.wait = p.free - burst
	}
	return p.wait == 0
}

// sent notes that a message of that size was sent.
func (p *push) sent(c *Machine, now int64, size int) {
	p.last = now
	if rate := c.cfg.RateLimit; rate > 0 {
		p.free = max(p.free, now) + int64(float64(size)*8e9/float64(rate))
	}
	if !c.cfg.FlowControl {
		return
	}
	p.out += size
	if p.request == "" && (p.out > p.window/2 || c.cfg.AckPolicy == jsapi.AckFlowControl && c.full()) {
		p.ask(c)
	}
}

// ask sends a flow control request.
func (p *push) ask(c *Machine) {
	p.request, p.asked = flowID(c.env.Random()), p.out
	c.env.Status(p.to, jsapi.StatusFlowControl, c.env.FlowReply(p.request))
}

func flowID(n uint64) string {
	const digits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
	var id [flowIDLength]byte
	for i := range id {
		id[i] = digits[n%uint64(len(digits))]
		n /= uint64(len(digits))
	}
	return string(id[:])
}

// Received is what a flow control response says of the client's progress, in the
// headers Nats-Last-Consumer and Nats-Last-Stream.
type Received struct {
	ConsumerSeq uint64
	StreamSeq   uint64
	Set         bool // it has the headers
}

// FlowResponse takes the answer to a flow control request; one to another than
// the last is passed over. It acknowledges what the client has received, if that
// is the policy.
func (c *Machine) FlowResponse(now int64, id string, r Received) {
	p := c.push
	if p == nil || p.request == "" || p.request != id {
		return
	}
	c.active = now
	p.out -= p.asked
	p.window = min(p.window*2, lastWindow)
	p.request, p.asked = "", 0
	if c.cfg.AckPolicy == jsapi.AckFlowControl && r.Set && r.StreamSeq <= c.streamSeq && r.ConsumerSeq <= c.consumerSeq {
		c.finishTo(r.StreamSeq)
		c.lastAck = now
	}
}

// tick sends a heartbeat when nothing else was sent for long enough.
func (p *push) tick(c *Machine, now int64) {
	if at := p.heartbeat(c); at == 0 || now < at {
		return
	}
	p.last = now
	headers := c.progressHeaders()
	if p.request != "" && (p.stalled() || c.blocked) {
		headers = append(headers, Header{jsapi.HeaderConsumerStalled, c.env.FlowReply(p.request)})
	}
	c.env.Status(p.to, jsapi.StatusIdleHeartbeat, "", headers...)
	if c.cfg.AckPolicy == jsapi.AckFlowControl && p.request == "" && c.pend.len() > 0 {
		p.ask(c)
	}
}

// heartbeat returns when one is due, 0: never.
func (p *push) heartbeat(c *Machine) int64 {
	if !p.bound || c.cfg.Heartbeat <= 0 {
		return 0
	}
	return p.last + int64(c.cfg.Heartbeat)
}

// deadline returns when tick has something to do, or the rate allows more.
func (p *push) deadline(c *Machine) int64 { return earliest(p.heartbeat(c), p.wait) }
