package vfs_test

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"hash/crc32"
	"io/fs"
	"math/rand/v2"
	"path"
	"strings"
	"testing"

	"github.com/tidings-io/tidings/internal/vfs"
)

func seeded(seed uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, 1)) }

// dump shows every name with its content, shortened, directories with a slash.
func dump(t *testing.T, fsys vfs.FS) string {
	t.Helper()
	var out strings.Builder
	var visit func(dir string)
	visit = func(dir string) {
		names, err := fsys.List(dir)
		must(t, err)
		for _, base := range names {
			name := path.Join(dir, base)
			if content, err := vfs.ReadFile(fsys, name); err == nil {
				fmt.Fprintf(&out, "%s=%s ", name, brief(content))
				continue
			}
			fmt.Fprintf(&out, "%s/ ", name)
			visit(name)
		}
	}
	visit(".")
	return out.String()
}

// brief is the hexadecimal form of few bytes and the checksum of many.
func brief(content []byte) string {
	if len(content) <= 8 {
		return hex.EncodeToString(content)
	}
	return fmt.Sprintf("%d bytes with sum %08x", len(content), crc32.ChecksumIEEE(content))
}

func TestSyncedContentAndNamesSurviveAnyPowerLoss(t *testing.T) {
	t.Parallel()
	for seed := range uint64(200) {
		m := vfs.NewMem()
		must(t, m.MkdirAll("d"))
		must(t, m.SyncDir("."))
		f := create(t, m, "d/a", strings.Repeat("s", 3000))
		must(t, f.Sync())
		must(t, m.SyncDir("d"))
		write(t, f, strings.Repeat("u", 1024), 512) // these sectors may go either way
		left := m.AfterPowerLoss(seeded(seed))
		got, err := vfs.ReadFile(left, "d/a")
		must(t, err)
		for i, b := range got {
			if b != 's' && (i < 512 || i >= 1536 || b != 'u') {
				t.Fatalf("seed %d: byte %d is %q", seed, i, b)
			}
		}
		if len(got) != 3000 {
			t.Fatalf("seed %d: %d bytes left", seed, len(got))
		}
	}
}

func TestNothingUnsyncedSurvivesTheWorstPowerLoss(t *testing.T) {
	t.Parallel()
	m := vfs.NewMem()
	f := create(t, m, "a", "old")
	must(t, f.Sync())
	must(t, m.SyncDir("."))
	write(t, f, "newer", 0)
	must(t, m.Rename("a", "b"))
	create(t, m, "c", "")
	must(t, m.MkdirAll("d"))
	if got, want := dump(t, m.AfterPowerLoss(nil)), "a=6f6c64 "; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if got, want := dump(t, m), "b=6e65776572 c= d/ "; got != want {
		t.Errorf("the running one has %s, want %s", got, want)
	}
}

func TestUnsyncedSectorsSurviveWholeAndIndependently(t *testing.T) {
	t.Parallel()
	outcomes := map[string]bool{}
	for seed := range uint64(400) {
		m := vfs.NewMem()
		f := create(t, m, "a", strings.Repeat("0", 3*vfs.SectorSize))
		must(t, f.Sync())
		must(t, m.SyncDir("."))
		write(t, f, strings.Repeat("1", 3*vfs.SectorSize), 0)
		got, err := vfs.ReadFile(m.AfterPowerLoss(seeded(seed)), "a")
		must(t, err)
		var sectors strings.Builder
		for s := range 3 {
			sector := got[s*vfs.SectorSize : (s+1)*vfs.SectorSize]
			if !bytes.Equal(sector, bytes.Repeat(sector[:1], vfs.SectorSize)) {
				t.Fatalf("seed %d: sector %d is torn", seed, s)
			}
			sectors.WriteByte(sector[0])
		}
		outcomes[sectors.String()] = true
	}
	if len(outcomes) != 8 {
		t.Errorf("got %v, want all 8 combinations", outcomes)
	}
}

