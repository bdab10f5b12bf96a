package wal_test

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/tidings-io/tidings/internal/jetstream/wal"
	"github.com/tidings-io/tidings/internal/vfs"
)

// flip changes one bit at rest.
func flip(t testing.TB, m *vfs.Mem, name string, off int64) {
	t.Helper()
	f, err := m.Open(name)
	must(t, err)
	b := make([]byte, 1)
	_, err = f.ReadAt(b, off)
	must(t, err)
	b[0] ^= 1 << (off % 8)
	_, err = f.WriteAt(b, off)
	must(t, err)
	must(t, f.Sync())
	must(t, f.Close())
}

// written is a small closed log of n entries, two in each batch.
func written(t testing.TB, n int) (*vfs.Mem, []wal.Place) {
	t.Helper()
	return writtenTo(t, n, 64<<10)
}

func writtenTo(t testing.TB, n int, fileSize int64) (*vfs.Mem, []wal.Place) {
	t.Helper()
	m := vfs.NewMem()
	opts := options(m, 1)
	opts.FileSize = fileSize
	l := open(t, opts)
	var places []wal.Place
	for i := 0; i < n; i += 2 {
		got, err := l.Commit([]wal.Entry{small(i), small(i + 1)}, wal.Normal)
		must(t, err)
		places = append(places, got...)
	}
	must(t, l.Close())
	return m, places
}

// small is entry i of a history where each fits in a part of a block. It uses
// indexes whose entries are short.
func small(i int) wal.Entry { return entry(17*i + 6) }

// accounted reports an entry that is neither whole nor told of.
func accounted(n int, f found) error {
	missing := 0
	for i := range n {
		if !f.has(17*i + 6) {
			missing++
		}
	}
	if missing > 0 && len(f.damage) == 0 {
		return fmt.Errorf("%d entries are silently missing", missing)
	}
	return nil
}

// look replays a log that something was done to.
func look(t testing.TB, m *vfs.Mem, n int, what string) (*wal.Log, found) {
	t.Helper()
	l, err := wal.Open(options(m, 2))
	if err != nil {
		t.Fatalf("%s: %v", what, err)
	}
	f, err := replay(l)
	if err == nil {
		err = accounted(n, f)
	}
	if err != nil {
		t.Fatalf("%s: %v", what, err)
	}
	return l, f
}

// after is look that goes on with the log.
func after(t testing.TB, m *vfs.Mem, n int, what string) found {
	t.Helper()
	l, f := look(t, m, n, what)
	if _, err := l.Commit([]wal.Entry{small(n)}, wal.Normal); err != nil {
		t.Fatalf("%s: commit afterwards: %v", what, err)
	}
	must(t, l.Close())
	l, err := wal.Open(options(m, 3))
	if err != nil {
		t.Fatalf("%s: opened again: %v", what, err)
	}
	defer l.Close()
	again, err := replay(l)
	if err != nil || !again.has(17*n+6) {
		t.Fatalf("%s: the entry written afterwards is lost: %v", what, err)
	}
	if err := accounted(n, again); err != nil {
		if len(f.damage) == 0 {
			t.Fatalf("%s: opened again: %v", what, err)
		}
	}
	return f
}

// tinyEntries are those of the smallest log, whose file has tinySize bytes.
const (
	tinyEntries = 4
	tinySize    = 24 << 10
)

// everyPlace calls f, in several tests beside each other, with each place in the
// file of a tiny log, and with a copy of the log of its own.
func everyPlace(t *testing.T, f func(t *testing.T, left *vfs.Mem, places []wal.Place, off int64)) {
	t.Helper()
	m, places := writtenTo(t, tinyEntries, tinySize)
	const parts = 4
	step := int64(parts)
	if testing.Short() {
		step *= 31
	}
	for part := range int64(parts) {
		t.Run(fmt.Sprint("part", part), func(t *testing.T) {
			t.Parallel()
			for off := part; off < tinySize; off += step {
				f(t, m.AfterPowerLoss(nil), places, off)
			}
		})
	}
}

// tiny looks at a tiny log, and goes on with some of them.
func tiny(t *testing.T, left *vfs.Mem, off int64, what string) found {
	t.Helper()
	if off%5 == 0 {
		return after(t, left, tinyEntries, what)
	}
	l, f := look(t, left, tinyEntries, what)
	must(t, l.Close())
	return f
}

