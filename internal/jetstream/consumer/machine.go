package consumer

import (
	"time"

	"github.com/tidings-io/tidings/internal/jetstream/index"
	"github.com/tidings-io/tidings/internal/jsapi"
)

const (
	// quantum is the number of messages that one Run delivers at most.
	quantum = 256
	// pendingChecked is the number of pending messages up to which they are all
	// looked up when some message left the stream.
	pendingChecked = 4096
	// reapInterval is how often they are, when nobody asks.
	reapInterval = int64(1e9)
	// reapSoon is how often if max_ack_pending keeps new messages back meanwhile.
	reapSoon = int64(10e6)
)

// Machine is one consumer. Use [New] or [Decode].
type Machine struct {
	// Immutable, but for cfg, own and what follows from them, which Update replaces.
	home       *Home
	created    int64
	cfg        *jsapi.ConsumerConfig // shared with others: without what is in own
	own        own
	x          *index.Index
	env        Env
	filter     *index.Filter
	deadLetter bool
	sample     uint8 // percent of acknowledgements that are measured

	started bool // it has run
	paused  bool
	blocked bool // by max_ack_pending, when delivery was tried last

	// Logged: deltas carry it.
	position
	pend   pendings
	latest *snapshot // deliver policy last_per_subject: what is left of the first messages
	// given are the messages that were given up without being finished with, as those
	// delivered too often: a stream that retains messages keeps them. By applied deltas
	// only; without those below the stream's first.
	given runs

	// Volatile.
	cursor *index.Cursor
	redo   queue
	pull   *pulls
	push   *push
	pace   *pace
	active int64     // when a client was heard of last
	seen   [2]uint64 // first and deleted of the stream when pending messages were looked up
	reaped int64     // and when
	log    unlogged
}

// position is where delivery has got to.
type position struct {
	epoch       uint64 // grows with each reset
	consumerSeq uint64 // of the last delivery
	streamSeq   uint64 // the highest that was delivered or passed over
	base        uint64 // streamSeq at the start: where the floor is until something is finished with
	lastDeliver int64  // when; 0: never
	lastAck     int64
}

// New returns the machine of a new consumer, which starts where its deliver
// policy says, by the messages there are now. cfg has been checked; it is not kept.
func (h *Home) New(cfg *jsapi.ConsumerConfig, name string, created int64, env Env) *Machine {
	c := h.machine(cfg, name, env)
	c.created = created
	c.start()
	c.paused = pausedAt(cfg, created)
	return c
}

// machine returns a machine that is nowhere yet.
func (h *Home) machine(cfg *jsapi.ConsumerConfig, name string, env Env) *Machine {
	c := &Machine{home: h, x: h.x, env: env}
	c.own.name = name
	c.configure(cfg)
	return c
}

// configure makes cfg the configuration.
func (c *Machine) configure(cfg *jsapi.ConsumerConfig) {
	c.cfg, c.own = c.home.split(cfg, c.own.name)
	cfg = c.cfg
	c.filter = c.x.NewFilter(c.own.filters...)
	c.deadLetter = cfg.Metadata[MetadataDeadLetter] != ""
	percent, _ := cfg.SamplePercent() // checked
	c.sample = uint8(percent)
	if cfg.Push() && c.push == nil {
		c.push = newPush()
	}
	if c.push != nil {
		c.push.to = []byte(cfg.DeliverSubject)
	}
	if cfg.ReplayPolicy == jsapi.ReplayOriginal && c.pace == nil {
		c.pace = new(pace)
	}
}

// Created returns when the consumer was created.
func (c *Machine) Created() int64 { return c.created }

// Update makes cfg the configuration, which [jsapi.ConsumerConfig.CheckedUpdate]
// has found possible. What is pending stays so. A new PauseUntil pauses or
// resumes the consumer; it is advised, as is that a paused one stays so. After a new deliver subject Interested is
// to be called. Like the other changes that are commands of their own, it is called
// when the command is applied.
func (c *Machine) Update(now int64, cfg *jsapi.ConsumerConfig) {
	pos, was := c.cursor.Position(), c.cfg
	c.configure(cfg)
	if c.push != nil && was.DeliverSubject != cfg.DeliverSubject {
		c.Interested(now, false)
	}
	if c.pull != nil && was.PriorityPolicy != cfg.PriorityPolicy {
		c.pull.sort(c)
	}
	c.cursor = c.x.NewCursor(c.filter, pos)
	if c.latest != nil {
		c.latest.filter(c.x, c.filter)
	}
	paused := pausedAt(c.cfg, now)
	if paused || c.paused || !sameTime(was.PauseUntil, c.cfg.PauseUntil) {
		c.paused = paused
		c.AdvisePause(now)
	}
	c.blocked = false
}

