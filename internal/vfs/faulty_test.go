package vfs_test

import (
	"bytes"
	"errors"
	"math/bits"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tidings-io/tidings/internal/vfs"
)

func TestFaultHitsTheChosenCallsOnly(t *testing.T) {
	t.Parallel()
	f := vfs.NewFaulty(vfs.NewMem(), 1)
	file := create(t, f, "a", "x")
	f.Inject(vfs.Fault{On: vfs.OpSync, Nth: 2, Times: 2})
	var got []bool
	for range 5 {
		got = append(got, file.Sync() == nil)
	}
	if diff := cmp.Diff([]bool{true, false, false, true, true}, got); diff != "" {
		t.Errorf("syncs that worked (-want +got):\n%s", diff)
	}
}

func TestFaultCanLastAndBeHealed(t *testing.T) {
	t.Parallel()
	f := vfs.NewFaulty(vfs.NewMem(), 1)
	file := create(t, f, "a", "x")
	f.Inject(vfs.Fault{On: vfs.OpChange, Times: -1, Err: vfs.ErrNoSpace})
	for range 3 {
		_, err := file.WriteAt([]byte("y"), 0)
		wantErr(t, err, vfs.ErrNoSpace)
		wantErr(t, file.Sync(), vfs.ErrNoSpace)
		_, err = f.Create("b")
		wantErr(t, err, vfs.ErrNoSpace)
	}
	wantContent(t, f, "a", "x")
	f.Heal()
	must(t, file.Sync())
}

func TestEveryKindOfCallCanFail(t *testing.T) {
	t.Parallel()
	calls := map[vfs.Op]func(vfs.FS, vfs.File) error{
		vfs.OpOpen:        func(fsys vfs.FS, _ vfs.File) error { _, err := fsys.Open("a"); return err },
		vfs.OpCreate:      func(fsys vfs.FS, _ vfs.File) error { _, err := fsys.Create("b"); return err },
		vfs.OpRename:      func(fsys vfs.FS, _ vfs.File) error { return fsys.Rename("a", "b") },
		vfs.OpRemove:      func(fsys vfs.FS, _ vfs.File) error { return fsys.Remove("a") },
		vfs.OpList:        func(fsys vfs.FS, _ vfs.File) error { _, err := fsys.List("."); return err },
		vfs.OpMkdir:       func(fsys vfs.FS, _ vfs.File) error { return fsys.MkdirAll("d") },
		vfs.OpSyncDir:     func(fsys vfs.FS, _ vfs.File) error { return fsys.SyncDir(".") },
		vfs.OpLock:        func(fsys vfs.FS, _ vfs.File) error { _, err := fsys.Lock("L"); return err },
		vfs.OpRead:        func(_ vfs.FS, f vfs.File) error { _, err := f.ReadAt(make([]byte, 1), 0); return err },
		vfs.OpWrite:       func(_ vfs.FS, f vfs.File) error { _, err := f.WriteAt([]byte("y"), 0); return err },
		vfs.OpSync:        func(_ vfs.FS, f vfs.File) error { return f.Sync() },
		vfs.OpTruncate:    func(_ vfs.FS, f vfs.File) error { return f.Truncate(0) },
		vfs.OpPreallocate: func(_ vfs.FS, f vfs.File) error { return f.Preallocate(9) },
		vfs.OpSize:        func(_ vfs.FS, f vfs.File) error { _, err := f.Size(); return err },
		vfs.OpForget:      func(_ vfs.FS, f vfs.File) error { return f.Forget() },
	}
	all := vfs.Op(0)
	for op, call := range calls {
		all |= op
		f := vfs.NewFaulty(vfs.NewMem(), 1)
		file := create(t, f, "a", "x")
		f.Inject(vfs.Fault{On: op})
		err := call(f, file)
		wantErr(t, err, vfs.ErrInjected)
		if !strings.HasPrefix(err.Error(), op.String()+" ") {
			t.Errorf("the error of %v is %q", op, err)
		}
		wantContent(t, f, "a", "x")
		must(t, call(f, file))
	}
	if all != vfs.OpAny {
		t.Errorf("tested %b, want all kinds %b", all, vfs.OpAny)
	}
}

func TestFailedSyncLosesWhatReadersStillSee(t *testing.T) {
	t.Parallel()
	m := vfs.NewMem()
	f := vfs.NewFaulty(m, 1)
	file := create(t, f, "a", "old")
	must(t, file.Sync())
	must(t, f.SyncDir("."))
	write(t, file, "new", 0)
	f.Inject(vfs.Fault{On: vfs.OpSync})
	wantErr(t, file.Sync(), vfs.ErrInjected)
	wantContent(t, f, "a", "new")
	must(t, file.Sync()) // says yes, as a kernel does
	wantContent(t, m.AfterPowerLoss(nil), "a", "old")
	must(t, file.Forget())
	wantContent(t, f, "a", "old")
	write(t, file, "end", 0)
	must(t, file.Sync())
	wantContent(t, m.AfterPowerLoss(nil), "a", "end")
}

func TestShortCallsDoAPartOfTheWork(t *testing.T) {
	t.Parallel()
	for seed := range uint64(20) {
		f := vfs.NewFaulty(vfs.NewMem(), seed)
		file := create(t, f, "a", "0000000000")
		f.Inject(vfs.Fault{On: vfs.OpWrite, Do: vfs.Short})
		n, err := file.WriteAt([]byte("1111111111"), 0)
		wantErr(t, err, vfs.ErrInjected)
		if n >= 10 {
			t.Fatalf("seed %d: a short write of %d bytes", seed, n)
		}
		wantContent(t, f, "a", strings.Repeat("1", n)+strings.Repeat("0", 10-n))
		f.Inject(vfs.Fault{On: vfs.OpRead, Do: vfs.Short})
		n, err = file.ReadAt(make([]byte, 10), 0)
		wantErr(t, err, vfs.ErrInjected)
		if n >= 10 {
			t.Fatalf("seed %d: a short read of %d bytes", seed, n)
		}
	}
}

