package wal

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/tidings-io/tidings/internal/invariant"
)

// tailReserve is kept free behind the last batch of a file: for the marker that
// proves it, and for one that records which files are retired.
const tailReserve = 2 * blockSize

// Log is an open log. Its methods are safe for concurrent use.
type Log struct {
	// immutable after Open
	opts     Options
	readOnly bool          // nothing in the directory is changed
	wake     chan struct{} // to commitLoop: there may be something to write
	prep     chan struct{} // to prepareLoop: there may be a file to make
	stop     chan struct{} // closed: prepareLoop ends
	loops    sync.WaitGroup
	closing  sync.Once
	closeErr error // set inside closing

	// owned by commitLoop
	nextSeq uint64
	prevSum uint32
	next    *batch // empty; the open batch after the one that is being written
	// unsynced batches at the end of file dirty; synced is when it was synced last
	unsynced uint32
	dirty    *file
	synced   time.Time

	// files that hold entries, ascending; replaced under mu, read by anyone
	active atomic.Pointer[[]*file]

	// owned by Replay
	found    []item
	replayed atomic.Bool

	mu struct {
		sync.Mutex
		room sync.Cond // the open batch was taken, or a file came, or all is over
		open *batch

		tail    *file // where the open batch will go unless it needs a new file
		tailOff int64

		prepared   []*file // empty files, in the order of use
		retired    []*file // no longer needed, not yet reused
		preparing  bool    // prepareLoop may still bring files; wait for it
		prepareErr error   // why the last attempt brought none
		nextNumber FileNumber

		end Position // up to which all is durable
		// syncWanted counts the calls of Sync, syncDone those that are served.
		syncWanted, syncDone uint64

		overwrites []*overwrite // wanted, not yet begun

		oldest        FileNumber // files below it are retired
		retirePending bool       // oldest is not yet durable

		err    error // all is over: ErrClosed, or what poisoned the log
		closed bool  // no more appends, the rest is being written
	}
}

// MaxAppend returns how many bytes of payload n entries of one Append may have.
// Below 0: n entries are too many.
func (l *Log) MaxAppend(n int) int64 {
	if n > maxBatchEntries {
		return -1
	}
	return l.opts.FileSize - blockSize - tailReserve - batchHeaderSize - dirEntrySize*int64(n)
}

// Append accepts entries to be stored together, in their order and after those
// of earlier calls, and returns without waiting for the disk; done, which may be
// nil, is told when they are durable. It sets fields of the entries that are its
// own and keeps neither them nor their payloads. No entries at all is a barrier.
//
// It blocks while the open batch is full, at most until the batch before it is
// synced, and while a file is being made ready. Errors, after which nothing was
// accepted and done will not be called: [ErrTooLarge], [ErrFull], [ErrClosed],
// [ErrPoisoned].
func (l *Log) Append(entries []Entry, class Class, done Completion) error {
	total := int64(0)
	for i := range entries {
		entries[i].sum = checksum(entries[i].Payload)
		total += int64(len(entries[i].Payload))
	}
	if limit := l.MaxAppend(len(entries)); total > limit {
		return fmt.Errorf("%w: %d entries of %d bytes, a batch takes %d entries and %d bytes", ErrTooLarge, len(entries), total, maxBatchEntries, max(limit, 0))
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.appendLocked(entries, int(total), class, done)
}

func (l *Log) appendLocked(entries []Entry, total int, class Class, done Completion) error {
	for {
		admitted, err := l.admitLocked(len(entries), total, class)
		if err != nil {
			return err
		}
		if admitted {
			break
		}
		l.mu.room.Wait()
	}
	l.mu.open.add(entries, class, done)
	signal(l.wake)
	return nil
}

// admitLocked decides whether the open batch takes more: yes, no for good, or
// (false, nil) not now. What it takes has a place on the disk.
func (l *Log) admitLocked(entries, payloadBytes int, class Class) (bool, error) {
	if l.mu.err != nil {
		return false, l.mu.err
	}
	if l.mu.closed {
		return false, ErrClosed
	}
	b := l.mu.open
	size := b.sizeWith(entries, payloadBytes)
	if len(b.waiters) > 0 && (len(b.dir)+entries > maxBatchEntries ||
		b.payloadBytes()+payloadBytes > l.opts.BatchBytes ||
		blockSize+size+tailReserve > l.opts.FileSize) {
		return false, nil
	}
	if l.fitsLocked(size) {
		return true, nil
	}
	need := 1
	if class != Essential {
		need = 2
	}
	switch {
	case len(l.mu.prepared) >= need:
		return true, nil
	case l.mu.preparing:
		return false, nil
	case l.mu.prepareErr != nil:
		return false, fmt.Errorf("%w: %w", ErrFull, l.mu.prepareErr)
	default:
		return false, ErrFull
	}
}

// fitsLocked reports whether a batch of entries fits behind the last one.
func (l *Log) fitsLocked(size int64) bool {
	return l.mu.tail != nil && l.mu.tailOff+size+tailReserve <= l.mu.tail.size
}

// Commit is Append that waits and returns where the entries are.
func (l *Log) Commit(entries []Entry, class Class) ([]Place, error) {
	w := &waitFor{done: make(chan error, 1)}
	if err := l.Append(entries, class, w); err != nil {
		return nil, err
	}
	err := <-w.done
	return w.places, err
}

// waitFor is the Completion of Commit.
type waitFor struct {
	places []Place
	done   chan error
}

func (w *waitFor) Durable(r Result) {
	for i := 0; r.Err == nil && i < r.Len(); i++ {
		w.places = append(w.places, r.Place(i))
	}
	w.done <- r.Err
}

// Retire says that no entry in files below the given one is needed any more. It
// returns at once; the files are reused after that is durable. The file that is
// written to is never retired.
func (l *Log) Retire(before FileNumber) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.retireLocked(before) {
		signal(l.wake)
	}
}