func TestUnsyncedLengthMayBeOldNewOrBetween(t *testing.T) {
	t.Parallel()
	lengths := map[int]bool{}
	for seed := range uint64(300) {
		m := vfs.NewMem()
		f := create(t, m, "a", "0123456789")
		must(t, f.Sync())
		must(t, m.SyncDir("."))
		write(t, f, strings.Repeat("x", 10), 10)
		got, err := vfs.ReadFile(m.AfterPowerLoss(seeded(seed)), "a")
		must(t, err)
		if len(got) < 10 || len(got) > 20 {
			t.Fatalf("seed %d: %d bytes", seed, len(got))
		}
		lengths[len(got)] = true
	}
	if !lengths[10] || !lengths[20] || len(lengths) < 6 {
		t.Errorf("got lengths %v", lengths)
	}
}

func TestUnsyncedTruncateMayBeUndone(t *testing.T) {
	t.Parallel()
	m := vfs.NewMem()
	f := create(t, m, "a", "0123456789")
	must(t, f.Sync())
	must(t, m.SyncDir("."))
	must(t, f.Truncate(3))
	must(t, f.Truncate(5))
	wantContent(t, m, "a", "012\x00\x00")
	wantContent(t, m.AfterPowerLoss(nil), "a", "0123456789")
	must(t, f.Sync())
	wantContent(t, m.AfterPowerLoss(nil), "a", "012\x00\x00")
}

func TestRenameIsAtomicWhenPowerIsLost(t *testing.T) {
	t.Parallel()
	outcomes := map[string]bool{}
	for seed := range uint64(300) {
		m := vfs.NewMem()
		f := create(t, m, "current", "1")
		must(t, f.Sync())
		must(t, m.SyncDir("."))
		next := create(t, m, "tmp", "2")
		must(t, next.Sync())
		must(t, m.Rename("tmp", "current"))
		outcomes[dump(t, m.AfterPowerLoss(seeded(seed)))] = true
	}
	want := map[string]bool{"current=31 ": true, "current=31 tmp=32 ": true, "current=32 ": true}
	if fmt.Sprint(outcomes) != fmt.Sprint(want) {
		t.Errorf("got %v, want %v", outcomes, want)
	}
}

func TestRenameAcrossDirectoriesNeedsBothSyncs(t *testing.T) {
	t.Parallel()
	m := vfs.NewMem()
	must(t, m.MkdirAll("x"))
	must(t, m.MkdirAll("y"))
	must(t, m.SyncDir("."))
	f := create(t, m, "x/a", "1")
	must(t, f.Sync())
	must(t, m.SyncDir("x"))
	must(t, m.Rename("x/a", "y/a"))
	must(t, m.SyncDir("y"))
	if got, want := dump(t, m.AfterPowerLoss(nil)), "x/ x/a=31 y/ "; got != want {
		t.Errorf("after one sync: got %s, want %s", got, want)
	}
	must(t, m.SyncDir("x"))
	if got, want := dump(t, m.AfterPowerLoss(nil)), "x/ y/ y/a=31 "; got != want {
		t.Errorf("after both: got %s, want %s", got, want)
	}
}

