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

// ReadAt fills dst from the given place of a file, unverified: what is there may
// have its own checksums. It must lie inside the payloads that were reported
// durable. Errors: [ErrRetired], [ErrClosed], a *[DamageError] for what the
// device does not give.
func (l *Log) ReadAt(dst []byte, n FileNumber, off int64) error {
	f := l.lookup(n)
	if f == nil {
		return l.goneError(n)
	}
	f.mu.RLock()
	defer f.mu.RUnlock()
	if f.mu.retired {
		return l.goneError(n)
	}
	_, err := f.disk.ReadAt(dst, off)
	if err == nil {
		return nil
	}
	f.damaged.Store(true)
	if errors.Is(err, io.EOF) {
		err = nil // the file has become shorter: damage like any other
	}
	return &DamageError{
		File: n, Offset: off, Length: int64(len(dst)),
		Reason: "the device does not give it", Err: err,
	}
}

// FileSize returns the size of a file that holds entries, 0 if it is retired.
func (l *Log) FileSize(n FileNumber) int64 {
	if f := l.lookup(n); f != nil {
		return f.size
	}
	return 0
}

// MarkDamaged notes that a file holds something that cannot be read: when it is
// retired it is set aside instead of being used again.
func (l *Log) MarkDamaged(n FileNumber) {
	if f := l.lookup(n); f != nil {
		f.damaged.Store(true)
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
