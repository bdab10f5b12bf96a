package vfs

import (
	"errors"
	"io"
	"io/fs"
)

// FS is a tree of files. All names are relative to its root (package comment).
// Errors satisfy [fs.ErrNotExist], [fs.ErrExist], [fs.ErrInvalid] (a name that is
// not valid) and [ErrNoSpace] where that is the reason.
type FS interface {
	// Open opens an existing file for reading and writing.
	Open(name string) (File, error)

	// Create makes an empty file and opens it. A name that is taken is an error:
	// nothing is ever emptied by accident. Durable after SyncDir of its directory.
	Create(name string) (File, error)

	// Rename gives a file or directory another name. A file that has the new name
	// is replaced; a directory is not. Atomic; durable after SyncDir of both
	// directories.
	Rename(from, to string) error

	// Remove removes a file or an empty directory. Durable after SyncDir of its
	// directory; until then a loss of power may bring it back.
	Remove(name string) error

	// List returns the names in a directory, sorted, without a path.
	List(dir string) ([]string, error)

	// MkdirAll makes a directory and those above it that are missing. Each new
	// one is durable after SyncDir of the one above it.
	MkdirAll(dir string) error

	// SyncDir makes the names in a directory durable: what was created, renamed
	// and removed there. It says nothing about the content of files.
	SyncDir(dir string) error

	// Lock takes a file, created if it is missing, for this process alone until
	// the result is closed or the process ends. [ErrLocked] if it is taken,
	// also by this process.
	Lock(name string) (io.Closer, error)
}

// File is an open file. The slices given to it are not kept.
type File interface {
	// ReadAt and WriteAt follow [io.ReaderAt] and [io.WriterAt]. A write beyond
	// the end makes the file longer; bytes never written read as zero.
	io.ReaderAt
	io.WriterAt

	// Close releases the file and syncs nothing. A second Close is an error that
	// satisfies [fs.ErrClosed].
	io.Closer

	// Size returns the length of the file in bytes.
	Size() (int64, error)

	// Truncate makes the file size bytes long; new bytes read as zero. Durable
	// after Sync.
	Truncate(size int64) error

	// Preallocate makes the file at least size bytes long, new bytes reading as
	// zero, with its space reserved: later writes inside do not fail for want of
	// space. It never shortens a file. Durable after Sync.
	Preallocate(size int64) error

	// Sync returns once all that was written before, and the length, survives a
	// loss of power. After an error the content of the file is unknown: a second
	// Sync that succeeds proves nothing.
	Sync() error

	// Forget drops what the system caches of the file and has on disk, as far as
	// the system allows, so that the next read shows what the disk holds. Written
	// but unsynced content stays. It exists for the reader after a failed Sync,
	// whose cached pages may never have reached the disk.
	Forget() error
}

var (
	// ErrNoSpace is returned by any call that needs room the file system or the
	// owner's quota does not have.
	ErrNoSpace = errors.New("no space left")

	// ErrLocked is returned by Lock for a file that somebody holds.
	ErrLocked = errors.New("locked by another user of this directory")
)

// ReadFile returns the whole content of a file.
func ReadFile(fsys FS, name string) ([]byte, error) {
	f, err := fsys.Open(name)
	if err != nil {
		return nil, err
	}
	content, err := readAll(f)
	return content, errors.Join(err, f.Close())
}

func readAll(f File) ([]byte, error) {
	size, err := f.Size()
	if err != nil {
		return nil, err
	}
	content := make([]byte, size)
	n, err := f.ReadAt(content, 0)
	if errors.Is(err, io.EOF) && int64(n) == size {
		err = nil
	}
	return content[:n], err
}

// check returns an error for a name that is not a path below the root.
func check(op, name string) error {
	if !fs.ValidPath(name) {
		return &fs.PathError{Op: op, Path: name, Err: fs.ErrInvalid}
	}
	return nil
}

// checkEntry is check for an operation that cannot be done to the root itself.
func checkEntry(op, name string) error {
	if name == "." {
		return &fs.PathError{Op: op, Path: name, Err: fs.ErrInvalid}
	}
	return check(op, name)
}
