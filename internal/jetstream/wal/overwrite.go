package wal

import (
	"cmp"
	"fmt"
	"slices"
)

// overwrite is one call of Overwrite on its way.
type overwrite struct {
	file  *file
	off   int64
	bytes []byte
	done  chan error // of capacity 1
}

// Overwrite replaces bytes of payloads that were reported durable, and returns when
// that is durable. It is for those who make something unreadable and leave the
// checksum of the entry right. A loss of power before it returns may leave some of
// the old bytes and some of the new: the caller has to be able to do it again,
// before the log is opened. Errors: [ErrRetired], [ErrClosed], and what poisons the
// log.
func (l *Log) Overwrite(n FileNumber, off int64, b []byte) error {
	o := &overwrite{l.lookup(n), off, b, make(chan error, 1)}
	if o.file == nil {
		return l.goneError(n)
	}
	l.mu.Lock()
	if l.mu.closed || l.mu.err != nil {
		err := cmp.Or(l.mu.err, ErrClosed)
		l.mu.Unlock()
		return err
	}
	l.mu.overwrites = append(l.mu.overwrites, o)
	l.mu.Unlock()
	signal(l.wake)
	return <-o.done
}

func (l *Log) takeOverwrites() []*overwrite {
	l.mu.Lock()
	defer l.mu.Unlock()
	list := l.mu.overwrites
	l.mu.overwrites = nil
	return list
}

// overwrite does what is wanted, between two batches: a sync that fails must be
// seen by nobody who goes on writing.
func (l *Log) overwrite() error {
	list := l.takeOverwrites()
	var dirty []*file
	var failed error
	for _, o := range list {
		if failed == nil && o.file.put(o.bytes, o.off, &failed) && !slices.Contains(dirty, o.file) {
			dirty = append(dirty, o.file)
		}
	}
	for _, f := range dirty {
		if failed == nil {
			failed = f.disk.Sync()
		}
	}
	if failed != nil {
		failed = fmt.Errorf("%w: overwrite: %w", ErrPoisoned, failed)
	}
	for _, o := range list {
		switch {
		case failed != nil:
			o.done <- failed
		case slices.Contains(dirty, o.file):
			o.done <- nil
		default:
			o.done <- ErrRetired
		}
	}
	return failed
}

// put writes to the file while nobody reads it. It reports whether it did: not if
// the file is retired.
func (f *file) put(b []byte, off int64, failed *error) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.mu.retired {
		return false
	}
	_, *failed = f.disk.WriteAt(b, off)
	return true
}

// refuseOverwrites ends those that nobody will do.
func (l *Log) refuseOverwrites() {
	l.mu.Lock()
	err := cmp.Or(l.mu.err, ErrClosed)
	l.mu.closed = true
	l.mu.Unlock()
	for _, o := range l.takeOverwrites() {
		o.done <- err
	}
}
