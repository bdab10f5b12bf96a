package vfs

import (
	"io"
	"io/fs"
)

// memFile is an open file of a Mem.
type memFile struct {
	// immutable after Open
	fs   *Mem
	node *node
	name string

	closed bool // owned by Mem.mu
}

// lock takes the lock of the file system for one call. The caller unlocks it,
// whatever the error.
func (f *memFile) lock(op string) error {
	f.fs.mu.Lock()
	if f.closed {
		return f.failed(op, fs.ErrClosed)
	}
	return nil
}

func (f *memFile) failed(op string, err error) error {
	return &fs.PathError{Op: op, Path: f.name, Err: err}
}

func (f *memFile) ReadAt(p []byte, off int64) (int, error) {
	err := f.lock("read")
	defer f.fs.mu.Unlock()
	if err != nil {
		return 0, err
	}
	if off < 0 {
		return 0, f.failed("read", fs.ErrInvalid)
	}
	if off >= f.node.content.size() && len(p) > 0 {
		return 0, io.EOF
	}
	n := f.node.content.now.read(p, off)
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

// WriteAt writes as much as there is room for.
func (f *memFile) WriteAt(p []byte, off int64) (int, error) {
	err := f.lock("write")
	defer f.fs.mu.Unlock()
	if err != nil {
		return 0, err
	}
	if off < 0 {
		return 0, f.failed("write", fs.ErrInvalid)
	}
	if len(p) == 0 {
		return 0, nil
	}
	n := int64(len(p))
	if end := off + n; end > f.node.content.size() {
		got := f.growLocked(end)
		n = max(0, min(n, got-off))
		if got < end {
			err = f.failed("write", ErrNoSpace)
		}
	}
	f.node.content.write(p[:n], off)
	return int(n), err
}

// growLocked makes the file up to size bytes long and returns how long it is. It
// needs Mem.mu.
func (f *memFile) growLocked(size int64) int64 {
	have := f.node.content.size()
	m := f.fs
	if m.mu.capacity > 0 && f.node.links > 0 {
		size = max(have, min(size, have+m.mu.capacity-m.mu.used))
	}
	f.resizeLocked(size)
	return size
}

func (f *memFile) resizeLocked(size int64) {
	if f.node.links > 0 {
		f.fs.mu.used += size - f.node.content.size()
	}
	f.node.content.resize(size)
}

func (f *memFile) Close() error {
	err := f.lock("close")
	defer f.fs.mu.Unlock()
	f.closed = true
	return err
}

func (f *memFile) Size() (int64, error) {
	err := f.lock("stat")
	defer f.fs.mu.Unlock()
	if err != nil {
		return 0, err
	}
	return f.node.content.size(), nil
}

func (f *memFile) Truncate(size int64) error {
	return f.setSize("truncate", size, false)
}

func (f *memFile) Preallocate(size int64) error {
	return f.setSize("preallocate", size, true)
}

func (f *memFile) setSize(op string, size int64, growOnly bool) error {
	err := f.lock(op)
	defer f.fs.mu.Unlock()
	if err != nil {
		return err
	}
	have := f.node.content.size()
	m := f.fs
	switch {
	case size < 0:
		return f.failed(op, fs.ErrInvalid)
	case size <= have && growOnly:
		return nil
	case size > have && m.mu.capacity > 0 && f.node.links > 0 && m.mu.used+size-have > m.mu.capacity:
		return f.failed(op, ErrNoSpace)
	}
	f.resizeLocked(size)
	return nil
}

func (f *memFile) Sync() error {
	err := f.lock("sync")
	defer f.fs.mu.Unlock()
	if err != nil {
		return err
	}
	f.node.content.sync()
	return nil
}

func (f *memFile) Forget() error {
	err := f.lock("forget")
	defer f.fs.mu.Unlock()
	if err != nil {
		return err
	}
	f.node.content.forget()
	return nil
}

// dropDirty makes the file look as after a sync that failed: readers see what
// was written, the disk never will.
func (f *memFile) dropDirty() {
	f.fs.mu.Lock()
	defer f.fs.mu.Unlock()
	f.node.content.dropDirty()
}