func TestFlippedBitIsNeverServedAndNeverSilent(t *testing.T) {
	t.Parallel()
	everyPlace(t, func(t *testing.T, left *vfs.Mem, places []wal.Place, off int64) {
		means := off < 64                     // it is part of a header, a directory or a payload
		first := off >= 4096 && off < 4096+64 // of the batch with nothing in it that every log begins with
		for i := 1; i < tinyEntries; i += 2 { // the second entry ends the batch
			start, end := int64(places[i-1].Offset)/4096*4096, int64(places[i].Offset+places[i].Length)
			means = means || off >= start && off < end
		}
		flip(t, left, "wal/00000001.wal", off)
		f := tiny(t, left, off, fmt.Sprintf("bit flipped at %d", off))
		if (means || first) != (len(f.damage) > 0) {
			t.Fatalf("bit flipped at %d: got damage %v and %d entries", off, f.damage, len(f.whole))
		}
		if !means && len(f.whole) != tinyEntries {
			t.Fatalf("bit flipped at %d: %d entries, want all", off, len(f.whole))
		}
	})
}

// TestTornBatchNeverComesBack has a batch that cannot be read when the log is
// opened, and can be when it is opened again.
func TestTornBatchNeverComesBack(t *testing.T) {
	t.Parallel()
	m := vfs.NewMem()
	l := open(t, options(m, 1))
	var places []wal.Place
	for i := range 3 {
		got, err := l.Commit([]wal.Entry{small(i)}, wal.Normal)
		must(t, err)
		places = append(places, got...)
	}
	m = m.AfterPowerLoss(nil) // no marker follows
	for round := range 2 {
		flip(t, m, "wal/00000001.wal", int64(places[2].Offset))
		l := open(t, options(m, 2))
		f, err := replay(l)
		must(t, err)
		if len(f.whole) != 2 || len(f.damage) > 0 {
			t.Fatalf("round %d: got %+v, want the first two entries", round, f)
		}
		must(t, l.Close())
	}
}

func TestDamagedPayloadKeepsItsNameAndSparesTheOthers(t *testing.T) {
	t.Parallel()
	m, places := written(t, 6)
	flip(t, m, "wal/00000001.wal", int64(places[2].Offset))
	f := after(t, m, 6, "payload of entry 2")
	if len(f.named) != 1 || f.named[0] != 17*2+6 || len(f.whole) != 5 {
		t.Errorf("got %+v, want entry 2 alone without payload", f)
	}
}

func TestReadTellsOfDamage(t *testing.T) {
	t.Parallel()
	m := vfs.NewMem()
	l := open(t, options(m, 1))
	places, err := l.Commit(entries(0, 2), wal.Normal)
	must(t, err)
	flip(t, m, "wal/00000001.wal", int64(places[1].Offset))
	if _, err = l.Read(nil, places[1]); !wal.Damaged(err) {
		t.Errorf("got %v", err)
	}
	_, err = l.Read(nil, places[0])
	must(t, err)
}

func TestTruncatedFileIsNeverSilent(t *testing.T) {
	t.Parallel()
	everyPlace(t, func(t *testing.T, left *vfs.Mem, _ []wal.Place, size int64) {
		f, err := left.Open("wal/00000001.wal")
		must(t, err)
		must(t, f.Truncate(size))
		must(t, f.Sync())
		must(t, f.Close())
		if got := tiny(t, left, size, fmt.Sprintf("truncated to %d", size)); len(got.damage) == 0 {
			t.Fatalf("truncated to %d: nothing was said", size)
		}
	})
}

func TestStalePageIsNeverSilent(t *testing.T) {
	t.Parallel()
	const n = 12
	for nth := 1; nth <= 6; nth++ {
		m := vfs.NewMem()
		faulty := vfs.NewFaulty(m, uint64(nth))
		l := open(t, options(faulty, 1))
		faulty.Inject(vfs.Fault{On: vfs.OpWrite, Nth: nth, Do: vfs.Stale, Match: func(c vfs.Call) bool {
			return strings.Contains(c.Name, "00000001.wal")
		}})
		for i := 0; i < n; i += 2 {
			_, err := l.Commit([]wal.Entry{small(i), small(i + 1)}, wal.Normal)
			must(t, err)
		}
		must(t, l.Close())
		if got := after(t, m, n, fmt.Sprintf("write %d lost", nth)); len(got.damage) == 0 {
			t.Errorf("write %d lost: nothing was said", nth)
		}
	}
}

// filled is a closed log of several files; it returns how many entries it has.
func filled(t *testing.T) (*vfs.Mem, int) {
	t.Helper()
	m := vfs.NewMem()
	l := open(t, options(m, 1))
	n := fill(t, l, 0, wal.Normal)
	must(t, l.Close())
	return m, n
}

