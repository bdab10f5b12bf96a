package index_test

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"strconv"
	"testing"

	"github.com/tidings-io/tidings/internal/jetstream/index"
)

const million = 1_000_000

// device appends the n-th subject of ten million: numbers in no order, as keys are.
func device(dst []byte, n int) []byte {
	n = int(uint64(n) * 6_180_339 % 10_000_019)
	dst = append(dst, "s0.device."...)
	for limit := 1_000_000; n < limit && limit > 1; limit /= 10 {
		dst = append(dst, '0')
	}
	return append(strconv.AppendInt(dst, int64(n), 10), ".state"...)
}

func uuid(dst []byte, n int) []byte {
	rng := rand.New(rand.NewPCG(uint64(n), 1))
	return fmt.Appendf(dst, "%016x%016x", rng.Uint64(), rng.Uint64())
}

type keys func(dst []byte, n int) []byte

// fill returns an index with n messages, each of the subject that pick gives its
// number.
func fill(n int, k keys, pick func(i int) int) *index.Index {
	x := index.New(1)
	var buf []byte
	for i := range n {
		buf = k(buf[:0], pick(i))
		x.Append(uint64(i+1), buf, 150, index.Place{File: uint32(1 + i/200_000), Offset: uint32(i * 150)})
	}
	return x
}

func same(i int) int { return i }

func heap() uint64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.GC()
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// BenchmarkAppendDistinct is the first message of each subject; the sizes are
// those of an index with as many.
func BenchmarkAppendDistinct(b *testing.B) {
	for _, c := range []struct {
		name string
		n    int
		keys keys
	}{
		{"1M devices", million, device},
		{"1M in order", million, func(dst []byte, n int) []byte { return fmt.Appendf(dst, "s0.device.%07d.state", n) }},
		{"1M uuids", million, uuid},
		{"5M devices", 5 * million, device},
	} {
		b.Run(c.name, func(b *testing.B) {
			text := make([]byte, 0, c.n*34)
			at := make([]uint32, c.n+1)
			for i := range c.n {
				text = c.keys(text, i)
				at[i+1] = uint32(len(text))
			}
			before := heap()
			x := index.New(1)
			i := 0
			b.ReportAllocs()
			for b.Loop() {
				n := i % c.n
				if n == 0 {
					x = index.New(1)
				}
				x.Append(uint64(n+1), text[at[n]:at[n+1]], 150, index.Place{File: uint32(1 + n/200_000), Offset: uint32(n)})
				i++
			}
			b.StopTimer()
			for n := x.State().Last; n < uint64(c.n); n++ {
				x.Append(n+1, text[at[n]:at[n+1]], 150, index.Place{File: uint32(1 + n/200_000)})
			}
			size := heap() - before
			b.ReportMetric(float64(size)/(1<<20), "MiB")
			b.ReportMetric((float64(size)-12.1*float64(c.n))/float64(c.n), "B/subject")
			runtime.KeepAlive(x)
			runtime.KeepAlive(text)
		})
	}
}

// BenchmarkAppendKnown is a message of a subject that has some.
func BenchmarkAppendKnown(b *testing.B) {
	for _, c := range []struct {
		name    string
		n, used int
	}{
		{"one subject", 1, 1},
		{"one of 1000", 1000, 1000},
		{"one of 1000 among 1M", million, 1000},
		{"one of 1M", million, million},
	} {
		b.Run(c.name, func(b *testing.B) {
			x := fill(c.n, device, same)
			text := make([][]byte, 4096)
			rng := rand.New(rand.NewPCG(1, 1))
			for i := range text {
				text[i] = device(nil, rng.IntN(c.used))
			}
			seq := x.State().Last
			b.ReportAllocs()
			for b.Loop() {
				seq++
				if seq%4096 == 0 && c.used == million {
					b.StopTimer() // other subjects, none of which is in a cache
					for i := range text {
						text[i] = device(text[i][:0], rng.IntN(c.used))
					}
					b.StartTimer()
				}
				x.Append(seq, text[seq%4096], 150, index.Place{File: 1})
			}
		})
	}
}

func BenchmarkMemoryPerMessage(b *testing.B) {
	for _, files := range []int{1, 4} {
		b.Run(fmt.Sprintf("%d files a block", files), func(b *testing.B) {
			for b.Loop() {
				before := heap()
				x := index.New(1)
				for i := range million {
					x.Append(uint64(i+1), []byte("orders"), 150, index.Place{File: uint32(i % files)})
				}
				b.ReportMetric(float64(heap()-before)/million, "B/message")
				runtime.KeepAlive(x)
			}
		})
	}
	b.Run("1M keys with one message, after 5M updates", func(b *testing.B) {
		for b.Loop() {
			before := heap()
			x := fill(million, device, same)
			rng := rand.New(rand.NewPCG(1, 1))
			var buf []byte
			start := heap() - before
			for seq := uint64(million + 1); seq <= 6*million; seq++ {
				buf = device(buf[:0], rng.IntN(million))
				s, _ := x.Subject(buf)
				x.Append(seq, buf, 150, index.Place{File: 1})
				x.Remove(s.First)
			}
			b.ReportMetric(float64(heap()-before)/million, "B/key")
			b.ReportMetric(float64(start)/million, "B/key-before")
			runtime.KeepAlive(x)
		}
	})
}

