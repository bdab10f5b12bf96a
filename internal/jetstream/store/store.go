package store

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"path"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/tidings-io/tidings/internal/jetstream/index"
	"github.com/tidings-io/tidings/internal/jetstream/wal"
)

// The names in a store's directory.
const (
	lockFile      = "LOCK"
	nodeFile      = "NODE"
	logDir        = "wal"
	streamsDir    = "streams"
	quarantineDir = "quarantine"
)

// roomTight is the number of free log files from which publishers wait.
const roomTight = 3

// keptMax is how many bytes of kept records a group may have in memory.
const keptMax = 8 << 20

// Store is an open store. Its methods are safe for concurrent use.
type Store struct {
	// immutable after Open
	opts    Options
	lock    io.Closer
	log     *wal.Log
	handles *handles

	node   Node
	wakeup chan struct{} // to keepLoop: there may be work
	stop   chan struct{} // closed: keepLoop ends
	kept   chan struct{} // closed when it has ended
	room   room

	// set by Open, read until the keeper is done with them
	loaded     loaded
	unreadable map[string]bool // checkpoints and states that are to be set aside

	closed    atomic.Bool
	recovered atomic.Bool
	ready     atomic.Bool // Recover is done, the keeper runs
	failed    atomic.Pointer[error]
	closing   sync.Once
	closeErr  error // set inside closing

	keep  keeping
	erase erasing

	mu struct {
		sync.RWMutex
		groups  map[Group]*group
		dropped map[Group]*dropState
	}
}

// group is what the store has of one group.
type group struct {
	files *Files

	// owned by Store.mu
	owner   Owner     // nil: not attached
	changed bool      // since the last checkpoint, otherwise than by the log
	skipped wal.Index // entries up to it that are missing in the state are lost
	lost    bool      // no checkpoint has its state: nothing of it is touched
}

// Owner is the stream, or the node, that a group belongs to.
type Owner interface {
	// View runs f under the lock that guards what the view shows. f is short.
	View(f func(v View))
}

// View is what the store needs to know of a group's state.
type View struct {
	// Index says which messages there are; nil: there are none, as in the node's
	// own group.
	Index *index.Index
	// Applied is the index of the entry that was applied last.
	Applied wal.Index
	// State begins to take the state. It ends with its last part or [State.Drop],
	// before it begins again.
	State func() State
}

// Open opens a store, or makes one in an empty directory, which it locks. The
// caller runs [Store.Recover] next. An error: nothing is lost by trying again.
func Open(opts Options) (*Store, error) {
	if err := opts.Validate(); err != nil {
		return nil, err
	}
	s := &Store{
		opts: opts.withDefaults(), unreadable: map[string]bool{},
		wakeup: make(chan struct{}, 1), stop: make(chan struct{}), kept: make(chan struct{}),
	}
	s.keep.ioLock, s.erase.work = newIOLock(), newIOLock()
	s.handles = &handles{fs: s.opts.FS}
	s.mu.groups = map[Group]*group{}
	s.mu.dropped = map[Group]*dropState{}
	if err := s.open(); err != nil {
		if s.lock != nil {
			err = errors.Join(err, s.lock.Close())
		}
		return nil, fmt.Errorf("open store %s: %w", s.opts.Dir, err)
	}
	return s, nil
}

func (s *Store) open() error {
	if err := s.makeDir(); err != nil {
		return err
	}
	var err error
	if s.lock, err = s.opts.FS.Lock(s.path(lockFile)); err != nil {
		return err
	}
	if s.opts.FS, err = unlocked(s.opts); err != nil {
		return err
	}
	s.handles.fs = s.opts.FS
	if s.node, err = openNode(s.opts); err != nil {
		return err
	}
	if err = finishErasures(s.opts); err != nil {
		return err
	}
	if s.loaded, err = s.load(); err != nil {
		return err
	}
	opts := s.opts.logOptions(s.path(logDir))
	opts.From = s.loaded.from
	opts.OnFile = s.onFile
	s.log, err = wal.Open(opts)
	return err
}

// makeDir makes the directory, durable with those above it.
func (s *Store) makeDir() error {
	if err := s.opts.FS.MkdirAll(s.opts.Dir); err != nil {
		return err
	}
	for dir := s.opts.Dir; ; dir = path.Dir(dir) {
		if err := s.opts.FS.SyncDir(dir); err != nil || dir == "." {
			return err
		}
	}
}

func (s *Store) path(name string) string { return path.Join(s.opts.Dir, name) }

