package store_test

import (
	"encoding/binary"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tidings-io/tidings/internal/jetstream/store"
	"github.com/tidings-io/tidings/internal/record"
	"github.com/tidings-io/tidings/internal/vfs"
)

// fill publishes until a stream has so many messages.
func fill(t *testing.T, n *node, st *stream, messages uint64) {
	t.Helper()
	for st.x.State().Last < messages {
		n.s.Throttle()
		var payload []byte
		for i := range uint64(40) {
			payload = append(payload, message(st.x.State().Last+i)...)
		}
		err := n.log(st, command{kindPublish, payload})
		if errors.Is(err, store.ErrFull) {
			<-time.After(2 * time.Second)
			continue
		}
		must(t, err)
		must(t, n.apply(st))
	}
}

func TestLogStaysBoundedWhileEverythingIsKept(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := vfs.NewMem()
		n := newNode()
		must(t, n.open(options(m, 1)))
		st, err := n.create()
		must(t, err)
		fill(t, n, st, 6000) // more than the log holds
		synctest.Wait()
		if s := n.s.Stats(); s.LogFiles > 9 || s.Segments == 0 || s.Stuck != "" {
			t.Errorf("got %+v", s)
		}
		must(t, n.check(false))
		must(t, n.s.Close())
	})
}

// TestWhatIsMovedDoesNotDependOnTheLastSync has the keeper empty files while the log
// still waits for its sync interval to end.
func TestWhatIsMovedDoesNotDependOnTheLastSync(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		n := newNode()
		n.weak = true
		opts := options(vfs.NewMem(), 1)
		opts.SyncInterval, opts.FileSize = time.Hour, 24<<10
		must(t, n.open(opts))
		st, err := n.create()
		must(t, err)
		for i := range uint64(200) {
			must(t, n.log(st, command{kindPublish, message(i)}))
			must(t, n.apply(st))
			synctest.Wait()
		}
		must(t, n.check(false))
		must(t, n.s.Close())
	})
}

func TestSparseSegmentsAreWrittenAnewAndEmptyOnesRemoved(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := vfs.NewMem()
		n := newNode()
		n.compress = true
		must(t, n.open(options(m, 1)))
		for range 2 { // one of them compressed
			st, err := n.create()
			must(t, err)
			fill(t, n, st, 4000)
			synctest.Wait()
			full := n.s.Stats()
			for seq := uint64(1); seq < 3000; seq++ {
				if seq%10 != 0 {
					if _, ok := st.x.Remove(seq); !ok {
						t.Fatal("it is gone")
					}
				}
			}
			last := binary.LittleEndian.AppendUint64(nil, 1)
			for range 6 {
				must(t, n.log(st, command{kindRemove, last}))
				must(t, n.apply(st))
				fill(t, n, st, st.x.State().Last+200) // so that the keeper has reason to look
				must(t, n.s.Checkpoint())
				synctest.Wait()
			}
			now := n.s.Stats()
			i := len(now.Groups) - 1
			if now.Groups[i].Bytes > full.Groups[i].Bytes {
				t.Errorf("segments had %d bytes, a tenth of it takes %d", full.Groups[i].Bytes, now.Groups[i].Bytes)
			}
			for e, ok := st.x.Next(1, nil); ok; e, ok = st.x.Next(e.Seq+1, nil) {
				if _, err := st.files.Read(nil, e); err != nil {
					t.Fatal(err)
				}
			}
		}
		must(t, n.s.Close())
	})
}

func TestForgottenOwnerKeepsTheLogAndIsNamed(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		n := newNode()
		must(t, n.open(options(vfs.NewMem(), 1)))
		st, err := n.create()
		must(t, err)
		n.s.Attach(st.group, nil)
		for range 100 {
			n.s.Throttle() // never for ever
			var payload []byte
			for i := range uint64(60) {
				payload = append(payload, message(i)...)
			}
			if err = n.log(st, command{kindPublish, payload}); err != nil {
				break
			}
		}
		wantErr(t, err, store.ErrFull)
		synctest.Wait()
		if s := n.s.Stats(); !strings.Contains(s.Stuck, "group 2") {
			t.Errorf("got %q, want it to name the group", s.Stuck)
		}
		n.s.Attach(st.group, st)
		must(t, n.apply(st))
		must(t, n.s.Close())
	})
}

func TestDeletedGroupLeavesNothingBehind(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := vfs.NewMem()
		n := newNode()
		must(t, n.open(options(m, 1)))
		st, err := n.create()
		must(t, err)
		fill(t, n, st, 4000)
		synctest.Wait()
		if _, err := m.List("js/streams/2"); err != nil {
			t.Fatal("nothing was moved")
		}
		must(t, n.remove(st.group))
		for range 3 {
			must(t, n.s.Checkpoint())
		}
		if names, err := m.List("js/streams/2"); err == nil {
			t.Errorf("%q are left", names)
		}
		must(t, n.s.Close())
		must(t, n.open(options(m, 2)))
		must(t, n.check(true))
		must(t, n.s.Close())
	})
}