func BenchmarkRemove(b *testing.B) {
	for _, c := range []struct {
		name     string
		subjects int
		inOrder  bool
	}{{"first, one subject", 1, true}, {"first, 1M subjects", million, true}, {"any, 1M subjects", million, false}} {
		b.Run(c.name, func(b *testing.B) {
			var x *index.Index
			i := 0
			b.ReportAllocs()
			for b.Loop() {
				n := i % million
				if n == 0 {
					b.StopTimer()
					x = fill(million, device, func(i int) int { return i % c.subjects })
					b.StartTimer()
				}
				if !c.inOrder {
					n = int(uint64(n) * 618_033 % million)
				}
				x.Remove(uint64(n + 1))
				i++
			}
		})
	}
}

func BenchmarkGet(b *testing.B) {
	x := fill(million, device, same)
	rng := rand.New(rand.NewPCG(1, 1))
	b.ReportAllocs()
	for b.Loop() {
		x.Get(1 + rng.Uint64N(million))
	}
}

// rare is 1M messages of which every 100 000th is rare.
func rare(i int) int {
	if i%100_000 == 99_999 {
		return 7
	}
	return 1000 + i%20_000
}

func BenchmarkNext(b *testing.B) {
	x := fill(million, device, rare)
	seven := string(device(nil, 7))
	for _, c := range []struct {
		name     string
		subjects []string
	}{
		{"all", nil},
		{"rare", []string{seven}},
		{"rare of 40", append(many(2_000_000, 39), seven)},
		{"half", []string{"s0.device.*.state"}},
	} {
		b.Run(c.name, func(b *testing.B) {
			f := x.NewFilter(c.subjects...)
			seq := uint64(0)
			b.ReportAllocs()
			for b.Loop() {
				e, ok := x.Next(seq+1, f)
				if seq = e.Seq; !ok {
					seq = 0
				}
			}
		})
	}
}

func many(from, n int) []string {
	var list []string
	for i := range n {
		list = append(list, string(device(nil, from+i)))
	}
	return list
}

func BenchmarkCount(b *testing.B) {
	x := fill(million, device, same)
	hot := fill(million, device, rare)
	for _, c := range []struct {
		name string
		x    *index.Index
		f    []string
		from uint64
	}{
		{"all", x, nil, million / 2},
		{"rare", hot, []string{string(device(nil, 7))}, million / 2},
		{"prefix of 1M subjects", x, []string{"s0.device.>"}, million / 2},
		{"prefix of 1M subjects, from first", x, []string{"s0.device.>"}, 1},
		{"prefix of 1M subjects, last 1000", x, []string{"s0.device.>"}, million - 1000},
	} {
		b.Run(c.name, func(b *testing.B) {
			f := c.x.NewFilter(c.f...)
			b.ReportAllocs()
			for b.Loop() {
				c.x.Count(c.from, f)
			}
		})
	}
}

// BenchmarkPending is what a consumer does for each message it delivers, while
// others are published and acknowledged.
func BenchmarkPending(b *testing.B) {
	for _, subjects := range []int{1000, million} {
		b.Run(fmt.Sprint(subjects, " subjects"), func(b *testing.B) {
			x := fill(million, device, func(i int) int { return i % subjects })
			c := x.NewCursor(x.NewFilter("s0.device.*.state"), million/2)
			seq, buf := uint64(million), []byte(nil)
			b.ReportAllocs()
			for b.Loop() {
				seq++
				buf = device(buf[:0], int(seq)%subjects)
				x.Append(seq, buf, 150, index.Place{File: 1})
				e, _ := c.Next()
				c.Pending()
				x.Remove(e.Seq - 10)
			}
		})
	}
}

func BenchmarkSubjects(b *testing.B) {
	x := fill(million, device, same)
	for _, p := range []string{">", "s0.device.00012.>", "s0.device.*.state"} {
		b.Run(p, func(b *testing.B) {
			for b.Loop() {
				for range x.Subjects(p) {
				}
			}
		})
	}
}

func BenchmarkState(b *testing.B) {
	x := fill(million, device, same)
	state := x.AppendState(nil)
	b.Run("append", func(b *testing.B) {
		for b.Loop() {
			state = x.AppendState(state[:0])
		}
		b.ReportMetric(float64(len(state))/million, "B/message")
	})
	b.Run("decode", func(b *testing.B) {
		for b.Loop() {
			if _, err := index.Decode(state); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// BenchmarkMemoryPerIndex is the size of an index with few messages, of which a
// node has many.
func BenchmarkMemoryPerIndex(b *testing.B) {
	const n = 1000
	for _, messages := range []int{0, 1, 10} {
		b.Run(fmt.Sprint(messages, " messages"), func(b *testing.B) {
			for b.Loop() {
				list := make([]*index.Index, n)
				before := heap()
				for i := range list {
					list[i] = fill(messages, device, same)
				}
				b.ReportMetric(float64(heap()-before)/n, "B/index")
				runtime.KeepAlive(list)
			}
		})
	}
}
