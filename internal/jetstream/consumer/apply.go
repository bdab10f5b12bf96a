package consumer

import "fmt"

// ApplyDelta makes a delta binding that Delta returned: when it has been committed,
// and in replay. If the stream retains messages for its consumers, acked is called
// for each one that the delta finishes with. What a machine of later state knows is
// not undone, but acked is called all the same.
//
// Errors: ErrInvalid, also for a delta of its own that is not the oldest one to be
// applied; then nothing was changed.
func (c *Machine) ApplyDelta(b []byte, acked func(seq uint64)) error {
	if f := c.log.first(); f != nil {
		return c.land(f, b, acked)
	}
	var d delta
	if err := d.decode(b); err != nil {
		return err
	}
	c.merge(&d)
	c.tell(d.acked, acked)
	return nil
}

// land makes the machine's own oldest delta binding, whose changes it has made.
func (c *Machine) land(f *flight, b []byte, acked func(seq uint64)) error {
	r := reader{b: b}
	if v, number := r.byte(), r.uvarint(); r.bad || v != deltaVersion || number != f.number {
		return fmt.Errorf("delta %d is applied, delta %d is next: %w", number, f.number, ErrInvalid)
	}
	f.landed = true
	if f.epoch == c.epoch {
		c.log.applied = f.streamSeq
		c.giveUp(f.dropped)
	}
	c.tell(f.acked, acked)
	return nil
}

// tell calls acked for each sequence, if the stream is to know.
func (c *Machine) tell(list runs, acked func(seq uint64)) {
	if acked == nil || !c.home.Retained {
		return
	}
	for _, r := range list {
		for seq := r.from; ; seq++ {
			acked(seq)
			if seq == r.to {
				break
			}
		}
	}
}

// Committed confirms the acknowledgements that waited for the oldest delta that was
// applied and not confirmed.
func (c *Machine) Committed() {
	u := &c.log
	if len(u.flying) == 0 || !u.flying[0].landed {
		return
	}
	f := u.flying[0]
	for i, reply := range f.replies {
		c.env.Reply(reply)
		f.replies[i] = nil
	}
	n := copy(u.flying, u.flying[1:])
	u.flying[n] = flight{}
	u.flying = u.flying[:n]
	u.spare = append(u.spare, flight{acked: f.acked[:0], dropped: f.dropped[:0], replies: f.replies[:0], buried: f.buried[:0]})
}

// merge takes what a delta knows and the machine does not. A machine decoded from a
// state that is newer than the delta knows all of it, but that it is logged, and
// with it the dead letters.
func (c *Machine) merge(d *delta) {
	if d.epoch < c.epoch {
		return
	}
	if d.epoch > c.epoch {
		c.restart(d.epoch, 0)
	}
	if d.number > c.log.number {
		c.log.number = d.number
		c.mergeNews(d)
	}
	c.removeRuns(d.acked)
	c.removeRuns(d.dropped)
	c.log.acked.subtract(d.acked)
	c.log.dropped.subtract(d.dropped)
	c.giveUp(d.dropped)
	c.log.applied = max(c.log.applied, min(d.streamSeq, c.streamSeq))
	c.log.streamSeq = c.log.applied
}

func (c *Machine) mergeNews(d *delta) {
	before := c.streamSeq
	c.consumerSeq = max(c.consumerSeq, d.consumerSeq)
	c.streamSeq = max(c.streamSeq, d.streamSeq)
	c.lastDeliver = max(c.lastDeliver, d.lastDeliver)
	c.lastAck = max(c.lastAck, d.lastAck)
	for i := range d.added {
		if p := &d.added[i]; p.seq > before {
			c.pend.add(p.seq, p.dseq, p.due, p.deliveries)
			c.requeue(p)
		} else { // delivered when the state was taken, which had not been logged
			c.mergeChange(p)
		}
	}
	for i := range d.changed {
		c.mergeChange(&d.changed[i])
	}
	c.seek()
}

// giveUp remembers what a delta drops for a stream that retains messages, as far as
// they are still there.
func (c *Machine) giveUp(dropped runs) {
	if !c.home.Retained || len(dropped) == 0 {
		return
	}
	first := c.x.State().First
	kept := c.given[:0]
	for _, r := range c.given {
		if r.to >= first {
			kept = append(kept, r)
		}
	}
	for _, r := range dropped {
		if r.to >= first {
			kept = append(kept, r)
		}
	}
	c.given = kept.sorted()
}

func (c *Machine) requeue(p *logged) {
	if p.due == 0 {
		c.redo.push(p.seq)
	}
}

func (c *Machine) mergeChange(p *logged) {
	i := c.pend.find(p.seq)
	if i < 0 {
		return
	}
	e := &c.pend.list[i]
	if p.deliveries < e.deliveries() {
		return
	}
	if e.deliveries() == 1 && p.deliveries > 1 {
		c.pend.again++
	}
	e.meta = e.meta&^deliveriesMax | uint32(min(p.deliveries, deliveriesMax))
	if e.due != p.due {
		e.due = p.due
		c.pend.note(i, p.due)
		c.requeue(p)
	}
}

// removeRuns takes out what is pending and in the runs, which are in order.
func (c *Machine) removeRuns(list runs) {
	for _, r := range list {
		for i := c.pend.search(r.from); i < len(c.pend.list) && c.pend.list[i].seq <= r.to; i++ {
			if !c.pend.list[i].gone() {
				c.pend.remove(i)
			}
		}
	}
}
