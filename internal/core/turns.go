package core

import (
	"runtime"
	"sync"
	"sync/atomic"
	"time"
)

// turns lets one goroutine wait until all publishers that were between their
// first Publish and their Flush at the time have flushed. Publishers pay two
// atomic additions a batch, on a shard of their own choice.
//
// There are two sets of counters; a batch counts itself in and out of the set
// that was current when it began. A waiter makes the other set current and waits
// until the old one is empty, twice, since a batch may have read the number of
// the set just before it changed.
type turns struct {
	current atomic.Uint32
	mu      sync.Mutex // one waiter at a time
	active  [2][turnShards]turnCounter
}

const turnShards = 16

type turnCounter struct {
	n atomic.Int64
	_ [56]byte // a cache line each
}

// begin counts a batch in and returns what end needs.
func (t *turns) begin(shard uint32) uint32 {
	set := t.current.Load() & 1
	t.active[set][shard%turnShards].n.Add(1)
	return set
}

func (t *turns) end(shard, set uint32) {
	t.active[set][shard%turnShards].n.Add(-1)
}

func (t *turns) wait() {
	t.mu.Lock()
	defer t.mu.Unlock()
	for range 2 {
		old := t.current.Add(1) - 1
		for pause := 0; t.busy(old & 1); pause++ {
			if pause < 64 {
				runtime.Gosched()
				continue
			}
			time.Sleep(20 * time.Microsecond)
		}
	}
}

func (t *turns) busy(set uint32) bool {
	for i := range t.active[set] {
		if t.active[set][i].n.Load() != 0 {
			return true
		}
	}
	return false
}