func TestMissingFileIsNeverSilent(t *testing.T) {
	t.Parallel()
	m, n := filled(t)
	names, err := m.List("wal")
	must(t, err)
	for i, name := range names[:len(names)-1] { // the last is empty
		left := m.AfterPowerLoss(nil)
		must(t, left.Remove("wal/"+name))
		l := open(t, options(left, 2))
		f, err := replay(l)
		must(t, err)
		if len(f.damage) == 0 || len(f.whole) >= n {
			t.Errorf("%s (%d of %d) is gone: got %d of %d entries and damage %v", name, i+1, len(names), len(f.whole), n, f.damage)
		}
		must(t, l.Close())
	}
}

func TestFileWithDamageIsSetAsideNotReused(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m, n := filled(t)
		flip(t, m, "wal/00000002.wal", 4096+70)
		l := open(t, options(m, 2))
		f, err := replay(l)
		must(t, err)
		if len(f.damage) == 0 {
			t.Fatalf("nothing was said; %d of %d entries", len(f.whole), n)
		}
		l.Retire(l.State().Tail)
		synctest.Wait()
		must(t, l.Close())
		names, err := m.List("wal")
		must(t, err)
		if !strings.Contains(strings.Join(names, " "), "00000002.wal.damaged-") {
			t.Errorf("got the files %q", names)
		}
	})
}

// TestBatchThatTheDiskLostIsNoticedByTheNext puts an older write in the place of
// a batch, as a disk does that has lost the newer one: with a header as good as
// any, of the same file, place and number.
func TestBatchThatTheDiskLostIsNoticedByTheNext(t *testing.T) {
	t.Parallel()
	base, _ := written(t, 4)
	branch := func(i int) (*vfs.Mem, *wal.Log, int64) {
		m := base.AfterPowerLoss(nil)
		l := open(t, options(m, 2))
		places, err := l.Commit([]wal.Entry{small(i)}, wal.Normal)
		must(t, err)
		return m, l, int64(places[0].Offset) / 4096 * 4096
	}
	old, _, at := branch(100)
	m, l, same := branch(4)
	if at != same {
		t.Fatalf("the batches are at %d and %d", at, same)
	}
	_, err := l.Commit([]wal.Entry{small(5)}, wal.Normal)
	must(t, err)
	must(t, l.Close())
	block := make([]byte, 4096)
	from, err := old.Open("wal/00000001.wal")
	must(t, err)
	_, err = from.ReadAt(block, at)
	must(t, err)
	to, err := m.Open("wal/00000001.wal")
	must(t, err)
	_, err = to.WriteAt(block, at)
	must(t, err)
	f, err := replay(open(t, options(m, 3)))
	must(t, err)
	if len(f.damage) != 1 || f.has(17*100+6) || !f.has(17*5+6) {
		t.Errorf("got %+v, want the lost batch named and the older one not served", f)
	}
}

func TestUnreadableDeviceIsNeverSilent(t *testing.T) {
	t.Parallel()
	const n = 12
	closed, _ := written(t, n)
	m := vfs.NewMem()
	l := open(t, options(m, 1))
	for i := range n {
		_, err := l.Commit([]wal.Entry{small(i)}, wal.Normal)
		must(t, err)
	}
	for _, m := range []*vfs.Mem{closed, m.AfterPowerLoss(nil)} {
		for nth := 1; failingRead(t, m, n, nth); nth++ {
		}
	}
}

// failingRead opens a log whose n-th read fails, once and for good. It reports
// whether there was an n-th read.
func failingRead(t *testing.T, m *vfs.Mem, n, nth int) (hit bool) {
	t.Helper()
	for _, times := range []int{1, 2, -1} {
		faulty := vfs.NewFaulty(m.AfterPowerLoss(nil), uint64(nth))
		faulty.Inject(vfs.Fault{On: vfs.OpRead, Nth: nth, Times: times})
		reads := 0 // all in this goroutine
		faulty.Observe(func(c vfs.Call) {
			if c.Op == vfs.OpRead {
				reads++
			}
		})
		l, err := wal.Open(options(faulty, 2))
		if err != nil {
			hit = true // and said so
			continue
		}
		f, err := replay(l)
		faulty.Observe(nil)
		hit = hit || reads >= nth
		must(t, err)
		if err := accounted(n, f); err != nil {
			t.Fatalf("read %d failed %d times: %v", nth, times, err)
		}
		must(t, l.Close())
	}
	return hit
}
