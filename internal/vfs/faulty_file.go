package vfs

import (
	"errors"
	"slices"
)

// faultyFile is an open file of a Faulty. Close is never disturbed: it promises
// nothing that could be broken.
type faultyFile struct {
	File

	// immutable after Open
	fs   *Faulty
	name string
}

// dirtyDropper is a file that can lose what was written but not synced.
type dirtyDropper interface{ dropDirty() }

func (f *faultyFile) ReadAt(p []byte, off int64) (int, error) {
	c := Call{Op: OpRead, Name: f.name, Offset: off, Length: len(p)}
	fault := f.fs.begin(c)
	if fault == nil {
		return f.File.ReadAt(p, off)
	}
	switch fault.Do {
	case Fail:
		return 0, fault.fail(c)
	case Short:
		n, err := f.File.ReadAt(p[:f.part(len(p))], off)
		return n, errors.Join(fault.fail(c), err)
	default:
		n, err := f.File.ReadAt(p, off)
		if fault.Do == FlipBit {
			f.flip(p[:n])
		}
		return n, err
	}
}

func (f *faultyFile) WriteAt(p []byte, off int64) (int, error) {
	c := Call{Op: OpWrite, Name: f.name, Offset: off, Length: len(p)}
	fault := f.fs.begin(c)
	if fault == nil {
		return f.File.WriteAt(p, off)
	}
	switch fault.Do {
	case Fail:
		return 0, fault.fail(c)
	case Short:
		n, err := f.File.WriteAt(p[:f.part(len(p))], off)
		return n, errors.Join(fault.fail(c), err)
	case FlipBit:
		p = slices.Clone(p)
		f.flip(p)
	case Stale:
		var err error
		if p, err = f.stale(p, off); err != nil {
			return 0, err
		}
	}
	return f.File.WriteAt(p, off)
}

// part returns how much of n bytes is done before a call stops: less than all.
func (f *faultyFile) part(n int) int {
	if n == 0 {
		return 0
	}
	return f.fs.below(n)
}

func (f *faultyFile) flip(p []byte) {
	if len(p) > 0 {
		p[f.fs.below(len(p))] ^= 1 << f.fs.below(8)
	}
}

// stale returns p with one page of it as the file has it now.
func (f *faultyFile) stale(p []byte, off int64) ([]byte, error) {
	if len(p) == 0 {
		return p, nil
	}
	first, last := off/PageSize, (off+int64(len(p))-1)/PageSize
	page := first + int64(f.fs.below(int(last-first+1)))
	from := max(page*PageSize-off, 0)
	to := min((page+1)*PageSize-off, int64(len(p)))
	p = slices.Clone(p)
	clear(p[from:to])
	size, err := f.File.Size()
	if err != nil {
		return nil, err
	}
	if have := min(to, size-off); have > from {
		if _, err := f.File.ReadAt(p[from:have], off+from); err != nil {
			return nil, err
		}
	}
	return p, nil
}

func (f *faultyFile) Sync() error {
	c := Call{Op: OpSync, Name: f.name}
	fault := f.fs.begin(c)
	if fault == nil || fault.Do > Short {
		return f.File.Sync()
	}
	if d, ok := f.File.(dirtyDropper); ok {
		d.dropDirty()
	}
	return fault.fail(c)
}

// dropDirty lets one Faulty stand over another.
func (f *faultyFile) dropDirty() {
	if d, ok := f.File.(dirtyDropper); ok {
		d.dropDirty()
	}
}

func (f *faultyFile) Truncate(size int64) error {
	c := Call{Op: OpTruncate, Name: f.name, Offset: size}
	return f.fs.call(c, func() error { return f.File.Truncate(size) })
}

func (f *faultyFile) Preallocate(size int64) error {
	c := Call{Op: OpPreallocate, Name: f.name, Offset: size}
	return f.fs.call(c, func() error { return f.File.Preallocate(size) })
}

func (f *faultyFile) Size() (size int64, err error) {
	err = f.fs.call(Call{Op: OpSize, Name: f.name}, func() (err error) {
		size, err = f.File.Size()
		return err
	})
	return size, err
}

func (f *faultyFile) Forget() error {
	return f.fs.call(Call{Op: OpForget, Name: f.name}, f.File.Forget)
}
