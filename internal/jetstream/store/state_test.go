package store_test

import (
	"encoding/binary"
	"errors"
	"hash/crc32"
	"path"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/tidings-io/tidings/internal/jetstream/store"
	"github.com/tidings-io/tidings/internal/vfs"
)

// meanwhile runs a checkpoint, and changes the stream between the parts of its
// state: it gets messages and loses old ones and new ones.
func meanwhile(n *node, st *stream, checkpoint func() error) error {
	var mu sync.Mutex // the keeper may be writing a checkpoint, too
	var failed error
	steps := uint64(0)
	set := func(f func()) {
		st.mu.Lock()
		defer st.mu.Unlock()
		st.between = f
	}
	set(func() {
		mu.Lock()
		defer mu.Unlock()
		steps++
		st.mu.Lock()
		x := st.x.State()
		st.mu.Unlock()
		c := command{kindRemove, binary.LittleEndian.AppendUint64(nil, x.First+steps*x.Messages/8)}
		if steps%2 == 0 {
			c = command{kindPublish, message(x.Last + 1)}
		}
		if failed == nil {
			failed = errors.Join(n.log(st, c), n.applyQueue(st))
		}
	})
	err := checkpoint()
	set(nil)
	mu.Lock()
	defer mu.Unlock()
	if errors.Is(failed, store.ErrFull) {
		failed = nil // nothing happened
	}
	return errors.Join(err, failed)
}

// pieced is a store whose checkpoints have states of several pieces.
func pieced(t *testing.T) (*vfs.Mem, *node) {
	t.Helper()
	m := vfs.NewMem()
	n := scriptNode()
	must(t, n.open(scriptOptions(m)))
	st, err := n.create()
	must(t, err)
	for range 3 {
		for range 8 {
			var payload []byte
			for i := range uint64(10) {
				payload = append(payload, message(i)...)
			}
			must(t, n.log(st, command{kindPublish, payload}))
			must(t, n.apply(st))
		}
		must(t, meanwhile(n, st, n.s.Checkpoint))
	}
	must(t, n.s.Close())
	return m, n
}

func TestLargeStateIsWrittenInPiecesOfWhichEachIsVerified(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m, n := pieced(t)
		name := largestState(t, m)
		size := length(t, m, name)
		if n := pieces(t, m, name); n < 3 {
			t.Fatalf("%s has %d pieces in %d bytes", name, n, size)
		}
		step := int64(1)
		if testing.Short() {
			step = 13
		}
		for off := int64(0); off < size; off += step {
			left := m.AfterPowerLoss(nil)
			flip(t, left, name, off)
			damaged(t, n, left, name, off%7 == 0)
		}
		for to := int64(0); to < size; to += step {
			left := m.AfterPowerLoss(nil)
			edit(t, left, name, func(f vfs.File) { must(t, f.Truncate(to)) })
			damaged(t, n, left, name, to%7 == 0)
		}
	})
}

// damaged looks at a store whose state file has been damaged: that is found. With
// open the older checkpoint steps in, or the state is told of as lost.
func damaged(t *testing.T, n *node, left *vfs.Mem, name string, open bool) {
	t.Helper()
	report, err := store.Check(scriptOptions(left))
	must(t, err)
	for _, damage := range report.Damage {
		if "js/"+damage.File == name {
			if open {
				_, err := afterDamage(n.known(), left)
				must(t, err)
			}
			return
		}
	}
	t.Fatalf("damage of %s is not found: %v", name, report.Damage)
}

func TestPiecesOfAnotherStateAreNotTaken(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m, n := pieced(t)
		name := largestState(t, m)
		size := length(t, m, name)
		first := 8 + int64(wordAt(t, m, name, 64)&^(1<<31))
		second := 8 + int64(wordAt(t, m, name, 64+first)&^(1<<31))
		edit(t, m, name, func(f vfs.File) { // the first two, the other way round
			b := make([]byte, size)
			_, err := f.ReadAt(b, 0)
			must(t, err)
			swapped := append(append([]byte{}, b[64+first:64+first+second]...), b[64:64+first]...)
			_, err = f.WriteAt(swapped, 64)
			must(t, err)
		})
		damaged(t, n, m, name, true)
	})
}

