package conn

import (
	"time"

	"github.com/tidings-io/tidings/internal/wire"
)

// lingerBytes and lingerTime bound what is read and thrown away after an error,
// so that the client can read the reason: closing with unread input would reset
// the connection and lose it.
const (
	lingerBytes = 4 << 20
	lingerTime  = 250 * time.Millisecond
)

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
	c.subs.mu.Lock()
	c.subs.closed = true
	subs := c.subs.table.all()
	c.subs.table = sidTable{}
	c.subs.mu.Unlock()
	account := c.shown.Load().account
	for _, s := range subs {
		account.Unsubscribe(s)
	}
	account.Connections.Add(-1)
	c.server.forget(c, reason, len(subs))
	attrs := []any{"cid", c.id, "remote", c.remote().String(), "reason", string(reason)}
	if err != nil {
		attrs = append(attrs, "error", err)
	}
	if lost > 0 {
		attrs = append(attrs, "lost_bytes", lost)
	}
	c.server.log.Debug("Client connection closed", attrs...)
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

// linger reads and drops input until the client has closed, for a while.
func (c *Conn) linger(t *turn, reason wire.Reason) {
	timer := time.AfterFunc(lingerTime, func() { c.close(reason) })
	defer timer.Stop()
	defer c.close(reason)
	for left := lingerBytes; left > 0; {
		t.r, t.w, t.need = 0, 0, 0
		n, err := c.sock.Fill(t, true)
		if err != nil {
			return
		}
		left -= n
	}
}
