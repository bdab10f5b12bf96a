package interest_test

import (
	"fmt"
	"runtime"
	"testing"

	"github.com/tidings-io/tidings/internal/interest"
)

func heap() uint64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.GC()
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

func literalName(i int) string { return fmt.Sprintf("orders.r%d.customer%d.new", i%97, i) }

// BenchmarkMatch looks subjects up; bytes/sub is the memory of a subscription
// with a subject of its own.
func BenchmarkMatch(b *testing.B) {
	for _, c := range []struct{ literals, wildcards int }{{100_000, 0}, {1_000_000, 0}, {100_000, 1000}} {
		before := heap()
		x := interest.NewIndex[int]()
		for i := range c.literals {
			x.Insert(newSub(literalName(i), "", "1"))
		}
		for i := range c.wildcards {
			x.Insert(newSub(fmt.Sprintf("orders.r%d.*.new", i), "", "1"))
		}
		perSub := float64(heap()-before) / float64(x.Len())
		for _, kind := range []string{"hit", "miss"} {
			names := make([][]byte, 4096)
			for i := range names {
				names[i] = []byte(literalName(i * (c.literals / len(names))))
				if kind == "miss" {
					names[i] = append(names[i], 's')
				}
			}
			b.Run(fmt.Sprintf("literals=%d/wildcards=%d/%s", c.literals, c.wildcards, kind), func(b *testing.B) {
				var m interest.Matches[int]
				i := 0
				b.ReportAllocs()
				for b.Loop() {
					x.Match(x.Key(names[i&4095]), names[i&4095], &m)
					i++
				}
				b.ReportMetric(perSub, "bytes/sub")
			})
		}
		runtime.KeepAlive(x)
	}
}

// BenchmarkInsertRemove is a subscription that comes and goes among 100 000.
func BenchmarkInsertRemove(b *testing.B) {
	for _, pattern := range []string{"inbox.abc.123", "inbox.abc.*", "orders.r1.customer1.new"} {
		for _, queue := range []string{"", "q"} {
			b.Run(fmt.Sprintf("%s/queue=%q", pattern, queue), func(b *testing.B) {
				x := interest.NewIndex[int]()
				for i := range 100_000 {
					x.Insert(newSub(literalName(i), "", "1"))
				}
				b.ReportAllocs()
				for b.Loop() {
					s := newSub(pattern, queue, "1")
					x.Insert(s)
					x.Remove(s)
				}
			})
		}
	}
}
