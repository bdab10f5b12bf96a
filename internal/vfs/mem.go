package vfs

import (
	"io"
	"io/fs"
	"maps"
	"slices"
	"strings"
	"sync"
)

// SectorSize is the unit a disk writes whole or not at all: what a loss of power
// leaves of an unsynced write is decided for each.
const SectorSize = 512

// Mem is a file system in memory that knows, besides its content, what of it
// would survive a loss of power; see [Mem.AfterPowerLoss]. A process that dies
// without one loses nothing: open the same Mem again.
type Mem struct {
	mu struct {
		sync.Mutex
		root     *node
		pending  []*change // of directories, not yet durable, oldest first
		locked   map[string]bool
		capacity int64 // bytes of content; 0 is no limit
		used     int64 // bytes of content of files that have a name
	}
}

// node is a file or a directory.
type node struct {
	// owned by Mem.mu, all of it
	names   map[string]*node // nil: a file
	durable map[string]*node // the names after a loss of power
	content content
	links   int // names that lead here now: 0 or 1
}

func newDirNode() *node {
	return &node{names: map[string]*node{}, durable: map[string]*node{}, links: 1}
}

func (n *node) isDir() bool { return n.names != nil }

// change is one operation on the names of directories: an entry goes, or comes,
// or both at once.
type change struct {
	what     *node
	from, to *node // directories; nil: none
	fromName string
	toName   string
	unsynced []*node // the directories whose sync it still needs
	due      bool    // it is to be applied now
}

// changes is a set of what some changes touched: files, and names in directories.
// Changes that touch the same reach the disk in their order, as they do on any
// file system with a journal.
type changes map[entry]bool

// entry is a file (name "") or a name in a directory.
type entry struct {
	node *node
	name string
}

func (s changes) add(c *change) {
	s[entry{c.what, ""}] = true
	s[entry{c.from, c.fromName}] = true
	s[entry{c.to, c.toName}] = true
	delete(s, entry{}) // there was no from, or no to
}

// touch reports whether c touches anything the set has.
func (s changes) touch(c *change) bool {
	return s[entry{c.what, ""}] || s[entry{c.from, c.fromName}] || s[entry{c.to, c.toName}]
}

// NewMem returns an empty file system.
func NewMem() *Mem {
	m := &Mem{}
	m.mu.root = newDirNode()
	m.mu.locked = map[string]bool{}
	return m
}

// SetCapacity limits the content of all files together; calls that would pass it
// get [ErrNoSpace]. 0 is no limit. Less than what is used stops all growth.
func (m *Mem) SetCapacity(bytes int64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.mu.capacity = bytes
}

// Used returns how many bytes the content of all files takes.
func (m *Mem) Used() int64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.mu.used
}

// Open implements [FS].
func (m *Mem) Open(name string) (File, error) {
	if err := checkEntry("open", name); err != nil {
		return nil, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	n, err := m.lookupLocked("open", name)
	if err != nil {
		return nil, err
	}
	if n.isDir() {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrInvalid}
	}
	return &memFile{fs: m, node: n, name: name}, nil
}

