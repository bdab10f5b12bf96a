package store_test

import (
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"

	"github.com/tidings-io/tidings/internal/jetstream/index"
	"github.com/tidings-io/tidings/internal/jetstream/store"
	"github.com/tidings-io/tidings/internal/jetstream/wal"
	"github.com/tidings-io/tidings/internal/record"
	"github.com/tidings-io/tidings/internal/vfs"
)

// plain is an owner and a recovery that only keeps an index.
type plain struct {
	x       *index.Index
	applied atomic.Uint64
	lock    chan struct{}
}

func newPlain() *plain {
	return &plain{x: index.New(1), lock: make(chan struct{}, 1)}
}

func (p *plain) View(f func(store.View)) {
	p.lock <- struct{}{}
	defer func() { <-p.lock }()
	f(store.View{Index: p.x, Applied: wal.Index(p.applied.Load()), State: func() store.State { return p.x.Capture() }})
}

func (p *plain) Restore(_ store.Group, applied wal.Index, parts *store.Parts, _ *store.Files) error {
	x, err := decodeParts(parts)
	p.x = x
	p.applied.Store(uint64(applied))
	return err
}

func (p *plain) Apply(rec wal.Record, _ *store.Files) error {
	return p.apply(rec.Payload, rec.Index, index.Place{File: uint32(rec.Place.File), Offset: rec.Place.Offset})
}

func (p *plain) apply(b []byte, i wal.Index, at index.Place) error {
	p.lock <- struct{}{}
	defer func() { <-p.lock }()
	seq := p.x.State().Last
	for len(b) > 0 {
		m, n, err := record.Parse(b)
		if err != nil {
			return err
		}
		seq++
		p.x.Append(seq, m.Subject, uint32(n), at)
		b, at.Offset = b[n:], at.Offset+uint32(n)
	}
	p.applied.Store(uint64(i))
	return nil
}

func (*plain) Damaged(store.Group, error) {}

// Durable makes the benchmark's entries known in the order of the log.
type benchEntry struct {
	p       *plain
	payload []byte
	i       wal.Index
	work    chan *benchEntry
	at      index.Place
}

func (e *benchEntry) Durable(r wal.Result) {
	place := r.Place(0)
	e.at = index.Place{File: uint32(place.File), Offset: place.Offset}
	e.work <- e
}

// publish stores n records of 1 KiB, 100 in an entry.
func publish(b *testing.B, s *store.Store, p *plain, n int) {
	var payload []byte
	for range 100 {
		payload = record.Build(payload, &record.Message{Time: 1, Subject: []byte("a.b.c"), Body: make([]byte, 1024-32-5)})
	}
	work := make(chan *benchEntry, 64)
	slots := make(chan struct{}, 64)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for e := range work {
			if err := p.apply(e.payload, e.i, e.at); err != nil {
				b.Error(err)
			}
			<-slots
		}
	}()
	first := p.applied.Load()
	for i := range n / 100 {
		s.Throttle()
		slots <- struct{}{}
		e := &benchEntry{p: p, payload: payload, i: wal.Index(first + uint64(i) + 1), work: work}
		if err := s.Append([]wal.Entry{{Kind: 1, Group: 2, Index: e.i, Payload: payload}}, wal.Normal, e); err != nil {
			b.Fatal(err)
		}
	}
	for range cap(slots) {
		slots <- struct{}{}
	}
	close(work)
	<-done
}

func benchStore(b *testing.B, dir string, files int) (*store.Store, *plain) {
	b.Helper()
	s, err := store.Open(store.Options{FS: vfs.NewDir(dir), MaxFiles: files, MoveRate: 1 << 40})
	if err != nil {
		b.Fatal(err)
	}
	p := newPlain()
	s.Attach(2, p)
	if err := s.Recover(p); err != nil {
		b.Fatal(err)
	}
	return s, p
}

// BenchmarkRecover opens a store with a million messages of 1 KiB, which are all in
// the log: with a checkpoint that has them all, and with none.
func BenchmarkRecover(b *testing.B) {
	for _, checkpoint := range []bool{true, false} {
		name := "checkpoint"
		if !checkpoint {
			name = "log"
		}
		b.Run(name, func(b *testing.B) {
			dir := b.TempDir()
			s, p := benchStore(b, dir, 40)
			publish(b, s, p, 1_000_000)
			if err := s.Close(); err != nil {
				b.Fatal(err)
			}
			b.ResetTimer()
			for range b.N {
				b.StopTimer()
				if !checkpoint {
					old, _ := filepath.Glob(filepath.Join(dir, "checkpoint-*"))
					for _, file := range old {
						if err := os.Remove(file); err != nil {
							b.Fatal(err)
						}
					}
				}
				b.StartTimer()
				s, p := benchStore(b, dir, 40)
				b.StopTimer()
				if got := p.x.State().Messages; got != 1_000_000 {
					b.Fatalf("%d messages", got)
				}
				if err := s.Close(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkSustained stores messages that all stay, so that each is moved to a
// segment once the log is two thirds full.
func BenchmarkSustained(b *testing.B) {
	for _, n := range []int{1_000_000, 3_000_000} {
		b.Run(map[int]string{1_000_000: "1M", 3_000_000: "3M"}[n], func(b *testing.B) {
			for range b.N {
				b.StopTimer()
				s, p := benchStore(b, b.TempDir(), 12)
				b.StartTimer()
				publish(b, s, p, n)
				b.StopTimer()
				st := s.Stats()
				b.ReportMetric(float64(st.Bytes)/(1<<20), "MiB-moved")
				if err := s.Close(); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(n)*float64(b.N)/b.Elapsed().Seconds(), "msgs/s")
		})
	}
}
