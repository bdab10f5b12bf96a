package consumer

import (
	"strconv"
	"time"

	"github.com/tidings-io/tidings/internal/jsapi"
)

// request is a pull request that waits for messages.
type request struct {
	prev, next *request
	reply      []byte
	batch      int // messages it still takes
	bytes      int // and bytes, if it has a limit
	limited    bool
	noWait     bool
	class      uint8
	served     bool
	hold       uint64 // not 0: the client has a backlog of that number
	expires    int64  // 0: never
	heartbeat  int64  // interval
	beat       int64  // when the next one is due; 0: none
	jsapi.PullRequest
}

const (
	// classes is the number of priorities.
	classes = 10
	// heldClass is behind them: the requests of clients that have a backlog.
	heldClass = classes
)

// class is the requests of one priority, in the order in which they are served.
type class struct{ first, last *request }

// pulls is the pull requests of a consumer. It exists once somebody pulled.
type pulls struct {
	// class has the requests by priority, which is 0 unless the policy is prioritized,
	// and at last those that are held.
	class   [classes + 1]class
	count   int
	held    int   // of those, the ones in heldClass
	noWaits int   // of those, the ones that do not wait
	asked   int   // messages that the requests still take
	next    int64 // lower bound of their expiries and heartbeats, 0: none
	free    *request
	pins    []pin
}

// Pull takes a request for messages: the body of a request to CONSUMER.MSG.NEXT,
// or what follows "+NXT". What is wrong with it is said on its reply subject.
func (c *Machine) Pull(now int64, reply, body []byte) {
	if c.push != nil {
		c.env.Status(reply, jsapi.StatusPushBased, "")
		return
	}
	req, err := jsapi.ParsePull(body)
	if err != nil {
		c.env.Status(reply, jsapi.StatusBadRequest+err.Error(), "")
		return
	}
	if status := c.refusal(now, &req); status != "" {
		c.env.Status(reply, status, "")
		return
	}
	c.active = now
	if c.pull == nil {
		c.pull = new(pulls)
	}
	if c.pull.count >= c.cfg.MaxWaiting {
		c.pull.sweep(c)
		if c.pull.count >= c.cfg.MaxWaiting {
			c.env.Status(reply, jsapi.StatusMaxWaiting, "")
			return
		}
	}
	if status := c.unserved(now, &req); status != "" {
		c.env.Status(reply, status, "")
		return
	}
	c.pull.add(c, now, reply, &req)
}

// refusal returns the status that answers a request that is not allowed.
func (c *Machine) refusal(now int64, r *jsapi.PullRequest) string {
	switch {
	case c.cfg.MaxRequestBatch > 0 && r.Batch > c.cfg.MaxRequestBatch:
		return jsapi.StatusMaxRequestBatch + strconv.Itoa(c.cfg.MaxRequestBatch)
	case c.cfg.MaxRequestExpires > 0 && r.Expires > c.cfg.MaxRequestExpires:
		return jsapi.StatusMaxRequestExpires + c.cfg.MaxRequestExpires.String()
	case c.cfg.MaxRequestMaxBytes > 0 && r.MaxBytes > c.cfg.MaxRequestMaxBytes:
		return jsapi.StatusMaxRequestMaxBytes + strconv.Itoa(c.cfg.MaxRequestMaxBytes)
	}
	return c.groupRefusal(now, r)
}

// unserved returns the status that answers at once a request that does not wait
// and gets nothing.
func (c *Machine) unserved(now int64, r *jsapi.PullRequest) string {
	if !r.NoWait {
		return ""
	}
	if c.redo.head == len(c.redo.list) {
		c.overdue(now)
	}
	waiting := c.numPending() + uint64(len(c.redo.list)-c.redo.head)
	switch {
	case waiting == 0 && r.Expires <= 0:
		return jsapi.StatusNoMessages
	case waiting > 0 && waiting < uint64(c.pull.asked):
		return jsapi.StatusRequestsPending
	}
	return ""
}