func pausedAt(cfg *jsapi.ConsumerConfig, now int64) bool {
	return cfg.PauseUntil != nil && cfg.PauseUntil.UnixNano() > now
}

func sameTime(a, b *time.Time) bool {
	return a == b || a != nil && b != nil && a.Equal(*b)
}

// AdvisePause tells whether and until when the consumer is paused.
func (c *Machine) AdvisePause(now int64) {
	e := &jsapi.ConsumerPaused{
		Event: c.event(jsapi.EventConsumerPause, now), Stream: c.home.Stream, Consumer: c.own.name,
		Paused: c.paused, Domain: c.home.Domain,
	}
	if c.cfg.PauseUntil != nil {
		e.PauseUntil = c.cfg.PauseUntil.UTC()
	}
	c.env.Advise(jsapi.EventConsumerPause, e)
}

// event returns the head of an event.
func (c *Machine) event(kind jsapi.EventKind, now int64) jsapi.Event {
	return kind.New(c.env.UniqueID(), time.Unix(0, now).UTC())
}

// Wants reports whether messages of a subject are for this consumer.
func (c *Machine) Wants(id index.ID) bool { return c.filter == nil || c.filter.MatchID(id) }

// floor returns the acknowledgement floor: all messages up to it are finished
// with.
func (c *Machine) floor() (consumerSeq, streamSeq uint64) {
	if first := c.pend.first(); first != nil {
		if consumerSeq = c.firstDelivery(first) - 1; consumerSeq == 0 {
			return 0, min(c.base, first.seq-1)
		}
		return consumerSeq, first.seq - 1
	}
	return c.consumerSeq, c.streamSeq
}

// firstDelivery returns the consumer sequence of p's first delivery.
func (c *Machine) firstDelivery(p *pend) uint64 {
	return c.consumerSeq - uint64(uint32(c.consumerSeq)-p.dseq)
}

// Needs reports whether the message may not be removed on behalf of other
// consumers: it is for this one, and no committed delta says that it is finished
// with; what was given up is not. Replay gives the same answers at the same place
// of the log.
func (c *Machine) Needs(seq uint64) bool {
	if seq > c.streamSeq {
		if c.latest != nil && seq <= c.latest.last {
			return c.latest.has(seq)
		}
		e, ok := c.x.Get(seq)
		return ok && c.Wants(e.ID)
	}
	return c.pend.find(seq) >= 0 || c.log.has(seq, c.epoch) || c.given.has(seq)
}

// ackWait returns how long the client has after the nth delivery.
func (c *Machine) ackWait(n uint64) int64 {
	if steps := c.cfg.Backoff; len(steps) > 0 {
		return int64(steps[min(n-1, uint64(len(steps)-1))])
	}
	if c.cfg.AckWait > 0 && c.cfg.AckPolicy != jsapi.AckFlowControl {
		return int64(c.cfg.AckWait)
	}
	return never
}

// dueAfter returns when a message must be delivered again that is delivered at
// now for the nth time.
func (c *Machine) dueAfter(now int64, n uint64) int64 {
	if wait := c.ackWait(n); wait < never-now {
		return now + max(wait, 1)
	}
	return never
}

// exhausted reports whether a message delivered n times may not be delivered
// again.
func (c *Machine) exhausted(n uint64) bool {
	return c.cfg.MaxDeliver > 0 && n >= uint64(c.cfg.MaxDeliver)
}

// numPending returns how many messages are still to be delivered for the first
// time.
func (c *Machine) numPending() uint64 {
	n := c.cursor.Pending()
	if c.latest != nil {
		n += c.latest.pending(c.x)
	}
	return n
}

// Rest gives back memory that is kept to be fast. A consumer that nothing happens
// to should be told once.
func (c *Machine) Rest() {
	c.pend.rest()
	if len(c.redo.list) == 0 {
		c.redo = queue{}
	}
	if c.pull != nil && c.pull.count == 0 && len(c.pull.pins) == 0 {
		c.pull = nil
	}
	c.log.rest()
}
