package server

import (
	"context"
	"runtime/debug"
	"runtime/metrics"
	"time"

	"github.com/tidings-io/tidings/internal/core"
)

const (
	// restCheck is how often the server looks whether it has something to give
	// back, and how long it must have been at rest for that.
	restCheck = 2 * time.Second
	// restLeast is the size of the heap, in bytes, from which it is worth a garbage
	// collection to find out what can be given back.
	restLeast = 16 << 20
)

// rest gives memory back to the system when nobody has used the server for a
// moment: after a burst the heap would otherwise stay at twice of what is in use
// until the next one.
type rest struct {
	accounts *core.Accounts
	seen     uint64 // messages at the last look
	given    bool   // since the last message
	samples  []metrics.Sample
}

func newRest(accounts *core.Accounts) *rest {
	return &rest{accounts: accounts, samples: []metrics.Sample{
		{Name: "/memory/classes/heap/free:bytes"},
		{Name: "/memory/classes/heap/unused:bytes"},
		{Name: "/memory/classes/heap/objects:bytes"},
	}}
}

// run looks from time to time until ctx ends.
func (r *rest) run(ctx context.Context) {
	ticker := time.NewTicker(restCheck)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			if r.due() {
				debug.FreeOSMemory()
			}
		}
	}
}

// due reports whether there was no message since the last call and memory was not
// given back since the last one.
func (r *rest) due() bool {
	messages := uint64(0)
	for _, a := range r.accounts.All() {
		messages += a.Sent.Messages.Load() + a.Received.Messages.Load() + a.TotalConns.Load()
	}
	if messages != r.seen {
		r.seen, r.given = messages, false
		return false
	}
	if r.given {
		return false
	}
	r.given = true
	return r.heap() >= restLeast
}

// heap returns the size of the heap in bytes, garbage and free room included.
func (r *rest) heap() (size uint64) {
	metrics.Read(r.samples)
	for _, s := range r.samples {
		size += s.Value.Uint64()
	}
	return size
}
