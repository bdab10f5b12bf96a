package serverlog

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"
)

// rotatedLayout is what a rotated file's name has after the log file's own, so
// that names sort by age.
const rotatedLayout = "2006.01.02.15.04.05.000000000"

// notice formats a line the file says about itself.
type notice func(level slog.Level, text string, attrs ...slog.Attr) []byte

// file is a log file that rotates when it would pass a size.
type file struct {
	// immutable after openFile
	path   string
	limit  int64 // bytes; 0: no rotation
	maxNum int   // files to keep, the current one included; 0: all
	notice notice
	inZone func(time.Time) time.Time

	mu struct {
		sync.Mutex
		f    *os.File // nil: could not be opened after a rotation, or closed
		size int64    // bytes in f
		// rotateAt is the size that starts the next rotation: limit, or more
		// after a rotation that failed, which is not tried at every line.
		rotateAt int64
		closed   bool
	}
}

func openFile(path string, limit int64, maxNum int, n notice, inZone func(time.Time) time.Time) (*file, error) {
	abs, err := filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("log_file %q: %w", path, err)
	}
	lf := &file{path: abs, limit: limit, maxNum: maxNum, notice: n, inZone: inZone}
	f, size, err := openAppend(abs)
	if err != nil {
		return nil, err
	}
	lf.mu.f, lf.mu.size, lf.mu.rotateAt = f, size, limit
	return lf, nil
}

func openAppend(path string) (*os.File, int64, error) {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o640)
	if err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return nil, 0, fmt.Errorf("log_file: %w; create the directory first", err)
		}
		return nil, 0, fmt.Errorf("log_file: %w", err)
	}
	info, err := f.Stat()
	if err != nil {
		return nil, 0, errors.Join(fmt.Errorf("log_file: %w", err), f.Close())
	}
	return f, info.Size(), nil
}

func (lf *file) write(_ slog.Level, line []byte, _ int) error {
	lf.mu.Lock()
	defer lf.mu.Unlock()
	if lf.limit > 0 && lf.mu.size > 0 && lf.mu.size+int64(len(line)) > lf.mu.rotateAt {
		lf.rotateLocked()
	}
	return lf.writeLocked(line)
}

// writeLocked needs lf.mu. It writes one line, opening the file first if the
// last rotation could not.
func (lf *file) writeLocked(line []byte) error {
	if lf.mu.closed {
		return os.ErrClosed
	}
	if lf.mu.f == nil {
		f, size, err := openAppend(lf.path)
		if err != nil {
			return err
		}
		lf.mu.f, lf.mu.size = f, size
	}
	n, err := lf.mu.f.Write(line)
	lf.mu.size += int64(n)
	return err
}

// rotateLocked needs lf.mu. It renames the full file, opens a new one and says so
// in it. If renaming fails the log goes on in the same file, says why, and
// tries again when it has grown by the limit once more.
func (lf *file) rotateLocked() {
	rotated := lf.path + "." + lf.inZone(time.Now()).Format(rotatedLayout)
	// Closed before it is renamed: some systems refuse to rename an open file.
	errClose := lf.closeLocked()
	errRename := os.Rename(lf.path, rotated)
	f, size, errOpen := openAppend(lf.path)
	if errOpen != nil {
		return // writeLocked tries again, and reports the reason
	}
	lf.mu.f, lf.mu.size, lf.mu.rotateAt = f, size, lf.limit
	if errRename != nil && !errors.Is(errRename, fs.ErrNotExist) { // missing: another program was faster
		lf.mu.rotateAt = size + lf.limit
		lf.noteLocked(slog.LevelError, "log file not rotated", slog.Any("error", errRename))
		return
	}
	if errRename == nil {
		lf.noteLocked(slog.LevelInfo, "log file rotated", slog.String("backup", rotated))
	}
	if errClose != nil {
		lf.noteLocked(slog.LevelError, "log file not closed cleanly", slog.Any("error", errClose))
	}
	if err := lf.removeOldest(); err != nil {
		lf.noteLocked(slog.LevelError, "old log file not removed", slog.Any("error", err))
	}
}

// noteLocked needs lf.mu. It writes a line about the file itself.
func (lf *file) noteLocked(level slog.Level, text string, attrs ...slog.Attr) {
	// A failure here shows again, and is reported, at the line that is waiting.
	_ = lf.writeLocked(lf.notice(level, text, attrs...))
}

// removeOldest removes rotated files over maxNum. Files whose names only begin
// alike are left alone.
func (lf *file) removeOldest() error {
	if lf.maxNum == 0 {
		return nil
	}
	dir, base := filepath.Split(lf.path)
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	var rotated []string
	for _, e := range entries {
		stamp, ok := strings.CutPrefix(e.Name(), base+".")
		if !ok || !e.Type().IsRegular() {
			continue
		}
		if _, err := time.Parse(rotatedLayout, stamp); err == nil {
			rotated = append(rotated, e.Name())
		}
	}
	slices.Sort(rotated)
	var errs []error
	for _, name := range rotated[:max(0, len(rotated)-(lf.maxNum-1))] {
		errs = append(errs, os.Remove(filepath.Join(dir, name)))
	}
	return errors.Join(errs...)
}

func (lf *file) reopen() error {
	lf.mu.Lock()
	defer lf.mu.Unlock()
	f, size, err := openAppend(lf.path)
	if err != nil {
		return err
	}
	errClose := lf.closeLocked()
	lf.mu.f, lf.mu.size, lf.mu.rotateAt = f, size, lf.limit
	return errClose
}

func (lf *file) close() error {
	lf.mu.Lock()
	defer lf.mu.Unlock()
	lf.mu.closed = true
	return lf.closeLocked()
}

// closeLocked needs lf.mu.
func (lf *file) closeLocked() error {
	if lf.mu.f == nil {
		return nil
	}
	err := lf.mu.f.Close()
	lf.mu.f = nil
	return err
}
