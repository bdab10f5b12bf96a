package vfs

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

const (
	dirMode  = 0o700 // what is stored is for the server's user alone
	fileMode = 0o600
)

// Dir is a directory of the real file system. Its zero value is not usable.
type Dir struct {
	// immutable after NewDir
	root string
}

// NewDir returns the tree below root, a path of the operating system. It touches
// nothing; MkdirAll(".") makes the root.
func NewDir(root string) *Dir {
	return &Dir{root: root}
}

func (d *Dir) path(name string) string {
	return filepath.Join(d.root, filepath.FromSlash(name))
}

// Open implements [FS].
func (d *Dir) Open(name string) (File, error) {
	if err := checkEntry("open", name); err != nil {
		return nil, err
	}
	return openOS(d.path(name), os.O_RDWR)
}

// Create implements [FS].
func (d *Dir) Create(name string) (File, error) {
	if err := checkEntry("create", name); err != nil {
		return nil, err
	}
	return openOS(d.path(name), os.O_RDWR|os.O_CREATE|os.O_EXCL)
}

func openOS(path string, flags int) (File, error) {
	f, err := os.OpenFile(path, flags, fileMode)
	if err != nil {
		return nil, mark(err)
	}
	return &osFile{f: f}, nil
}

// Rename implements [FS].
func (d *Dir) Rename(from, to string) error {
	if err := errors.Join(checkEntry("rename", from), checkEntry("rename", to)); err != nil {
		return err
	}
	if info, err := os.Stat(d.path(to)); err == nil && info.IsDir() {
		return &fs.PathError{Op: "rename", Path: to, Err: fs.ErrExist}
	}
	return mark(os.Rename(d.path(from), d.path(to)))
}

// Remove implements [FS].
func (d *Dir) Remove(name string) error {
	if err := checkEntry("remove", name); err != nil {
		return err
	}
	return mark(os.Remove(d.path(name)))
}

// List implements [FS].
func (d *Dir) List(dir string) ([]string, error) {
	if err := check("list", dir); err != nil {
		return nil, err
	}
	entries, err := os.ReadDir(d.path(dir))
	if err != nil {
		return nil, mark(err)
	}
	names := make([]string, len(entries))
	for i, e := range entries {
		names[i] = e.Name()
	}
	return names, nil
}

// MkdirAll implements [FS].
func (d *Dir) MkdirAll(dir string) error {
	if err := check("mkdir", dir); err != nil {
		return err
	}
	return mark(os.MkdirAll(d.path(dir), dirMode))
}

// SyncDir implements [FS]. On Windows it does nothing: directories cannot be
// synced there, their changes are in the journal of the file system.
func (d *Dir) SyncDir(dir string) error {
	if err := check("sync directory", dir); err != nil {
		return err
	}
	return mark(syncDir(d.path(dir)))
}

// Lock implements [FS].
func (d *Dir) Lock(name string) (io.Closer, error) {
	if err := checkEntry("lock", name); err != nil {
		return nil, err
	}
	l, err := lockFile(d.path(name))
	if err != nil {
		return nil, mark(err)
	}
	return l, nil
}

// osFile is an open file of a Dir.
type osFile struct {
	f *os.File
}

func (o *osFile) ReadAt(p []byte, off int64) (int, error) {
	return o.f.ReadAt(p, off)
}

func (o *osFile) WriteAt(p []byte, off int64) (int, error) {
	n, err := o.f.WriteAt(p, off)
	return n, mark(err)
}

func (o *osFile) Close() error { return o.f.Close() }

func (o *osFile) Size() (int64, error) {
	info, err := o.f.Stat()
	if err != nil {
		return 0, err
	}
	return info.Size(), nil
}

func (o *osFile) Truncate(size int64) error { return mark(o.f.Truncate(size)) }

func (o *osFile) Preallocate(size int64) error {
	if size < 0 {
		return &fs.PathError{Op: "preallocate", Path: o.f.Name(), Err: fs.ErrInvalid}
	}
	err := allocate(o.f, size)
	if errors.Is(err, errors.ErrUnsupported) {
		err = o.zeroFill(size)
	}
	return mark(err)
}

func (o *osFile) Sync() error { return mark(syncData(o.f)) }

func (o *osFile) Forget() error { return mark(dropCache(o.f)) }

// zeroFill reserves space where the file system has no call for it.
func (o *osFile) zeroFill(size int64) error {
	have, err := o.Size()
	if err != nil {
		return err
	}
	zeros := make([]byte, 64<<10)
	for have < size {
		n, err := o.f.WriteAt(zeros[:min(int64(len(zeros)), size-have)], have)
		if err != nil {
			return err
		}
		have += int64(n)
	}
	return nil
}

// mark lets errors.Is find [ErrNoSpace] in what the system said.
func mark(err error) error {
	if err == nil || !noSpace(err) {
		return err
	}
	return fmt.Errorf("%w: %w", ErrNoSpace, err)
}
