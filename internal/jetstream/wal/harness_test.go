package wal_test

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/tidings-io/tidings/internal/jetstream/wal"
	"github.com/tidings-io/tidings/internal/vfs"
	"github.com/tidings-io/tidings/internal/vfs/encrypted"
)

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func wantErr(t testing.TB, got, want error) {
	t.Helper()
	if !errors.Is(got, want) {
		t.Fatalf("got error %v, want %v", got, want)
	}
}

func seeded(seed uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, 7)) }

// options are those of a small log whose incarnations come from a seed. The
// marker is left to Close, so that no test depends on time.
func options(fsys vfs.FS, seed uint64) wal.Options {
	rng := seeded(seed)
	return wal.Options{
		FS: fsys, Dir: "wal", FileSize: 64 << 10, MaxFiles: 6,
		BatchBytes: 16 << 10, IdleMarker: time.Hour, Incarnation: rng.Uint64,
	}
}

func open(t testing.TB, opts wal.Options) *wal.Log {
	t.Helper()
	l, err := wal.Open(opts)
	must(t, err)
	t.Cleanup(func() { _ = l.Close() }) // most tests look at its error themselves
	return l
}

// entry returns entry i of a history: all of it follows from i.
func entry(i int) wal.Entry {
	rng := seeded(uint64(i))
	size := rng.IntN(300)
	switch i % 17 {
	case 3:
		size = 0
	case 5:
		size = 5000 + rng.IntN(9000)
	}
	payload := make([]byte, size)
	for j := range payload {
		payload[j] = byte(rng.Uint32())
	}
	return wal.Entry{
		Kind: wal.Kind(i % 5), Group: wal.Group(i % 3), Term: wal.Term(i / 10), Index: wal.Index(i),
		Payload: payload,
	}
}

func entries(from, n int) []wal.Entry {
	list := make([]wal.Entry, n)
	for i := range list {
		list[i] = entry(from + i)
	}
	return list
}

func checkEntry(got wal.Record) error {
	want := entry(int(got.Index))
	if got.Kind != want.Kind || got.Group != want.Group || got.Term != want.Term {
		return fmt.Errorf("entry %d came back as %+v", got.Index, got.Entry)
	}
	if got.Payload != nil && !bytes.Equal(got.Payload, want.Payload) {
		return fmt.Errorf("entry %d came back with another payload", got.Index)
	}
	return nil
}

// found is what a replay brought.
type found struct {
	whole  []int // indexes, in order
	places []wal.Place
	named  []int // indexes of entries that lost their payload
	damage []error
}

func (f *found) has(index int) bool {
	return slices.Contains(f.whole, index) || slices.Contains(f.named, index)
}

// replay reads all of a log and fails on anything that was never written.
func replay(l *wal.Log) (found, error) {
	var f found
	for rec, err := range l.Replay() {
		switch {
		case err != nil && !wal.Damaged(err):
			return f, err
		case err != nil:
			f.damage = append(f.damage, err)
			var damage *wal.DamageError
			if errors.As(err, &damage) && damage.FirstBatch == 0 && rec.Place.File != 0 {
				if err := checkEntry(rec); err != nil {
					return f, err
				}
				f.named = append(f.named, int(rec.Index))
			}
		default:
			if err := checkEntry(rec); err != nil {
				return f, err
			}
			f.whole = append(f.whole, int(rec.Index))
			f.places = append(f.places, rec.Place)
		}
	}
	return f, nil
}

// history is what a test knows of a log: appends of consecutive entries.
type history struct {
	// on returns what the log is to see of a file system; nil: that itself
	on     func(vfs.FS) vfs.FS
	next   int   // the index of the next entry
	starts []int // of each append: the first index
	acked  int   // entries below it are durable
	kept   int   // entries below it may be retired
}

// layers are the forms in which a log may be on a disk.
var layers = map[string]func(vfs.FS) vfs.FS{"plain": nil, "encrypted": encrypt}

// encrypt returns the encrypted form of a file system that is whole or empty.
func encrypt(fsys vfs.FS) vfs.FS {
	layer, _, err := encrypted.Open(fsys, ".", encrypted.Keys{Key: "k", Cost: encrypted.Cost{Passes: 1, MemoryKiB: 8}})
	if err != nil {
		panic(err) // the key file is durable before anything else
	}
	return layer
}

// over puts the layer of the history over a file system.
func (h *history) over(fsys vfs.FS) vfs.FS {
	if h.on == nil {
		return fsys
	}
	return h.on(fsys)
}

// check opens what is left of a log and compares it with the history: one run of
// whole appends, from kept or before to acked or after, no damage.
func (h *history) check(fsys vfs.FS) (whole []int, err error) {
	l, err := wal.Open(options(h.over(fsys), 99))
	if err != nil {
		return nil, fmt.Errorf("open: %w", err)
	}
	f, err := replay(l)
	if err == nil {
		err = h.compare(f)
	}
	return f.whole, errors.Join(err, l.Close())
}

func (h *history) compare(f found) error {
	if len(f.damage) > 0 {
		return fmt.Errorf("damage without a cause: %w", errors.Join(f.damage...))
	}
	for i := 1; i < len(f.whole); i++ {
		if f.whole[i] != f.whole[i-1]+1 {
			return fmt.Errorf("entry %d follows %d", f.whole[i], f.whole[i-1])
		}
	}
	if len(f.whole) == 0 {
		if h.kept < h.acked {
			return fmt.Errorf("nothing is left of entries %d to %d", h.kept, h.acked-1)
		}
		return nil
	}
	first, end := f.whole[0], f.whole[len(f.whole)-1]+1
	if first > h.kept && h.kept < h.acked || end < h.acked {
		return fmt.Errorf("entries %d to %d are left, want %d to %d at least", first, end-1, h.kept, h.acked-1)
	}
	boundary := end == h.next
	for _, start := range h.starts {
		boundary = boundary || start == end
	}
	if !boundary || end > h.next {
		return fmt.Errorf("an append was cut in two before entry %d", end)
	}
	return nil
}