// Append accepts entries to be stored together; see [wal.Log.Append]. It may be
// called after Recover.
func (s *Store) Append(entries []wal.Entry, class wal.Class, done wal.Completion) error {
	if err := s.failed.Load(); err != nil {
		return *err
	}
	return s.log.Append(entries, class, done)
}

// Commit is Append that waits and returns where the entries are.
func (s *Store) Commit(entries []wal.Entry, class wal.Class) ([]wal.Place, error) {
	if err := s.failed.Load(); err != nil {
		return nil, *err
	}
	return s.log.Commit(entries, class)
}

// MaxAppend returns how many bytes of payload n entries of one Append may have.
func (s *Store) MaxAppend(n int) int64 { return s.log.MaxAppend(n) }

// Throttle returns when there is room for more. A publisher calls it before it
// takes any lock: it holds back who is faster than what is stored can be moved
// out of the log.
func (s *Store) Throttle() { s.room.wait() }

// onFile is called by the log when it begins a file.
func (s *Store) onFile(files int) {
	if !s.ready.Load() {
		return
	}
	if s.opts.MaxFiles-files <= roomTight {
		s.room.close()
	}
	s.wake()
}

// Files returns the files of a group, always the same. It makes nothing on disk.
func (s *Store) Files(g Group) *Files {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.groupLocked(g).files
}

func (s *Store) groupLocked(g Group) *group {
	gr := s.mu.groups[g]
	if gr == nil {
		gr = &group{files: newFiles(s, g)}
		s.mu.groups[g] = gr
	}
	return gr
}

// Attach says whom to ask for the state of a group.
func (s *Store) Attach(g Group, o Owner) {
	s.mu.Lock()
	gr := s.groupLocked(g)
	gr.owner, gr.changed = o, true
	s.mu.Unlock()
	s.wake() // it may wait for the group
}

// Err returns what stopped the store for good, or nil.
func (s *Store) Err() error {
	if err := s.failed.Load(); err != nil {
		return *err
	}
	return s.log.State().Err
}

// Node returns what the store says of itself.
func (s *Store) Node() Node { return s.node }

// Close writes a last checkpoint and ends the store. The owners still answer. It
// returns what stopped the store before, if anything did. Later calls return the
// same.
func (s *Store) Close() error {
	s.closing.Do(func() {
		close(s.stop)
		var err error
		if s.ready.Load() {
			<-s.kept
			err = s.lastCheckpoint()
		}
		s.closed.Store(true)
		s.room.open()
		err = errors.Join(err, s.log.Close())
		if failed := s.failed.Load(); failed != nil && !errors.Is(err, ErrPoisoned) {
			err = errors.Join(*failed, err)
		}
		s.handles.closeAll()
		s.closeErr = errors.Join(err, s.lock.Close())
	})
	return s.closeErr
}

// lastCheckpoint writes one unless the last one says it all.
func (s *Store) lastCheckpoint() error {
	s.keep.Lock()
	defer s.keep.Unlock()
	if s.Err() != nil {
		return nil // it is told by Close
	}
	return s.checkpoint(true)
}

func (s *Store) lookup(g Group) *group {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.mu.groups[g]
}

// groupList returns all groups, ascending.
func (s *Store) groupList() []*group {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.groupListLocked()
}

func (s *Store) groupListLocked() []*group {
	list := make([]*group, 0, len(s.mu.groups))
	for _, gr := range s.mu.groups {
		list = append(list, gr)
	}
	slices.SortFunc(list, func(a, b *group) int { return cmp.Compare(a.files.group, b.files.group) })
	return list
}

func (s *Store) ownerOf(gr *group) Owner {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return gr.owner
}

// takeChanged returns whether a group has changed, and forgets it.
func (s *Store) takeChanged(gr *group) (owner Owner, changed bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	owner, changed = gr.owner, gr.changed
	gr.changed = false
	return owner, changed
}

func (s *Store) markChanged(gr *group) {
	s.mu.Lock()
	defer s.mu.Unlock()
	gr.changed = true
}

// markLost gives a group up whose state cannot be read.
func (s *Store) markLost(gr *group) {
	s.mu.Lock()
	defer s.mu.Unlock()
	gr.lost = true
}

func (s *Store) isLost(gr *group) bool {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return gr.lost
}

// settled reports whether it does not matter that an entry is in no state.
func (s *Store) settled(g Group, i wal.Index) bool {
	s.mu.RLock()
	defer s.mu.RUnlock()
	gr := s.mu.groups[g]
	return s.mu.dropped[g] != nil || gr != nil && (gr.lost || gr.skipped >= i)
}
