package encrypted_test

import (
	"errors"
	"math/rand/v2"
	"testing"

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

func seeded(seed uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, 13)) }

// keys are secrets whose derivation costs nothing.
func keys(key, previous string) encrypted.Keys {
	return encrypted.Keys{Key: key, Previous: previous, Cost: encrypted.Cost{Passes: 1, MemoryKiB: 8}}
}

// over returns the encrypted form of a file system.
func over(t testing.TB, below vfs.FS) *encrypted.FS {
	t.Helper()
	fsys, _, err := encrypted.Open(below, ".", keys("k", ""))
	must(t, err)
	return fsys
}

// put makes a durable file.
func put(t testing.TB, fsys vfs.FS, name string, content []byte) {
	t.Helper()
	f, err := fsys.Create(name)
	must(t, err)
	_, err = f.WriteAt(content, 0)
	must(t, err)
	must(t, f.Sync())
	must(t, f.Close())
	must(t, fsys.SyncDir("."))
}

// flip changes one bit at rest.
func flip(t testing.TB, fsys vfs.FS, name string, off int64) {
	t.Helper()
	f, err := fsys.Open(name)
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

func noise(seed uint64, n int) []byte {
	rng := seeded(seed)
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(rng.Uint32())
	}
	return b
}
