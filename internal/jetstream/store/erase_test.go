package store_test

import (
	"bytes"
	"encoding/binary"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/tidings-io/tidings/internal/jetstream/store"
	"github.com/tidings-io/tidings/internal/record"
	"github.com/tidings-io/tidings/internal/vfs"
)

// secretive is an entry of messages whose bodies say their numbers, from one on.
func secretive(from, n int) (c command) {
	c.kind = kindPublish
	for i := range n {
		body := strings.Repeat("secret-"+string(rune('A'+from+i-1)), 8)
		m := record.Message{Time: int64(from + i), Subject: []byte("s"), Body: []byte(body)}
		for derived(m) {
			m.Body = append(m.Body, '.')
		}
		c.payload = record.Build(c.payload, &m)
	}
	return c
}

// holds reports whether a text is in any file.
func holds(t *testing.T, m *vfs.Mem, text string) bool {
	t.Helper()
	for _, b := range contents(t, m) {
		if strings.Contains(b, text) {
			return true
		}
	}
	return false
}

// TestErasedMessageIsOnTheDiskNoMore erases one in the middle of an entry of the
// log, and one in a segment, and finds everything else as it was.
func TestErasedMessageIsOnTheDiskNoMore(t *testing.T) {
	t.Parallel()
	f := func(t *testing.T, inSegments bool) {
		t.Helper()
		synctest.Test(t, func(t *testing.T) {
			m := vfs.NewMem()
			n := newNode()
			opts := options(m, 1)
			must(t, n.open(opts))
			st, err := n.create()
			must(t, err)
			must(t, n.log(st, secretive(1, 6)))
			must(t, n.apply(st))
			if inSegments { // filling the log moves what is in its first files
				filler, err := n.create()
				must(t, err)
				for i := range 800 {
					n.s.Throttle()
					must(t, n.log(filler, command{kindPublish, message(uint64(i))}))
					must(t, n.log(filler, command{kindPublish, make7k()}))
					must(t, n.apply(filler))
				}
				synctest.Wait()
				if e, _ := st.x.Get(4); e.Place.File < 1<<30 {
					t.Fatalf("message 4 is still in file %d of the log", e.Place.File)
				}
			}
			if !holds(t, m, "secret-D") {
				t.Fatal("the test looks for something that is nowhere")
			}
			must(t, n.log(st, command{kindRemove, binary.LittleEndian.AppendUint64(nil, 4)}))
			must(t, n.apply(st))
			left := m.AfterPowerLoss(nil)
			if holds(t, left, "secret-D") {
				t.Error("the body can be read after a loss of power")
			}
			if !holds(t, left, "secret-C") || !holds(t, left, "secret-E") {
				t.Error("others are gone, too")
			}
			must(t, n.check(false))
			k := n.known()
			must(t, k.open(options(left, 2)))
			if len(k.damage) > 0 {
				t.Errorf("the log is damaged: %v", k.damage)
			}
			must(t, k.check(true))
			must(t, k.s.Close())
			report, err := store.Check(store.Options{FS: left, Dir: "js"})
			must(t, err)
			if len(report.Damage) > 0 {
				t.Errorf("check says %v", report.Damage)
			}
			must(t, n.s.Close())
		})
	}
	t.Run("in the log", func(t *testing.T) { t.Parallel(); f(t, false) })
	t.Run("in a segment", func(t *testing.T) { t.Parallel(); f(t, true) })
}

// TestErasureOfADeletedGroupIsDone deletes one while something of it is still to be
// erased.
func TestErasureOfADeletedGroupIsDone(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := vfs.NewMem()
		n := newNode()
		must(t, n.open(options(m, 1)))
		st, err := n.create()
		must(t, err)
		fill(t, n, st, 4000)
		synctest.Wait()
		e, _ := st.x.Get(1)
		_, err = st.files.Read(nil, e)
		must(t, err)
		st.files.Erase(e)
		must(t, n.remove(st.group))
		for range 3 {
			must(t, n.s.Checkpoint())
		}
		if names, err := m.List("js/streams/2"); err == nil {
			t.Fatalf("%q are left", names)
		}
		must(t, n.s.FlushErased())
		must(t, n.s.Close())
	})
}

// make7k is a large record that is stored as it is.
func make7k() []byte {
	return record.Build(nil, &record.Message{Time: 1, Subject: []byte("s.0"), Body: bytes.Repeat([]byte{1}, 7000)})
}

func FuzzErasures(f *testing.F) {
	f.Add([]byte("TidingsE\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"))
	f.Fuzz(func(t *testing.T, b []byte) {
		m := vfs.NewMem()
		must(t, m.MkdirAll("js"))
		file, err := m.Create("js/ERASE")
		must(t, err)
		_, err = file.WriteAt(b, 0)
		must(t, err)
		synctest.Test(t, func(t *testing.T) {
			n := newNode()
			must(t, n.open(options(m, 1)))
			must(t, n.s.Close())
		})
	})
}
