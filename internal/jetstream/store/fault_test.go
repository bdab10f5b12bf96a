package store_test

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tidings-io/tidings/internal/jetstream/store"
	"github.com/tidings-io/tidings/internal/vfs"
)

// script is a short history that writes every kind of file: log files, segments
// plain and compressed, checkpoints, states of their own, a group that is dropped.
// It stops at the first error.
func script(n *node, opts store.Options) error {
	if err := n.open(opts); err != nil {
		return err
	}
	number := uint64(0)
	publish := func(st *stream, records int) error {
		var payload []byte
		for range records {
			number++
			payload = append(payload, message(number)...)
		}
		n.s.Throttle()
		err := n.log(st, command{kindPublish, payload})
		if errors.Is(err, store.ErrFull) { // the keeper comes to it
			<-time.After(5 * time.Second)
			synctest.Wait()
			err = n.log(st, command{kindPublish, payload})
		}
		return errors.Join(err, n.apply(st))
	}
	for round := range 3 {
		a, err := n.create()
		if err != nil {
			return err
		}
		b, err := n.create()
		if err != nil {
			return err
		}
		for i := range 12 {
			if err := errors.Join(publish(a, 20), publish(b, 1+i)); err != nil {
				return err
			}
			seq := binary.LittleEndian.AppendUint64(nil, uint64(7*i+round))
			if err := errors.Join(n.log(b, command{kindRemove, seq}), n.apply(b)); err != nil {
				return err
			}
			if i%4 == 3 {
				err := meanwhile(n, a, func() error { return n.s.Checkpoint() })
				if err != nil {
					return err
				}
			}
			synctest.Wait()
		}
		seq := binary.LittleEndian.AppendUint64(nil, 200)
		if err := errors.Join(n.log(a, command{kindPurge, seq}), n.apply(a)); err != nil {
			return err
		}
		if round == 1 {
			if err := n.remove(b.group); err != nil {
				return err
			}
		}
	}
	return nil
}

func scriptOptions(fsys vfs.FS) store.Options {
	opts := options(fsys, 5)
	opts.MaxFiles, opts.SegmentSize, opts.CheckpointBytes = 6, 16<<10, 64<<10
	opts.SetStateOwnFile(600)
	return opts
}

func scriptNode() *node {
	n := newNode()
	n.compress = true
	return n
}

// known is what a test knows of a node at one moment.
func (n *node) known() *node {
	n.mu.Lock()
	defer n.mu.Unlock()
	k := newNode()
	k.compress, k.key, k.next = n.compress, n.key, n.next
	for g, st := range n.histories {
		k.histories[g] = &stream{group: g, history: slices.Clone(st.history), acked: st.acked}
	}
	for g := range n.deleting {
		k.deleting[g], k.deleted[g] = true, n.deleted[g]
	}
	return k
}

// survives opens what is left of a store, compares it, goes on with it, and does
// so again.
func survives(k *node, left *vfs.Mem) error {
	opts := scriptOptions(left)
	opts.Incarnation = seeded(77).Uint64
	for round := range 2 {
		if err := k.open(opts); err != nil {
			return fmt.Errorf("round %d: %w", round, err)
		}
		if len(k.damage) > 0 {
			return errors.Join(fmt.Errorf("round %d: damage without a cause: %w", round, errors.Join(k.damage...)), k.s.Close())
		}
		synctest.Wait() // there may be no room at first
		err := k.check(true)
		for _, st := range k.streams {
			err = errors.Join(err, k.log(st, command{kindPublish, message(9)}), k.apply(st))
		}
		if err = errors.Join(err, k.s.Close(), k.check2()); err != nil {
			return fmt.Errorf("round %d: %w", round, err)
		}
	}
	return nil
}

// check2 is for what can be checked of a closed store: nothing is left undone.
func (n *node) check2() error {
	for g, st := range n.streams {
		if len(st.queue) > 0 {
			return fmt.Errorf("group %d: entries are not applied", g)
		}
	}
	return nil
}

// TestPowerLossAtEveryCallKeepsWhatWasAcknowledged stops at each call that changes
// the disk, from the first Open on.
func TestPowerLossAtEveryCallKeepsWhatWasAcknowledged(t *testing.T) {
	t.Parallel()
	every := 1
	if testing.Short() {
		every = 17
	}
	t.Run("plain", func(t *testing.T) {
		t.Parallel()
		powerLossAtEveryCall(t, "", every)
	})
	t.Run("encrypted", func(t *testing.T) {
		t.Parallel()
		powerLossAtEveryCall(t, "key", 5*every)
	})
}

