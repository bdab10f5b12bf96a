package wal

import (
	"errors"
	"fmt"
	"io"
	"slices"
)

// Read appends the payload at p to dst and returns it, verified. Errors:
// [ErrRetired], [ErrClosed], a *[DamageError] that no retry will cure.
func (l *Log) Read(dst []byte, p Place) ([]byte, error) {
	f := l.lookup(p.File)
	if f == nil {
		return dst, l.goneError(p.File)
	}
	f.mu.RLock()
	defer f.mu.RUnlock()
	if f.mu.retired {
		return dst, l.goneError(p.File)
	}
	from := len(dst)
	dst = slices.Grow(dst, int(p.Length))[:from+int(p.Length)]
	_, err := f.disk.ReadAt(dst[from:], int64(p.Offset))
	if err == nil && checksum(dst[from:]) == p.Sum {
		return dst, nil
	}
	if errors.Is(err, io.EOF) {
		err = nil // the file has become shorter: damage like any other
	}
	f.damaged.Store(true)
	return dst[:from], &DamageError{
		File: p.File, Offset: int64(p.Offset), Length: int64(p.Length),
		Reason: "payload does not match its checksum", Err: err,
	}
}

func (l *Log) goneError(n FileNumber) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if errors.Is(l.mu.err, ErrClosed) {
		return ErrClosed
	}
	return fmt.Errorf("%w: %s", ErrRetired, fileName(n))
}
