package conn

import (
	"net"
	"runtime"
	"sync"
	"time"

	"github.com/tidings-io/tidings/internal/core"
	"github.com/tidings-io/tidings/internal/wire"
)

var goVersion = runtime.Version()

// Snapshot is a connection as monitoring sees it.
type Snapshot struct {
	ID            uint64
	IP            string
	Port          int
	Name          string
	Lang          string
	Version       string
	User          string
	Account       string
	Kind          string // "Client"
	Start         time.Time
	LastActivity  time.Time     // last message in or out, or change of subscriptions
	RTT           time.Duration // 0 until measured
	InMsgs        uint64
	InBytes       uint64
	OutMsgs       uint64
	OutBytes      uint64
	Dropped       uint64 // messages that came after the end
	Stalls        uint64
	Pending       int
	PendingPeak   int
	Subscriptions int
	TLSVersion    uint16
	TLSCipher     uint16
	InProcess     bool
	// Set once the connection is closed.
	Stop   time.Time
	Reason wire.Reason
}

// SubscriptionSnapshot is a subscription as monitoring sees it.
type SubscriptionSnapshot struct {
	Account   string
	Subject   string
	Queue     string
	ID        string
	ConnID    uint64
	Delivered int64
}

// Stats are the server's totals.
type Stats struct {
	Start         time.Time
	Connections   int
	Total         uint64
	Subscriptions int
	InMsgs        uint64
	InBytes       uint64
	OutMsgs       uint64
	OutBytes      uint64
	SlowPending   uint64 // connections closed for too many pending bytes
	SlowDeadline  uint64 // connections closed for a missed write deadline
	Stale         uint64
	Stalls        uint64 // pauses of publishers
	Dropped       uint64 // messages for connections that were closed
	Violations    uint64 // of permissions
	AuthFailed    uint64
}

// Stats returns the server's totals.
func (s *Server) Stats() Stats {
	st := Stats{
		Start: s.started, Connections: int(s.open.Load()), Total: s.total.Load(),
		SlowPending: s.stats.slowPending.Load(), SlowDeadline: s.stats.slowDeadline.Load(),
		Stale: s.stats.stale.Load(), Stalls: s.stats.stalls.Load(), Dropped: s.stats.dropped.Load(),
		Violations: s.stats.violations.Load(), AuthFailed: s.stats.authFailed.Load(),
	}
	for _, a := range s.accounts.All() {
		st.Subscriptions += a.Subscriptions()
		st.InMsgs += a.Sent.Messages.Load()
		st.InBytes += a.Sent.Bytes.Load()
		st.OutMsgs += a.Received.Messages.Load()
		st.OutBytes += a.Received.Bytes.Load()
	}
	return st
}

// Connections returns the open connections in no order. It takes one small lock
// for each.
func (s *Server) Connections() []Snapshot {
	conns := s.conns()
	list := make([]Snapshot, len(conns))
	for i, c := range conns {
		list[i] = c.Snapshot()
	}
	return list
}

// Closed returns the connections closed last, the latest last.
func (s *Server) Closed() []Snapshot { return s.closed.all() }

// Subscriptions returns the subscriptions of one connection, nil if it is gone.
func (s *Server) Subscriptions(id uint64) []SubscriptionSnapshot {
	r := &s.shards[id%registryShards]
	r.mu.Lock()
	c := r.conns[id]
	r.mu.Unlock()
	if c == nil {
		return nil
	}
	c.subs.mu.Lock()
	subs := c.subs.table.all()
	c.subs.mu.Unlock()
	list := make([]SubscriptionSnapshot, len(subs))
	for i, sub := range subs {
		list[i] = c.describe(sub)
	}
	return list
}

// EachSubscription calls f for the subscriptions of clients until it returns
// false.
func (s *Server) EachSubscription(f func(SubscriptionSnapshot) bool) {
	for _, a := range s.accounts.All() {
		more := true
		a.EachSubscription(func(sub *core.Subscription) bool {
			if c, ok := sub.Dest.(*Conn); ok {
				more = f(c.describe(sub))
			}
			return more
		})
		if !more {
			return
		}
	}
}

func (c *Conn) describe(sub *core.Subscription) SubscriptionSnapshot {
	return SubscriptionSnapshot{
		Account: c.shown.Load().account.Name(), Subject: sub.Subject(), Queue: sub.Queue(),
		ID: sub.ID(), ConnID: c.id, Delivered: sub.Delivered(),
	}
}

// Snapshot returns what there is to know of the connection.
func (c *Conn) Snapshot() Snapshot {
	id := c.shown.Load()
	sn := Snapshot{
		ID: c.id, IP: c.ip(), Name: id.name, Lang: id.lang, Version: id.version, User: id.user,
		Account: id.account.Name(), Kind: "Client", Start: c.start,
		LastActivity: time.Unix(0, c.used.Load()), RTT: time.Duration(c.rtt.Load()),
		InMsgs: c.inMsgs.Load(), InBytes: c.inBytes.Load(), OutMsgs: c.outMsgs.Load(), OutBytes: c.outBytes.Load(),
		Dropped: c.dropped.Load(), Stalls: c.stalls.Load(),
		TLSVersion: id.tlsVersion, TLSCipher: id.tlsCipher, InProcess: c.base.InProcess(),
	}
	if a, ok := c.addr.(*net.TCPAddr); ok {
		sn.Port = a.Port
	}
	c.out.mu.Lock()
	sn.Pending, sn.PendingPeak = c.out.mu.pending, c.out.mu.peak
	c.out.mu.Unlock()
	c.subs.mu.Lock()
	sn.Subscriptions = c.subs.table.n
	c.subs.mu.Unlock()
	return sn
}

func (c *Conn) snapshotClosed(reason wire.Reason, subs int) Snapshot {
	sn := c.Snapshot()
	sn.Stop, sn.Reason, sn.Subscriptions = time.Now(), reason, subs
	return sn
}

// closedRing keeps the connections that were closed last.
type closedRing struct {
	size int // immutable after the server was made

	mu struct {
		sync.Mutex
		ring []Snapshot
		at   int // where the next goes once the ring is full
		n    uint64
	}
}

func (r *closedRing) add(sn Snapshot) {
	if r.size <= 0 {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.mu.n++
	if len(r.mu.ring) < r.size {
		r.mu.ring = append(r.mu.ring, sn)
		return
	}
	r.mu.ring[r.mu.at] = sn
	r.mu.at = (r.mu.at + 1) % r.size
}

func (r *closedRing) all() []Snapshot {
	r.mu.Lock()
	defer r.mu.Unlock()
	list := make([]Snapshot, 0, len(r.mu.ring))
	return append(append(list, r.mu.ring[r.mu.at:]...), r.mu.ring[:r.mu.at]...)
}