func (p *pulls) add(c *Machine, now int64, reply []byte, req *jsapi.PullRequest) {
	r := p.free
	if r == nil {
		r = new(request)
	} else {
		p.free = r.next
	}
	*r = request{
		reply: append(r.reply[:0], reply...), PullRequest: *req,
		batch: req.Batch, bytes: req.MaxBytes, limited: req.MaxBytes > 0, noWait: req.NoWait,
	}
	if req.Expires > 0 || req.Expires < 0 && !req.NoWait {
		r.expires = now + min(max(int64(req.Expires), 0), never-1-now)
		p.next = earliest(p.next, r.expires)
	}
	if req.Heartbeat > 0 {
		r.heartbeat = int64(req.Heartbeat)
		r.beat = now + r.heartbeat
		p.next = earliest(p.next, r.beat)
	}
	p.push(c, r)
	p.count++
	p.asked += r.batch
	if r.noWait {
		p.noWaits++
	}
}

// push puts r behind the others of its class.
func (p *pulls) push(c *Machine, r *request) {
	r.class = 0
	if r.hold != 0 {
		r.class = heldClass
		p.held++
	} else if c.cfg.PriorityPolicy == jsapi.PriorityPrioritized {
		r.class = uint8(r.Priority)
	}
	l := &p.class[r.class]
	r.prev, r.next = l.last, nil
	if l.last == nil {
		l.first = r
	} else {
		l.last.next = r
	}
	l.last = r
}

// sort puts each request into its class after the policy has changed.
func (p *pulls) sort(c *Machine) {
	var all []*request
	p.each(func(r *request) { all = append(all, r) })
	p.class, p.held = [classes + 1]class{}, 0
	for _, r := range all {
		p.push(c, r)
	}
}

// take takes r out of its class.
func (p *pulls) take(r *request) {
	if r.class == heldClass {
		p.held--
	}
	l := &p.class[r.class]
	if r.prev == nil {
		l.first = r.next
	} else {
		r.prev.next = r.next
	}
	if r.next == nil {
		l.last = r.prev
	} else {
		r.next.prev = r.prev
	}
}

// spareReply is the length of the longest reply subject whose memory is kept.
const spareReply = 256

// drop forgets r.
func (p *pulls) drop(r *request) {
	p.take(r)
	p.count--
	if r.noWait {
		p.noWaits--
	}
	p.asked -= r.batch
	reply := r.reply
	if cap(reply) > spareReply {
		reply = nil
	}
	*r = request{reply: reply, next: p.free}
	p.free = r
}

// each calls f with each request; f may drop it.
func (p *pulls) each(f func(*request)) {
	for i := range p.class {
		for r := p.class[i].first; r != nil; {
			next := r.next
			f(r)
			r = next
		}
	}
}

// end tells r why it gets no more, with what it has not got, and forgets it.
func (p *pulls) end(c *Machine, r *request, status string) {
	c.env.Status(r.reply, status, "",
		Header{jsapi.HeaderPendingMessages, strconv.Itoa(r.batch)}, Header{jsapi.HeaderPendingBytes, strconv.Itoa(r.bytes)})
	p.drop(r)
}

// deliver sends m to the request whose turn it is; NoInterest: there is none.
func (p *pulls) deliver(c *Machine, now int64, m *candidate, d *Delivery) (int, Result) {
	for {
		r := p.pick(c, now, m.slot < 0, d.Pending)
		if r == nil {
			return 0, NoInterest
		}
		d.PinID = r.PinID
		if r.limited {
			if size := c.env.Size(m.entry, d); size > r.bytes {
				p.end(c, r, jsapi.StatusMaxBytesTooSmall)
				continue
			}
		}
		size, result := c.env.Deliver(r.reply, m.entry, d)
		switch result {
		case NoInterest:
			p.drop(r)
			continue
		case Gone:
			return size, result
		case Sent:
		}
		r.hold = d.Hold
		p.served(c, now, r, size)
		return size, Sent
	}
}

