package vfs_test

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tidings-io/tidings/internal/vfs"
	"github.com/tidings-io/tidings/internal/vfs/encrypted"
)

// TestEveryFileSystemBehavesTheSame runs each promise of the interface against
// each implementation.
func TestEveryFileSystemBehavesTheSame(t *testing.T) {
	t.Parallel()
	kinds := map[string]func(t *testing.T) vfs.FS{
		"dir":                func(t *testing.T) vfs.FS { return vfs.NewDir(t.TempDir()) },
		"mem":                func(*testing.T) vfs.FS { return vfs.NewMem() },
		"faulty over mem":    func(*testing.T) vfs.FS { return vfs.NewFaulty(vfs.NewMem(), 1) },
		"faulty over dir":    func(t *testing.T) vfs.FS { return vfs.NewFaulty(vfs.NewDir(t.TempDir()), 1) },
		"encrypted over mem": func(t *testing.T) vfs.FS { return sealed(t, vfs.NewMem()) },
		"encrypted over dir": func(t *testing.T) vfs.FS { return sealed(t, vfs.NewDir(t.TempDir())) },
		"faulty over encrypted": func(t *testing.T) vfs.FS {
			return vfs.NewFaulty(sealed(t, vfs.NewFaulty(vfs.NewMem(), 1)), 1)
		},
		"after power loss": func(*testing.T) vfs.FS {
			return vfs.NewMem().AfterPowerLoss(nil)
		},
	}
	cases := map[string]func(*testing.T, vfs.FS){
		"what is written is read":           readsBack,
		"reads end with the file":           readsEnd,
		"holes are zero":                    holesAreZero,
		"truncate cuts and zeroes":          truncates,
		"preallocate grows only":            preallocates,
		"create takes no used name":         createsOnce,
		"open needs the file":               opensExisting,
		"rename replaces files":             renames,
		"rename moves directories":          renamesDirectories,
		"remove spares what is in use":      removes,
		"an open file outlives its name":    outlivesName,
		"list is sorted":                    lists,
		"names stay below the root":         refusesNames,
		"a lock excludes until it is free":  locks,
		"a closed file is closed":           closes,
		"sync and forget keep content":      syncs,
		"negative offsets are refused":      refusesNegative,
		"two handles see the same file":     sharesContent,
		"directories are no files":          directoriesAreNoFiles,
		"sync directory needs a directory":  syncsDirectories,
		"making a directory twice is a nop": mkdirTwice,
	}
	for kind, newFS := range kinds {
		for name, run := range cases {
			t.Run(kind+"/"+name, func(t *testing.T) {
				t.Parallel()
				run(t, newFS(t))
			})
		}
	}
}