// RetireNow is Retire that returns when that is durable. Its errors are those of
// [Log.Append]: after [ErrFull] it is as after Retire.
func (l *Log) RetireNow(before FileNumber) error {
	w := &waitFor{done: make(chan error, 1)}
	l.mu.Lock()
	due := l.retireLocked(before)
	err := l.appendLocked(nil, 0, Essential, w)
	if err != nil && due {
		signal(l.wake) // for this alone there is a reserve
	}
	l.mu.Unlock()
	if err != nil {
		return err
	}
	return <-w.done
}

// retireLocked reports whether there is something to be written down.
func (l *Log) retireLocked(before FileNumber) bool {
	for _, f := range *l.active.Load() {
		if f.number >= before || f == l.mu.tail {
			before = f.number
			break
		}
	}
	if l.mu.tail == nil || before <= l.mu.oldest {
		return false
	}
	l.mu.oldest = before
	l.mu.retirePending = true
	return true
}

// End returns up to where all that was accepted is durable.
func (l *Log) End() Position {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.mu.end
}

// Sync returns when everything is durable of which a [Completion] was told before
// the call. It is for those who act on entries that were told early. Errors:
// [ErrClosed], [ErrPoisoned].
func (l *Log) Sync() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.mu.syncWanted++
	want := l.mu.syncWanted
	signal(l.wake)
	for l.mu.syncDone < want {
		if l.mu.err != nil {
			return l.mu.err
		}
		l.mu.room.Wait()
	}
	return nil
}

// State is how full a log is.
type State struct {
	Oldest FileNumber // the first file that holds entries
	Tail   FileNumber // the file that is written to: those before it are sealed
	Files  int        // files that hold entries
	Ready  int        // empty files, the reserve included
	Err    error      // what poisoned the log, or nil
}

// State returns how full the log is now.
func (l *Log) State() State {
	l.mu.Lock()
	defer l.mu.Unlock()
	s := State{Ready: len(l.mu.prepared)}
	if errors.Is(l.mu.err, ErrPoisoned) {
		s.Err = l.mu.err
	}
	active := *l.active.Load()
	s.Files = len(active)
	if len(active) > 0 {
		s.Oldest, s.Tail = active[0].number, active[len(active)-1].number
	}
	return s
}

// Close writes what was accepted, stops the loops and closes the files. It
// returns what poisoned the log, if anything did. Later calls return the same.
func (l *Log) Close() error {
	l.closing.Do(func() {
		l.mu.Lock()
		l.mu.closed = true
		l.mu.room.Broadcast()
		l.mu.Unlock()
		signal(l.wake)
		close(l.stop)
		l.loops.Wait()
		l.closeErr = errors.Join(l.State().Err, l.closeFiles())
	})
	return l.closeErr
}

// closeFiles ends a log whose loops have ended.
func (l *Log) closeFiles() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.mu.err == nil {
		l.mu.err = ErrClosed
		l.mu.room.Broadcast()
	}
	var err error
	for _, f := range slices.Concat(*l.active.Load(), l.mu.prepared, l.mu.retired) {
		f.retire()
		err = errors.Join(err, f.disk.Close())
	}
	l.active.Store(&[]*file{})
	return err
}

// lookup returns the file of a number, or nil.
func (l *Log) lookup(n FileNumber) *file {
	files := *l.active.Load()
	i, ok := slices.BinarySearchFunc(files, n, func(f *file, n FileNumber) int {
		return int(int64(f.number) - int64(n))
	})
	if !ok {
		return nil
	}
	return files[i]
}

// activateLocked makes the first prepared file the tail.
func (l *Log) activateLocked() {
	if invariant.Enabled {
		invariant.That(len(l.mu.prepared) > 0, "a batch was accepted without a place")
	}
	f := l.mu.prepared[0]
	l.mu.prepared = l.mu.prepared[1:]
	l.mu.tail, l.mu.tailOff = f, blockSize
	files := append(slices.Clone(*l.active.Load()), f)
	l.active.Store(&files)
	if l.mu.oldest == 0 {
		l.mu.oldest = f.number
	}
	l.mu.preparing = true
	signal(l.prep)
	if l.opts.OnFile != nil {
		l.opts.OnFile(len(files))
	}
}

// signal wakes a loop that may be busy; it looks again before it sleeps.
func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
