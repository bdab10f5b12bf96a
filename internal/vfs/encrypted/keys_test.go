package encrypted_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/tidings-io/tidings/internal/vfs"
	"github.com/tidings-io/tidings/internal/vfs/encrypted"
)

func TestWrongKeyChangesNothing(t *testing.T) {
	t.Parallel()
	m := vfs.NewMem()
	put(t, over(t, m), "a", []byte("x"))
	before, err := vfs.ReadFile(m, encrypted.KeyFile)
	must(t, err)
	for _, k := range []encrypted.Keys{keys("wrong", ""), keys("wrong", "worse")} {
		m.AfterPowerLoss(nil)
		_, _, err := encrypted.Open(m, ".", k)
		wantErr(t, err, encrypted.ErrKey)
	}
	after, err := vfs.ReadFile(m, encrypted.KeyFile)
	must(t, err)
	if !bytes.Equal(before, after) {
		t.Error("the key file has changed")
	}
	if _, _, err := encrypted.Open(m, ".", keys("", "k")); err == nil {
		t.Error("an empty key was accepted")
	}
}

func TestKeyFileIsNoPartOfTheTree(t *testing.T) {
	t.Parallel()
	fsys := over(t, vfs.NewMem())
	if names, err := fsys.List("."); err != nil || len(names) > 0 {
		t.Errorf("listed %v, %v", names, err)
	}
	if _, err := fsys.Open(encrypted.KeyFile); err == nil {
		t.Error("it can be opened")
	}
	if _, err := fsys.Create(encrypted.KeyFile + ".tmp"); err == nil {
		t.Error("its temporary form can be created")
	}
	if fsys.Remove(encrypted.KeyFile) == nil || fsys.Rename("a", encrypted.KeyFile) == nil {
		t.Error("it can be removed or replaced")
	}
}

// TestPowerLossWhileKeysChange stops at every call: the store is always open to
// the old secret or the new one, and what is in it stays.
func TestPowerLossWhileKeysChange(t *testing.T) {
	t.Parallel()
	m := vfs.NewMem()
	f := vfs.NewFaulty(m, 1)
	stops := 0
	phase := "create"
	check := func(left *vfs.Mem, seed uint64) error {
		fsys, how, err := encrypted.Open(left, ".", keys("new", "k"))
		if err != nil {
			return err
		}
		if phase == "create" {
			return nil
		}
		got, err := vfs.ReadFile(fsys, "a")
		if err != nil || string(got) != "content" {
			return fmt.Errorf("%v with seed %d: %q, %w", how, seed, got, err)
		}
		_, how, err = encrypted.Open(left.AfterPowerLoss(nil), ".", keys("new", ""))
		if err != nil || how != encrypted.Unlocked {
			return fmt.Errorf("opened a second time: %v, %w", how, err)
		}
		return nil
	}
	f.Observe(func(c vfs.Call) {
		if c.Op&vfs.OpChange == 0 {
			return
		}
		stops++
		for seed := range uint64(8) {
			if err := check(m.AfterPowerLoss(seeded(seed)), seed); err != nil {
				t.Errorf("%s, before %v %s: %v", phase, c.Op, c.Name, err)
			}
		}
	})
	fsys, how, err := encrypted.Open(f, ".", keys("k", ""))
	must(t, err)
	if how != encrypted.Created {
		t.Errorf("got %v, want a new key", how)
	}
	f.Observe(nil)
	put(t, fsys, "a", []byte("content"))
	phase = "rotate"
	f.Observe(func(c vfs.Call) {
		if c.Op&vfs.OpChange == 0 {
			return
		}
		stops++
		for seed := range uint64(8) {
			if err := check(m.AfterPowerLoss(seeded(seed)), seed); err != nil {
				t.Errorf("%s, before %v %s: %v", phase, c.Op, c.Name, err)
			}
		}
	})
	_, how, err = encrypted.Open(f, ".", keys("new", "k"))
	must(t, err)
	if how != encrypted.Rotated || stops < 8 {
		t.Errorf("got %v after %d stops, want a change of keys", how, stops)
	}
	if _, _, err = encrypted.Open(m.AfterPowerLoss(nil), ".", keys("k", "")); err == nil {
		t.Error("the old secret still opens the store")
	}
}

// TestKeyFileSurvivesFlippedBits flips one at every byte, then cuts it everywhere.
func TestKeyFileSurvivesFlippedBits(t *testing.T) {
	t.Parallel()
	m := vfs.NewMem()
	over(t, m)
	b, err := vfs.ReadFile(m, encrypted.KeyFile)
	must(t, err)
	for off := range b {
		flip(t, m, encrypted.KeyFile, int64(off))
		over(t, m)
		flip(t, m, encrypted.KeyFile, int64(off))
	}
	flip(t, m, encrypted.KeyFile, 70)
	flip(t, m, encrypted.KeyFile, 4096+70)
	_, _, err = encrypted.Open(m, ".", keys("k", ""))
	wantErr(t, err, encrypted.ErrKeyFile)
	if !strings.Contains(err.Error(), "damaged") {
		t.Errorf("%v does not say what is wrong", err)
	}
	for n := 0; n < len(b); n += 61 {
		m := vfs.NewMem()
		put(t, m, encrypted.KeyFile, b[:n])
		if _, _, err := encrypted.Open(m, ".", keys("k", "")); (err == nil) != (n >= 512) {
			t.Errorf("cut at %d: %v", n, err)
		}
	}
}

func FuzzKeyFile(f *testing.F) {
	m := vfs.NewMem()
	over(f, m)
	b, err := vfs.ReadFile(m, encrypted.KeyFile)
	must(f, err)
	f.Add(b)
	f.Fuzz(func(t *testing.T, b []byte) {
		m := vfs.NewMem()
		put(t, m, encrypted.KeyFile, b)
		_, _, _ = encrypted.Open(m, ".", keys("other", "")) // it must not panic
	})
}

func FuzzHeader(f *testing.F) {
	m := vfs.NewMem()
	put(f, over(f, m), "a", []byte("content"))
	b, err := vfs.ReadFile(m, "a")
	must(f, err)
	f.Add(b)
	f.Fuzz(func(t *testing.T, b []byte) {
		m := vfs.NewMem()
		fsys := over(t, m)
		put(t, m, "a", b)
		file, err := fsys.Open("a")
		must(t, err)
		size, err := file.Size()
		if err != nil || size < 0 || size > int64(len(b)) {
			t.Fatalf("%d bytes below are %d above, %v", len(b), size, err)
		}
		_, _ = file.ReadAt(make([]byte, 100), 0) // it must not panic
	})
}
