package consumer

import (
	"github.com/tidings-io/tidings/internal/invariant"
	"github.com/tidings-io/tidings/internal/jetstream/index"
	"github.com/tidings-io/tidings/internal/jsapi"
)

// Run does what time has brought and delivers what there is, up to a quantum of
// messages. It reports whether there is more to deliver at once.
func (c *Machine) Run(now int64) (more bool) {
	c.tick(now)
	c.calm()
	if c.paused {
		c.endOfMessages()
		return false
	}
	for range quantum {
		switch c.step(now) {
		case delivered:
		case noTaker:
			if c.pull != nil { // those that are left may not have what there is
				c.pull.endOfMessages(c)
			}
			return false
		case noMessage:
			c.endOfMessages()
			return false
		}
	}
	return true
}

// calm forgets what delivery waited for.
func (c *Machine) calm() {
	if c.push != nil {
		c.push.wait = 0
	}
	if c.pace != nil {
		c.pace.wait = 0
	}
}

// tick does what time has brought.
func (c *Machine) tick(now int64) {
	if !c.started { // after a restart clients have all their time to come back
		c.started, c.active, c.paused = true, now, pausedAt(c.cfg, now)
	}
	if c.paused && !pausedAt(c.cfg, now) {
		c.paused = false
		c.AdvisePause(now)
	}
	c.reap(now, false, true)
	c.overdue(now)
	if c.pull != nil {
		c.pull.tick(c, now)
	}
	if c.push != nil {
		c.push.tick(c, now)
	}
}

// progress is what became of a step.
type progress uint8

const (
	delivered progress = iota // one message was delivered, or found to be gone
	noMessage                 // there is none that may be delivered now
	noTaker                   // nobody takes one now
)

// candidate is the message to deliver next.
type candidate struct {
	entry index.Entry
	slot  int // of a redelivery; -1: for the first time
	prior bool
}

// step delivers one message.
func (c *Machine) step(now int64) progress {
	if !c.takers(now) {
		return noTaker
	}
	m, ok := c.next(now)
	if !ok {
		return noMessage
	}
	d := &c.home.out
	*d = Delivery{ConsumerSeq: c.consumerSeq + 1, Deliveries: 1, Pending: c.numPending(), HeadersOnly: c.cfg.HeadersOnly}
	if m.slot >= 0 {
		d.Deliveries = c.pend.list[m.slot].deliveries() + 1
	} else {
		d.Pending--
	}
	var result Result
	var size int
	if c.push != nil {
		size, result = c.env.Deliver(c.push.to, m.entry, d)
		c.push.hold = d.Hold
	} else {
		size, result = c.pull.deliver(c, now, &m, d)
	}
	switch result {
	case NoInterest:
		if c.push == nil {
			return noTaker
		}
		if c.Interested(now, c.env.Interest(c.push.to)); !c.push.bound {
			return noTaker
		}
	case Gone:
		c.skip(now, &m)
		return delivered
	case Sent:
	}
	c.sent(now, &m, size)
	return delivered
}

// takers reports whether somebody would take a message.
func (c *Machine) takers(now int64) bool {
	if c.push != nil {
		return c.push.open(now)
	}
	return c.pull.takers()
}

// Relieved says that the client with the backlog of that number has taken it: it is
// given messages again.
func (c *Machine) Relieved(hold uint64) {
	if c.push != nil && c.push.hold == hold {
		c.push.hold = 0
	}
	if c.pull != nil {
		c.pull.relieved(c, hold)
	}
}

// next returns the message to deliver next: one that must be delivered again
// before any other.
func (c *Machine) next(now int64) (candidate, bool) {
	for seq, ok := c.redo.peek(); ok; seq, ok = c.redo.peek() {
		i := c.pend.find(seq)
		if i >= 0 && c.pend.list[i].due == 0 {
			if e, ok := c.x.Get(seq); ok {
				return candidate{entry: e, slot: i}, true
			}
			c.vanish(now, i, true)
		}
		c.redo.pop()
	}
	if c.blocked = c.full(); c.blocked {
		return candidate{}, false
	}
	if c.latest != nil {
		if e, ok := c.latest.peek(c.x); ok {
			return candidate{entry: e, slot: -1, prior: true}, c.pace.ready(c, now, e)
		}
	}
	e, ok := c.cursor.Peek()
	return candidate{entry: e, slot: -1}, ok && c.pace.ready(c, now, e)
}

