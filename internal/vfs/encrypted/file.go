package encrypted

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"sync"
	"sync/atomic"

	"github.com/tidings-io/tidings/internal/vfs"
)

// chunk is how much is encrypted before it is written.
const chunk = 256 << 10

// zerosMin is the length from which a write of nothing but zeros is left as it is:
// that is how a log file gets its blocks, and tells nobody more than a hole does.
const zerosMin = 64 << 10

// zeros reports whether p is a long run of them.
func zeros(p []byte) bool {
	return len(p) >= zerosMin && p[0] == 0 && bytes.Equal(p[1:], p[:len(p)-1])
}

// workspace is what one call needs besides the caller's memory.
type workspace struct {
	buf     []byte // at most chunk bytes
	scratch [blockSize]byte
}

var workspaces = sync.Pool{New: func() any { return new(workspace) }}

// take returns n bytes of any content, at most chunk.
func (w *workspace) take(n int64) []byte {
	if int64(cap(w.buf)) < n {
		w.buf = make([]byte, n)
	}
	return w.buf[:n]
}

// file is an open file.
type file struct {
	// immutable after Open
	disk vfs.File
	fs   *FS
	node *node
	name string

	closed atomic.Bool // set by Close
}

func (f *file) failed(op string, err error) error {
	return &fs.PathError{Op: op, Path: f.name, Err: err}
}

// writeHeader writes the header with the size as it is. The caller holds n.mu, or
// nobody else has the node yet.
func (n *node) writeHeader(disk vfs.File) error {
	_, err := disk.WriteAt(appendHeader(nil, header{n.id, n.mu.size}), 0)
	return err
}

// ReadAt implements [vfs.File].
func (f *file) ReadAt(p []byte, off int64) (int, error) {
	n := f.node
	n.mu.RLock()
	defer n.mu.RUnlock()
	switch {
	case off < 0:
		return 0, f.failed("read", fs.ErrInvalid)
	case len(p) == 0:
		return f.disk.ReadAt(p, headerSize)
	case off >= n.mu.size:
		if _, err := f.disk.Size(); err != nil { // is it open?
			return 0, err
		}
		return 0, io.EOF
	case n.blocks == nil:
		return 0, f.failed("read", ErrHeader)
	}
	short := int64(len(p)) > n.mu.size-off
	if short {
		p = p[:n.mu.size-off]
	}
	w := workspaces.Get().(*workspace)
	defer workspaces.Put(w)
	done := 0
	for done < len(p) {
		at := off + int64(done)
		from := at - at%blockSize
		buf := w.take(min(roundUp(off+int64(len(p)))-from, chunk))
		got, err := f.disk.ReadAt(buf, headerSize+from)
		got -= got % blockSize
		n.blocks.decrypt(buf[:got], from, &w.scratch)
		if skip := int(at - from); got > skip {
			done += copy(p[done:], buf[skip:got])
		}
		if got < len(buf) {
			if err == nil {
				err = io.ErrUnexpectedEOF
			}
			return done, err
		}
	}
	if short {
		return done, io.EOF
	}
	return done, nil
}

