package wal_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/tidings-io/tidings/internal/jetstream/wal"
	"github.com/tidings-io/tidings/internal/vfs"
)

// script appends, retires and closes, with several appends in flight; it stops
// at the first error. Every promise it gets is in h at once, under mu.
func script(l *wal.Log, mu *sync.Mutex, h *history) error {
	for round := range 24 {
		for range 1 + round%3 {
			mu.Lock()
			start, n := h.next, 1+round%4
			h.starts = append(h.starts, start)
			h.next += n
			mu.Unlock()
			err := l.Append(entries(start, n), wal.Normal, completion(func(r wal.Result) {
				mu.Lock()
				defer mu.Unlock()
				if r.Err == nil {
					h.acked = start + n
				}
			}))
			if err != nil {
				mu.Lock()
				h.starts, h.next = h.starts[:len(h.starts)-1], start
				mu.Unlock()
				return err
			}
		}
		places, err := l.Commit(nil, wal.Normal)
		if err != nil || len(places) > 0 {
			return fmt.Errorf("barrier: %w", err)
		}
		if round%5 == 4 {
			mu.Lock()
			h.kept = h.acked
			mu.Unlock()
			l.Retire(l.State().Tail)
		}
	}
	return nil
}

// TestPowerLossAtEveryCallKeepsWhatWasAcknowledged stops at each call that
// changes the disk, from the first Open on.
func TestPowerLossAtEveryCallKeepsWhatWasAcknowledged(t *testing.T) {
	t.Parallel()
	for name, on := range layers {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			powerLossAtEveryCall(t, on)
		})
	}
}

func powerLossAtEveryCall(t *testing.T, on func(vfs.FS) vfs.FS) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		m := vfs.NewMem()
		f := vfs.NewFaulty(m, 1)
		var mu sync.Mutex
		h := history{on: on}
		fsys := h.over(f)
		stops, seeds := 0, uint64(4)
		if testing.Short() {
			seeds = 1
		}
		f.Observe(func(c vfs.Call) {
			if c.Op&vfs.OpChange == 0 {
				return
			}
			mu.Lock()
			defer mu.Unlock()
			stops++
			for seed := range seeds {
				left := m.AfterPowerLoss(seeded(seed*1000 + uint64(c.Number)))
				if err := twice(h, left); err != nil {
					t.Errorf("power lost before call %d (%v %s at %d), seed %d: %v", c.Number, c.Op, c.Name, c.Offset, seed, err)
				}
			}
		})
		l := open(t, options(fsys, 1))
		must(t, script(l, &mu, &h))
		must(t, l.Close())
		f.Observe(nil)
		if h.acked != h.next || stops < 50 {
			t.Errorf("acknowledged %d of %d entries, stopped %d times", h.acked, h.next, stops)
		}
		_, err := h.check(m.AfterPowerLoss(nil))
		must(t, err)
	})
}

// twice checks what is left, and that a log which went on from there keeps both
// what it had found and what it was given, through another loss of power.
func twice(h history, left *vfs.Mem) error {
	l, err := wal.Open(options(h.over(left), 3))
	if err != nil {
		return err
	}
	f, err := replay(l)
	if err == nil {
		err = h.compare(f)
	}
	if err != nil {
		return fmt.Errorf("%w; %w", err, l.Close())
	}
	end := h.acked
	if len(f.whole) > 0 {
		end = f.whole[len(f.whole)-1] + 1
	}
	if _, err := l.Commit(entries(end, 2), wal.Essential); err != nil {
		return fmt.Errorf("commit after recovery: %w", err)
	}
	again := left.AfterPowerLoss(nil)
	if err := l.Close(); err != nil {
		return err
	}
	next := history{on: h.on, next: end + 2, acked: end + 2, kept: min(h.kept, end), starts: []int{end}}
	if _, err := next.check(again); err != nil {
		return fmt.Errorf("after a second loss: %w", err)
	}
	return nil
}

// TestFaultAtEveryCallKeepsWhatWasAcknowledged makes each call of the script go
// wrong in each way, then looks at what the process and the disk have left.
func TestFaultAtEveryCallKeepsWhatWasAcknowledged(t *testing.T) {
	t.Parallel()
	faults := map[string]vfs.Fault{
		"EIO on write":    {On: vfs.OpWrite},
		"short write":     {On: vfs.OpWrite, Do: vfs.Short},
		"full on sync":    {On: vfs.OpSync | vfs.OpSyncDir, Err: vfs.ErrNoSpace},
		"full on names":   {On: vfs.OpRename | vfs.OpRemove | vfs.OpMkdir, Err: vfs.ErrNoSpace},
		"full on write":   {On: vfs.OpWrite, Do: vfs.Short, Err: vfs.ErrNoSpace, Times: -1},
		"failing sync":    {On: vfs.OpSync},
		"EIO on names":    {On: vfs.OpCreate | vfs.OpRename | vfs.OpRemove | vfs.OpMkdir | vfs.OpSyncDir},
		"no more space":   {On: vfs.OpCreate | vfs.OpPreallocate, Err: vfs.ErrNoSpace, Times: -1},
		"EIO on all else": {On: vfs.OpOpen | vfs.OpList | vfs.OpSize | vfs.OpForget | vfs.OpRead},
	}
	for name, fault := range faults {
		for layer, on := range layers {
			t.Run(layer+"/"+name, func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					for nth := 1; faultAt(t, on, fault, nth); nth++ {
					}
				})
			})
		}
	}
}

