package wal_test

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"

	"github.com/tidings-io/tidings/internal/jetstream/wal"
	"github.com/tidings-io/tidings/internal/vfs"
)

func TestEntriesComeBackInOrderAndByPlace(t *testing.T) {
	t.Parallel()
	m := vfs.NewMem()
	l := open(t, options(m, 1))
	var places []wal.Place
	for i := 0; i < 40; i += 4 {
		got, err := l.Commit(entries(i, 4), wal.Normal)
		must(t, err)
		places = append(places, got...)
	}
	read := func(l *wal.Log) {
		t.Helper()
		for i, p := range places {
			got, err := l.Read([]byte("x"), p)
			must(t, err)
			if !bytes.Equal(got[1:], entry(i).Payload) || got[0] != 'x' {
				t.Fatalf("entry %d read from its place is another", i)
			}
		}
	}
	read(l)
	must(t, l.Close())
	l = open(t, options(m, 2))
	f, err := replay(l)
	must(t, err)
	if diff := cmp.Diff(places, f.places); diff != "" {
		t.Errorf("places (-want +got):\n%s", diff)
	}
	must(t, (&history{next: 40, acked: 40}).compare(f))
	read(l)
}

func TestSecondReplayIsRefused(t *testing.T) {
	t.Parallel()
	l := open(t, options(vfs.NewMem(), 1))
	_, err := replay(l)
	must(t, err)
	_, err = replay(l)
	wantErr(t, err, wal.ErrReplayed)
}

