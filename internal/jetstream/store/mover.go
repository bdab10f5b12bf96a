package store

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/tidings-io/tidings/internal/jetstream/index"
	"github.com/tidings-io/tidings/internal/jetstream/wal"
)

const (
	// moveEntries and moveBytes bound how many messages are moved between two looks
	// at the index.
	moveEntries = 2048
	moveBytes   = 4 << 20
	// readAgain is how often a message is read again before it is given up.
	readAgain = 3
)

// errStopping ends the work of the keeper when the store is closed.
var errStopping = errors.New("the store is being closed")

// sparseSegment is a segment that is mostly unused.
type sparseSegment struct {
	group   *group
	segment *segment
}

// move is one message on its way.
type move struct {
	entry index.Entry
	to    index.Place
	skip  bool // it was removed meanwhile
}

// pacing says how the keeper moves messages.
type pacing uint8

const (
	calm       pacing = iota // at Options.MoveRate
	hurried                  // as fast as it can
	determined               // likewise, and to the end even if the store is closed
)

// makeRoom empties the oldest files of the log until a third of the files is free.
// Under s.keep, as all here.
func (s *Store) makeRoom() error {
	k := &s.keep
	for {
		before := s.log.State()
		if (s.opts.MaxFiles-before.Files)*3 >= s.opts.MaxFiles || s.stopping() {
			return nil
		}
		reason, err := s.cleanFiles(before)
		if errors.Is(err, wal.ErrRetired) {
			continue // a file was given back a moment ago
		}
		if err != nil {
			return err
		}
		if len(k.clean) == 0 {
			s.isStuck(before.Oldest, reason)
			return nil
		}
		// The files go when both generations of checkpoints do without them.
		for range 2 {
			if len(k.clean) == 0 || k.clean[0].file > before.Oldest || k.retirable() > before.Oldest {
				break
			}
			if err := s.writeCheckpoint(true); err != nil {
				return err
			}
		}
		if err := s.retire(s.log.RetireNow); err != nil {
			return err
		}
		if s.log.State().Oldest == before.Oldest {
			s.isStuck(before.Oldest, "a checkpoint needs it: entries in it are not applied yet")
			return nil
		}
		k.stuck = ""
		s.room.open()
	}
}

// cleanFiles empties the oldest files that are not empty yet, a sixth of all at most,
// as each time costs a checkpoint or two. A reason: why there are no more.
func (s *Store) cleanFiles(st wal.State) (reason string, err error) {
	k := &s.keep
	p, some := calm, max(s.opts.MaxFiles/6, 1)
	if (s.opts.MaxFiles-st.Files)*6 < s.opts.MaxFiles {
		p, some = hurried, 1
	}
	for range some {
		next := st.Oldest
		if n := len(k.clean); n > 0 {
			next = k.clean[n-1].file + 1
		}
		if next >= st.Tail {
			return "the log is written to it", nil
		}
		if reason, err = s.moveFile(next, p); err != nil || reason != "" {
			return reason, err
		}
		k.clean = append(k.clean, cleanFile{next, k.number + 1})
	}
	return "", nil
}

// isStuck tells once why the log does not get shorter.
func (s *Store) isStuck(n wal.FileNumber, reason string) {
	if s.keep.stuck != reason {
		s.opts.Log.Warn("a log file cannot be retired", "file", uint64(n), "reason", reason)
	}
	s.keep.stuck = reason
}

func (s *Store) stopping() bool {
	select {
	case <-s.stop:
		return true
	default:
		return false
	}
}

// moveFile copies what is still used of a log file to segments. A reason: some of
// it cannot be moved now.
func (s *Store) moveFile(n wal.FileNumber, p pacing) (reason string, err error) {
	last := map[Group]wal.Index{}
	for rec, err := range s.log.Directory(n, wal.Position{}, wal.Position{}) {
		switch {
		case wal.Damaged(err):
			for _, gr := range s.groupList() { // it may have been of any
				last[gr.files.group] = max(last[gr.files.group], 0)
			}
		case err != nil:
			return "", err
		default:
			last[rec.Group] = max(last[rec.Group], rec.Index)
		}
	}
	groups := make([]Group, 0, len(last))
	for g := range last {
		groups = append(groups, g)
	}
	slices.Sort(groups)
	for _, g := range groups {
		if s.stopping() {
			return "", errStopping
		}
		why, err := s.moveGroup(g, n, last[g], p)
		if err != nil {
			return "", fmt.Errorf("move messages of group %d out of log file %d: %w", g, n, err)
		}
		if why != "" {
			reason = why
		}
	}
	return reason, nil
}

// moveGroup copies what is still used of one group in a log file.
func (s *Store) moveGroup(g Group, n wal.FileNumber, last wal.Index, p pacing) (reason string, err error) {
	gr := s.lookup(g)
	var owner Owner
	if gr != nil {
		owner = s.ownerOf(gr)
	}
	switch {
	case s.isDropped(g):
		return "", nil
	case gr != nil && s.isLost(gr):
		s.log.MarkDamaged(n) // it is set aside, not used again
		return "", nil
	case owner == nil:
		return fmt.Sprintf("it has entries of group %d, which nobody has attached or dropped", g), nil
	}
	left, err := s.moveOut(gr, owner, uint32(n), p)
	if err != nil {
		return "", err
	}
	if left {
		return fmt.Sprintf("messages of group %d stay in it", g), nil
	}
	var applied wal.Index
	owner.View(func(v View) { applied = v.Applied })
	if applied < last && !s.settled(g, last) {
		return fmt.Sprintf("group %d has not applied entry %d", g, last), nil
	}
	return "", nil
}