func TestFlippedBitIsOneBitAndSilent(t *testing.T) {
	t.Parallel()
	want := bytes.Repeat([]byte{0x55}, 100)
	different := func(got []byte) (n int) {
		for i := range got {
			n += bits.OnesCount8(got[i] ^ want[i])
		}
		return n
	}
	for seed := range uint64(20) {
		f := vfs.NewFaulty(vfs.NewMem(), seed)
		file := create(t, f, "a", string(want))
		f.Inject(vfs.Fault{On: vfs.OpRead, Do: vfs.FlipBit})
		got := make([]byte, 100)
		_, err := file.ReadAt(got, 0)
		must(t, err)
		if different(got) != 1 {
			t.Fatalf("seed %d: read %x", seed, got)
		}
		wantContent(t, f, "a", string(want))
		f.Inject(vfs.Fault{On: vfs.OpWrite, Do: vfs.FlipBit})
		given := bytes.Clone(want)
		write(t, file, string(given), 0)
		got, err = vfs.ReadFile(f, "a")
		must(t, err)
		if different(got) != 1 || different(given) != 0 {
			t.Fatalf("seed %d: stored %x", seed, got)
		}
	}
}

func TestStaleWriteLeavesOnePageAsItWas(t *testing.T) {
	t.Parallel()
	for seed := range uint64(20) {
		f := vfs.NewFaulty(vfs.NewMem(), seed)
		file := create(t, f, "a", strings.Repeat("0", 3*vfs.PageSize))
		f.Inject(vfs.Fault{On: vfs.OpWrite, Do: vfs.Stale})
		write(t, file, strings.Repeat("1", 2*vfs.PageSize), 100)
		got, err := vfs.ReadFile(f, "a")
		must(t, err)
		var stale []int // pages that lack a new byte they should have
		for page := range 3 {
			from, to := max(page*vfs.PageSize, 100), min((page+1)*vfs.PageSize, 100+2*vfs.PageSize)
			if bytes.Equal(got[from:to], bytes.Repeat([]byte("0"), to-from)) {
				stale = append(stale, page)
			} else if !bytes.Equal(got[from:to], bytes.Repeat([]byte("1"), to-from)) {
				t.Fatalf("seed %d: page %d is mixed", seed, page)
			}
		}
		if len(stale) != 1 {
			t.Fatalf("seed %d: stale pages %v, want one", seed, stale)
		}
	}
}

func TestStaleWriteBeyondTheEndLeavesZeros(t *testing.T) {
	t.Parallel()
	f := vfs.NewFaulty(vfs.NewMem(), 1)
	f.Inject(vfs.Fault{On: vfs.OpWrite, Do: vfs.Stale})
	create(t, f, "a", "xyz")
	wantContent(t, f, "a", "\x00\x00\x00")
}

func TestMatchRestrictsAFault(t *testing.T) {
	t.Parallel()
	f := vfs.NewFaulty(vfs.NewMem(), 1)
	a, b := create(t, f, "a", ""), create(t, f, "b", "")
	f.Inject(vfs.Fault{On: vfs.OpSync, Match: func(c vfs.Call) bool { return c.Name == "b" }})
	must(t, a.Sync())
	wantErr(t, b.Sync(), vfs.ErrInjected)
}

func TestObserverSeesEachCallBeforeItIsMade(t *testing.T) {
	t.Parallel()
	m := vfs.NewMem()
	f := vfs.NewFaulty(m, 1)
	var got []vfs.Call
	f.Observe(func(c vfs.Call) {
		if names, err := m.List("."); c.Op == vfs.OpCreate && (err != nil || len(names) > 0) {
			t.Errorf("the file is there before create: %q, %v", names, err)
		}
		got = append(got, c)
	})
	file := create(t, f, "a", "xyz")
	must(t, file.Sync())
	must(t, f.Rename("a", "b"))
	f.Observe(nil)
	must(t, f.SyncDir("."))
	want := []vfs.Call{
		{Number: 1, Op: vfs.OpCreate, Name: "a"},
		{Number: 2, Op: vfs.OpWrite, Name: "a", Length: 3},
		{Number: 3, Op: vfs.OpSync, Name: "a"},
		{Number: 4, Op: vfs.OpRename, Name: "a"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("calls (-want +got):\n%s", diff)
	}
	if f.Calls() != 5 {
		t.Errorf("got %d calls, want 5", f.Calls())
	}
}

func TestFaultsStackOverEachOther(t *testing.T) {
	t.Parallel()
	m := vfs.NewMem()
	inner := vfs.NewFaulty(m, 1)
	outer := vfs.NewFaulty(inner, 2)
	file := create(t, outer, "a", "x")
	must(t, outer.SyncDir("."))
	outer.Inject(vfs.Fault{On: vfs.OpSync})
	if err := file.Sync(); !errors.Is(err, vfs.ErrInjected) {
		t.Fatal(err)
	}
	must(t, file.Sync())
	if got := dump(t, m.AfterPowerLoss(nil)); strings.Contains(got, "78") {
		t.Errorf("got %s: the dropped page came back", got)
	}
}
