package vfs

import (
	"errors"
	"io"
	"io/fs"
	"math/rand/v2"
	"sync"
)

// Op is a kind of call, or several joined by |.
type Op uint16

// The kinds of calls. Those that open or change names count for the file system,
// the others for one file.
const (
	OpOpen Op = 1 << iota
	OpCreate
	OpRename
	OpRemove
	OpList
	OpMkdir
	OpSyncDir
	OpLock
	OpRead
	OpWrite
	OpSync
	OpTruncate
	OpPreallocate
	OpSize
	OpForget

	// OpChange is every call that may change what is stored.
	OpChange = OpCreate | OpRename | OpRemove | OpMkdir | OpSyncDir | OpWrite | OpSync | OpTruncate | OpPreallocate
	// OpAny is every call.
	OpAny = OpForget<<1 - 1
)

var opNames = []string{
	"open", "create", "rename", "remove", "list", "mkdir", "syncdir", "lock",
	"read", "write", "sync", "truncate", "preallocate", "size", "forget",
}

// String returns the name of one kind, or of the first of several.
func (op Op) String() string {
	for i, name := range opNames {
		if op&(1<<i) != 0 {
			return name
		}
	}
	return "none"
}

// Call is one call that goes through a [Faulty].
type Call struct {
	Number int // from 1, over all calls of this file system
	Op     Op
	Name   string // the file or directory; the old name of a rename
	Offset int64  // of a read or write; the new size of truncate and preallocate
	Length int    // bytes to read or write
}

// Effect is what a fault does to the call it hits.
type Effect uint8

const (
	// Fail returns Fault.Err; the call does nothing. A failing sync of a file on a
	// [Mem] also drops its dirty pages: readers still see them, the disk never
	// will, and the next sync succeeds without them.
	Fail Effect = iota
	// Short makes a read or write stop after some of its bytes, then returns
	// Fault.Err. Other calls fail.
	Short
	// FlipBit changes one bit of what is read or written, and reports success.
	FlipBit
	// Stale leaves one page of a write as it was, and reports success.
	Stale
)

// PageSize is what a [Stale] write leaves out: one aligned page.
const PageSize = 4096

// Fault is a rule: which calls it hits, and what happens to them.
type Fault struct {
	// On is the kinds of calls it counts.
	On Op
	// Match restricts it to calls it returns true for; nil is all of them.
	Match func(Call) bool
	// Nth is the first call that is hit, counted from 1 among those of On and
	// Match since Inject; 0 is 1.
	Nth int
	// Times is how many calls in a row are hit: 0 is 1, negative is all from Nth.
	Times int
	// Do is what happens to them.
	Do Effect
	// Err is what they return; nil is [ErrInjected].
	Err error
}

// ErrInjected is what a fault without an error of its own returns. It stands for
// EIO: the device did not do what it was asked to.
var ErrInjected = errors.New("input/output error (injected)")

// Faulty is a file system over another one that makes chosen calls go wrong.
// Without faults it changes nothing.
type Faulty struct {
	// immutable after NewFaulty
	inner FS

	mu struct {
		sync.Mutex
		rng     *rand.Rand
		faults  []*armed
		calls   int
		observe func(Call)
	}
}

// armed is a fault with the number of calls it has counted.
type armed struct {
	Fault

	seen int
}

// NewFaulty returns a file system over inner. The seed decides what faults leave
// open: which bit, which page, how many bytes.
func NewFaulty(inner FS, seed uint64) *Faulty {
	f := &Faulty{inner: inner}
	f.mu.rng = rand.New(rand.NewPCG(seed, 0))
	return f
}

// Inject adds a fault. The first fault that hits a call decides; all of them
// count it.
func (f *Faulty) Inject(fault Fault) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.mu.faults = append(f.mu.faults, &armed{Fault: fault})
}

// Heal removes all faults.
func (f *Faulty) Heal() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.mu.faults = nil
}

// Observe has fn called before each call is made, in the goroutine that makes it.
// It may wait, as a slow disk does, or look at the file system below, as a loss
// of power at that moment would find it. nil ends it.
func (f *Faulty) Observe(fn func(Call)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.mu.observe = fn
}

// Calls returns how many calls there were.
func (f *Faulty) Calls() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.mu.calls
}

// begin counts a call and returns the fault that hits it, or nil.
func (f *Faulty) begin(c Call) *Fault {
	f.mu.Lock()
	f.mu.calls++
	c.Number = f.mu.calls
	var hit *Fault
	for _, a := range f.mu.faults {
		if a.hits(c) && hit == nil {
			hit = &a.Fault
		}
	}
	observe := f.mu.observe
	f.mu.Unlock()
	if observe != nil {
		observe(c)
	}
	return hit
}

func (a *armed) hits(c Call) bool {
	if a.On&c.Op == 0 || a.Match != nil && !a.Match(c) {
		return false
	}
	a.seen++
	first := max(a.Nth, 1)
	return a.seen >= first && (a.Times < 0 || a.seen < first+max(a.Times, 1))
}

// below returns a number from 0 to n-1.
func (f *Faulty) below(n int) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.mu.rng.IntN(n)
}

// fail returns the error of a fault for a call.
func (fault *Fault) fail(c Call) error {
	err := fault.Err
	if err == nil {
		err = ErrInjected
	}
	return &fs.PathError{Op: c.Op.String(), Path: c.Name, Err: err}
}

// call does a call that can only succeed or fail.
func (f *Faulty) call(c Call, do func() error) error {
	if fault := f.begin(c); fault != nil && fault.Do <= Short {
		return fault.fail(c)
	}
	return do()
}

// open does a call that returns a file.
func (f *Faulty) open(c Call, do func(string) (File, error)) (File, error) {
	var file File
	err := f.call(c, func() (err error) {
		file, err = do(c.Name)
		return err
	})
	if err != nil {
		return nil, err
	}
	return &faultyFile{File: file, fs: f, name: c.Name}, nil
}

// Open implements [FS].
func (f *Faulty) Open(name string) (File, error) {
	return f.open(Call{Op: OpOpen, Name: name}, f.inner.Open)
}

// Create implements [FS].
func (f *Faulty) Create(name string) (File, error) {
	return f.open(Call{Op: OpCreate, Name: name}, f.inner.Create)
}

// Rename implements [FS].
func (f *Faulty) Rename(from, to string) error {
	return f.call(Call{Op: OpRename, Name: from}, func() error { return f.inner.Rename(from, to) })
}

// Remove implements [FS].
func (f *Faulty) Remove(name string) error {
	return f.call(Call{Op: OpRemove, Name: name}, func() error { return f.inner.Remove(name) })
}

// List implements [FS].
func (f *Faulty) List(dir string) (names []string, err error) {
	err = f.call(Call{Op: OpList, Name: dir}, func() (err error) {
		names, err = f.inner.List(dir)
		return err
	})
	return names, err
}

// MkdirAll implements [FS].
func (f *Faulty) MkdirAll(dir string) error {
	return f.call(Call{Op: OpMkdir, Name: dir}, func() error { return f.inner.MkdirAll(dir) })
}

// SyncDir implements [FS].
func (f *Faulty) SyncDir(dir string) error {
	return f.call(Call{Op: OpSyncDir, Name: dir}, func() error { return f.inner.SyncDir(dir) })
}

// Lock implements [FS].
func (f *Faulty) Lock(name string) (lock io.Closer, err error) {
	err = f.call(Call{Op: OpLock, Name: name}, func() (err error) {
		lock, err = f.inner.Lock(name)
		return err
	})
	return lock, err
}
