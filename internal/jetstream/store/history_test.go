package store_test

import (
	"encoding/binary"
	"errors"
	"flag"
	"fmt"
	"hash/crc64"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tidings-io/tidings/internal/jetstream/store"
	"github.com/tidings-io/tidings/internal/vfs"
	"github.com/tidings-io/tidings/internal/vfs/encrypted"
)

var (
	seedFlag = flag.Uint64("seed", 0, "run only the history with this seed")
	seeds    = flag.Uint64("seeds", 2000, "number of random histories")
)

// TestRandomHistoryMatchesTheModel mixes everything a store is asked to do with
// restarts, kills and losses of power. A failed history is run again with -seed,
// call by call the same.
func TestRandomHistoryMatchesTheModel(t *testing.T) {
	t.Parallel()
	if *seedFlag != 0 {
		run(t, *seedFlag)
		return
	}
	n := *seeds
	if testing.Short() {
		n /= 20
	}
	const parts = 4
	for part := range uint64(parts) {
		t.Run(fmt.Sprint("part", part), func(t *testing.T) {
			t.Parallel()
			for seed := part + 1; seed <= n && !t.Failed(); seed += parts {
				run(t, seed)
			}
		})
	}
}

// TestSeedDecidesTheWholeHistory compares the order of all calls that change the
// disk, those of the goroutines of log and keeper included.
func TestSeedDecidesTheWholeHistory(t *testing.T) {
	t.Parallel()
	n := uint64(40)
	if testing.Short() {
		n = 8
	}
	for seed := range n {
		first, again := run(t, seed+1), run(t, seed+1)
		if first.calls != again.calls || first.trace != again.trace {
			t.Errorf("seed %d: %d calls the first time, then %d; the same order: %v", seed+1, first.calls, again.calls, first.trace == again.trace)
		}
	}
}

// run runs one history.
func run(t *testing.T, seed uint64) (h *history) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		h = newHistory(seed)
		if err := h.run(); err != nil {
			t.Errorf("again with -seed %d: %v", seed, err)
		}
	})
	return h
}

// held are the calls at which a history decides who goes on. Reads and writes are
// not among them: some are made under locks that others wait for.
const held = vfs.OpChange &^ vfs.OpWrite

var iso = crc64.MakeTable(crc64.ISO)

// history is one random run. All that goes on beside each other in a store, what it
// is asked to do, its keeper and the loops of its log, goes on one call of the disk
// at a time, in an order that follows from the seed.
type history struct {
	rng    *rand.Rand
	mem    *vfs.Mem
	faulty *vfs.Faulty // over mem
	gate   *vfs.Gate   // over all
	opts   store.Options
	node   *node
	sealed bool // encrypted
	favour int  // who goes on more often: 0 nobody, 1 the log, 2 the others
	steps  int
	most   int    // messages in a publish
	n      uint64 // messages made

	calls int    // of the disk
	trace uint64 // checksum of all that was decided
}

func newHistory(seed uint64) *history {
	h := &history{rng: seeded(seed), node: newNode()}
	h.opts = options(nil, seed)
	h.opts.FileSize = []int64{24 << 10, 24 << 10, 32 << 10, 64 << 10}[h.rng.IntN(4)]
	h.opts.MaxFiles = 5 + h.rng.IntN(8)
	h.opts.SegmentSize = 4096 << h.rng.IntN(4)
	h.opts.CheckpointBytes = 8 << 10 << h.rng.IntN(5)
	h.opts.SetStateOwnFile(100 << h.rng.IntN(8))
	if h.rng.IntN(4) == 0 {
		h.opts.SyncInterval, h.node.weak = time.Minute, true
	}
	h.node.compress = h.rng.IntN(2) == 0
	h.sealed = h.rng.IntN(4) == 0
	h.favour = h.rng.IntN(3)
	h.steps = 20 + h.rng.IntN(60)
	h.most = 1 + h.rng.IntN(12)*int(h.opts.FileSize>>14)
	return h
}

