package store_test

import (
	"errors"
	"fmt"
	"path"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/tidings-io/tidings/internal/jetstream/store"
	"github.com/tidings-io/tidings/internal/vfs"
)

// filesBelow returns the files of a tree.
func filesBelow(t testing.TB, m *vfs.Mem, dir string) []string {
	t.Helper()
	names, err := m.List(dir)
	must(t, err)
	var files []string
	for _, name := range names {
		full := path.Join(dir, name)
		if _, err := m.List(full); err == nil {
			files = append(files, filesBelow(t, m, full)...)
		} else {
			files = append(files, full)
		}
	}
	return files
}

// edit changes a file at rest.
func edit(t testing.TB, m *vfs.Mem, name string, change func(f vfs.File)) {
	t.Helper()
	f, err := m.Open(name)
	must(t, err)
	change(f)
	must(t, f.Sync())
	must(t, f.Close())
}

func flip(t testing.TB, m *vfs.Mem, name string, off int64) {
	t.Helper()
	edit(t, m, name, func(f vfs.File) {
		b := make([]byte, 1)
		_, err := f.ReadAt(b, off)
		must(t, err)
		b[0] ^= 1 << (off % 8)
		_, err = f.WriteAt(b, off)
		must(t, err)
	})
}

func length(t testing.TB, m *vfs.Mem, name string) int64 {
	t.Helper()
	f, err := m.Open(name)
	must(t, err)
	defer f.Close()
	n, err := f.Size()
	must(t, err)
	return n
}

// scripted is a store that the script has written.
func scripted(t *testing.T) (*vfs.Mem, *node) {
	t.Helper()
	m := vfs.NewMem()
	n := scriptNode()
	must(t, script(n, scriptOptions(m)))
	must(t, n.s.Close())
	return m, n
}

// afterDamage opens a store that something was done to. Every message is right, or
// is told of as lost; so are states. It reports what was said.
func afterDamage(k *node, m *vfs.Mem) (said []error, err error) {
	opts := scriptOptions(m)
	if refused := k.open(opts); refused != nil {
		said = append(said, refused)
		return said, nil
	}
	synctest.Wait()
	said = k.damage
	for g, st := range k.streams {
		if len(st.history) == 0 {
			continue
		}
		frozen := false
		for _, err := range k.damage {
			var damage *store.DamageError
			frozen = frozen || errors.As(err, &damage) && damage.Seq == 0 && (damage.Group == g || damage.Group == 0)
		}
		if frozen {
			continue
		}
		lost := map[uint64]bool{}
		st.mu.Lock()
		for seq := uint64(1); seq <= st.x.State().Last; seq++ {
			if e, ok := st.x.Get(seq); ok {
				if _, err := st.files.Read(nil, e); err != nil {
					said = append(said, err)
					lost[seq] = true
				}
			}
		}
		st.mu.Unlock()
		if len(k.damage) == 0 && int(st.applied) < st.acked {
			return said, errors.Join(fmt.Errorf("group %d has %d of %d entries and nothing is said", g, st.applied, st.acked), k.s.Close())
		}
		if err := st.check(lost); err != nil && len(k.damage) == 0 {
			return said, errors.Join(err, k.s.Close())
		}
	}
	for g, known := range k.histories {
		if k.streams[g] == nil && known.acked > 0 && !k.deleted[g] && len(k.damage) == 0 {
			return said, errors.Join(fmt.Errorf("group %d is gone and nothing is said", g), k.s.Close())
		}
	}
	return said, k.s.Close()
}

func TestMissingFileIsNeverSilent(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m, n := scripted(t)
		for _, name := range filesBelow(t, m, "js") {
			if strings.HasSuffix(name, ".wal") || strings.HasSuffix(name, "LOCK") {
				continue // the log's own tests
			}
			left := m.AfterPowerLoss(nil)
			must(t, left.Remove(name))
			if _, err := afterDamage(n.known(), left); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
		}
	})
}

func TestOlderCheckpointStepsInForADamagedOne(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m, n := scripted(t)
		var checkpoints []string
		for _, name := range filesBelow(t, m, "js") {
			if strings.Contains(name, "/checkpoint-") {
				checkpoints = append(checkpoints, name)
			}
		}
		if len(checkpoints) != 2 {
			t.Fatalf("got checkpoints %q, want two", checkpoints)
		}
		newest := checkpoints[1]
		size := length(t, m, newest)
		for off := int64(0); off < size; off += max(1, size/200) {
			left := m.AfterPowerLoss(nil)
			flip(t, left, newest, off)
			k := n.known()
			must(t, k.open(scriptOptions(left)))
			if len(k.damage) > 0 {
				t.Fatalf("bit flipped at %d: %v", off, errors.Join(k.damage...))
			}
			synctest.Wait()
			if err := k.check(true); err != nil {
				t.Fatalf("bit flipped at %d: %v", off, err)
			}
			must(t, k.s.Close())
			must(t, k.open(scriptOptions(left)))
			must(t, k.check(true))
			must(t, k.s.Close())
		}
	})
}

func TestLostStatesAreToldOfAgainAndNothingIsDeleted(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m, n := scripted(t)
		files := func() int {
			all := 0
			for _, name := range filesBelow(t, m, "js") {
				if strings.Contains(name, "seg-") {
					all++
				}
			}
			return all
		}
		for _, name := range filesBelow(t, m, "js") {
			if strings.Contains(name, "/checkpoint-") {
				flip(t, m, name, 20) // the head
			}
		}
		before := files()
		for round := range 2 {
			k := n.known()
			must(t, k.open(scriptOptions(m)))
			if len(k.damage) == 0 {
				t.Fatalf("round %d: nothing is said", round)
			}
			if _, ok := errors.AsType[*store.DamageError](k.damage[0]); !ok {
				t.Errorf("round %d: got %v", round, k.damage[0])
			}
			synctest.Wait()
			must(t, k.s.Close())
		}
		if after := files(); after != before || before == 0 {
			t.Errorf("%d segments are left of %d", after, before)
		}
	})
}
