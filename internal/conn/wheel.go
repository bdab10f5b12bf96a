package conn

import (
	"math"
	"sync"
	"time"
)

// wheel calls Conn.onTimer for many connections at the cost of a few words each:
// lists of connections by tick, one goroutine. It has two rings: near, a slot for
// each of the next ticks, and far, a slot for each turn of near; a far slot is
// sorted into near when its turn begins. The goroutine sleeps until the next slot
// that holds anything, so idle connections cost a wake-up every few seconds.
type wheel struct {
	start time.Time
	wake  chan struct{} // something earlier was put in
	done  chan struct{}
	gone  chan struct{}

	mu struct {
		sync.Mutex
		near   [nearSlots]*Conn
		far    [farSlots]*Conn
		now    uint64 // the tick that was handled last
		wakeAt uint64 // the tick that the goroutine sleeps for
		ended  bool
	}
}

const (
	wheelTick = 50 * time.Millisecond
	nearSlots = 64
	farSlots  = 1024
)

// timerEntry is a connection's place in the wheel; guarded by wheel.mu.
type timerEntry struct {
	next, prev *Conn
	list       **Conn // head of the list that holds it; nil when not set
	due        uint64 // tick
}

func newWheel() *wheel {
	return &wheel{
		start: time.Now(),
		wake:  make(chan struct{}, 1), done: make(chan struct{}), gone: make(chan struct{}),
	}
}

// turnAround moves the wheel on until stop.
func (w *wheel) turnAround() {
	defer close(w.gone)
	t := time.NewTimer(0)
	defer t.Stop()
	var due []*Conn
	for {
		t.Reset(time.Until(w.start.Add(time.Duration(w.sleepUntil()) * wheelTick)))
		select {
		case <-w.done:
			return
		case <-w.wake:
		case <-t.C:
		}
		due = w.collect(w.tick(), due[:0])
		now := time.Now()
		for i, c := range due {
			if next := c.onTimer(now); next > 0 {
				w.hasten(c, next)
			}
			due[i] = nil
		}
	}
}

// tick is the number of whole ticks since the start.
func (w *wheel) tick() uint64 { return uint64(time.Since(w.start) / wheelTick) }

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

// sleepUntil returns the tick of the next slot that holds anything, at most one
// turn of the far ring away.
func (w *wheel) sleepUntil() uint64 {
	w.mu.Lock()
	defer w.mu.Unlock()
	at := w.mu.now + 1
	for ; at < w.mu.now+nearSlots; at++ {
		if w.mu.near[at%nearSlots] != nil || at%nearSlots == 0 && w.mu.far[at/nearSlots%farSlots] != nil {
			w.mu.wakeAt = at
			return at
		}
	}
	at = (at + nearSlots - 1) / nearSlots
	for end := at + farSlots; at < end && w.mu.far[at%farSlots] == nil; {
		at++
	}
	w.mu.wakeAt = at * nearSlots
	return w.mu.wakeAt
}

// collect takes out the connections that are due up to tick to.
func (w *wheel) collect(to uint64, due []*Conn) []*Conn {
	w.mu.Lock()
	defer w.mu.Unlock()
	for w.mu.now < to {
		w.mu.now++
		if w.mu.now%nearSlots == 0 {
			w.sortLocked(&w.mu.far[w.mu.now/nearSlots%farSlots])
		}
		for head := &w.mu.near[w.mu.now%nearSlots]; *head != nil; {
			due = append(due, *head)
			(*head).timer.unlink()
		}
	}
	w.mu.wakeAt = math.MaxUint64 // awake: nobody need wake the goroutine
	return due
}

// sortLocked puts the connections of a far slot whose turn begins into near; the
// others are a turn of the far ring away.
func (w *wheel) sortLocked(far **Conn) {
	for c := *far; c != nil; {
		next := c.timer.next
		if c.timer.due < w.mu.now+nearSlots {
			due := max(c.timer.due, w.mu.now)
			c.timer.unlink()
			w.linkLocked(c, due)
		}
		c = next
	}
}

// hasten makes the connection's timer come not later than after d, unless the
// connection is closed. It may be called while the timer is.
func (w *wheel) hasten(c *Conn, d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if c.closing() {
		return
	}
	due := max(w.tick(), w.mu.now) + uint64((d+wheelTick-1)/wheelTick) + 1
	if c.timer.list != nil {
		if c.timer.due <= due {
			return
		}
		c.timer.unlink()
	}
	w.linkLocked(c, due)
}

func (w *wheel) remove(c *Conn) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if c.timer.list != nil {
		c.timer.unlink()
	}
}

func (w *wheel) linkLocked(c *Conn, due uint64) {
	list, at := &w.mu.near[due%nearSlots], due
	if due >= w.mu.now+nearSlots {
		list, at = &w.mu.far[due/nearSlots%farSlots], due/nearSlots*nearSlots
	}
	c.timer = timerEntry{next: *list, list: list, due: due}
	if *list != nil {
		(*list).timer.prev = c
	}
	*list = c
	if at < w.mu.wakeAt {
		w.mu.wakeAt = at
		select {
		case w.wake <- struct{}{}:
		default: // is awake, or will be
		}
	}
}

// unlink takes the entry out of its list. The wheel's lock is held.
func (t *timerEntry) unlink() {
	if t.next != nil {
		t.next.timer.prev = t.prev
	}
	if t.prev != nil {
		t.prev.timer.next = t.next
	} else {
		*t.list = t.next
	}
	*t = timerEntry{}
}