func TestFullDiskStopsNothingForGood(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := vfs.NewMem()
		n := newNode()
		must(t, n.open(options(m, 1)))
		st, err := n.create()
		must(t, err)
		fill(t, n, st, 1500)
		synctest.Wait()
		m.SetCapacity(1)
		var full error
		for range 200 {
			n.s.Throttle()
			if full = n.log(st, command{kindPublish, message(1)}); full != nil {
				break
			}
			must(t, n.apply(st))
		}
		wantErr(t, full, store.ErrFull)
		must(t, n.check(false)) // reads go on
		must(t, n.s.Err())
		m.SetCapacity(0)
		<-time.After(5 * time.Second)
		synctest.Wait()
		fill(t, n, st, st.x.State().Last+500)
		must(t, n.check(false))
		must(t, n.s.Close())
	})
}

// TestGroupDeletedDuringACheckpointIsForgottenByIt deletes one behind the beginning
// of a checkpoint, which then is the only one that does not have it.
func TestGroupDeletedDuringACheckpointIsForgottenByIt(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := vfs.NewMem()
		f := vfs.NewFaulty(m, 1)
		gate := vfs.NewGate(vfs.OpCreate)
		n := newNode()
		opts := options(f, 1)
		opts.SetStateOwnFile(10)
		must(t, n.open(opts))
		st, err := n.create()
		must(t, err)
		must(t, n.log(st, command{kindPublish, message(1)}))
		must(t, n.apply(st))
		must(t, n.s.Checkpoint())
		f.Observe(gate.Pass)
		written := make(chan error)
		go func() { written <- n.s.Checkpoint() }()
		synctest.Wait()
		must(t, n.remove(st.group))
		gate.Open()
		must(t, <-written)
		left := m.AfterPowerLoss(nil)
		must(t, n.s.Close())
		for round := range uint64(2) {
			k := n.known()
			must(t, k.open(options(left, 2+round)))
			synctest.Wait()
			if len(k.damage) > 0 {
				t.Errorf("start %d: %v", round, k.damage)
			}
			if names := strings.Join(filesBelow(t, left, "js"), " "); strings.Contains(names, "quarantine") {
				t.Errorf("start %d: %s", round, names)
			}
			left = left.AfterPowerLoss(nil)
			must(t, k.s.Close())
		}
	})
}

func TestUnknownFilesAreSetAside(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := vfs.NewMem()
		n := newNode()
		must(t, n.open(options(m, 1)))
		must(t, n.s.Close())
		must(t, m.MkdirAll("js/streams/77"))
		for _, name := range []string{"js/streams/77/seg-00000001.dat", "js/streams/notes", "js/mine"} {
			f, err := m.Create(name)
			must(t, err)
			must(t, f.Close())
		}
		must(t, n.open(options(m, 2)))
		synctest.Wait()
		names := strings.Join(filesBelow(t, m, "js"), " ")
		for _, want := range []string{"js/quarantine/streams_77/seg-00000001.dat", "js/quarantine/streams_notes", "js/mine"} {
			if !strings.Contains(names, want) {
				t.Errorf("%s is missing in %s", want, names)
			}
		}
		must(t, n.s.Close())
	})
}

func TestRescueFindsMessagesWithoutAnyCheckpoint(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m, _ := scripted(t)
		count := func() map[store.Group]int {
			found := map[store.Group]int{}
			must(t, store.Rescue(store.Options{FS: m, Dir: "js"}, func(g store.Group, msg record.Message) error {
				if msg.Seq == 0 || len(msg.Subject) == 0 {
					t.Errorf("got %+v", msg)
				}
				found[g]++
				return nil
			}))
			return found
		}
		before := count()
		for _, name := range filesBelow(t, m, "js") {
			switch {
			case strings.Contains(name, "/checkpoint-"):
				must(t, m.Remove(name))
			case strings.Contains(name, "seg-"):
				flip(t, m, name, 9) // the header
			}
		}
		after := count()
		for g, n := range before {
			if after[g] != n || n == 0 {
				t.Errorf("group %d: %d messages, %d with damaged headers", g, n, after[g])
			}
		}
		wantErr(t, store.Rescue(store.Options{FS: m, Dir: "js"}, func(store.Group, record.Message) error { return vfs.ErrNoSpace }), vfs.ErrNoSpace)
	})
}