func TestManyWritersShareBatchesAndLoseNothing(t *testing.T) {
	t.Parallel()
	m := vfs.NewMem()
	opts := options(m, 1)
	opts.FileSize, opts.BatchBytes = 1<<20, 64<<10
	l := open(t, opts)
	const writers, each = 8, 40
	var wg sync.WaitGroup
	for w := range writers {
		wg.Go(func() {
			for i := range each {
				e := wal.Entry{Group: wal.Group(w), Index: wal.Index(i), Payload: fmt.Appendf(nil, "%d/%d", w, i)}
				if _, err := l.Commit([]wal.Entry{e}, wal.Normal); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	must(t, l.Close())
	next := make([]int, writers)
	for rec, err := range open(t, opts).Replay() {
		must(t, err)
		if want := fmt.Sprintf("%d/%d", rec.Group, next[rec.Group]); string(rec.Payload) != want {
			t.Fatalf("got %q, want %q", rec.Payload, want)
		}
		next[rec.Group]++
	}
	for w, n := range next {
		if n != each {
			t.Errorf("writer %d: %d entries came back, want %d", w, n, each)
		}
	}
}

func TestNextBatchIsWhatQueuedDuringTheLastSync(t *testing.T) {
	t.Parallel()
	m := vfs.NewMem()
	f := vfs.NewFaulty(m, 1)
	l := open(t, options(f, 1))
	syncing, goOn := make(chan struct{}), make(chan struct{})
	var once sync.Once
	writes := 0
	f.Observe(func(c vfs.Call) {
		switch {
		case !strings.Contains(c.Name, "00000001.wal"):
		case c.Op == vfs.OpWrite:
			writes++
		case c.Op == vfs.OpSync:
			once.Do(func() { close(syncing); <-goOn })
		}
	})
	var done sync.WaitGroup
	appendOne := func(i int) {
		done.Add(1)
		must(t, l.Append(entries(i, 1), wal.Normal, completion(func(r wal.Result) {
			if r.Err != nil || r.Len() != 1 {
				t.Errorf("entry %d: %v", i, r.Err)
			}
			done.Done()
		})))
	}
	appendOne(0)
	<-syncing
	for i := 1; i < 5; i++ {
		appendOne(i)
	}
	close(goOn)
	done.Wait()
	f.Observe(nil)
	if writes != 2 {
		t.Errorf("got %d writes for a lone entry and four that queued, want 2", writes)
	}
}

type completion func(wal.Result)

func (c completion) Durable(r wal.Result) { c(r) }

func TestIdleLogProvesItsLastBatch(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := vfs.NewMem()
		opts := options(m, 1)
		opts.IdleMarker = 0 // the default
		l := open(t, opts)
		places, err := l.Commit(entries(0, 1), wal.Normal)
		must(t, err)
		header := int64(places[0].Offset)/4096*4096 + 9 // in the header of the batch
		flipped := func() found {
			left := m.AfterPowerLoss(nil)
			flip(t, left, "wal/00000001.wal", header)
			l := open(t, options(left, 2))
			defer l.Close()
			f, err := replay(l)
			must(t, err)
			return f
		}
		if f := flipped(); len(f.damage) > 0 {
			t.Errorf("before the marker: got %v, want it taken for torn", f.damage)
		}
		synctest.Wait()
		<-l.Idle() // virtual time passes
		synctest.Wait()
		if f := flipped(); len(f.damage) != 1 {
			t.Errorf("after the marker: got %d damages, want the lost batch", len(f.damage))
		}
		must(t, l.Close())
	})
}

func TestAppendAfterCloseIsRefused(t *testing.T) {
	t.Parallel()
	l := open(t, options(vfs.NewMem(), 1))
	places, err := l.Commit(entries(0, 1), wal.Normal)
	must(t, err)
	must(t, l.Close())
	must(t, l.Close())
	wantErr(t, l.Append(entries(1, 1), wal.Normal, nil), wal.ErrClosed)
	_, err = l.Read(nil, places[0])
	wantErr(t, err, wal.ErrClosed)
}

func TestAppendsBeforeCloseAreStored(t *testing.T) {
	t.Parallel()
	m := vfs.NewMem()
	l := open(t, options(m, 1))
	for i := range 10 {
		must(t, l.Append(entries(i, 1), wal.Normal, nil))
	}
	must(t, l.Close())
	_, err := (&history{next: 10, acked: 10, starts: []int{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}}).check(m.AfterPowerLoss(nil))
	must(t, err)
}

func TestAppendAsLargeAsAFileIsTakenAndOneByteMoreIsNot(t *testing.T) {
	t.Parallel()
	m := vfs.NewMem()
	l := open(t, options(m, 1))
	limit := l.MaxAppend(1)
	_, err := l.Commit([]wal.Entry{{Payload: make([]byte, limit+1)}}, wal.Normal)
	wantErr(t, err, wal.ErrTooLarge)
	for range 2 {
		_, err = l.Commit([]wal.Entry{{Payload: make([]byte, limit)}}, wal.Normal)
		must(t, err)
	}
	_, err = l.Commit(make([]wal.Entry, 10_000), wal.Normal)
	wantErr(t, err, wal.ErrTooLarge)
	must(t, l.Close())
	n := 0
	for rec, err := range open(t, options(m, 2)).Replay() {
		must(t, err)
		n += len(rec.Payload)
	}
	if int64(n) != 2*limit {
		t.Errorf("%d bytes came back, want %d", n, 2*limit)
	}
}

func TestEmptyAppendIsABarrier(t *testing.T) {
	t.Parallel()
	l := open(t, options(vfs.NewMem(), 1))
	places, err := l.Commit(nil, wal.Normal)
	must(t, err)
	if len(places) != 0 {
		t.Errorf("got places %v", places)
	}
}

// fill commits entries until the log refuses them and returns how many it took.
func fill(t *testing.T, l *wal.Log, from int, class wal.Class) int {
	t.Helper()
	for i := 0; ; i++ {
		if _, err := l.Commit(entries(from+i, 1), class); err != nil {
			wantErr(t, err, wal.ErrFull)
			return i
		}
	}
}

func TestFullLogKeepsAReserveAndGoesOnAfterRetire(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := vfs.NewMem()
		l := open(t, options(m, 1))
		n := fill(t, l, 0, wal.Normal)
		if s := l.State(); s.Ready != 1 || s.Files != 5 {
			t.Fatalf("full with %+v, want one file in reserve", s)
		}
		extra := fill(t, l, n, wal.Essential)
		if extra == 0 {
			t.Fatal("an essential entry was refused while there was a reserve")
		}
		l.Retire(l.State().Tail)
		synctest.Wait()
		if s := l.State(); s.Oldest != 6 || s.Files != 1 || s.Ready != 5 {
			t.Errorf("after retire: %+v, want the last file and five ready", s)
		}
		more := fill(t, l, n+extra, wal.Normal)
		must(t, l.Close())
		h := history{next: n + extra + more, kept: n + extra, acked: n + extra + more}
		_, err := h.check(m.AfterPowerLoss(nil))
		must(t, err)
		names, err := m.List("wal")
		must(t, err)
		if len(names) != 6 {
			t.Errorf("the log has the files %q, MaxFiles is 6", names)
		}
	})
}

func TestPlacesInRetiredFilesAreRefused(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := open(t, options(vfs.NewMem(), 1))
		places, err := l.Commit(entries(0, 1), wal.Normal)
		must(t, err)
		fill(t, l, 1, wal.Normal)
		_, err = l.Read(nil, places[0])
		must(t, err)
		l.Retire(l.State().Tail)
		synctest.Wait()
		_, err = l.Read(nil, places[0])
		wantErr(t, err, wal.ErrRetired)
		must(t, l.Close())
	})
}

// TestFullLogGoesOnAfterRetireHoweverOftenItWasOpened uses up the room that is kept
// for batches without entries.
func TestFullLogGoesOnAfterRetireHoweverOftenItWasOpened(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := vfs.NewMem()
		l := open(t, options(m, 1))
		n := fill(t, l, 0, wal.Normal)
		n += fill(t, l, n, wal.Essential)
		for seed := range uint64(4) {
			must(t, l.Close())
			l = open(t, options(m, 2+seed))
			_, err := replay(l)
			must(t, err)
			synctest.Wait()
			wantErr(t, l.Append(entries(n, 1), wal.Essential, nil), wal.ErrFull)
		}
		l.Retire(l.State().Tail)
		synctest.Wait()
		if s := l.State(); s.Files > 2 || s.Files+s.Ready > 6 {
			t.Errorf("got %+v, want all but one or two files free, of six", s)
		}
		_, err := l.Commit(entries(n, 1), wal.Normal)
		must(t, err)
	})
}

