package encrypted

import (
	"crypto/rand"
	"errors"
	"io"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"
	"sync"

	"github.com/tidings-io/tidings/internal/vfs"
)

// FS is an encrypted tree of files. Locks and directories are those of the layer
// below; the file with the key is not part of it.
type FS struct {
	// immutable after Open
	below   vfs.FS
	keyFile string
	dataKey []byte

	// mu is held while names change and files are opened, so that each file has one
	// node; such calls are rare.
	mu struct {
		sync.Mutex
		nodes map[string]*node // of open files, by name
	}
}

var _ vfs.FS = (*FS)(nil)

func newFS(below vfs.FS, keyFile string, dataKey []byte) *FS {
	f := &FS{below: below, keyFile: keyFile, dataKey: dataKey}
	f.mu.nodes = map[string]*node{}
	return f
}

// node is what all handles of one file share.
type node struct {
	// immutable after it is made
	blocks *blocks // nil: the header cannot be read
	id     fileID

	handles int // owned by FS.mu

	// mu is held for reading while whole blocks inside the file are read or
	// written, for writing while a part of a block or the size changes.
	mu struct {
		sync.RWMutex
		size int64
	}
}

// hidden returns an error for the file with the key.
func (f *FS) hidden(op, name string) error {
	if name == f.keyFile || name == f.keyFile+tmpSuffix {
		return &fs.PathError{Op: op, Path: name, Err: fs.ErrPermission}
	}
	return nil
}

// Open implements [vfs.FS].
func (f *FS) Open(name string) (vfs.File, error) {
	if err := f.hidden("open", name); err != nil {
		return nil, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	disk, err := f.below.Open(name)
	if err != nil {
		return nil, err
	}
	n := f.mu.nodes[name]
	if n == nil {
		if n, err = f.load(disk); err != nil {
			return nil, errors.Join(err, disk.Close())
		}
		f.mu.nodes[name] = n
	}
	n.handles++
	return &file{disk: disk, fs: f, node: n, name: name}, nil
}

// load reads the header of a file.
func (f *FS) load(disk vfs.File) (*node, error) {
	h, ok, err := readHeader(disk)
	if err != nil {
		return nil, err
	}
	length, err := disk.Size()
	if err != nil {
		return nil, err
	}
	n := &node{id: h.id}
	n.mu.size = h.sizeOf(length)
	if ok {
		n.blocks, err = newBlocks(f.dataKey, h.id)
	}
	return n, err
}

// Create implements [vfs.FS].
func (f *FS) Create(name string) (vfs.File, error) {
	if err := f.hidden("create", name); err != nil {
		return nil, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	disk, err := f.below.Create(name)
	if err != nil {
		return nil, err
	}
	n := &node{handles: 1}
	_, _ = rand.Read(n.id[:]) // never fails: crypto/rand ends the process instead
	n.blocks, err = newBlocks(f.dataKey, n.id)
	if err == nil {
		err = n.writeHeader(disk)
	}
	if err != nil {
		return nil, errors.Join(err, disk.Close(), f.below.Remove(name))
	}
	f.mu.nodes[name] = n
	return &file{disk: disk, fs: f, node: n, name: name}, nil
}

// closed forgets a node that no handle has.
func (f *FS) closed(n *node) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if n.handles--; n.handles > 0 {
		return
	}
	for name, other := range f.mu.nodes {
		if other == n {
			delete(f.mu.nodes, name)
			return
		}
	}
}

// Rename implements [vfs.FS].
func (f *FS) Rename(from, to string) error {
	if err := errors.Join(f.hidden("rename", from), f.hidden("rename", to)); err != nil {
		return err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.below.Rename(from, to); err != nil {
		return err
	}
	if from == to {
		return nil
	}
	delete(f.mu.nodes, to)
	moved := map[string]*node{}
	for name, n := range f.mu.nodes {
		if below, ok := strings.CutPrefix(name, from); ok && (below == "" || below[0] == '/') {
			moved[to+below] = n
			delete(f.mu.nodes, name)
		}
	}
	maps.Copy(f.mu.nodes, moved)
	return nil
}

// Remove implements [vfs.FS].
func (f *FS) Remove(name string) error {
	if err := f.hidden("remove", name); err != nil {
		return err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.below.Remove(name); err != nil {
		return err
	}
	delete(f.mu.nodes, name)
	return nil
}

// List implements [vfs.FS].
func (f *FS) List(dir string) ([]string, error) {
	names, err := f.below.List(dir)
	return slices.DeleteFunc(names, func(name string) bool {
		return f.hidden("list", path.Join(dir, name)) != nil
	}), err
}

// MkdirAll implements [vfs.FS].
func (f *FS) MkdirAll(dir string) error { return f.below.MkdirAll(dir) }

// SyncDir implements [vfs.FS].
func (f *FS) SyncDir(dir string) error { return f.below.SyncDir(dir) }

// Lock implements [vfs.FS].
func (f *FS) Lock(name string) (io.Closer, error) { return f.below.Lock(name) }