// mount puts the layers over what is on the disk.
func (h *history) mount(m *vfs.Mem) error {
	h.mem, h.faulty = m, vfs.NewFaulty(m, h.rng.Uint64())
	fsys := vfs.FS(h.faulty)
	if h.sealed {
		var err error
		if fsys, _, err = encrypted.Open(fsys, ".", encrypted.Keys{Key: "k", Cost: encrypted.Cost{Passes: 1, MemoryKiB: 8}}); err != nil {
			return err
		}
	}
	top := vfs.NewFaulty(fsys, 0)
	h.gate = vfs.NewGate(held)
	top.Observe(h.gate.Pass)
	h.opts.FS = top
	return nil
}

func (h *history) run() error {
	err := h.mount(vfs.NewMem())
	if err == nil {
		err = h.do(h.open)
	}
	for i := 0; i < h.steps && err == nil; i++ {
		if err = h.step(); err != nil {
			err = fmt.Errorf("step %d: %w", i, err)
		}
	}
	if err == nil {
		err = h.restart()
	}
	h.gate.Open()
	if h.node.s != nil {
		err = errors.Join(err, h.node.s.Close())
	}
	return err
}

// do runs f beside what else goes on, until it returns.
func (h *history) do(f func() error) error {
	done := make(chan error, 1)
	synctest.Wait()
	for h.makeFiles() {
	}
	go func() { done <- f() }()
	for idle := 0; idle < 100; {
		synctest.Wait()
		select {
		case err := <-done:
			return err
		default:
		}
		if h.makeFiles() || h.next() {
			idle = 0
			continue
		}
		<-time.After(time.Second) // of the bubble's clock: somebody tries again
		idle++
	}
	h.gate.Open() // what hangs is told with all goroutines
	return errors.New("nothing goes on")
}

// next lets one call go on. It reports false if there is none.
func (h *history) next() bool {
	synctest.Wait()
	calls := h.gate.Waiting()
	if len(calls) == 0 {
		return false
	}
	i := h.rng.IntN(len(calls))
	if h.favour > 0 && h.rng.IntN(4) > 0 {
		if j := slices.IndexFunc(calls, func(c vfs.Call) bool { return strings.Contains(c.Name, "/wal") == (h.favour == 1) }); j >= 0 {
			i = j
		}
	}
	h.let(calls, i)
	return true
}

func (h *history) let(calls []vfs.Call, i int) {
	h.calls++
	h.trace = crc64.Update(h.trace, iso, fmt.Appendf(nil, "%v %s %d\n", calls[i].Op, calls[i].Name, len(calls)))
	h.gate.Let(i)
	synctest.Wait()
}

// makeFiles lets one call go on of the loop that makes files for the log, if it has
// one: two that wait for a file at a time would race for it.
func (h *history) makeFiles() bool {
	calls := h.gate.Waiting()
	i := slices.IndexFunc(calls, func(c vfs.Call) bool {
		name, inLog := strings.CutPrefix(c.Name, "js/wal")
		var number uint64
		if _, err := fmt.Sscanf(name, "/%d.wal", &number); c.Op == vfs.OpSync && err == nil && !strings.HasSuffix(name, ".tmp") {
			return h.node.s != nil && number < h.node.s.OldestFile()
		}
		return inLog && h.node.s != nil
	})
	if i >= 0 {
		h.let(calls, i)
	}
	return i >= 0
}

// settle lets everything go on until nobody waits for the disk.
func (h *history) settle() {
	for h.next() {
	}
}

// pick returns a random stream, making one if there is none.
func (h *history) pick() (st *stream, err error) {
	list := slices.Sorted(maps.Keys(h.node.streams))
	if len(list) == 0 || len(list) < 6 && h.rng.IntN(20) == 0 {
		err = h.do(func() error {
			st, err = h.node.create()
			return err
		})
		return st, err
	}
	return h.node.streams[list[h.rng.IntN(len(list))]], nil
}