// full reports whether max_ack_pending keeps new messages back.
func (c *Machine) full() bool {
	return c.cfg.MaxAckPending > 0 && c.cfg.AckPolicy != jsapi.AckNone && c.pend.len() >= c.cfg.MaxAckPending
}

// sent notes that m was delivered.
func (c *Machine) sent(now int64, m *candidate, size int) {
	c.consumerSeq++
	c.lastDeliver = now
	c.active = now
	c.log.dirty = true
	if m.slot >= 0 {
		c.redo.pop()
		p := &c.pend.list[m.slot]
		if p.deliveries() == 1 {
			c.pend.again++
		}
		p.delivered()
		c.pend.reschedule(m.slot, c.dueAfter(now, p.deliveries()))
	} else {
		c.pass(m)
		c.pace.sent(now)
		switch {
		case c.cfg.AckPolicy != jsapi.AckNone:
			c.pend.add(m.entry.Seq, c.consumerSeq, c.dueAfter(now, 1), 1)
		case c.home.Retained:
			c.log.acked.add(m.entry.Seq, false)
		}
	}
	if c.push != nil {
		c.push.sent(c, now, size)
	}
}

// skip gives up a message that cannot be delivered.
func (c *Machine) skip(now int64, m *candidate) {
	if m.slot >= 0 {
		c.redo.pop()
		c.vanish(now, m.slot, true)
		return
	}
	c.pass(m)
	c.log.dropped.add(m.entry.Seq, false)
	c.log.dirty = true
}

// pass goes on behind a message.
func (c *Machine) pass(m *candidate) {
	if invariant.Enabled {
		invariant.That(m.entry.Seq > c.streamSeq, "message %d is delivered behind %d", m.entry.Seq, c.streamSeq)
	}
	c.streamSeq = m.entry.Seq
	if m.prior {
		c.latest.pass(m.entry.Seq)
	} else {
		c.cursor.Next()
	}
	c.forget()
}

// endOfMessages answers the pull requests that do not wait.
func (c *Machine) endOfMessages() {
	if c.pull != nil {
		c.pull.endOfMessages(c)
	}
}

// Hungry reports whether a message that is appended could be delivered at once,
// if it passes the filter (Wants).
func (c *Machine) Hungry() bool {
	switch {
	case c.paused || c.blocked && c.full():
		return false
	case c.push != nil:
		return c.push.ready()
	}
	return c.pull.takers()
}

// Full reports whether max_ack_pending keeps new messages back.
func (c *Machine) Full() bool { return c.blocked && c.full() }

// Outlived reports whether messages left the stream since pending ones were looked
// up, so that Run may find that there is room for new ones.
func (c *Machine) Outlived() bool {
	st := c.x.State()
	if p := c.pend.first(); p != nil && p.seq < st.First {
		return true
	}
	return c.seen != [2]uint64{st.First, st.Deleted}
}

// Deadline returns when Run has something to do, or Expired to be asked; 0: not
// before something else happens.
func (c *Machine) Deadline() int64 {
	d := earliest(c.pend.next, c.expires())
	if c.paused {
		d = earliest(d, c.cfg.PauseUntil.UnixNano())
	} else {
		d = earliest(d, c.pace.at())
	}
	if c.Full() && c.Outlived() {
		d = earliest(d, c.reaped+reapSoon)
	}
	if c.pull != nil {
		d = earliest(d, c.pull.deadline(c))
	}
	if c.push != nil {
		d = earliest(d, c.push.deadline(c))
	}
	return d
}

// earliest returns the earlier of two times of which 0 is never.
func earliest(a, b int64) int64 {
	if a == 0 || b != 0 && b < a {
		return b
	}
	return a
}