func powerLossAtEveryCall(t *testing.T, key string, every int) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		m := vfs.NewMem()
		f := vfs.NewFaulty(m, 1)
		n := scriptNode()
		n.key = key
		type stop struct {
			call vfs.Call
			left *vfs.Mem
			k    *node
		}
		var mu sync.Mutex
		var stops []stop
		calls := 0
		f.Observe(func(c vfs.Call) {
			if c.Op&vfs.OpChange == 0 {
				return
			}
			mu.Lock()
			defer mu.Unlock()
			if calls++; calls%every != 0 {
				return
			}
			k := n.known()
			stops = append(stops,
				stop{c, m.AfterPowerLoss(nil), k},
				stop{c, m.AfterPowerLoss(seeded(uint64(c.Number))), k.known()})
		})
		must(t, script(n, scriptOptions(f)))
		must(t, n.s.Close())
		f.Observe(nil)
		for _, s := range stops {
			if err := survives(s.k, s.left); err != nil {
				t.Fatalf("power lost before call %d (%v %s at %d): %v", s.call.Number, s.call.Op, s.call.Name, s.call.Offset, err)
			}
		}
		must(t, survives(n.known(), m.AfterPowerLoss(nil)))
		t.Logf("%d stops", len(stops))
	})
}

// TestFaultAtEveryCallKeepsWhatWasAcknowledged makes each call of the script go
// wrong in each way, then looks at what the process and the disk have left.
func TestFaultAtEveryCallKeepsWhatWasAcknowledged(t *testing.T) {
	t.Parallel()
	faults := map[string]vfs.Fault{
		"EIO on write":  {On: vfs.OpWrite},
		"short write":   {On: vfs.OpWrite, Do: vfs.Short},
		"full on sync":  {On: vfs.OpSync | vfs.OpSyncDir, Err: vfs.ErrNoSpace},
		"full on names": {On: vfs.OpRename | vfs.OpRemove | vfs.OpMkdir, Err: vfs.ErrNoSpace},
		"full on write": {On: vfs.OpWrite, Do: vfs.Short, Err: vfs.ErrNoSpace, Times: -1},
		"failing sync":  {On: vfs.OpSync},
		"EIO on names":  {On: vfs.OpCreate | vfs.OpRename | vfs.OpRemove | vfs.OpMkdir | vfs.OpSyncDir},
		"no more space": {On: vfs.OpCreate | vfs.OpPreallocate, Err: vfs.ErrNoSpace, Times: 3},
		"EIO on read":   {On: vfs.OpRead},
		"EIO on rest":   {On: vfs.OpOpen | vfs.OpList | vfs.OpSize | vfs.OpForget},
	}
	step := 1
	if testing.Short() {
		step = 13
	}
	for name, fault := range faults {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				for nth := 1; faultAt(t, fault, nth); nth += step {
				}
			})
		})
	}
}

// faultAt runs the script with the n-th call of a kind failing. It reports whether
// there was an n-th call.
func faultAt(t *testing.T, fault vfs.Fault, nth int) bool {
	t.Helper()
	m := vfs.NewMem()
	f := vfs.NewFaulty(m, uint64(nth))
	fault.Nth = nth
	var mu sync.Mutex
	seen := 0
	f.Observe(func(c vfs.Call) {
		mu.Lock()
		defer mu.Unlock()
		if c.Op&fault.On != 0 {
			seen++
		}
	})
	f.Inject(fault)
	n := scriptNode()
	err := script(n, scriptOptions(f))
	if n.s != nil {
		err = errors.Join(err, n.s.Close())
	}
	mu.Lock()
	hit := seen >= nth
	mu.Unlock()
	if err != nil && !hit {
		t.Errorf("call %d was never made, yet: %v", nth, err)
	}
	f.Heal()
	f.Observe(nil)
	for i, left := range []*vfs.Mem{m.AfterPowerLoss(nil), m} {
		if err := survives(n.known(), left); err != nil {
			t.Fatalf("call %d, then %d: %v", nth, i, err)
		}
	}
	return hit
}

// TestNoCheckpointFollowsAFailedSync has somebody wait to write one while the
// keeper moves messages to a segment whose sync fails: what it says about them is
// not on the disk.
func TestNoCheckpointFollowsAFailedSync(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := vfs.NewMem()
		f := vfs.NewFaulty(m, 1)
		ofSegment := func(c vfs.Call) bool { return strings.Contains(c.Name, "seg-") }
		f.Inject(vfs.Fault{On: vfs.OpSync, Match: ofSegment})
		gate := vfs.NewGate(vfs.OpSync)
		f.Observe(func(c vfs.Call) {
			if ofSegment(c) {
				gate.Pass(c)
			}
		})
		n := newNode()
		must(t, n.open(options(f, 1)))
		st, err := n.create()
		must(t, err)
		for i := uint64(0); len(gate.Waiting()) == 0; i++ {
			must(t, n.log(st, command{kindPublish, message(i)}))
			must(t, n.apply(st))
			synctest.Wait()
		}
		written := make(chan error)
		go func() { written <- n.s.Checkpoint() }()
		synctest.Wait()
		gate.Open()
		wantErr(t, <-written, store.ErrPoisoned)
		wantErr(t, n.s.Close(), store.ErrPoisoned)
		must(t, survives(n.known(), m.AfterPowerLoss(nil)))
	})
}