// served notes that r got a message: it is the others' turn, or it is done.
func (p *pulls) served(c *Machine, now int64, r *request, size int) {
	r.served = true
	r.batch--
	p.asked--
	if r.limited {
		r.bytes -= min(size, r.bytes)
	}
	switch {
	case r.batch == 0 && r.limited && r.bytes > 0: // the client counts the bytes that it asked for
		p.end(c, r, jsapi.StatusBatchCompleted)
		return
	case r.batch == 0, r.limited && r.bytes == 0:
		p.drop(r)
		return
	}
	if r.heartbeat > 0 {
		r.beat = now + r.heartbeat
	}
	if r.next != nil || r.hold != 0 {
		p.take(r)
		p.push(c, r)
	}
}

// takers reports whether there is a request that may be given a message.
func (p *pulls) takers() bool { return p != nil && p.count > p.held }

// relieved gives the requests of a client their turn again.
func (p *pulls) relieved(c *Machine, hold uint64) {
	for r := p.class[heldClass].first; r != nil; {
		next := r.next
		if r.hold == hold {
			p.take(r)
			r.hold = 0
			p.push(c, r)
		}
		r = next
	}
}

// endOfMessages answers the requests that do not wait. Those that have an expiry
// wait for their first message, those that are held until they are not.
func (p *pulls) endOfMessages(c *Machine) {
	if p.noWaits == 0 {
		return
	}
	p.each(func(r *request) {
		if r.noWait && r.hold == 0 && (r.served || r.expires == 0) {
			c.env.Status(r.reply, jsapi.StatusNoMessages, "")
			p.drop(r)
		}
	})
}

// tick ends the requests that expired and sends the heartbeats that are due.
func (p *pulls) tick(c *Machine, now int64) {
	p.unpinLate(c, now)
	if p.next == 0 || now < p.next {
		return
	}
	p.next = 0
	p.each(func(r *request) {
		switch {
		case r.expires != 0 && r.expires <= now:
			p.end(c, r, jsapi.StatusRequestTimeout)
			return
		case r.beat != 0 && r.beat <= now:
			c.env.Status(r.reply, jsapi.StatusIdleHeartbeat, "", c.progressHeaders()...)
			r.beat = now + r.heartbeat
		}
		p.next = earliest(p.next, earliest(r.expires, r.beat))
	})
}

// progressHeaders are the headers of a heartbeat: what was delivered last.
func (c *Machine) progressHeaders() []Header {
	return []Header{
		{jsapi.HeaderLastConsumer, strconv.FormatUint(c.consumerSeq, 10)},
		{jsapi.HeaderLastStream, strconv.FormatUint(c.streamSeq, 10)},
	}
}

// sweep forgets the requests whose client is gone.
func (p *pulls) sweep(c *Machine) {
	p.each(func(r *request) {
		if !c.env.Interest(r.reply) {
			p.drop(r)
		}
	})
}

// deadline returns when tick has something to do.
func (p *pulls) deadline(c *Machine) int64 {
	d := p.next
	for i := range p.pins {
		d = earliest(d, p.pins[i].until(c))
	}
	return d
}

// Close tells the waiting pull requests why they get no more, such as
// [jsapi.StatusConsumerDeleted], and forgets them.
func (c *Machine) Close(status string) {
	if c.pull == nil {
		return
	}
	c.pull.each(func(r *request) {
		c.env.Status(r.reply, status, "")
		c.pull.drop(r)
	})
}

// expires returns when Expired is to be asked.
func (c *Machine) expires() int64 {
	threshold := int64(c.cfg.InactiveThreshold)
	if threshold <= 0 || !c.started || c.push != nil && c.push.bound {
		return 0
	}
	return c.active + min(threshold, never-1-c.active)
}

// Expired reports whether the consumer has an inactive_threshold and nobody has
// used it for that long since it was created or decoded: it is to be deleted.
func (c *Machine) Expired(now int64) bool {
	at := c.expires()
	if at == 0 || now < at {
		return false
	}
	if c.pull != nil && c.pull.count > 0 {
		if c.pull.sweep(c); c.pull.count > 0 {
			c.active = now
			return false
		}
	}
	return true
}

// PauseRemaining returns how long the consumer stays paused.
func (c *Machine) PauseRemaining(now int64) time.Duration {
	if !c.paused {
		return 0
	}
	return time.Duration(max(c.cfg.PauseUntil.UnixNano()-now, 0))
}
