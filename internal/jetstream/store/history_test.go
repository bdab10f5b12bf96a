package store_test

import (
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tidings-io/tidings/internal/jetstream/store"
	"github.com/tidings-io/tidings/internal/vfs"
)

// TestRandomHistoryMatchesTheModel mixes everything a store is asked to do with
// restarts, kills and losses of power. TIDINGS_SEED=n runs one seed.
func TestRandomHistoryMatchesTheModel(t *testing.T) {
	t.Parallel()
	first, seeds := uint64(0), uint64(150)
	if testing.Short() {
		seeds = 15
	}
	if one, err := strconv.ParseUint(os.Getenv("TIDINGS_SEED"), 10, 64); err == nil {
		first, seeds = one, 1
	}
	if many, err := strconv.ParseUint(os.Getenv("TIDINGS_SEEDS"), 10, 64); err == nil {
		seeds = many
	}
	for seed := first; seed < first+seeds; seed++ {
		synctest.Test(t, func(t *testing.T) {
			h := newHistory(seed)
			if err := h.run(120); err != nil {
				t.Fatalf("TIDINGS_SEED=%d: %v", seed, err)
			}
		})
	}
}

// history is one random run.
type history struct {
	rng  *rand.Rand
	mem  *vfs.Mem
	opts store.Options
	node *node
	n    uint64 // messages made
}

func newHistory(seed uint64) *history {
	h := &history{rng: seeded(seed), mem: vfs.NewMem(), node: newNode()}
	h.opts = options(nil, seed)
	h.opts.MaxFiles = 8 + h.rng.IntN(8)
	h.opts.SegmentSize = 4096 << h.rng.IntN(5)
	h.opts.CheckpointBytes = 32 << 10 << h.rng.IntN(4)
	h.opts.SetStateOwnFile(200 << h.rng.IntN(8))
	if h.rng.IntN(4) == 0 {
		h.opts.SyncInterval, h.node.weak = time.Minute, true
	}
	h.node.compress = h.rng.IntN(2) == 0
	if h.rng.IntN(3) == 0 {
		h.node.key = "key"
	}
	h.mount(h.mem)
	return h
}

func (h *history) mount(m *vfs.Mem) {
	h.mem = m
	h.opts.FS = vfs.NewFaulty(m, h.rng.Uint64())
}

func (h *history) run(steps int) error {
	if err := h.node.open(h.opts); err != nil {
		return err
	}
	for i := range steps {
		if err := h.step(); err != nil {
			return fmt.Errorf("step %d: %w", i, err)
		}
	}
	if err := h.restart(); err != nil {
		return err
	}
	return h.node.s.Close()
}

// pick returns a random stream, making one if there is none.
func (h *history) pick() (*stream, error) {
	list := slices.Sorted(maps.Keys(h.node.streams))
	if len(list) == 0 || len(list) < 6 && h.rng.IntN(20) == 0 {
		return h.node.create()
	}
	return h.node.streams[list[h.rng.IntN(len(list))]], nil
}

func (h *history) step() error {
	st, err := h.pick()
	if err != nil {
		return h.full(err)
	}
	switch h.rng.IntN(40) {
	case 0:
		return h.restart()
	case 1, 2:
		return h.crash()
	case 3, 4:
		return h.node.s.Checkpoint()
	case 5:
		if err := h.node.apply(st); err != nil {
			return err
		}
		return h.full(h.node.remove(st.group))
	case 6, 7:
		if err := h.applyAll(); err != nil {
			return err
		}
		return h.node.check(false)
	case 8, 9, 10, 11, 12, 13:
		return h.log(st, command{kindRemove, h.seq(st)})
	case 14:
		return h.log(st, command{kindPurge, h.seq(st)})
	default:
		var payload []byte
		for range 1 + h.rng.IntN(40) {
			h.n++
			payload = append(payload, message(h.n)...)
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
	if err := h.node.log(st, c); err != nil {
		return h.full(err)
	}
	var err error
	if h.rng.IntN(4) > 0 {
		err = h.node.apply(st)
	}
	if h.rng.IntN(2) == 0 {
		synctest.Wait()
	}
	return err
}

// full sees to it that there is room, if err says that there is none.
func (h *history) full(err error) error {
	if !errors.Is(err, store.ErrFull) {
		return err
	}
	if err := h.applyAll(); err != nil {
		return err
	}
	<-time.After(2 * time.Second) // of the bubble's clock: the keeper tries again
	synctest.Wait()
	return nil
}

func (h *history) applyAll() error {
	for _, g := range slices.Sorted(maps.Keys(h.node.streams)) {
		if err := h.node.apply(h.node.streams[g]); err != nil {
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
	if err := h.node.s.Close(); err != nil {
		return fmt.Errorf("close: %w", err)
	}
	return h.reopen()
}

// crash is a kill, or a loss of power, at any moment.
func (h *history) crash() error {
	faulty := h.opts.FS.(*vfs.Faulty)
	if h.rng.IntN(2) == 0 { // in the middle of something
		faulty.Inject(vfs.Fault{On: vfs.OpChange, Nth: 1 + h.rng.IntN(8), Times: -1})
		_ = h.node.s.Checkpoint() // fails as the machine does
		for range h.rng.IntN(3) {
			if st, err := h.pick(); err == nil {
				_ = h.node.log(st, command{kindPublish, message(1)}) // likewise
			}
		}
	}
	faulty.Inject(vfs.Fault{On: vfs.OpChange &^ vfs.OpSync, Times: -1})
	lost := h.mem
	if h.rng.IntN(2) == 0 {
		lost = h.mem.AfterPowerLoss(h.rng)
		_ = h.node.s.Close() // of the machine that is no more
	} else {
		_ = h.node.s.Close() // the failure is the point
	}
	h.mount(lost)
	return h.reopen()
}

func (h *history) reopen() error {
	if err := h.node.open(h.opts); err != nil {
		return fmt.Errorf("open: %w", err)
	}
	if len(h.node.damage) > 0 {
		return fmt.Errorf("damage without a cause: %w", errors.Join(h.node.damage...))
	}
	synctest.Wait()
	return h.node.check(true)
}