// WriteAt implements [vfs.File].
func (f *file) WriteAt(p []byte, off int64) (int, error) {
	n := f.node
	if off < 0 {
		return 0, f.failed("write", fs.ErrInvalid)
	}
	if n.blocks == nil {
		return 0, f.failed("write", ErrHeader)
	}
	if len(p) == 0 {
		return f.disk.WriteAt(p, headerSize)
	}
	end := off + int64(len(p))
	if off%blockSize == 0 && end%blockSize == 0 {
		n.mu.RLock()
		if end <= n.mu.size {
			defer n.mu.RUnlock()
			return f.write(p, off)
		}
		n.mu.RUnlock()
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if off > n.mu.size {
		if err := f.padLocked(n.mu.size); err != nil {
			return 0, err
		}
	}
	done, err := f.write(p, off)
	if end := off + int64(done); done > 0 && end > n.mu.size {
		n.mu.size = end
		err = errors.Join(err, n.writeHeader(f.disk))
	}
	return done, err
}

// write encrypts and writes p. It needs node.mu: for writing, if the first or the
// last block is not whole or the file becomes longer.
func (f *file) write(p []byte, off int64) (int, error) {
	n := f.node
	end := off + int64(len(p))
	if off%blockSize == 0 && end%blockSize == 0 && zeros(p) {
		return f.disk.WriteAt(p, headerSize+off)
	}
	w := workspaces.Get().(*workspace)
	defer workspaces.Put(w)
	for from := off - off%blockSize; from < end; {
		to := min(from+chunk, roundUp(end))
		buf := w.take(to - from)
		begin, stop := max(off-from, 0), min(end, to)-from
		var err error
		if begin > 0 {
			err = f.block(buf[:blockSize], from, w)
		}
		if last := int64(len(buf)) - blockSize; err == nil && stop < int64(len(buf)) && (begin == 0 || last > 0) {
			err = f.block(buf[last:], from+last, w)
		}
		done := max(from-off, 0) // bytes of p that are written
		if err != nil {
			return int(done), err
		}
		copy(buf[begin:stop], p[done:])
		n.blocks.encrypt(buf, from, &w.scratch)
		got, err := f.disk.WriteAt(buf, headerSize+from)
		if err != nil {
			got -= got % blockSize
			return int(max(min(from+int64(got), end)-off, 0)), err
		}
		from = to
	}
	return len(p), nil
}

// block reads one block; what is behind the end of the file is zero. It needs
// node.mu.
func (f *file) block(dst []byte, at int64, w *workspace) error {
	size := f.node.mu.size
	clear(dst)
	if at >= size {
		return nil
	}
	got, err := f.disk.ReadAt(dst, headerSize+at)
	if got < len(dst) {
		return f.failed("write", errors.Join(io.ErrUnexpectedEOF, err))
	}
	f.node.blocks.decrypt(dst, at, &w.scratch)
	if size-at < blockSize {
		clear(dst[size-at:])
	}
	return nil
}

// padLocked sees to it that a file which ends at size, or is about to, has zeros
// in the rest of its last block. It needs node.mu for writing.
func (f *file) padLocked(size int64) error {
	at := size - size%blockSize
	if at == size || at >= f.node.mu.size {
		return nil
	}
	w := workspaces.Get().(*workspace)
	defer workspaces.Put(w)
	b := w.take(blockSize)
	if err := f.block(b, at, w); err != nil {
		return err
	}
	clear(b[size-at:])
	f.node.blocks.encrypt(b, at, &w.scratch)
	_, err := f.disk.WriteAt(b, headerSize+at)
	return err
}

// Size implements [vfs.File].
func (f *file) Size() (int64, error) {
	if _, err := f.disk.Size(); err != nil {
		return 0, err
	}
	f.node.mu.RLock()
	defer f.node.mu.RUnlock()
	return f.node.mu.size, nil
}

// Truncate implements [vfs.File].
func (f *file) Truncate(size int64) error {
	return f.resize("truncate", size, func(length int64) error { return f.disk.Truncate(length) })
}

// Preallocate implements [vfs.File].
func (f *file) Preallocate(size int64) error {
	f.node.mu.RLock()
	have := f.node.mu.size
	f.node.mu.RUnlock()
	if size >= 0 && size <= have {
		return f.disk.Preallocate(headerSize + roundUp(size))
	}
	return f.resize("preallocate", size, func(length int64) error { return f.disk.Preallocate(length) })
}

func (f *file) resize(op string, size int64, below func(length int64) error) error {
	n := f.node
	switch {
	case size < 0:
		return f.failed(op, fs.ErrInvalid)
	case n.blocks == nil:
		return f.failed(op, ErrHeader)
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if err := f.padLocked(min(size, n.mu.size)); err != nil {
		return err
	}
	if err := below(headerSize + roundUp(size)); err != nil {
		return err
	}
	n.mu.size = size
	return n.writeHeader(f.disk)
}

// Sync implements [vfs.File].
func (f *file) Sync() error { return f.disk.Sync() }

// Forget implements [vfs.File].
func (f *file) Forget() error { return f.disk.Forget() }

// Close implements [vfs.File].
func (f *file) Close() error {
	err := f.disk.Close()
	if !f.closed.Swap(true) {
		f.fs.closed(f.node)
	}
	return err
}
