package wal_test

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tidings-io/tidings/internal/jetstream/wal"
	"github.com/tidings-io/tidings/internal/vfs"
)

func TestReplayFromPositionLeavesOutWhatIsBefore(t *testing.T) {
	t.Parallel()
	m := vfs.NewMem()
	l := open(t, options(m, 1))
	const n = 40
	var ends []wal.Position
	for i := range n {
		ends = append(ends, l.End())
		_, err := l.Commit(entries(i, 1), wal.Normal)
		must(t, err)
	}
	ends = append(ends, l.End())
	must(t, l.Close())
	for i, from := range ends {
		left := m.AfterPowerLoss(nil)
		faulty := vfs.NewFaulty(left, 1)
		faulty.Observe(func(c vfs.Call) {
			if c.Op == vfs.OpRead && c.Offset >= 4096 && c.Name < fmt.Sprintf("wal/%08d.wal", from.File) {
				t.Errorf("from %+v: %s is read at %d", from, c.Name, c.Offset)
			}
		})
		opts := options(faulty, 2)
		opts.From = from
		l := open(t, opts)
		f, err := replay(l)
		must(t, err)
		if len(f.damage) > 0 || len(f.whole) != n-i || i < n && f.whole[0] != i {
			t.Fatalf("from entry %d: got %v and damage %v", i, f.whole, f.damage)
		}
		_, err = l.Commit(entries(n, 2), wal.Normal)
		must(t, err)
		must(t, l.Close())
		if f, err = replay(open(t, options(left, 3))); err != nil || len(f.damage) > 0 || len(f.whole) != n+2 {
			t.Fatalf("from entry %d, then everything: got %v and damage %v, %v", i, f.whole, f.damage, err)
		}
	}
}

func TestLostFileAtThePositionIsNeverSilent(t *testing.T) {
	t.Parallel()
	m := vfs.NewMem()
	l := open(t, options(m, 1))
	n := fill(t, l, 0, wal.Normal)
	from := l.End()
	must(t, l.Close())
	names, err := m.List("wal")
	must(t, err)
	for _, name := range names[:len(names)-1] {
		left := m.AfterPowerLoss(nil)
		must(t, left.Remove("wal/"+name))
		opts := options(left, 2)
		opts.From = from
		l := open(t, opts)
		f, err := replay(l)
		must(t, err)
		if len(f.damage) == 0 {
			t.Errorf("%s is gone and nothing is said", name)
		}
		_, err = l.Commit(entries(n, 1), wal.Essential)
		must(t, err)
		must(t, l.Close())
	}
}

func TestDirectoryNamesEveryEntryOfAFile(t *testing.T) {
	t.Parallel()
	m := vfs.NewMem()
	l := open(t, options(m, 1))
	n := fill(t, l, 0, wal.Normal)
	next := 0
	for file := wal.FileNumber(1); file <= l.State().Tail; file++ {
		for rec, err := range l.Directory(file, wal.Position{}, l.End()) {
			must(t, err)
			if want := entry(next); int(rec.Index) != next || rec.Group != want.Group || int(rec.Place.Length) != len(want.Payload) {
				t.Fatalf("entry %d is %+v", next, rec)
			}
			_, err := l.Read(nil, rec.Place)
			must(t, err)
			next++
		}
	}
	if next != n {
		t.Errorf("%d of %d entries are named", next, n)
	}
}

func TestDirectoryTellsOfDamage(t *testing.T) {
	t.Parallel()
	for _, at := range []int64{2*4096 + 20, 2*4096 + 64 + 3, 9 * 4096} {
		m := vfs.NewMem()
		l := open(t, options(m, 1))
		n := fill(t, l, 0, wal.Normal)
		flip(t, m, "wal/00000001.wal", at)
		named, damaged := 0, 0
		for _, err := range l.Directory(1, wal.Position{}, l.End()) {
			if err == nil {
				named++
			} else if damaged++; !wal.Damaged(err) {
				t.Fatal(err)
			}
		}
		if damaged != 1 && at != 9*4096 || named == 0 || named >= n {
			t.Errorf("bit flipped at %d: %d entries named, %d damages", at, named, damaged)
		}
	}
}

