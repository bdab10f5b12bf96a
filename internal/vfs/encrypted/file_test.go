package encrypted_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"testing"

	"github.com/tidings-io/tidings/internal/vfs"
	"github.com/tidings-io/tidings/internal/vfs/encrypted"
)

// TestNothingOfTheContentIsOnTheDisk looks for it in every file below.
func TestNothingOfTheContentIsOnTheDisk(t *testing.T) {
	t.Parallel()
	m := vfs.NewMem()
	fsys := over(t, m)
	secret := []byte("attack at dawn, ")
	content := bytes.Repeat(secret, 1000)
	put(t, fsys, "a", content)
	put(t, fsys, "b", content)
	a, err := vfs.ReadFile(m, "a")
	must(t, err)
	b, err := vfs.ReadFile(m, "b")
	must(t, err)
	blocks := map[string]bool{}
	for _, disk := range [][]byte{a, b} {
		if bytes.Contains(disk, secret[:8]) {
			t.Fatal("content is readable on the disk")
		}
		for at := encrypted.HeaderSize; at < len(disk); at += 16 {
			blocks[string(disk[at:at+16])] = true
		}
	}
	if len(blocks) != 2000 {
		t.Errorf("2000 equal blocks became %d different ones", len(blocks))
	}
}

// TestRandomHistoryMatchesAPlainFile does the same to a file here and in memory,
// through two handles; what was synced survives losses of power.
func TestRandomHistoryMatchesAPlainFile(t *testing.T) {
	t.Parallel()
	for seed := range uint64(150) {
		if err := randomHistory(t, seed); err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
	}
}

func randomHistory(t *testing.T, seed uint64) error {
	t.Helper()
	rng := seeded(seed)
	m := vfs.NewMem()
	fsys := over(t, m)
	put(t, fsys, "f", nil)
	plain := vfs.NewMem()
	put(t, plain, "f", nil)
	handles := func() (vfs.File, vfs.File) {
		a, err := fsys.Open("f")
		must(t, err)
		b, err := fsys.Open("f")
		must(t, err)
		return a, b
	}
	a, b := handles()
	model, err := plain.Open("f")
	must(t, err)
	for step := range 60 {
		size, err := model.Size()
		must(t, err)
		off := rng.Int64N(size + 1)
		switch rng.IntN(10) {
		case 0:
			n := rng.Int64N(20_000)
			must(t, errors.Join(a.Truncate(n), model.Truncate(n)))
		case 1:
			n := rng.Int64N(20_000)
			must(t, errors.Join(a.Preallocate(n), model.Preallocate(n)))
		case 2: // a write beyond the end
			p := noise(rng.Uint64(), rng.IntN(100))
			_, err := b.WriteAt(p, size+rng.Int64N(5000))
			must(t, err)
			must(t, a.Truncate(size))
		case 3: // a loss of power after a sync
			must(t, a.Sync())
			extra := noise(rng.Uint64(), rng.IntN(3000))
			_, err := a.WriteAt(extra, size)
			must(t, err)
			m = m.AfterPowerLoss(rng)
			fsys = over(t, m)
			a, b = handles()
			got := make([]byte, size)
			if n, err := a.ReadAt(got, 0); n < len(got) {
				return fmt.Errorf("step %d: %d of %d synced bytes are left: %w", step, n, size, err)
			}
			must(t, a.Truncate(size))
		default:
			p := noise(rng.Uint64(), 1+rng.IntN(9000))
			if rng.IntN(2) == 0 {
				p, off = p[:min(len(p), 1+rng.IntN(40))], off-off%int64(1+rng.IntN(32))
			}
			_, err := a.WriteAt(p, off)
			must(t, err)
			_, err = model.WriteAt(p, off)
			must(t, err)
		}
		if err := same(b, model); err != nil {
			return fmt.Errorf("step %d: %w", step, err)
		}
	}
	return nil
}

// same compares sizes and contents, read in one piece and in the middle.
func same(got, want vfs.File) error {
	size, err := want.Size()
	if err != nil {
		return err
	}
	if n, err := got.Size(); err != nil || n != size {
		return fmt.Errorf("size %d (%w), want %d", n, err, size)
	}
	for _, off := range []int64{0, size / 3} {
		g, w := make([]byte, size-off+5), make([]byte, size-off+5)
		n, gotErr := got.ReadAt(g, off)
		k, wantErr := want.ReadAt(w, off)
		if n != k || !errors.Is(gotErr, io.EOF) || !errors.Is(wantErr, io.EOF) || !bytes.Equal(g, w) {
			return fmt.Errorf("read from %d: %d bytes (%w), want %d (%w), equal: %v", off, n, gotErr, k, wantErr, bytes.Equal(g, w))
		}
	}
	return nil
}

