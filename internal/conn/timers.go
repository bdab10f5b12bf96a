package conn

import (
	"math/rand/v2"
	"sync"
	"time"

	"github.com/tidings-io/tidings/internal/wire"
)

// wheel calls Conn.onTimer for many connections at the cost of two links each:
// slots of one tick, a doubly linked list in each, one goroutine. Times beyond
// one turn of the wheel wait in their slot for further turns.
type wheel struct {
	done chan struct{}
	gone chan struct{}

	mu struct {
		sync.Mutex
		slots [wheelSlots]*Conn
		now   uint64 // ticks since the start
		ended bool
	}
}

const (
	wheelSlots = 1024
	wheelTick  = 50 * time.Millisecond
)

// timerEntry is a connection's place in the wheel; guarded by wheel.mu.
type timerEntry struct {
	next, prev *Conn
	due        uint64 // tick
	set        bool
}

func newWheel() *wheel {
	return &wheel{done: make(chan struct{}), gone: make(chan struct{})}
}

// turnAround moves the wheel on until stop.
func (w *wheel) turnAround() {
	defer close(w.gone)
	t := time.NewTicker(wheelTick)
	defer t.Stop()
	start := time.Now()
	var due []*Conn
	for {
		select {
		case <-w.done:
			return
		case <-t.C:
		}
		to := uint64(time.Since(start) / wheelTick)
		for due = w.collect(to, due[:0]); len(due) > 0; due = due[:0] {
			now := time.Now()
			for i, c := range due {
				if next := c.onTimer(now); next > 0 {
					w.hasten(c, next)
				}
				due[i] = nil
			}
		}
	}
}

func (w *wheel) stop() {
	w.mu.Lock()
	ended := w.mu.ended
	w.mu.ended = true
	w.mu.Unlock()
	if !ended {
		close(w.done)
	}
	<-w.gone
}

// collect takes out the connections that are due up to tick to.
func (w *wheel) collect(to uint64, due []*Conn) []*Conn {
	w.mu.Lock()
	defer w.mu.Unlock()
	for w.mu.now < to {
		w.mu.now++
		for c := w.mu.slots[w.mu.now%wheelSlots]; c != nil; {
			next := c.timer.next
			if c.timer.due <= w.mu.now {
				w.unlinkLocked(c)
				due = append(due, c)
			}
			c = next
		}
	}
	return due
}

// hasten makes the connection's timer come not later than after d, unless the
// connection is closed. It may be called while the timer is.
func (w *wheel) hasten(c *Conn, d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if c.closing() {
		return
	}
	if c.timer.set {
		if c.timer.due <= w.mu.now+ticks(d) {
			return
		}
		w.unlinkLocked(c)
	}
	w.linkLocked(c, d)
}

func (w *wheel) remove(c *Conn) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if c.timer.set {
		w.unlinkLocked(c)
	}
}

func ticks(d time.Duration) uint64 { return uint64((d+wheelTick-1)/wheelTick) + 1 }

func (w *wheel) linkLocked(c *Conn, d time.Duration) {
	c.timer.due, c.timer.set = w.mu.now+ticks(d), true
	head := &w.mu.slots[c.timer.due%wheelSlots]
	c.timer.next, c.timer.prev = *head, nil
	if *head != nil {
		(*head).timer.prev = c
	}
	*head = c
}

func (w *wheel) unlinkLocked(c *Conn) {
	t := &c.timer
	if t.next != nil {
		t.next.timer.prev = t.prev
	}
	if t.prev != nil {
		t.prev.timer.next = t.next
	} else {
		w.mu.slots[t.due%wheelSlots] = t.next
	}
	t.next, t.prev, t.set = nil, nil, false
}

// rttAgain is how often the round trip is measured anew.
const rttAgain = time.Hour

// onTimer does what is due for the connection and returns when to come back; 0
// for never. It must not block.
func (c *Conn) onTimer(now time.Time) time.Duration {
	s := c.server
	if c.closing() {
		return 0
	}
	if c.has(flagEnding) {
		return c.endDue(now)
	}
	if c.awaitsAuth() {
		if wait := s.cfg.AuthTimeout - now.Sub(c.start); wait > 0 {
			return wait
		}
		c.send(wire.AppendErr(nil, wire.TextAuthenticationTimeout))
		c.finish(wire.AuthenticationTimeout, lingerTime)
		s.slowLog(c, "Client did not authenticate in time and was closed", 0)
		return 0
	}
	idle := now.Sub(time.Unix(0, c.active.Load()))
	next := s.cfg.PingInterval
	if c.has(flagHot) {
		if idle >= s.cfg.IdleAfter {
			c.sock.Nudge()
		}
		next = min(next, s.cfg.IdleAfter)
	}
	wait, stale := c.pingDue(now, idle)
	if stale {
		s.stats.stale.Add(1)
		c.send(wire.AppendErr(nil, wire.TextStale))
		c.finish(wire.StaleConnection, lingerTime)
		s.slowLog(c, "Stale client connection was closed: it answered no ping", 0)
		return 0
	}
	return max(min(next, wait), wheelTick)
}

// pingDue sends a ping if it is time and returns when the next one is, or that
// too many are unanswered.
func (c *Conn) pingDue(now time.Time, idle time.Duration) (wait time.Duration, stale bool) {
	s := c.server
	c.pings.Lock()
	firstDue := c.has(flagFirstPing) && c.pings.last.IsZero() && c.pings.sent.IsZero()
	if firstDue {
		if d := c.firstPing() - now.Sub(c.start); d > 0 {
			c.pings.Unlock()
			return d, false
		}
	} else {
		// Input counts as a sign of life as much as a pong does.
		quiet := min(idle, now.Sub(later(c.pings.sent, c.start)))
		again := !c.pings.last.IsZero() && now.Sub(c.pings.last) >= rttAgain
		if quiet < s.cfg.PingInterval && !again {
			c.pings.Unlock()
			return s.cfg.PingInterval - quiet, false
		}
		if idle < s.cfg.PingInterval {
			c.pings.open = 0
		}
		if c.pings.open >= s.cfg.PingMax {
			c.pings.Unlock()
			return 0, true
		}
	}
	c.pings.open++
	c.pings.sent = now
	c.pings.Unlock()
	c.send([]byte(wire.LinePing))
	return s.cfg.PingInterval, false
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// firstPing is when, after the start, the round trip is measured first: between
// one and two seconds, spread by the connection's number.
func (c *Conn) firstPing() time.Duration {
	return time.Second + time.Duration(c.id%16)*(time.Second/16)
}

// jitter spreads timers that would all be due at once.
func jitter(d time.Duration) time.Duration {
	if d < time.Second {
		return d
	}
	return d + time.Duration(rand.Int64N(int64(d/20)))
}
