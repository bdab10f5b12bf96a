package conn

import (
	"time"

	"github.com/tidings-io/tidings/internal/wire"
)

// lingerTime is how long a client may take, after it was told why its connection
// ends, to close its side.
const lingerTime = 250 * time.Millisecond

// close ends the connection. The first reason counts. It may be called by anyone
// and does not block.
func (c *Conn) close(reason wire.Reason) { c.closeWith(reason, nil) }

func (c *Conn) closeWith(reason wire.Reason, err error) {
	if c.flags.Or(flagClosed)&flagClosed != 0 {
		return
	}
	c.set(flagHot, false)
	c.server.wheel.remove(c)
	lost := c.out.shut()
	_ = c.base.Close() // nothing is left to report it to
	c.server.running.Go(func() { c.bury(reason, err, lost) })
}

// bury takes the connection out of everything. lost is the bytes that were queued
// for the client.
func (c *Conn) bury(reason wire.Reason, err error, lost int) {
	subs := c.endSubscriptions()
	c.shown.Load().account.Connections.Add(-1)
	c.server.forget(c, reason, subs)
	attrs := []any{"cid", c.id, "remote", c.remote().String(), "reason", string(reason)}
	if err != nil {
		attrs = append(attrs, "error", err)
	}
	if lost > 0 {
		attrs = append(attrs, "lost_bytes", lost)
	}
	c.server.log.Debug("Client connection closed", attrs...)
}

// endSubscriptions takes the connection's subscriptions out and lets it make no
// more. It returns how many there were when it was called first.
func (c *Conn) endSubscriptions() int {
	c.subs.mu.Lock()
	if !c.subs.closed {
		c.subs.closed, c.subs.ended = true, c.subs.table.n
	}
	subs, n := c.subs.table.all(), c.subs.ended
	c.subs.table = sidTable{}
	account := c.shown.Load().account
	c.subs.mu.Unlock()
	for _, s := range subs {
		account.Unsubscribe(s)
	}
	return n
}

// slow closes a connection that does not take its messages.
func (c *Conn) slow(reason wire.Reason) {
	c.out.mu.Lock()
	pending := c.out.mu.pending
	c.out.mu.Unlock()
	if c.closing() {
		return
	}
	s := c.server
	if reason == wire.SlowConsumerPending {
		s.stats.slowPending.Add(1)
	} else {
		s.stats.slowDeadline.Add(1)
	}
	c.shown.Load().account.SlowClients.Add(1)
	s.slowLog(c, string(reason)+": connection closed, its queued messages are lost; raise max_pending or make the client faster", pending)
	c.close(reason)
}

// finish ends the connection in order: what was queued so far is written, the
// client is told that nothing more comes, and its input is read and thrown away
// until it has closed its side or has taken longer than linger. To close at once
// could reset the connection, and the client would lose what is on its way.
// Anyone may call it, it does not block, and the first reason counts.
func (c *Conn) finish(reason wire.Reason, linger time.Duration) {
	if c.has(flagHandshake) {
		c.close(reason)
		return
	}
	c.set(flagEnding, true)
	o := &c.out
	o.mu.Lock()
	if o.mu.final == "" {
		o.mu.final, o.mu.linger = reason, linger
		o.mu.moved = time.Now()
	}
	mine := !o.mu.writing && !o.mu.closed
	if mine {
		o.mu.writing = true
	}
	o.mu.Unlock()
	c.server.wheel.hasten(c, c.server.cfg.WriteDeadline)
	if mine {
		c.writeQueued()
	}
}

// endDue closes a connection whose client has had its time to close its side, or
// takes nothing any more, and returns when to look again otherwise.
func (c *Conn) endDue(now time.Time) time.Duration {
	o := &c.out
	o.mu.Lock()
	reason, wait := o.mu.final, o.mu.linger-now.Sub(o.mu.ended)
	if o.mu.ended.IsZero() {
		wait = c.server.cfg.WriteDeadline - now.Sub(o.mu.moved)
	}
	o.mu.Unlock()
	if wait > 0 {
		return wait
	}
	if reason == "" {
		return wheelTick // finish has only begun
	}
	c.close(reason)
	return 0
}

// endingFor is why the connection is being ended, or otherwise.
func (c *Conn) endingFor(otherwise wire.Reason) wire.Reason {
	c.out.mu.Lock()
	defer c.out.mu.Unlock()
	if c.out.mu.final != "" {
		return c.out.mu.final
	}
	return otherwise
}

// ended tells whether everything was written and the client told of the end.
func (c *Conn) ended() bool {
	c.out.mu.Lock()
	defer c.out.mu.Unlock()
	return !c.out.mu.ended.IsZero()
}