// TestAppendThatIsTornLeavesDurableBytes appends in the middle of a block and of a
// sector and loses the power before the sync, in many ways.
func TestAppendThatIsTornLeavesDurableBytes(t *testing.T) {
	t.Parallel()
	for _, size := range []int{1, 16, 100, 511, 513, 4095, 4096, 4097, 10_001} {
		m := vfs.NewMem()
		fsys := over(t, m)
		durable := noise(1, size)
		put(t, fsys, "a", durable)
		f, err := fsys.Open("a")
		must(t, err)
		_, err = f.WriteAt(noise(2, 9000), int64(size))
		must(t, err)
		for seed := range uint64(200) {
			left := over(t, m.AfterPowerLoss(seeded(seed)))
			f, err := left.Open("a")
			must(t, err)
			got := make([]byte, size)
			_, err = f.ReadAt(got, 0)
			if n, _ := f.Size(); err != nil && n != int64(size) || !bytes.Equal(got, durable) {
				t.Fatalf("%d durable bytes, seed %d: changed by an append that was not synced (%v)", size, seed, err)
			}
		}
	}
}

// TestFlippedBitCostsOneBlock flips a bit in each byte below.
func TestFlippedBitCostsOneBlock(t *testing.T) {
	t.Parallel()
	m := vfs.NewMem()
	fsys := over(t, m)
	content := noise(1, 600)
	put(t, fsys, "a", content)
	for off := range int64(encrypted.HeaderSize + 608) {
		flip(t, m, "a", off)
		got, err := vfs.ReadFile(fsys, "a")
		must(t, err)
		if len(got) != len(content) {
			t.Fatalf("bit in byte %d: %d bytes are left of %d", off, len(got), len(content))
		}
		for i := range got {
			hit := off >= encrypted.HeaderSize && (off-encrypted.HeaderSize)/16 == int64(i)/16
			if got[i] != content[i] && !hit {
				t.Fatalf("bit in byte %d below changed byte %d", off, i)
			}
		}
		flip(t, m, "a", off)
	}
}

// TestFileWithoutHeaderIsDamagedNotInTheWay keeps what is above able to set it
// aside.
func TestFileWithoutHeaderIsDamagedNotInTheWay(t *testing.T) {
	t.Parallel()
	m := vfs.NewMem()
	fsys := over(t, m)
	put(t, fsys, "a", noise(1, 600))
	for i := range int64(8) {
		flip(t, m, "a", i*512+33)
	}
	f, err := fsys.Open("a")
	must(t, err)
	if n, err := f.Size(); err != nil || n != 608 {
		t.Errorf("size %d, %v; want 608, as far as the blocks tell", n, err)
	}
	if _, err := f.ReadAt(make([]byte, 10), 0); err == nil {
		t.Error("a file without a header was read")
	}
	if _, err := f.WriteAt(make([]byte, 10), 0); err == nil {
		t.Error("a file without a header was written")
	}
	must(t, f.Close())
	must(t, fsys.Rename("a", "b"))
	must(t, fsys.Remove("b"))
}

// TestLongRunsOfZerosAreFree writes some over content, as a log makes its files.
func TestLongRunsOfZerosAreFree(t *testing.T) {
	t.Parallel()
	m := vfs.NewMem()
	fsys := over(t, m)
	const size = 128 << 10
	put(t, fsys, "a", noise(1, size))
	f, err := fsys.Open("a")
	must(t, err)
	_, err = f.WriteAt(make([]byte, size), 0)
	must(t, err)
	got, err := vfs.ReadFile(fsys, "a")
	must(t, err)
	below, err := vfs.ReadFile(m, "a")
	must(t, err)
	if want := make([]byte, size); !bytes.Equal(got, want) || !bytes.Equal(below[encrypted.HeaderSize:], want) {
		t.Error("zeros are not zeros, above and below")
	}
	_, err = f.WriteAt(make([]byte, 4096), 0)
	must(t, err)
	if below, err = vfs.ReadFile(m, "a"); err != nil || bytes.Equal(below[encrypted.HeaderSize:][:16], make([]byte, 16)) {
		t.Errorf("a short run of zeros can be told from other content (%v)", err)
	}
}