// sealed returns the encrypted form of an empty file system.
func sealed(t *testing.T, below vfs.FS) vfs.FS {
	t.Helper()
	fsys, _, err := encrypted.Open(below, ".", encrypted.Keys{Key: "k", Cost: encrypted.Cost{Passes: 1, MemoryKiB: 8}})
	must(t, err)
	return fsys
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func wantErr(t *testing.T, got, want error) {
	t.Helper()
	if !errors.Is(got, want) {
		t.Fatalf("got error %v, want %v", got, want)
	}
}

// create makes a file with content and leaves it open until the test ends.
func create(t *testing.T, fsys vfs.FS, name, content string) vfs.File {
	t.Helper()
	f, err := fsys.Create(name)
	must(t, err)
	t.Cleanup(func() { _ = f.Close() }) // many tests close it themselves
	write(t, f, content, 0)
	return f
}

func write(t *testing.T, f vfs.File, content string, off int64) {
	t.Helper()
	n, err := f.WriteAt([]byte(content), off)
	must(t, err)
	if n != len(content) {
		t.Fatalf("wrote %d bytes, want %d", n, len(content))
	}
}

func wantContent(t *testing.T, fsys vfs.FS, name, want string) {
	t.Helper()
	got, err := vfs.ReadFile(fsys, name)
	must(t, err)
	if string(got) != want {
		t.Fatalf("%s: got %q, want %q", name, got, want)
	}
}

func wantList(t *testing.T, fsys vfs.FS, dir string, want ...string) {
	t.Helper()
	got, err := fsys.List(dir)
	must(t, err)
	if diff := cmp.Diff(append([]string{}, want...), append([]string{}, got...)); diff != "" {
		t.Fatalf("list of %s (-want +got):\n%s", dir, diff)
	}
}

func readsBack(t *testing.T, fsys vfs.FS) {
	f := create(t, fsys, "a", "hello world")
	write(t, f, "W", 6)
	wantContent(t, fsys, "a", "hello World")
	p := make([]byte, 3)
	_, err := f.ReadAt(p, 4)
	must(t, err)
	if string(p) != "o W" {
		t.Fatalf("got %q", p)
	}
}

func readsEnd(t *testing.T, fsys vfs.FS) {
	f := create(t, fsys, "a", "abc")
	p := make([]byte, 8)
	n, err := f.ReadAt(p, 1)
	wantErr(t, err, io.EOF)
	if n != 2 || string(p[:n]) != "bc" {
		t.Fatalf("got %q", p[:n])
	}
	n, err = f.ReadAt(p, 100)
	wantErr(t, err, io.EOF)
	if n != 0 {
		t.Fatalf("read %d bytes beyond the end", n)
	}
}

func holesAreZero(t *testing.T, fsys vfs.FS) {
	f := create(t, fsys, "a", "x")
	write(t, f, "y", 5)
	wantContent(t, fsys, "a", "x\x00\x00\x00\x00y")
}

func truncates(t *testing.T, fsys vfs.FS) {
	f := create(t, fsys, "a", "abcdef")
	must(t, f.Truncate(2))
	wantContent(t, fsys, "a", "ab")
	must(t, f.Truncate(4))
	wantContent(t, fsys, "a", "ab\x00\x00")
	must(t, f.Truncate(0))
	write(t, f, "z", 3)
	wantContent(t, fsys, "a", "\x00\x00\x00z")
}

func preallocates(t *testing.T, fsys vfs.FS) {
	f := create(t, fsys, "a", "abc")
	must(t, f.Preallocate(0))
	must(t, f.Preallocate(2))
	wantContent(t, fsys, "a", "abc")
	must(t, f.Preallocate(100_000))
	wantContent(t, fsys, "a", "abc"+strings.Repeat("\x00", 99_997))
	size, err := f.Size()
	must(t, err)
	if size != 100_000 {
		t.Fatalf("got size %d", size)
	}
}

func createsOnce(t *testing.T, fsys vfs.FS) {
	create(t, fsys, "a", "kept")
	_, err := fsys.Create("a")
	wantErr(t, err, fs.ErrExist)
	wantContent(t, fsys, "a", "kept")
	must(t, fsys.MkdirAll("d"))
	_, err = fsys.Create("d")
	wantErr(t, err, fs.ErrExist)
	_, err = fsys.Create("missing/a")
	wantErr(t, err, fs.ErrNotExist)
}

func opensExisting(t *testing.T, fsys vfs.FS) {
	_, err := fsys.Open("a")
	wantErr(t, err, fs.ErrNotExist)
	_, err = vfs.ReadFile(fsys, "d/a")
	wantErr(t, err, fs.ErrNotExist)
}

func renames(t *testing.T, fsys vfs.FS) {
	must(t, fsys.MkdirAll("d"))
	create(t, fsys, "a", "new")
	create(t, fsys, "d/b", "old")
	must(t, fsys.Rename("a", "d/b"))
	wantList(t, fsys, ".", "d")
	wantContent(t, fsys, "d/b", "new")
	must(t, fsys.Rename("d/b", "d/b"))
	wantErr(t, fsys.Rename("a", "c"), fs.ErrNotExist)
	wantErr(t, fsys.Rename("d/b", "d"), fs.ErrExist)
	wantErr(t, fsys.Rename("d/b", "missing/b"), fs.ErrNotExist)
}

func renamesDirectories(t *testing.T, fsys vfs.FS) {
	must(t, fsys.MkdirAll("streams/one"))
	must(t, fsys.MkdirAll("quarantine"))
	create(t, fsys, "streams/one/a", "kept")
	must(t, fsys.Rename("streams/one", "quarantine/one"))
	wantContent(t, fsys, "quarantine/one/a", "kept")
	wantList(t, fsys, "streams")
	must(t, fsys.MkdirAll("streams/two"))
	wantErr(t, fsys.Rename("streams/two", "quarantine/one"), fs.ErrExist)
	if err := fsys.Rename("streams", "streams/two/inside"); err == nil {
		t.Fatal("a directory was moved into itself")
	}
}

func removes(t *testing.T, fsys vfs.FS) {
	must(t, fsys.MkdirAll("d"))
	create(t, fsys, "d/a", "")
	if err := fsys.Remove("d"); err == nil {
		t.Fatal("a directory with a file in it was removed")
	}
	must(t, fsys.Remove("d/a"))
	must(t, fsys.Remove("d"))
	wantErr(t, fsys.Remove("d"), fs.ErrNotExist)
	wantList(t, fsys, ".")
}

// outlivesName holds wherever files can be removed while they are open.
func outlivesName(t *testing.T, fsys vfs.FS) {
	f := create(t, fsys, "a", "before")
	if err := fsys.Remove("a"); err != nil {
		must(t, f.Close()) // Windows: a file in use keeps its name
		return
	}
	write(t, f, "after", 6)
	must(t, f.Sync())
	p := make([]byte, 11)
	_, err := f.ReadAt(p, 0)
	must(t, err)
	if string(p) != "beforeafter" {
		t.Fatalf("got %q", p)
	}
	wantErr(t, fsys.Remove("a"), fs.ErrNotExist)
}

func lists(t *testing.T, fsys vfs.FS) {
	must(t, fsys.MkdirAll("x/y/z"))
	for _, name := range []string{"c", "a", "b"} {
		create(t, fsys, name, "")
	}
	wantList(t, fsys, ".", "a", "b", "c", "x")
	wantList(t, fsys, "x/y", "z")
	_, err := fsys.List("missing")
	wantErr(t, err, fs.ErrNotExist)
}

func refusesNames(t *testing.T, fsys vfs.FS) {
	for _, name := range []string{"", "..", "../a", "/a", "a/../../b", "a//b", "a/", "./a"} {
		_, err := fsys.Open(name)
		wantErr(t, err, fs.ErrInvalid)
		_, err = fsys.Create(name)
		wantErr(t, err, fs.ErrInvalid)
		_, err = fsys.List(name)
		wantErr(t, err, fs.ErrInvalid)
		_, err = fsys.Lock(name)
		wantErr(t, err, fs.ErrInvalid)
		wantErr(t, fsys.Rename(name, "b"), fs.ErrInvalid)
		wantErr(t, fsys.Rename("b", name), fs.ErrInvalid)
		wantErr(t, fsys.Remove(name), fs.ErrInvalid)
		wantErr(t, fsys.MkdirAll(name), fs.ErrInvalid)
		wantErr(t, fsys.SyncDir(name), fs.ErrInvalid)
	}
	wantErr(t, fsys.Remove("."), fs.ErrInvalid)
	must(t, fsys.MkdirAll("."))
	must(t, fsys.SyncDir("."))
}

func locks(t *testing.T, fsys vfs.FS) {
	lock, err := fsys.Lock("LOCK")
	must(t, err)
	_, err = fsys.Lock("LOCK")
	wantErr(t, err, vfs.ErrLocked)
	must(t, lock.Close())
	lock, err = fsys.Lock("LOCK")
	must(t, err)
	must(t, lock.Close())
	_, err = fsys.Lock("missing/LOCK")
	wantErr(t, err, fs.ErrNotExist)
}

func closes(t *testing.T, fsys vfs.FS) {
	f := create(t, fsys, "a", "abc")
	must(t, f.Close())
	wantErr(t, f.Close(), fs.ErrClosed)
	_, err := f.ReadAt(make([]byte, 1), 0)
	wantErr(t, err, fs.ErrClosed)
	_, err = f.WriteAt(make([]byte, 1), 0)
	wantErr(t, err, fs.ErrClosed)
	_, err = f.Size()
	wantErr(t, err, fs.ErrClosed)
	wantErr(t, f.Sync(), fs.ErrClosed)
	wantErr(t, f.Truncate(0), fs.ErrClosed)
	wantErr(t, f.Preallocate(9), fs.ErrClosed)
	wantErr(t, f.Forget(), fs.ErrClosed)
	wantContent(t, fsys, "a", "abc")
}

func syncs(t *testing.T, fsys vfs.FS) {
	f := create(t, fsys, "a", "synced")
	must(t, f.Sync())
	write(t, f, "dirty", 6)
	must(t, f.Forget())
	wantContent(t, fsys, "a", "synceddirty")
	must(t, fsys.SyncDir("."))
}

func refusesNegative(t *testing.T, fsys vfs.FS) {
	f := create(t, fsys, "a", "abc")
	if _, err := f.ReadAt(make([]byte, 1), -1); err == nil {
		t.Error("read at -1")
	}
	if _, err := f.WriteAt([]byte("x"), -1); err == nil {
		t.Error("wrote at -1")
	}
	if f.Truncate(-1) == nil || f.Preallocate(-1) == nil {
		t.Error("took a negative size")
	}
	wantContent(t, fsys, "a", "abc")
}

func sharesContent(t *testing.T, fsys vfs.FS) {
	first := create(t, fsys, "a", "abc")
	second, err := fsys.Open("a")
	must(t, err)
	write(t, second, "XY", 2)
	must(t, second.Close())
	p := make([]byte, 4)
	_, err = first.ReadAt(p, 0)
	must(t, err)
	if !bytes.Equal(p, []byte("abXY")) {
		t.Fatalf("got %q", p)
	}
}

func directoriesAreNoFiles(t *testing.T, fsys vfs.FS) {
	must(t, fsys.MkdirAll("d"))
	if f, err := fsys.Open("d"); err == nil {
		must(t, f.Close())
		t.Fatal("a directory was opened for writing")
	}
	create(t, fsys, "a", "")
	if err := fsys.MkdirAll("a"); err == nil {
		t.Fatal("a file became a directory")
	}
	if err := fsys.MkdirAll("a/b"); err == nil {
		t.Fatal("a directory was made inside a file")
	}
	if _, err := fsys.List("a"); err == nil {
		t.Fatal("a file was listed")
	}
}

func syncsDirectories(t *testing.T, fsys vfs.FS) {
	must(t, fsys.MkdirAll("d/e"))
	must(t, fsys.SyncDir("d"))
	wantErr(t, fsys.SyncDir("missing"), fs.ErrNotExist)
}

func mkdirTwice(t *testing.T, fsys vfs.FS) {
	must(t, fsys.MkdirAll("d/e"))
	create(t, fsys, "d/e/a", "kept")
	must(t, fsys.MkdirAll("d/e"))
	wantContent(t, fsys, "d/e/a", "kept")
}
