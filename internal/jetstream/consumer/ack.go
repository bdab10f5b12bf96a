package consumer

import (
	"time"

	"github.com/tidings-io/tidings/internal/jsapi"
)

// Ack takes what a client says about a delivered message: a is its reply subject,
// payload what was sent to it. A reply, if not empty, is confirmed when what it
// asks for is committed; that is at once where nothing changes, as with a payload
// that says nothing. Acknowledgements
// of messages that this machine has not delivered are passed over, as after a
// restart that lost the delivery: the message will come again.
func (c *Machine) Ack(now int64, a *jsapi.AckSubject, payload, reply []byte) {
	if a.StreamSeq > c.streamSeq {
		return
	}
	c.active = now
	ack, err := jsapi.ParseAck(payload)
	if err != nil {
		c.confirm(reply)
		return
	}
	switch ack.Kind {
	case jsapi.Acknowledged:
		c.acknowledge(now, a)
		c.confirm(reply)
	case jsapi.NextPull:
		c.acknowledge(now, a)
		if len(reply) > 0 {
			c.Pull(now, reply, ack.Pull)
		}
	case jsapi.Terminated:
		c.terminate(now, a, ack.Why)
		c.confirm(reply)
	case jsapi.Refused:
		c.refuse(now, a, ack.Delay)
		c.confirm(reply)
	case jsapi.InProgress:
		if i := c.pend.find(a.StreamSeq); i >= 0 && c.pend.list[i].due != never {
			c.pend.reschedule(i, c.dueAfter(now, c.pend.list[i].deliveries()))
		}
		c.confirm(reply)
	}
}

// acknowledge finishes with a message, and with those before it if that is the
// policy.
func (c *Machine) acknowledge(now int64, a *jsapi.AckSubject) {
	switch c.cfg.AckPolicy {
	case jsapi.AckExplicit:
		i := c.pend.find(a.StreamSeq)
		if i < 0 {
			return
		}
		c.measure(now, &c.pend.list[i])
		c.finish(i)
	case jsapi.AckAll:
		if i := c.pend.find(a.StreamSeq); i >= 0 {
			c.measure(now, &c.pend.list[i])
		}
		if first := c.pend.first(); first == nil || first.seq > a.StreamSeq {
			return
		}
		c.finishTo(a.StreamSeq)
	case jsapi.AckNone, jsapi.AckFlowControl:
		return
	}
	c.lastAck = now
}

// finish takes slot i out as acknowledged.
func (c *Machine) finish(i int) {
	seq := c.pend.list[i].seq
	c.log.acked.add(seq, !c.home.Retained && i == c.pend.head)
	c.log.dirty = true
	c.pend.remove(i)
}

// finishTo takes all up to a sequence out as acknowledged.
func (c *Machine) finishTo(seq uint64) {
	for first := c.pend.first(); first != nil && first.seq <= seq; first = c.pend.first() {
		c.finish(c.pend.head)
	}
}

// drop takes slot i out without an acknowledgement: it will not be delivered any
// more, but the stream is not told.
func (c *Machine) drop(i int) {
	c.log.dropped.add(c.pend.list[i].seq, false)
	c.log.dirty = true
	c.pend.remove(i)
}

// measure advises how long the client took, for a sample of acknowledgements.
func (c *Machine) measure(now int64, p *pend) {
	if c.sample == 0 || c.sample < 100 && c.env.Random()%100 >= uint64(c.sample) || p.due == 0 || p.due == never {
		return
	}
	c.env.Advise(jsapi.EventConsumerAckMetric, &jsapi.AckMetric{
		Event: c.event(jsapi.EventConsumerAckMetric, now), Stream: c.home.Stream, Consumer: c.own.name,
		ConsumerSeq: c.firstDelivery(p), StreamSeq: p.seq,
		AckTime:    time.Duration(max(now-(p.due-c.ackWait(p.deliveries())), 0)),
		Deliveries: p.deliveries(), Domain: c.home.Domain,
	})
}

// terminate gives a message up because the client says so.
func (c *Machine) terminate(now int64, a *jsapi.AckSubject, why string) {
	i := c.pend.find(a.StreamSeq)
	if i < 0 {
		return
	}
	c.adviseTerminated(now, a.StreamSeq, a.ConsumerSeq, a.Deliveries, why)
	if _, later := c.bury(now, i, ReasonTerminated, why); later {
		return
	}
	if c.cfg.AckPolicy == jsapi.AckAll {
		c.finishTo(a.StreamSeq)
	} else {
		c.finish(i)
	}
	c.lastAck = now
}

func (c *Machine) adviseTerminated(now int64, seq, consumerSeq, deliveries uint64, why string) {
	c.env.Advise(jsapi.EventConsumerTerminated, &jsapi.MsgTerminated{
		Event: c.event(jsapi.EventConsumerTerminated, now), Stream: c.home.Stream, Consumer: c.own.name,
		ConsumerSeq: consumerSeq, StreamSeq: seq, Deliveries: deliveries, Reason: why, Domain: c.home.Domain,
	})
}

