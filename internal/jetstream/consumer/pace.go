package consumer

import "github.com/tidings-io/tidings/internal/jetstream/index"

// pace delays what was stored before the consumer existed so that it comes with
// the pauses with which it was published (replay policy original). nil: no delay.
type pace struct {
	seq   uint64 // message that waits, or went last
	time  int64  // when it was stored
	last  int64  // when the one before it was stored; 0: none was sent
	since int64  // when that one was sent
	wait  int64  // when seq may go; 0: nothing waits
}

// ready reports whether e may go at now.
func (p *pace) ready(c *Machine, now int64, e index.Entry) bool {
	if p == nil {
		return true
	}
	if p.seq != e.Seq || p.time == 0 {
		p.seq, p.time = e.Seq, c.env.Time(e)
	}
	p.wait = 0
	if p.last == 0 || p.time > c.created {
		return true
	}
	if at := p.since + max(p.time-p.last, 0); at > now {
		p.wait = at
		return false
	}
	return true
}

// sent notes that the message that was ready went.
func (p *pace) sent(now int64) {
	if p != nil {
		p.last, p.since, p.time = p.time, now, 0
	}
}

// at returns when the next message may go, 0 if none waits.
func (p *pace) at() int64 {
	if p == nil {
		return 0
	}
	return p.wait
}