func TestAsyncEntriesAreToldBeforeTheSyncInTheOrderOfTheirGroup(t *testing.T) {
	t.Parallel()
	m := vfs.NewMem()
	f := vfs.NewFaulty(m, 1)
	l := open(t, options(f, 1))
	var mu sync.Mutex
	var order []string
	goOn, first := make(chan struct{}), make(chan struct{})
	syncs := 0
	f.Observe(func(c vfs.Call) {
		if c.Op != vfs.OpSync || !strings.Contains(c.Name, "00000001.wal") {
			return
		}
		if syncs++; syncs == 1 {
			close(first)
			<-goOn
		}
		mu.Lock()
		defer mu.Unlock()
		order = append(order, "sync")
	})
	var done sync.WaitGroup
	put := func(name string, g wal.Group, class wal.Class) {
		done.Add(1)
		must(t, l.Append([]wal.Entry{{Group: g, Payload: []byte(name)}}, class, completion(func(r wal.Result) {
			mu.Lock()
			defer mu.Unlock()
			if r.Err != nil || r.Place(0).Length != uint32(len(name)) {
				t.Errorf("%s: %v", name, r.Err)
			}
			order = append(order, name)
			done.Done()
		})))
	}
	put("a", 1, wal.Normal)
	<-first
	put("b", 1, wal.Async)
	put("c", 2, wal.Normal)
	put("d", 2, wal.Async)
	put("e", 3, wal.Async)
	close(goOn)
	done.Wait()
	f.Observe(nil)
	if got := strings.Join(order, " "); got != "sync a b e sync c d" {
		t.Errorf("got %q", got)
	}
}

// TestSyncIntervalLosesOnlyTheEnd takes the power at each call while batches are
// acknowledged after the write: what is left is whole appends from the first on,
// and everything that a sync covered.
func TestSyncIntervalLosesOnlyTheEnd(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := vfs.NewMem()
		f := vfs.NewFaulty(m, 1)
		opts := options(f, 1)
		opts.SyncInterval, opts.MaxFiles = time.Second, 30
		h := history{}
		var mu sync.Mutex
		stops, looking := 0, false
		f.Observe(func(c vfs.Call) {
			mu.Lock()
			defer mu.Unlock()
			if c.Op&vfs.OpChange == 0 || !looking || !strings.Contains(c.Name, ".wal") {
				return
			}
			stops++
			for seed := range uint64(3) {
				if err := twice(h, m.AfterPowerLoss(seeded(seed*1000+uint64(c.Number)))); err != nil {
					t.Errorf("power lost before call %d (%v %s at %d), seed %d: %v", c.Number, c.Op, c.Name, c.Offset, seed, err)
				}
			}
		})
		l := open(t, opts)
		mu.Lock()
		looking = true
		mu.Unlock()
		for i := range 80 {
			mu.Lock()
			h.starts, h.next = append(h.starts, i), i+1
			mu.Unlock()
			_, err := l.Commit(entries(i, 1), wal.Normal)
			must(t, err)
			if i%20 == 19 { // only syncs promise something
				must(t, l.Sync())
				mu.Lock()
				h.acked = i + 1
				mu.Unlock()
			}
		}
		mu.Lock()
		looking = false
		mu.Unlock()
		must(t, l.Close())
		if stops < 80 {
			t.Errorf("stopped %d times", stops)
		}
		h.acked = h.next
		_, err := h.check(m.AfterPowerLoss(nil))
		must(t, err)
	})
}

func TestSyncMakesDurableWhatWasToldBefore(t *testing.T) {
	t.Parallel()
	m := vfs.NewMem()
	opts := options(m, 1)
	opts.SyncInterval = time.Hour
	l := open(t, opts)
	for i := range 5 {
		_, err := l.Commit(entries(i, 1), wal.Normal)
		must(t, err)
		must(t, l.Sync())
		h := history{next: i + 1, acked: i + 1, starts: []int{0, 1, 2, 3, 4}}
		_, err = h.check(m.AfterPowerLoss(nil))
		must(t, err)
		if end := l.End(); end.Batch < uint64(i+2) {
			t.Errorf("the durable end is %+v after %d entries", end, i+1)
		}
	}
	must(t, l.Close())
	wantErr(t, l.Sync(), wal.ErrClosed)
}

func TestFailedSyncLaterPoisonsTheLog(t *testing.T) {
	t.Parallel()
	f := vfs.NewFaulty(vfs.NewMem(), 1)
	opts := options(f, 1)
	opts.SyncInterval = time.Hour
	l := open(t, opts)
	_, err := l.Commit(entries(0, 1), wal.Normal)
	must(t, err)
	f.Inject(vfs.Fault{On: vfs.OpSync, Match: func(c vfs.Call) bool { return strings.Contains(c.Name, "00000001.wal") }})
	if err := l.Close(); !errors.Is(err, wal.ErrPoisoned) {
		t.Errorf("got %v", err)
	}
}
