package store

import (
	"errors"
	"fmt"
	"io"
	"path"
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

// keptMax is how many bytes of kept records a group may have in memory.
const keptMax = 8 << 20

// Store is an open store. Its methods are safe for concurrent use.
type Store struct {
	// immutable after Open
	opts    Options
	lock    io.Closer
	log     *wal.Log
	handles *handles

	closed    atomic.Bool
	recovered atomic.Bool
	closing   sync.Once
	closeErr  error // set inside closing

	mu struct {
		sync.RWMutex
		groups map[Group]*group
	}
}

// group is what the store has of one group.
type group struct {
	files *Files
	owner Owner // nil: not attached
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
	// State appends the whole state in the form that [Recovery] takes.
	State func(dst []byte) []byte
}

// Open opens a store, or makes one in an empty directory, which it locks. The
// caller runs [Store.Recover] next. An error: nothing is lost by trying again.
func Open(opts Options) (*Store, error) {
	if err := opts.Validate(); err != nil {
		return nil, err
	}
	s := &Store{opts: opts.withDefaults()}
	s.handles = &handles{fs: s.opts.FS}
	s.mu.groups = map[Group]*group{}
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
	s.log, err = wal.Open(s.opts.logOptions(s.path(logDir)))
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
	return s.log.Append(entries, class, done)
}

// Commit is Append that waits and returns where the entries are.
func (s *Store) Commit(entries []wal.Entry, class wal.Class) ([]wal.Place, error) {
	return s.log.Commit(entries, class)
}

// MaxAppend returns how many bytes of payload n entries of one Append may have.
func (s *Store) MaxAppend(n int) int64 { return s.log.MaxAppend(n) }

// Throttle returns when there is room for more. A publisher calls it before it
// takes any lock: it holds back who is faster than what is stored can be moved
// out of the log.
func (s *Store) Throttle() {}

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
	defer s.mu.Unlock()
	s.groupLocked(g).owner = o
}

// Detach says that the owner of a group answers no more.
func (s *Store) Detach(g Group) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if gr := s.mu.groups[g]; gr != nil {
		gr.owner = nil
	}
}

// Drop says that the deletion of a group is durable: its files may go.
func (s *Store) Drop(g Group) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.mu.groups, g)
}

// wake has the keeper look for work.
func (s *Store) wake() {}

// Checkpoint writes a checkpoint now.
func (s *Store) Checkpoint() error { return nil }

// Err returns what stopped the store for good, or nil.
func (s *Store) Err() error { return s.log.State().Err }

// Close ends the store. It returns what stopped the store before, if anything
// did. Later calls return the same.
func (s *Store) Close() error {
	s.closing.Do(func() {
		s.closed.Store(true)
		err := s.log.Close()
		s.handles.closeAll()
		s.closeErr = errors.Join(err, s.lock.Close())
	})
	return s.closeErr
}
