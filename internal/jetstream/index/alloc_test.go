//go:build !race && !invariants

package index_test

import (
	"testing"

	"github.com/tidings-io/tidings/internal/jetstream/index"
)

func TestHotPathsDoNotAllocate(t *testing.T) {
	x := fill(50_000, device, func(i int) int { return i % 10_000 })
	subjects := make([][]byte, 1000)
	for i := range subjects {
		subjects[i] = device(nil, i*10)
	}
	seven := string(subjects[7])
	rare, wide := x.NewFilter(seven), x.NewFilter("s0.device.*.state")
	c, all := x.NewCursor(wide, 20_000), x.NewCursor(nil, 20_000)
	c.Pending()
	all.Pending()
	seq, first := x.State().Last, x.State().First
	f := func(what string, run func()) {
		t.Helper()
		if got := testing.AllocsPerRun(2000, run); got != 0 {
			t.Errorf("%s: got %v allocations, want none", what, got)
		}
	}
	f("append", func() {
		seq++
		x.Append(seq, subjects[seq%1000], 100, index.Place{File: 1})
	})
	f("get", func() { x.Get(seq - 1000) })
	f("move", func() { x.Move(seq-1000, index.Place{File: 1}, index.Place{File: 2}) })
	f("subject", func() { x.Subject(subjects[5]) })
	f("remove first", func() { x.Remove(first); first++ })
	f("remove", func() { x.Remove(first + 3000); first++ })
	f("next", func() { x.Next(first, wide) })
	f("next rare", func() { x.Next(first+5000, rare) })
	f("prev", func() { x.Prev(seq, wide) })
	f("count", func() { x.Count(seq-5000, rare) })
	f("cursor peek", func() { c.Peek() })
	f("cursor next", func() { c.Next() })
	f("cursor next of all", func() { all.Next() })
	f("pending", func() { x.Remove(first); first++; c.Next(); c.Pending(); all.Pending() })
	f("match literal", func() { rare.Match(subjects[7]) })
	f("match wildcard", func() { wide.Match(subjects[7]) })
	f("match ID", func() { wide.MatchID(3) })
}