// faultAt runs the script with the n-th call of a kind failing. It reports
// whether there was an n-th call.
func faultAt(t *testing.T, on func(vfs.FS) vfs.FS, fault vfs.Fault, nth int) bool {
	t.Helper()
	m := vfs.NewMem()
	f := vfs.NewFaulty(m, uint64(nth))
	fault.Nth = nth
	var mu sync.Mutex
	h := history{on: on}
	fsys := h.over(f)
	seen := 0
	f.Observe(func(c vfs.Call) {
		mu.Lock()
		defer mu.Unlock()
		if c.Op&fault.On != 0 {
			seen++
		}
	})
	f.Inject(fault)
	l, err := wal.Open(options(fsys, 1))
	if err == nil {
		err = script(l, &mu, &h)
		closed := l.Close()
		if err == nil && closed == nil && h.acked != h.next {
			t.Errorf("call %d: only %d of %d entries were acknowledged", nth, h.acked, h.next)
		}
	}
	hit := seen >= nth
	if err != nil && !hit {
		t.Errorf("call %d was never made, yet: %v", nth, err)
	}
	f.Heal()
	f.Observe(nil)
	for _, left := range []*vfs.Mem{m.AfterPowerLoss(nil), m.AfterPowerLoss(seeded(uint64(nth))), m} {
		if err := twice(h, left); err != nil {
			t.Errorf("call %d: %v", nth, err)
		}
	}
	return hit
}

// TestRandomHistoryMatchesTheModel mixes appends, retirement, restarts, kills and
// losses of power; the model is the list of entries.
func TestRandomHistoryMatchesTheModel(t *testing.T) {
	t.Parallel()
	seeds := uint64(300)
	if testing.Short() {
		seeds = 30
	}
	for name, on := range layers {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				for seed := range seeds {
					if err := randomHistory(seed, on); err != nil {
						t.Fatalf("seed %d: %v", seed, err)
					}
				}
			})
		})
	}
}

func randomHistory(seed uint64, on func(vfs.FS) vfs.FS) error {
	rng := seeded(seed)
	m := vfs.NewMem()
	var mu sync.Mutex
	h := history{on: on}
	faulty := vfs.NewFaulty(m, seed)
	opts := options(h.over(faulty), seed)
	opts.BatchBytes = 1 + rng.IntN(20_000)
	l, err := wal.Open(opts)
	if err != nil {
		return err
	}
	for range 60 {
		switch rng.IntN(12) {
		case 0: // an orderly restart
			if err := l.Close(); err != nil {
				return err
			}
			if l, err = reopen(opts, &h); err != nil {
				return fmt.Errorf("restart: %w", err)
			}
		case 1: // a kill, or a loss of power
			faulty.Inject(vfs.Fault{On: vfs.OpChange &^ vfs.OpSync, Times: -1})
			_ = l.Close() // the failure is the point
			if rng.IntN(2) == 0 {
				m = m.AfterPowerLoss(rng)
			}
			faulty = vfs.NewFaulty(m, rng.Uint64())
			opts.FS = h.over(faulty)
			if l, err = reopen(opts, &h); err != nil {
				return fmt.Errorf("crash: %w", err)
			}
		case 2:
			if _, err := l.Commit(nil, wal.Essential); err != nil {
				return err
			}
			h.kept = h.acked
			l.Retire(l.State().Tail)
			synctest.Wait()
		default:
			start, n := h.next, 1+rng.IntN(6)
			h.starts = append(h.starts, start)
			h.next += n
			err := l.Append(entries(start, n), wal.Normal, completion(func(r wal.Result) {
				mu.Lock()
				defer mu.Unlock()
				if r.Err == nil {
					h.acked = start + n
				}
			}))
			if err != nil && !strings.Contains(err.Error(), wal.ErrFull.Error()) {
				return err
			}
			if err != nil {
				h.starts, h.next = h.starts[:len(h.starts)-1], start
			}
			if rng.IntN(2) == 0 {
				synctest.Wait()
			}
		}
	}
	return l.Close()
}

// reopen checks the log against the history and goes on from what it holds.
func reopen(opts wal.Options, h *history) (*wal.Log, error) {
	l, err := wal.Open(opts)
	if err != nil {
		return nil, err
	}
	f, err := replay(l)
	if err == nil {
		err = h.compare(f)
	}
	if err != nil {
		return nil, fmt.Errorf("%w; %w", err, l.Close())
	}
	if len(f.whole) > 0 {
		h.next = f.whole[len(f.whole)-1] + 1
	} else {
		h.next = h.acked
	}
	h.acked = h.next
	return l, nil
}
