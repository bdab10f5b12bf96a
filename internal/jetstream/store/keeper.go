package store

import (
	"errors"
	"fmt"
	"iter"
	"maps"
	"path"
	"slices"
	"time"

	"github.com/tidings-io/tidings/internal/jetstream/wal"
	"github.com/tidings-io/tidings/internal/vfs"
)

// keepRetry is how long the keeper waits after it could not do its work, which
// for want of space is the time it takes to notice that there is room.
const keepRetry = time.Second

// keeping is what the keeper owns: the goroutine, or who holds its lock.
type keeping struct {
	ioLock

	number   uint64       // of the last checkpoint
	position wal.Position // of the last checkpoint
	// generations are the checkpoints on disk, the newest first, two at most.
	generations []*generation
	clean       []cleanFile
	doomed      []doomedFile
	sparse      []sparseSegment // found by the last checkpoint
	stuck       string          // why the oldest file cannot be retired; told once
}

// cleanFile is a log file that no index refers to since before checkpoint number.
type cleanFile struct {
	file   wal.FileNumber
	number uint64
}

// doomedFile is removed once no checkpoint refers to it: the first without it is
// number.
type doomedFile struct {
	group   Group
	segment *segment // nil: the whole directory of the group
	number  uint64
}

func (k *keeping) ref(g Group) (sectionRef, bool) {
	for _, o := range k.generations {
		if ref, ok := o.sections[g]; ok || o.whole {
			return ref, ok
		}
	}
	return sectionRef{}, false
}

// keepLoop writes checkpoints and makes room in the log. One per store, from
// Recover to Close.
func (s *Store) keepLoop() {
	defer close(s.kept)
	_ = s.FlushErased() // what recovery has removed again; an error has stopped the store
	s.tidy()
	for {
		var retry <-chan time.Time
		if err := s.work(); err != nil {
			retry = time.After(keepRetry)
		}
		if s.stopping() {
			return
		}
		select {
		case <-s.stop:
			return
		case <-s.wakeup:
		case <-retry:
		}
	}
}

// wake has the keeper look for work.
func (s *Store) wake() {
	select {
	case s.wakeup <- struct{}{}:
	default:
	}
}

// work does what there is to do.
func (s *Store) work() error {
	s.keep.Lock()
	defer s.keep.Unlock()
	defer s.room.open()
	if s.Err() != nil {
		return nil
	}
	err := s.moveKeptOverLimit()
	if err == nil && s.logged(s.keep.position) >= s.opts.CheckpointBytes {
		err = s.checkpoint(false)
	}
	if err == nil {
		err = s.makeRoom()
	}
	if err == nil {
		err = s.FlushErased() // copies of what was removed while it was moved
	}
	if err == nil {
		err = s.compact()
	}
	return s.note(err)
}

// note acts on an error of the keeper: a disk that is full may get room again,
// anything else stops the store.
func (s *Store) note(err error) error {
	_, unsynced := errors.AsType[*syncError](err)
	switch {
	case err == nil, errors.Is(err, errStopping) && !unsynced:
		return nil
	case unsynced:
	case errors.Is(err, vfs.ErrNoSpace):
		s.opts.Log.Warn("no space to keep the store in order", "error", err)
		return err
	case errors.Is(err, ErrClosed), errors.Is(err, wal.ErrFull):
		return err
	}
	s.fail(err)
	return err
}

// fail stops the store for good.
func (s *Store) fail(err error) {
	err = fmt.Errorf("%w: %w", ErrPoisoned, err)
	if s.failed.CompareAndSwap(nil, &err) {
		s.opts.Log.Error("the store is stopped", "error", err)
	}
}

// Checkpoint writes a checkpoint now. The caller holds no lock that an Owner's
// View takes.
func (s *Store) Checkpoint() error {
	s.keep.Lock()
	defer s.keep.Unlock()
	switch err := s.Err(); { // which the keeper may have met while it had the lock
	case err != nil:
		return err
	case s.closed.Load():
		return ErrClosed
	case !s.ready.Load():
		return errNotRecovered
	}
	return s.note(s.checkpoint(true))
}

// logged returns how much log there is behind a position, about.
func (s *Store) logged(from wal.Position) int64 {
	end := s.log.End()
	return int64(end.File-max(from.File, 1))*s.opts.FileSize + end.Offset - from.Offset
}

// entries yields the entries between two positions, without payloads, and what is
// damaged among them.
func (s *Store) entries(from, to wal.Position) iter.Seq2[wal.Record, error] {
	return func(yield func(wal.Record, error) bool) {
		first := max(from.File, s.log.State().Oldest)
		for n := first; n <= to.File; n++ {
			for rec, err := range s.log.Directory(n, from, to) {
				if !yield(rec, err) {
					return
				}
			}
		}
	}
}

// settle makes g the newest checkpoint and lets go of what only those before its
// predecessor need.
func (s *Store) settle(g *generation) error {
	k := &s.keep
	old := k.generations
	k.generations = append([]*generation{g}, old[:min(len(old), 1)]...)
	k.number, k.position = g.head.number, g.head.position
	for _, o := range old[min(len(old), 1):] {
		if err := s.removeIfThere(s.path(checkpointName(o.head.number))); err != nil {
			return err
		}
		s.pruneStates(o)
	}
	return s.removeDoomed()
}

// pruneStates removes the state files that only the checkpoint o referred to.
func (s *Store) pruneStates(o *generation) {
	for _, g := range slices.Sorted(maps.Keys(o.sections)) {
		ref := o.sections[g]
		if ref.stateFile == 0 {
			continue
		}
		needed := slices.ContainsFunc(s.keep.generations, func(k *generation) bool {
			return k.sections[g].stateFile == ref.stateFile
		})
		if !needed {
			// What stays is removed when the store is opened the next time.
			_ = s.opts.FS.Remove(s.path(path.Join(groupDir(g), stateName(ref.stateFile))))
		}
	}
}

// covered reports whether the checkpoints that are on disk all are the given one
// or newer.
func (k *keeping) covered(number uint64) bool {
	if len(k.generations) < 2 {
		return false // there would be nothing to fall back to
	}
	return k.generations[len(k.generations)-1].head.number >= number
}

// retirable returns the first log file that is needed; below it no checkpoint
// needs any that is clean. 0: none may go.
func (k *keeping) retirable() (before wal.FileNumber) {
	for _, c := range k.clean {
		needed := slices.ContainsFunc(k.generations, func(g *generation) bool { return g.head.position.File <= c.file })
		if needed || !k.covered(c.number) {
			break
		}
		before = c.file + 1
	}
	return before
}

// retire gives log files back that no checkpoint needs, by the given way.
func (s *Store) retire(give func(before wal.FileNumber) error) error {
	k := &s.keep
	before := k.retirable()
	k.clean = slices.DeleteFunc(k.clean, func(c cleanFile) bool { return c.file < before })
	err := give(before)
	if before > 0 {
		s.forgetDropped(before)
	}
	return err
}

// retireLater has files given back once the log has written that down.
func (s *Store) retireLater() error {
	return s.retire(func(before wal.FileNumber) error {
		if before > 0 {
			s.log.Retire(before)
		}
		return nil
	})
}