// moveOut copies the messages of a group that are in the given file to segments
// and re-points the index. left: some could not be moved.
func (s *Store) moveOut(gr *group, owner Owner, file uint32, p pacing) (left bool, err error) {
	w := &segmentWriter{files: gr.files}
	defer func() {
		switch e := w.end(); {
		case e == nil:
		case errors.Is(err, errStopping):
			err = e // it must not pass for an orderly end
		default:
			err = errors.Join(err, e)
		}
	}()
	source := gr.files.Reader()
	defer source.Release()
	var moves []move
	for {
		moves = moves[:0]
		size := 0
		owner.View(func(v View) {
			if v.Index == nil {
				return
			}
			for e := range v.Index.InFile(file) {
				moves = append(moves, move{entry: e})
				if size += int(e.Size); len(moves) >= moveEntries || size >= moveBytes {
					return
				}
			}
		})
		if len(moves) == 0 {
			return false, nil
		}
		for i := range moves {
			if err = s.copyOut(w, &moves[i], source); err != nil {
				return true, err
			}
		}
		if err := w.flush(); err != nil {
			return true, err
		}
		if s.repoint(gr, owner, moves) == 0 {
			return true, nil
		}
		if err := s.pace(size, p); err != nil {
			return true, err
		}
	}
}

// copyOut writes one message to a segment. One that cannot be read goes nowhere.
func (s *Store) copyOut(w *segmentWriter, m *move, source *Reader) error {
	_, rec, err := source.read(m.entry)
	for range readAgain {
		if _, damaged := errors.AsType[*DamageError](err); !damaged {
			break
		}
		source.Release()
		_, rec, err = source.read(m.entry) // a device may fail once
	}
	switch {
	case err == nil:
		m.to, err = w.add(rec, m.entry.Seq)
		return err
	case errors.Is(err, ErrMoved):
		m.skip = true
		return nil
	case errors.Is(err, ErrClosed):
		return err
	default:
		s.report(w.files.group, err)
		return nil
	}
}

// repoint tells the index where messages are now, and returns how many were moved.
func (s *Store) repoint(gr *group, owner Owner, moves []move) (moved int) {
	owner.View(func(v View) {
		for i := range moves {
			m := &moves[i]
			if _, there := v.Index.Get(m.entry.Seq); !there || m.skip {
				moved++ // it is gone from the file, too
				if !m.skip && m.to.File != 0 {
					copied := m.entry
					copied.Place = m.to
					gr.files.Erase(copied) // it may have been removed for its content
				}
				continue
			}
			if v.Index.Move(m.entry.Seq, m.entry.Place, m.to) {
				gr.files.Free(m.entry)
				moved++
			}
		}
	})
	s.markChanged(gr)
	return moved
}

// report tells of a message that is lost.
func (s *Store) report(g Group, err error) {
	s.opts.Log.Error("a stored message is lost", "group", uint64(g), "error", err)
	s.opts.OnDamage(g, err)
}

// pace holds the keeper back while there is no hurry.
func (s *Store) pace(bytes int, p pacing) error {
	wait := time.Duration(float64(bytes) / float64(s.opts.MoveRate) * float64(time.Second))
	switch {
	case p == determined:
		return nil
	case s.stopping():
		return errStopping
	case p == hurried || wait < time.Millisecond:
		return nil
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-s.stop:
		return errStopping
	case <-timer.C:
		return nil
	}
}

// moveKept writes what a group has in memory to segments.
func (s *Store) moveKept(gr *group, owner Owner) error {
	gr.files.kept.seal()
	for _, page := range gr.files.kept.numbers() {
		if _, err := s.moveOut(gr, owner, inMemory|page, determined); err != nil {
			return fmt.Errorf("write messages of group %d that are in memory: %w", gr.files.group, err)
		}
	}
	return nil
}

// moveKeptOverLimit is moveKept for all groups that have too much in memory.
func (s *Store) moveKeptOverLimit() error {
	for _, gr := range s.groupList() {
		if owner := s.ownerOf(gr); owner != nil && gr.files.kept.Bytes() > keptMax {
			if err := s.moveKept(gr, owner); err != nil {
				return err
			}
		}
	}
	return nil
}

// compact writes the rest of mostly unused segments anew.
func (s *Store) compact() error {
	sparse := s.keep.sparse
	s.keep.sparse = nil
	for _, sp := range sparse {
		owner := s.ownerOf(sp.group)
		if owner == nil || s.isDropped(sp.group.files.group) {
			continue
		}
		sp.segment.sealed = true
		if _, err := s.moveOut(sp.group, owner, inSegment|sp.segment.number, calm); err != nil {
			return fmt.Errorf("write segment %d of group %d anew: %w", sp.segment.number, sp.group.files.group, err)
		}
	}
	return nil
}

// room is the gate that publishers wait at while the log is nearly full.
type room struct {
	tight atomic.Bool
	mu    struct {
		sync.Mutex
		gate chan struct{} // closed when there is room
	}
}

// close has publishers wait.
func (r *room) close() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.tight.Load() {
		return
	}
	r.mu.gate = make(chan struct{})
	r.tight.Store(true)
}

// open lets them go on.
func (r *room) open() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.tight.Swap(false) {
		close(r.mu.gate)
	}
}

func (r *room) wait() {
	if !r.tight.Load() {
		return
	}
	r.mu.Lock()
	gate := r.mu.gate
	r.mu.Unlock()
	<-gate
}
