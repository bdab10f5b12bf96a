package vfs

import (
	"cmp"
	"slices"
	"sync"
)

// Gate has calls wait until a test lets them go on, one at a time. Given to
// [Faulty.Observe], it makes one history of goroutines that run beside each other,
// in an order that the test chooses, by chance or to try one.
type Gate struct {
	ops Op // immutable

	mu struct {
		sync.Mutex
		open    bool
		waiting []*gated
	}
}

// gated is a call that waits.
type gated struct {
	call Call
	free chan struct{}
}

// NewGate returns a gate that holds up the given kinds of calls; others pass.
func NewGate(ops Op) *Gate { return &Gate{ops: ops} }

// Pass returns when the call may go on.
func (g *Gate) Pass(c Call) {
	g.mu.Lock()
	if g.mu.open || c.Op&g.ops == 0 {
		g.mu.Unlock()
		return
	}
	w := &gated{c, make(chan struct{})}
	g.mu.waiting = append(g.mu.waiting, w)
	slices.SortStableFunc(g.mu.waiting, func(a, b *gated) int {
		return cmp.Or(cmp.Compare(a.call.Name, b.call.Name), cmp.Compare(a.call.Op, b.call.Op), cmp.Compare(a.call.Offset, b.call.Offset))
	})
	g.mu.Unlock()
	<-w.free
}

// Waiting returns the calls that wait, in an order that does not say which came
// first.
func (g *Gate) Waiting() []Call {
	g.mu.Lock()
	defer g.mu.Unlock()
	calls := make([]Call, len(g.mu.waiting))
	for i, w := range g.mu.waiting {
		calls[i] = w.call
	}
	return calls
}

// Let lets call i of Waiting go on. What comes of it is settled only when nothing
// moves any more, in a synctest bubble after Wait.
func (g *Gate) Let(i int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	close(g.mu.waiting[i].free)
	g.mu.waiting = slices.Delete(g.mu.waiting, i, i+1)
}

// Open lets all calls go on, from now on.
func (g *Gate) Open() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.mu.open = true
	for _, w := range g.mu.waiting {
		close(w.free)
	}
	g.mu.waiting = nil
}
