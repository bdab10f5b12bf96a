package store

import (
	"errors"
	"fmt"
	"maps"
	"path"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/tidings-io/tidings/internal/jetstream/wal"
)

// Recovery takes what a store held when it was opened.
type Recovery interface {
	// Restore gets the newest intact state of a group that a checkpoint has, and
	// up to where it goes; the node's group comes first, then several streams at the
	// same time. For a stream that the node's state does not have, because it was
	// deleted, it returns [ErrDropped]. The state can be read during the call; an
	// error of it is returned.
	Restore(g Group, applied wal.Index, state *Parts, files *Files) error
	// Apply gets an entry that the group's state does not have yet, in the order of
	// the log; rec.Place is where the payload is. Its payload is valid during the
	// call. Whoever applies the deletion of a stream calls [Store.Drop]; entries of
	// a stream that is deleted get [ErrDropped].
	Apply(rec wal.Record, files *Files) error
	// Damaged tells that something of a group is lost, of 0: nobody knows of which
	// one. A *[DamageError] without a sequence is about the whole state of the
	// group: the stream cannot go on, and is not touched until it is dropped.
	Damaged(g Group, err error)
}

// Recover gives what the store held to r. It runs once, before the first Append.
// Owners may be attached while it runs; when it returns, every group that has
// messages is attached or dropped. An error of r ends it.
func (s *Store) Recover(r Recovery) error {
	if s.recovered.Swap(true) {
		return ErrRecovered
	}
	for _, err := range s.loaded.damage {
		s.opts.Log.Error("a checkpoint is damaged", "error", err)
	}
	s.findLost(r)
	if err := s.restore(r); err != nil {
		return err
	}
	if err := s.replay(r); err != nil {
		return err
	}
	s.loaded = loaded{}
	s.ready.Store(true)
	go s.keepLoop()
	return nil
}

// findLost tells of groups that no checkpoint has although there should be one.
func (s *Store) findLost(r Recovery) {
	l := &s.loaded
	oldest := s.log.State().Oldest
	if l.none && (l.some || oldest > 1) && oldest != 1 {
		// Without any state the log must begin where everything began.
		r.Damaged(0, &DamageError{File: "checkpoint", Err: errors.New("no checkpoint can be read, and the log does not go back to the beginning")})
		l.lost[NodeGroup] = errors.New("no checkpoint can be read")
		names, err := s.opts.FS.List(s.path(streamsDir))
		if err != nil {
			s.opts.Log.Error("cannot list the streams", "error", err)
		}
		for _, name := range names {
			if g, ok := parseGroup(name); ok {
				l.lost[g] = l.lost[NodeGroup]
			}
		}
	}
	for _, g := range slices.Sorted(maps.Keys(l.lost)) {
		if s.isDropped(g) {
			continue
		}
		err := l.lost[g]
		if _, ok := errors.AsType[*DamageError](err); !ok {
			err = &DamageError{Group: g, File: "checkpoint", Err: err}
		}
		s.Files(g)
		s.markLost(s.lookup(g))
		r.Damaged(g, err)
	}
}

// restore passes on the states: the node's, then those of the streams, as many at a
// time as there are processors. Each is read in parts, so that is what bounds the
// memory it takes.
func (s *Store) restore(r Recovery) error {
	states := &stateReader{opts: s.opts}
	defer states.close()
	if _, ok := s.loaded.chosen[NodeGroup]; ok {
		if err := s.settleRestored(r, NodeGroup, s.restoreGroup(r, states, NodeGroup)); err != nil {
			return err
		}
	}
	groups := make([]Group, 0, len(s.loaded.chosen))
	for _, g := range slices.Sorted(maps.Keys(s.loaded.chosen)) {
		switch {
		case g == NodeGroup:
		case s.isDropped(g):
			delete(s.loaded.chosen, g)
		default:
			groups = append(groups, g)
		}
	}
	done := make([]restored, len(groups))
	var next atomic.Int64
	var workers sync.WaitGroup
	for range min(runtime.GOMAXPROCS(0), len(groups)) {
		workers.Go(func() {
			for i := next.Add(1) - 1; i < int64(len(groups)); i = next.Add(1) - 1 {
				done[i] = s.restoreGroup(r, states, groups[i])
			}
		})
	}
	workers.Wait()
	for i, g := range groups {
		if err := s.settleRestored(r, g, done[i]); err != nil {
			return err
		}
	}
	return nil
}