// buryRetry is how long a message stays pending for which there is no place among
// the dead letters, until the next try.
const buryRetry = int64(5 * time.Second)

// bury has slot i stored as a dead letter, if the consumer has a place for them.
// buried: it was, and must be finished with; later: it stays pending until there is
// room for it.
func (c *Machine) bury(now int64, i int, reason, detail string) (buried, later bool) {
	if !c.deadLetter {
		return false, false
	}
	p := &c.pend.list[i]
	e, ok := c.x.Get(p.seq)
	if !ok {
		return false, false
	}
	switch c.env.DeadLetter(e, reason, detail, p.deliveries()) {
	case Buried:
	case NoPlace:
		c.pend.reschedule(i, now+buryRetry)
		return false, true
	case NotBuried:
		return false, false
	}
	c.log.urgent = true
	c.log.buried = append(c.log.buried, *p)
	return true, false
}

// refuse has a message delivered again.
func (c *Machine) refuse(now int64, a *jsapi.AckSubject, delay time.Duration) {
	i := c.pend.find(a.StreamSeq)
	if i < 0 {
		return
	}
	c.env.Advise(jsapi.EventConsumerNak, &jsapi.MsgRefused{
		Event: c.event(jsapi.EventConsumerNak, now), Stream: c.home.Stream, Consumer: c.own.name,
		ConsumerSeq: a.ConsumerSeq, StreamSeq: a.StreamSeq, Deliveries: a.Deliveries, Domain: c.home.Domain,
	})
	if delay > 0 {
		c.pend.reschedule(i, now+min(int64(delay), never-1-now))
		return
	}
	if c.pend.list[i].due != 0 {
		c.again(now, i)
	}
}

// again puts slot i into the redelivery queue, or gives it up if it was delivered
// often enough.
func (c *Machine) again(now int64, i int) {
	p := &c.pend.list[i]
	if !c.exhausted(p.deliveries()) {
		c.redo.push(p.seq)
		c.pend.reschedule(i, 0)
		return
	}
	c.env.Advise(jsapi.EventConsumerMaxDeliver, &jsapi.MaxDeliverReached{
		Event: c.event(jsapi.EventConsumerMaxDeliver, now), Stream: c.home.Stream, Consumer: c.own.name,
		StreamSeq: p.seq, Deliveries: p.deliveries(), Domain: c.home.Domain,
	})
	switch buried, later := c.bury(now, i, ReasonMaxDeliveries, ""); {
	case buried:
		c.finish(i)
	case !later:
		c.drop(i)
	}
}

// overdue puts what was not acknowledged in time into the redelivery queue.
func (c *Machine) overdue(now int64) {
	due := c.pend.expire(now, c.home.due[:0])
	c.home.due = due
	// Giving one up may empty the list, which no later slot survives; none is moved.
	for _, i := range due {
		if i < len(c.pend.list) && !c.pend.list[i].gone() {
			c.again(now, i)
		}
	}
}

// whyDeleted is the reason of the advisory about a message that left the stream
// before it was acknowledged.
const whyDeleted = "Unacknowledged message was deleted"

// Removed drops pending messages that are not in the stream any more, which is
// advised. The machine notices by itself: at once when it is asked for information
// and for those at the front of the stream, else within reapInterval when it runs.
// The driver may call it to have it noticed earlier.
func (c *Machine) Removed(now int64) { c.reap(now, true, true) }

// Purged drops pending messages as Removed does, without advisories, and passes
// over what the stream has lost at its front: delivery goes on with its first
// message. It is called when a purge is applied, live and in replay.
func (c *Machine) Purged(now int64) {
	c.reap(now, true, false)
	if last := c.x.State().First - 1; last > c.streamSeq {
		c.streamSeq = last
		c.base = max(c.base, last)
		c.log.dirty = true
		c.seek()
	}
}

// reap drops pending messages that left the stream. Those in the middle are looked
// for now and then, or always if thorough is set, if there are not too many to look
// them all up; they are found at the latest when they are to be delivered again.
func (c *Machine) reap(now int64, thorough, advise bool) {
	st := c.x.State()
	for p := c.pend.first(); p != nil && p.seq < st.First; p = c.pend.first() {
		c.vanish(now, c.pend.head, advise)
	}
	seen := [2]uint64{st.First, st.Deleted}
	interval := reapInterval
	if c.Full() {
		interval = reapSoon
	}
	if seen == c.seen || !thorough && now-c.reaped < interval {
		return
	}
	c.seen, c.reaped = seen, now
	if st.Deleted == 0 || c.pend.len() > pendingChecked {
		return
	}
	for i := c.pend.head; i < len(c.pend.list); i++ {
		if p := &c.pend.list[i]; !p.gone() {
			if _, ok := c.x.Get(p.seq); !ok {
				c.vanish(now, i, advise)
			}
		}
	}
}

// vanish drops slot i, whose message left the stream.
func (c *Machine) vanish(now int64, i int, advise bool) {
	if p := &c.pend.list[i]; advise {
		c.adviseTerminated(now, p.seq, c.firstDelivery(p), p.deliveries(), whyDeleted)
	}
	c.lastAck = now
	c.drop(i)
}