func TestSyncOfALaterNameBringsTheEarlierChanges(t *testing.T) {
	t.Parallel()
	m := vfs.NewMem()
	must(t, m.MkdirAll("x"))
	must(t, m.MkdirAll("y"))
	must(t, m.SyncDir("."))
	f := create(t, m, "x/a", "1")
	must(t, f.Sync())
	must(t, m.Rename("x/a", "y/a"))
	must(t, m.Rename("y/a", "y/b"))
	must(t, m.SyncDir("y"))
	if got, want := dump(t, m.AfterPowerLoss(nil)), "x/ y/ y/b=31 "; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestRemovedFileComesBackUnlessItsDirectoryWasSynced(t *testing.T) {
	t.Parallel()
	m := vfs.NewMem()
	f := create(t, m, "a", "1")
	must(t, f.Sync())
	must(t, m.SyncDir("."))
	must(t, m.Remove("a"))
	wantContent(t, m.AfterPowerLoss(nil), "a", "1")
	must(t, m.SyncDir("."))
	_, err := m.AfterPowerLoss(nil).Open("a")
	wantErr(t, err, fs.ErrNotExist)
}

func TestDirectoryThatWasNotSyncedTakesItsFilesAlong(t *testing.T) {
	t.Parallel()
	m := vfs.NewMem()
	must(t, m.MkdirAll("d"))
	f := create(t, m, "d/a", "1")
	must(t, f.Sync())
	must(t, m.SyncDir("d"))
	wantList(t, m.AfterPowerLoss(nil), ".")
	must(t, m.SyncDir("."))
	wantContent(t, m.AfterPowerLoss(nil), "d/a", "1")
}

func TestEqualSeedsLoseTheSame(t *testing.T) {
	t.Parallel()
	for seed := range uint64(50) {
		f := func() string {
			m := vfs.NewMem()
			history(t, m, seeded(seed))
			return dump(t, m.AfterPowerLoss(seeded(seed)))
		}
		if first, second := f(), f(); first != second {
			t.Fatalf("seed %d: got\n%s\nand\n%s", seed, first, second)
		}
	}
}

// history does some calls of every kind; errors are part of it.
func history(t *testing.T, m *vfs.Mem, rng *rand.Rand) {
	t.Helper()
	dirs := []string{".", "d", "d/e"}
	name := func() string { return path.Join(dirs[rng.IntN(3)], string(rune('a'+rng.IntN(4)))) }
	for range 80 {
		switch rng.IntN(7) {
		case 0:
			_ = m.MkdirAll(dirs[rng.IntN(3)])
		case 1:
			if f, err := m.Create(name()); err == nil {
				must(t, f.Close())
			}
		case 2:
			_ = m.Rename(name(), name())
		case 3:
			_ = m.Remove(name())
		case 4:
			_ = m.SyncDir(dirs[rng.IntN(3)])
		default:
			f, err := m.Open(name())
			if err != nil {
				continue
			}
			write(t, f, strings.Repeat(string(rune('A'+rng.IntN(26))), rng.IntN(2000)), int64(rng.IntN(3000)))
			if rng.IntN(3) == 0 {
				must(t, f.Truncate(int64(rng.IntN(4000))))
			}
			if rng.IntN(2) == 0 {
				must(t, f.Sync())
			}
			must(t, f.Close())
		}
	}
}

func TestPowerLossWithNothingUnsyncedChangesNothing(t *testing.T) {
	t.Parallel()
	for seed := range uint64(100) {
		m := vfs.NewMem()
		history(t, m, seeded(seed))
		syncAll(t, m, ".")
		want := dump(t, m)
		left := m.AfterPowerLoss(seeded(seed))
		if got := dump(t, left); got != want {
			t.Fatalf("seed %d: got\n%s\nwant\n%s", seed, got, want)
		}
		if left.Used() != m.Used() {
			t.Fatalf("seed %d: %d bytes used, want %d", seed, left.Used(), m.Used())
		}
	}
}

func syncAll(t *testing.T, m *vfs.Mem, dir string) {
	t.Helper()
	must(t, m.SyncDir(dir))
	names, err := m.List(dir)
	must(t, err)
	for _, base := range names {
		name := path.Join(dir, base)
		if f, err := m.Open(name); err == nil {
			must(t, f.Sync())
			must(t, f.Close())
			continue
		}
		syncAll(t, m, name)
	}
}

func TestLockIsFreeAfterPowerLoss(t *testing.T) {
	t.Parallel()
	m := vfs.NewMem()
	_, err := m.Lock("LOCK")
	must(t, err)
	must(t, m.SyncDir("."))
	_, err = m.AfterPowerLoss(nil).Lock("LOCK")
	must(t, err)
}

func TestFullFileSystemWritesWhatFitsAndSaysSo(t *testing.T) {
	t.Parallel()
	m := vfs.NewMem()
	m.SetCapacity(10)
	f := create(t, m, "a", "123456")
	g := create(t, m, "b", "")
	n, err := g.WriteAt([]byte("abcdef"), 0)
	wantErr(t, err, vfs.ErrNoSpace)
	if n != 4 {
		t.Fatalf("wrote %d bytes, want the 4 there is room for", n)
	}
	write(t, f, "x", 0) // room the file has already
	wantErr(t, f.Preallocate(7), vfs.ErrNoSpace)
	wantErr(t, f.Truncate(7), vfs.ErrNoSpace)
	_, err = f.WriteAt([]byte("y"), 100)
	wantErr(t, err, vfs.ErrNoSpace)
	must(t, m.Remove("b"))
	must(t, f.Preallocate(10))
	if m.Used() != 10 {
		t.Errorf("got %d bytes used", m.Used())
	}
}