// restored is what came of passing on a state.
type restored struct {
	err     error
	damaged bool // err is that of the files
}

func (s *Store) restoreGroup(r Recovery, states *stateReader, g Group) restored {
	ch := s.loaded.chosen[g]
	state, err := states.open(&ch.section)
	if err != nil {
		return restored{err, true}
	}
	files := s.Files(g)
	files.restore(&ch.section)
	err = errors.Join(r.Restore(g, ch.section.applied, state, files), state.close())
	return restored{err, state.err != nil}
}

func (s *Store) settleRestored(r Recovery, g Group, done restored) error {
	switch {
	case done.err == nil:
	case errors.Is(done.err, ErrDropped):
		s.Drop(g)
	case done.damaged:
		s.Files(g)
		s.markLost(s.lookup(g))
		r.Damaged(g, done.err)
	default:
		return fmt.Errorf("restore group %d: %w", g, done.err)
	}
	return nil
}

// restore sets what a section says of files and memory.
func (f *Files) restore(sec *section) {
	for _, k := range sec.kept {
		f.kept.restore(k.place, k.record)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.mu.next = max(sec.next, 1)
	for _, ref := range sec.segments {
		g := &segment{
			group: f.group, number: ref.number, blocks: ref.blocks, pool: f.store.handles,
			path: f.store.path(path.Join(groupDir(f.group), segmentName(ref.number))),
		}
		g.size.Store(ref.size)
		if f.mu.segments == nil {
			f.mu.segments = map[uint32]*segment{}
		}
		f.mu.segments[g.number] = g
	}
}

// replay passes on what the log has above the states.
func (s *Store) replay(r Recovery) error {
	for rec, err := range s.log.Replay() {
		if err := s.replayed(r, rec, err); err != nil {
			return err
		}
	}
	return nil
}

// replayed passes on one step of the replay of the log.
func (s *Store) replayed(r Recovery, rec wal.Record, err error) error {
	if err == nil {
		return s.apply(r, rec)
	}
	damage, ok := errors.AsType[*wal.DamageError](err)
	if !ok {
		return err
	}
	if damage.FirstBatch != 0 || rec.Place.File == 0 {
		r.Damaged(0, damage)
		return nil
	}
	if !s.known(rec) {
		s.mu.Lock()
		gr := s.groupLocked(rec.Group)
		gr.skipped = max(gr.skipped, rec.Index)
		s.mu.Unlock()
		r.Damaged(rec.Group, damage)
	}
	return nil
}

// known reports whether the state of its group has the entry already, or nobody
// needs it.
func (s *Store) known(rec wal.Record) bool {
	ch, ok := s.loaded.chosen[rec.Group]
	return ok && rec.Index <= ch.section.applied || s.settled(rec.Group, rec.Index)
}

// apply passes on an entry.
func (s *Store) apply(r Recovery, rec wal.Record) error {
	if s.known(rec) {
		return nil
	}
	err := r.Apply(rec, s.Files(rec.Group))
	if errors.Is(err, ErrDropped) {
		s.Drop(rec.Group)
		return nil
	}
	if err != nil {
		return fmt.Errorf("apply entry %d of group %d: %w", rec.Index, rec.Group, err)
	}
	return s.keepBounded(rec.Group)
}

// keepBounded writes what a group has made while entries were applied, if it is
// much and the group is attached already.
func (s *Store) keepBounded(g Group) error {
	gr := s.lookup(g)
	if gr == nil || gr.files.kept.Bytes() <= keptMax {
		return nil
	}
	owner := s.ownerOf(gr)
	if owner == nil {
		return nil
	}
	s.keep.Lock()
	defer s.keep.Unlock()
	return s.moveKept(gr, owner)
}