func (h *history) step() error {
	st, err := h.pick()
	if err != nil {
		return h.full(err)
	}
	switch h.rng.IntN(40) {
	case 0, 1:
		return h.restart()
	case 2, 3, 4:
		return h.crash()
	case 5, 6:
		return h.do(h.node.s.Checkpoint)
	case 7:
		if err := h.apply(st); err != nil {
			return err
		}
		return h.full(h.do(func() error { return h.node.remove(st.group) }))
	case 8, 9:
		if err := h.applyAll(); err != nil {
			return err
		}
		return h.node.check(false)
	case 10, 11, 12, 13, 14, 15:
		return h.log(st, command{kindRemove, h.seq(st)})
	case 16:
		return h.log(st, command{kindPurge, h.seq(st)})
	case 17:
		h.settle()
		return nil
	default:
		var payload []byte
		for range 1 + h.rng.IntN(h.most) {
			h.n++
			rec := message(h.n)
			if int64(len(payload)+len(rec)) > h.node.s.MaxAppend(1) {
				break
			}
			payload = append(payload, rec...)
		}
		return h.log(st, command{kindPublish, payload})
	}
}

// seq returns a sequence the stream may have.
func (h *history) seq(st *stream) []byte {
	last := st.x.State().Last
	return binary.LittleEndian.AppendUint64(nil, 1+h.rng.Uint64N(last+1))
}

func (h *history) log(st *stream, c command) error {
	if err := h.do(func() error { return h.node.log(st, c) }); err != nil {
		return h.full(err)
	}
	var err error
	if h.rng.IntN(4) > 0 {
		err = h.apply(st)
	}
	for range h.rng.IntN(8) {
		h.next()
	}
	return err
}

func (h *history) apply(st *stream) error {
	return h.do(func() error { return h.node.apply(st) })
}

// full sees to it that there is room, if err says that there is none.
func (h *history) full(err error) error {
	if !errors.Is(err, store.ErrFull) {
		return err
	}
	if err := h.applyAll(); err != nil {
		return err
	}
	for range 3 {
		h.settle()
		<-time.After(2 * time.Second) // of the bubble's clock: the keeper tries again
	}
	h.settle()
	return nil
}

func (h *history) applyAll() error {
	for _, g := range slices.Sorted(maps.Keys(h.node.streams)) {
		if err := h.apply(h.node.streams[g]); err != nil {
			return err
		}
	}
	return nil
}

// restart is an orderly one.
func (h *history) restart() error {
	if h.rng.IntN(2) == 0 {
		if err := h.applyAll(); err != nil {
			return err
		}
	}
	if err := h.do(h.node.s.Close); err != nil {
		return fmt.Errorf("close: %w", err)
	}
	return h.reopen()
}

// crash is a kill, or a loss of power, at any moment.
func (h *history) crash() error {
	if h.rng.IntN(2) == 0 { // in the middle of something
		h.faulty.Inject(vfs.Fault{On: vfs.OpChange, Nth: 1 + h.rng.IntN(8), Times: -1})
		_ = h.do(h.node.s.Checkpoint) // fails as the machine does
		for range h.rng.IntN(3) {
			if st, err := h.pick(); err == nil {
				_ = h.do(func() error { return h.node.log(st, command{kindPublish, message(1)}) }) // likewise
			}
		}
	}
	h.faulty.Inject(vfs.Fault{On: vfs.OpChange &^ vfs.OpSync, Times: -1})
	lost := h.mem
	if h.rng.IntN(2) == 0 {
		lost = h.mem.AfterPowerLoss(h.rng)
	}
	_ = h.do(h.node.s.Close) // of the machine that is no more: the failure is the point
	if err := h.mount(lost); err != nil {
		return err
	}
	return h.reopen()
}

func (h *history) open() error { return h.node.open(h.opts) }

func (h *history) reopen() error {
	if err := h.do(h.open); err != nil {
		return fmt.Errorf("open: %w", err)
	}
	if len(h.node.damage) > 0 {
		return fmt.Errorf("damage without a cause: %w", errors.Join(h.node.damage...))
	}
	for range h.rng.IntN(10) {
		h.next()
	}
	return h.node.check(true)
}