// Create implements [FS].
func (m *Mem) Create(name string) (File, error) {
	if err := checkEntry("create", name); err != nil {
		return nil, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	dir, base, err := m.parentLocked("create", name)
	if err != nil {
		return nil, err
	}
	if dir.names[base] != nil {
		return nil, &fs.PathError{Op: "create", Path: name, Err: fs.ErrExist}
	}
	n := &node{links: 1}
	dir.names[base] = n
	m.changedLocked(&change{what: n, to: dir, toName: base})
	return &memFile{fs: m, node: n, name: name}, nil
}

// Rename implements [FS].
func (m *Mem) Rename(from, to string) error {
	for _, name := range []string{from, to} {
		if err := checkEntry("rename", name); err != nil {
			return err
		}
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	fromDir, fromBase, err := m.parentLocked("rename", from)
	if err != nil {
		return err
	}
	what := fromDir.names[fromBase]
	if what == nil {
		return &fs.PathError{Op: "rename", Path: from, Err: fs.ErrNotExist}
	}
	toDir, toBase, err := m.parentLocked("rename", to)
	if err != nil {
		return err
	}
	replaced := toDir.names[toBase]
	switch {
	case replaced == what:
		return nil
	case replaced != nil && (replaced.isDir() || what.isDir()):
		return &fs.PathError{Op: "rename", Path: to, Err: fs.ErrExist}
	case what.isDir() && strings.HasPrefix(to, from+"/"):
		return &fs.PathError{Op: "rename", Path: to, Err: fs.ErrInvalid}
	}
	if replaced != nil {
		m.unlinkLocked(replaced)
	}
	delete(fromDir.names, fromBase)
	toDir.names[toBase] = what
	m.changedLocked(&change{what: what, from: fromDir, fromName: fromBase, to: toDir, toName: toBase})
	return nil
}

// Remove implements [FS].
func (m *Mem) Remove(name string) error {
	if err := checkEntry("remove", name); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	dir, base, err := m.parentLocked("remove", name)
	if err != nil {
		return err
	}
	n := dir.names[base]
	if n == nil {
		return &fs.PathError{Op: "remove", Path: name, Err: fs.ErrNotExist}
	}
	if len(n.names) > 0 {
		return &fs.PathError{Op: "remove", Path: name, Err: fs.ErrExist}
	}
	delete(dir.names, base)
	m.unlinkLocked(n)
	m.changedLocked(&change{what: n, from: dir, fromName: base})
	return nil
}

// List implements [FS].
func (m *Mem) List(dir string) ([]string, error) {
	if err := check("list", dir); err != nil {
		return nil, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	n, err := m.dirLocked("list", dir)
	if err != nil {
		return nil, err
	}
	return slices.Sorted(maps.Keys(n.names)), nil
}

// MkdirAll implements [FS].
func (m *Mem) MkdirAll(dir string) error {
	if err := check("mkdir", dir); err != nil {
		return err
	}
	if dir == "." {
		return nil
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	at := m.mu.root
	for part := range strings.SplitSeq(dir, "/") {
		next := at.names[part]
		if next == nil {
			next = newDirNode()
			at.names[part] = next
			m.changedLocked(&change{what: next, to: at, toName: part})
		}
		if !next.isDir() {
			return &fs.PathError{Op: "mkdir", Path: dir, Err: fs.ErrExist}
		}
		at = next
	}
	return nil
}

// SyncDir implements [FS].
func (m *Mem) SyncDir(dir string) error {
	if err := check("sync directory", dir); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	n, err := m.dirLocked("sync directory", dir)
	if err != nil {
		return err
	}
	due := changes{} // their changes up to here go to the disk
	for _, c := range slices.Backward(m.mu.pending) {
		c.unsynced = slices.DeleteFunc(c.unsynced, func(d *node) bool { return d == n })
		c.due = len(c.unsynced) == 0 || due.touch(c)
		if c.due {
			due.add(c)
		}
	}
	m.mu.pending = slices.DeleteFunc(m.mu.pending, func(c *change) bool {
		if c.due {
			c.apply()
		}
		return c.due
	})
	return nil
}

// Lock implements [FS].
func (m *Mem) Lock(name string) (io.Closer, error) {
	if err := checkEntry("lock", name); err != nil {
		return nil, err
	}
	f, err := m.Create(name)
	if err != nil {
		f, err = m.Open(name)
	}
	if err != nil {
		return nil, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.mu.locked[name] {
		return nil, &fs.PathError{Op: "lock", Path: name, Err: ErrLocked}
	}
	m.mu.locked[name] = true
	return &memLock{File: f, fs: m, name: name}, nil
}

// memLock is a lock on a Mem.
type memLock struct {
	File

	fs   *Mem
	name string
}

func (l *memLock) Close() error {
	if err := l.File.Close(); err != nil {
		return err
	}
	l.fs.mu.Lock()
	defer l.fs.mu.Unlock()
	delete(l.fs.mu.locked, l.name)
	return nil
}

func (m *Mem) lookupLocked(op, name string) (*node, error) {
	at := m.mu.root
	if name == "." {
		return at, nil
	}
	for part := range strings.SplitSeq(name, "/") {
		at = at.names[part]
		if at == nil {
			return nil, &fs.PathError{Op: op, Path: name, Err: fs.ErrNotExist}
		}
	}
	return at, nil
}

func (m *Mem) dirLocked(op, name string) (*node, error) {
	n, err := m.lookupLocked(op, name)
	if err == nil && !n.isDir() {
		return nil, &fs.PathError{Op: op, Path: name, Err: fs.ErrInvalid}
	}
	return n, err
}

// parentLocked returns the directory an entry is in or would be in.
func (m *Mem) parentLocked(op, name string) (dir *node, base string, err error) {
	above, base := ".", name
	if i := strings.LastIndexByte(name, '/'); i >= 0 {
		above, base = name[:i], name[i+1:]
	}
	dir, err = m.dirLocked(op, above)
	return dir, base, err
}

// unlinkLocked accounts for a node that has lost its name.
func (m *Mem) unlinkLocked(n *node) {
	n.links--
	m.mu.used -= n.content.size()
}

// changedLocked remembers a change until the directories it touched are synced.
func (m *Mem) changedLocked(c *change) {
	if c.from != nil {
		c.unsynced = append(c.unsynced, c.from)
	}
	if c.to != nil && c.to != c.from {
		c.unsynced = append(c.unsynced, c.to)
	}
	m.mu.pending = append(m.mu.pending, c)
}

// apply makes the change durable.
func (c *change) apply() {
	if c.from != nil && c.from.durable[c.fromName] == c.what {
		delete(c.from.durable, c.fromName)
	}
	if c.to != nil {
		c.to.durable[c.toName] = c.what
	}
}
