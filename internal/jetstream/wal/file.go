package wal

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/tidings-io/tidings/internal/vfs"
)

const (
	fileSuffix    = ".wal"
	tmpSuffix     = ".tmp"     // of files being made
	damagedSuffix = ".damaged" // of files kept for a person, with a number that is nobody else's
)

// file is one file of the log, open.
type file struct {
	// immutable after it is made or found
	number      FileNumber
	incarnation uint64
	size        int64
	disk        vfs.File

	// damaged: it holds something that could not be read; set by whoever notices.
	damaged atomic.Bool

	mu struct {
		sync.RWMutex
		retired bool
	}
}

func fileName(n FileNumber) string { return fmt.Sprintf("%08d%s", uint64(n), fileSuffix) }

// parseFileName returns the number a name begins with; tail is what follows
// the suffix of log files.
func parseFileName(name string) (n FileNumber, tail string, ok bool) {
	digits, tail, ok := strings.Cut(name, fileSuffix)
	number, err := strconv.ParseUint(digits, 10, 63)
	ok = ok && err == nil && number > 0 && fileName(FileNumber(number)) == digits+fileSuffix
	return FileNumber(number), tail, ok
}

func (l *Log) path(name string) string { return path.Join(l.opts.Dir, name) }

// createFile makes a file of zeros that has been written once, so that later
// syncs need not touch the file system's own records.
func (l *Log) createFile(number FileNumber) (*file, error) {
	tmp := l.path(fileName(number) + tmpSuffix)
	if err := l.opts.FS.Remove(tmp); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	disk, err := l.opts.FS.Create(tmp)
	if err != nil {
		return nil, err
	}
	f := &file{number: number, incarnation: l.opts.Incarnation(), size: l.opts.FileSize, disk: disk}
	err = f.fill()
	if err == nil {
		err = l.publish(f, tmp)
	}
	if err != nil {
		// The file was never part of the log; Open removes what is left of it.
		_ = disk.Close()
		_ = l.opts.FS.Remove(tmp)
		return nil, err
	}
	return f, nil
}

// fillSync is how many bytes of zeros are written before they are synced: a sync of
// the whole file at once would hold up the commits beside it for as long as the
// disk takes for all of it.
const fillSync = 4 << 20

// fill writes the whole file.
func (f *file) fill() error {
	if err := f.disk.Preallocate(f.size); err != nil {
		return err
	}
	chunk := make([]byte, min(f.size, 1<<20))
	for off := int64(0); off < f.size; off += int64(len(chunk)) {
		if _, err := f.disk.WriteAt(chunk[:min(int64(len(chunk)), f.size-off)], off); err != nil {
			return err
		}
		if done := off + int64(len(chunk)); done%fillSync == 0 && done < f.size {
			if err := f.disk.Sync(); err != nil {
				return err
			}
		}
	}
	return nil
}

// publish gives a file its header, syncs it and renames it to its number.
func (l *Log) publish(f *file, from string) error {
	block := make([]byte, blockSize)
	appendFileHeader(block[:0], fileHeader{number: f.number, incarnation: f.incarnation, size: f.size})
	if _, err := f.disk.WriteAt(block, 0); err != nil {
		return err
	}
	if err := f.disk.Sync(); err != nil {
		return err
	}
	if err := l.opts.FS.Rename(from, l.path(fileName(f.number))); err != nil {
		return err
	}
	return l.opts.FS.SyncDir(l.opts.Dir)
}

// recycle turns a retired file into a ready one of another number. Its old
// batches are worth nothing under the new incarnation.
func (l *Log) recycle(old *file, number FileNumber) (*file, error) {
	f := &file{number: number, incarnation: l.opts.Incarnation(), size: old.size, disk: old.disk}
	if err := l.publish(f, l.path(fileName(old.number))); err != nil {
		return nil, errors.Join(err, old.disk.Close())
	}
	return f, nil
}

// dispose takes a retired file out of the directory: under another name if it
// holds something unreadable.
func (l *Log) dispose(f *file) error {
	name := l.path(fileName(f.number))
	var err error
	if f.damaged.Load() {
		err = l.opts.FS.Rename(name, fmt.Sprintf("%s%s-%016x", name, damagedSuffix, l.opts.Incarnation()))
	} else {
		err = l.opts.FS.Remove(name)
	}
	if err == nil {
		err = l.opts.FS.SyncDir(l.opts.Dir)
	}
	return errors.Join(err, f.disk.Close())
}

// retire waits for readers of the file and refuses later ones.
func (f *file) retire() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.mu.retired = true
}