func TestStateOfAnotherVersionIsRefusedByItsNumber(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m, n := pieced(t)
		edit(t, m, largestState(t, m), func(f vfs.File) {
			head := make([]byte, 64)
			_, err := f.ReadAt(head, 0)
			must(t, err)
			binary.LittleEndian.PutUint32(head[8:], 77)
			binary.LittleEndian.PutUint32(head[60:], crc32.Checksum(head[:60], crc32.MakeTable(crc32.Castagnoli)))
			_, err = f.WriteAt(head, 0)
			must(t, err)
		})
		if err := n.known().open(scriptOptions(m)); err == nil || !strings.Contains(err.Error(), "version 77") {
			t.Errorf("got %v, want the version in it", err)
		}
	})
}

// A state can be read when it is verified, and not any more when it is wanted.
func TestStateThatCannotBeReadWhenItIsWantedIsToldOfAsLost(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m, n := pieced(t)
		name := largestState(t, m)
		k, opens := n.known(), 0
		f := vfs.NewFaulty(m.AfterPowerLoss(nil), 1)
		f.Observe(func(c vfs.Call) {
			if c.Op == vfs.OpOpen && c.Name == name {
				opens++
			}
		})
		must(t, k.open(scriptOptions(f)))
		must(t, k.s.Close())
		for nth := range 2 * pieces(t, m, name) { // of what is read behind the last open
			f := vfs.NewFaulty(m.AfterPowerLoss(nil), 1)
			opened, read := 0, 0
			f.Inject(vfs.Fault{On: vfs.OpOpen | vfs.OpRead, Times: -1, Match: func(c vfs.Call) bool {
				switch {
				case c.Name != name:
					return false
				case c.Op == vfs.OpOpen:
					opened++
					return false
				}
				if opened == opens {
					read++
				}
				return read > nth+1 // the header is the first one
			}})
			k, told := n.known(), 0
			must(t, k.open(scriptOptions(f)))
			for _, err := range k.damage {
				if damage, ok := errors.AsType[*store.DamageError](err); ok && "js/"+damage.File == name && damage.Seq == 0 {
					told++
				}
			}
			if told != 1 {
				t.Errorf("read %d of the state fails: %v", nth, k.damage)
			}
			must(t, k.s.Close())
		}
	})
}

// pieces returns how many pieces a state file has.
func pieces(t *testing.T, m *vfs.Mem, name string) (n int) {
	t.Helper()
	for off := int64(64); off < length(t, m, name); n++ {
		off += 8 + int64(wordAt(t, m, name, off)&^(1<<31))
	}
	return n
}

// largestState returns the largest state file of the newest checkpoint.
func largestState(t *testing.T, m *vfs.Mem) (largest string) {
	t.Helper()
	newest := ""
	files := filesBelow(t, m, "js")
	for _, name := range files {
		if number, ok := strings.CutPrefix(path.Base(name), "state-"); ok {
			newest = max(newest, number)
		}
	}
	for _, name := range files {
		if path.Base(name) == "state-"+newest && (largest == "" || length(t, m, name) > length(t, m, largest)) {
			largest = name
		}
	}
	if largest == "" {
		t.Fatal("there is no state file")
	}
	return largest
}

func wordAt(t *testing.T, m *vfs.Mem, name string, off int64) uint32 {
	t.Helper()
	b := make([]byte, 4)
	f, err := m.Open(name)
	must(t, err)
	_, err = f.ReadAt(b, off)
	must(t, err)
	must(t, f.Close())
	return binary.LittleEndian.Uint32(b)
}
