package conn

import (
	"strconv"

	"github.com/tidings-io/tidings/internal/core"
)

// Deliver appends MSG or HMSG. It implements core.Receiver.
func (c *Conn) Deliver(st *core.Stage, sub *core.Subscription, m *core.Message) {
	if c.server.trace.Load() {
		c.traceDelivery(sub, m)
	}
	head, tail := m.Head[1:], m.Tail
	if m.HeaderLen >= 0 {
		if !c.has(flagHeaders) {
			c.deliverStripped(st, sub, m)
			return
		}
		head = m.Head
	}
	sid := sub.ID()
	if len(tail) >= core.ReferFrom && !m.Volatile {
		k := st.Reserve(len(head) + len(sid) + 1)
		k.Bytes = append(append(append(k.Bytes, head...), sid...), ' ')
		st.Refer(tail)
		return
	}
	k := st.Reserve(len(head) + len(sid) + 1 + len(tail))
	b := append(append(append(k.Bytes, head...), sid...), ' ')
	k.Bytes = append(b, tail...)
}

// deliverStripped appends MSG without the header block, for a client that takes
// none (A35).
func (c *Conn) deliverStripped(st *core.Stage, sub *core.Subscription, m *core.Message) {
	head, sid, body := m.Head[1:], sub.ID(), m.Payload[m.HeaderLen:]
	k := st.Reserve(len(head) + len(sid) + len(m.Reply) + len(body) + 32)
	b := append(append(append(k.Bytes, head...), sid...), ' ')
	if len(m.Reply) > 0 {
		b = append(append(b, m.Reply...), ' ')
	}
	b = append(strconv.AppendInt(b, int64(len(body)), 10), '\r', '\n')
	k.Bytes = append(append(b, body...), '\r', '\n')
}

// Exhausted removes a subscription that has had its last message. It implements
// core.Receiver.
func (c *Conn) Exhausted(sub *core.Subscription) {
	c.subs.mu.Lock()
	had := c.subs.table.remove(sub)
	c.subs.mu.Unlock()
	if had {
		c.shown.Load().account.Unsubscribe(sub)
	}
}

// Filter implements core.Receiver.
func (c *Conn) Filter(sub *core.Subscription) core.Permissions {
	if !c.has(flagFilters) {
		return nil
	}
	p := c.shown.Load().perms
	if p == nil || !p.FiltersDeliveries(sub.Subject()) {
		return nil
	}
	return p
}