func TestFullDiskIsRefusedBeforeAcceptanceAndGoesOnWithRoom(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := vfs.NewMem()
		m.SetCapacity(3 * 64 << 10) // three files
		l := open(t, options(m, 1))
		n := fill(t, l, 0, wal.Normal)
		_, err := l.Commit(entries(n, 1), wal.Normal)
		wantErr(t, err, vfs.ErrNoSpace)
		_, err = l.Commit(entries(n, 1), wal.Essential)
		must(t, err)
		m.SetCapacity(0)
		<-l.Idle()
		synctest.Wait()
		_, err = l.Commit(entries(n+1, 1), wal.Normal)
		must(t, err)
		must(t, l.Close())
	})
}

func TestFailedWriteOrSyncPoisonsForGood(t *testing.T) {
	t.Parallel()
	for _, op := range []vfs.Op{vfs.OpWrite, vfs.OpSync} {
		m := vfs.NewMem()
		f := vfs.NewFaulty(m, 1)
		l := open(t, options(f, 1))
		_, err := l.Commit(entries(0, 1), wal.Normal)
		must(t, err)
		f.Inject(vfs.Fault{On: op, Match: func(c vfs.Call) bool { return strings.Contains(c.Name, "00000001.wal") }})
		_, err = l.Commit(entries(1, 1), wal.Normal)
		wantErr(t, err, wal.ErrPoisoned)
		wantErr(t, err, vfs.ErrInjected)
		for range 2 {
			wantErr(t, l.Append(entries(2, 1), wal.Essential, nil), wal.ErrPoisoned)
		}
		wantErr(t, l.State().Err, wal.ErrPoisoned)
		wantErr(t, l.Close(), wal.ErrPoisoned)
		h := history{next: 2, acked: 1, starts: []int{0, 1}}
		whole, err := h.check(m)
		must(t, err)
		if op == vfs.OpSync && len(whole) != 1 {
			t.Errorf("the reader took %v from the cache for durable", whole)
		}
	}
}

func TestOptionsAreChecked(t *testing.T) {
	t.Parallel()
	f := func(change func(*wal.Options), want string) {
		t.Helper()
		opts := options(vfs.NewMem(), 1)
		change(&opts)
		_, err := wal.Open(opts)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want it to name %q", err, want)
		}
	}
	f(func(o *wal.Options) { o.FS = nil }, "FS")
	f(func(o *wal.Options) { o.FileSize = 4096 }, "FileSize 4096")
	f(func(o *wal.Options) { o.FileSize = 64<<10 + 1 }, "FileSize")
	f(func(o *wal.Options) { o.Spare = 1 }, "Spare 1")
	f(func(o *wal.Options) { o.MaxFiles = 2 }, "MaxFiles 2")
	f(func(o *wal.Options) { o.BatchBytes = -1 }, "BatchBytes")
	f(func(o *wal.Options) { o.IdleMarker = -1 }, "IdleMarker")
}

func TestChangedFileSizeKeepsWhatIsThere(t *testing.T) {
	t.Parallel()
	m := vfs.NewMem()
	l := open(t, options(m, 1))
	_, err := l.Commit(entries(0, 10), wal.Normal)
	must(t, err)
	must(t, l.Close())
	opts := options(m, 2)
	opts.FileSize = 128 << 10
	l = open(t, opts)
	f, err := replay(l)
	must(t, err)
	must(t, (&history{next: 10, acked: 10}).compare(f))
	_, err = l.Commit(entries(10, 10), wal.Normal)
	must(t, err)
	must(t, l.Close())
	_, err = (&history{next: 20, acked: 20, starts: []int{0, 10}}).check(m)
	must(t, err)
}

func TestUnknownVersionIsRefusedByName(t *testing.T) {
	t.Parallel()
	m := vfs.NewMem()
	must(t, open(t, options(m, 1)).Close())
	f, err := m.Open("wal/00000001.wal")
	must(t, err)
	wal.SetVersion(t, f, 9)
	_, err = wal.Open(options(m, 2))
	if err == nil || !strings.Contains(err.Error(), "00000001.wal has format version 9") {
		t.Errorf("got %v", err)
	}
}

func TestDirectoryKeepsStrangers(t *testing.T) {
	t.Parallel()
	m := vfs.NewMem()
	must(t, m.MkdirAll("wal"))
	for _, name := range []string{"wal/notes.txt", "wal/1.wal", "wal/00000009.wal.damaged-0", "wal/00000004.wal.tmp"} {
		f, err := m.Create(name)
		must(t, err)
		must(t, f.Close())
	}
	must(t, open(t, options(m, 1)).Close())
	names, err := m.List("wal")
	must(t, err)
	for _, want := range []string{"notes.txt", "1.wal", "00000009.wal.damaged-0"} {
		if !slices.Contains(names, want) {
			t.Errorf("%s is gone: %q", want, names)
		}
	}
	if slices.Contains(names, "00000004.wal.tmp") {
		t.Error("a file that was never finished was kept")
	}
}
