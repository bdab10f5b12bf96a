package wal_test

import (
	"fmt"
	"sync/atomic"
	"testing"

	"github.com/tidings-io/tidings/internal/jetstream/wal"
	"github.com/tidings-io/tidings/internal/vfs"
)

// BenchmarkCommit is the time of one batch on the real file system, one batch
// after the other. The log is retired as it fills, so that its files are reused.
func BenchmarkCommit(b *testing.B) {
	for _, n := range []int{1, 100, 1000} {
		b.Run(fmt.Sprintf("%dx1KiB", n), func(b *testing.B) {
			list := make([]wal.Entry, n)
			for i := range list {
				list[i] = wal.Entry{Group: wal.Group(i), Payload: make([]byte, 1024)}
			}
			l, err := wal.Open(wal.Options{FS: vfs.NewDir(b.TempDir()), Dir: "wal", MaxFiles: 6})
			if err != nil {
				b.Fatal(err)
			}
			done := make(chan error, 1)
			var c wal.Completion = completion(func(r wal.Result) { done <- r.Err })
			b.ReportAllocs()
			b.SetBytes(int64(n) * 1024)
			i := 0
			for b.Loop() {
				if err := l.Append(list, wal.Normal, c); err != nil {
					b.Fatal(err)
				}
				if err := <-done; err != nil {
					b.Fatal(err)
				}
				if i++; i%64 == 0 {
					l.Retire(l.State().Tail)
				}
			}
			b.ReportMetric(float64(n)*float64(b.N)/b.Elapsed().Seconds(), "entries/s")
			if err := l.Close(); err != nil {
				b.Fatal(err)
			}
		})
	}
}

// BenchmarkAppendPipelined keeps many appends in flight, as connections do.
func BenchmarkAppendPipelined(b *testing.B) {
	for _, n := range []int{100, 1000} {
		b.Run(fmt.Sprintf("%d in flight x1KiB", n), func(b *testing.B) {
			one := []wal.Entry{{Payload: make([]byte, 1024)}}
			l, err := wal.Open(wal.Options{FS: vfs.NewDir(b.TempDir()), Dir: "wal", MaxFiles: 6})
			if err != nil {
				b.Fatal(err)
			}
			slots := make(chan struct{}, n)
			var c wal.Completion = completion(func(r wal.Result) { <-slots })
			b.ReportAllocs()
			b.SetBytes(1024)
			i := 0
			for b.Loop() {
				slots <- struct{}{}
				if err := l.Append(one, wal.Normal, c); err != nil {
					b.Fatal(err)
				}
				if i++; i%20_000 == 0 {
					l.Retire(l.State().Tail)
				}
			}
			if err := l.Close(); err != nil {
				b.Fatal(err)
			}
		})
	}
}

// BenchmarkClosedLoop is a window of appends of one small entry each: whenever one
// is durable the next is appended, by one goroutine that is woken once for each
// batch, as a driver does it.
func BenchmarkClosedLoop(b *testing.B) {
	for _, window := range []int{1, 100, 1000} {
		b.Run(fmt.Sprintf("window %d", window), func(b *testing.B) {
			l, err := wal.Open(wal.Options{FS: vfs.NewDir(b.TempDir()), Dir: "wal", MaxFiles: 8})
			if err != nil {
				b.Fatal(err)
			}
			one := []wal.Entry{{Payload: make([]byte, 1024)}}
			var done atomic.Int64
			wake := make(chan struct{}, 1)
			var c wal.Completion = completion(func(wal.Result) {
				done.Add(1)
				select {
				case wake <- struct{}{}:
				default:
				}
			})
			b.ReportAllocs()
			b.ResetTimer()
			sent := int64(0)
			for done.Load() < int64(b.N) {
				for sent < int64(b.N) && sent-done.Load() < int64(window) {
					if err := l.Append(one, wal.Normal, c); err != nil {
						b.Fatal(err)
					}
					if sent++; sent%10_000 == 0 {
						l.Retire(l.State().Tail)
					}
				}
				<-wake
			}
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "entries/s")
			if err := l.Close(); err != nil {
				b.Fatal(err)
			}
		})
	}
}
