package store

import (
	"errors"
	"fmt"
	"io"
	"path"
	"strconv"
	"sync"
	"sync/atomic"

	"github.com/tidings-io/tidings/internal/jetstream/index"
	"github.com/tidings-io/tidings/internal/jetstream/wal"
	"github.com/tidings-io/tidings/internal/record"
)

// Files is where the messages of one group are. Its methods are safe for
// concurrent use and need no lock of the stream.
type Files struct {
	// immutable
	store *Store
	group Group
	kept  *Memory // records that are in no file yet

	compress atomic.Bool

	mu struct {
		sync.RWMutex
		segments map[uint32]*segment
		next     uint32   // the number of the next segment
		erased   []uint64 // sequences of the messages that were erased last
	}
}

func newFiles(s *Store, g Group) *Files {
	f := &Files{store: s, group: g, kept: NewMemory()}
	f.mu.next = 1
	return f
}

// Group returns the group that the files belong to.
func (f *Files) Group() Group { return f.group }

// Compress has records compressed in segments that are made from now on.
func (f *Files) Compress(on bool) { f.compress.Store(on) }

// Keep holds a record that is no part of the log until the keeper writes it to a
// segment. Only what is made the same way when the log is replayed may be kept.
func (f *Files) Keep(rec []byte) index.Place {
	at := f.kept.Keep(rec)
	if f.kept.Bytes() > keptMax {
		f.store.wake()
	}
	return at
}

// Free says that the record of e is used no more.
func (f *Files) Free(e index.Entry) {
	if kindOf(e.Place) == memoryPage {
		f.kept.Free(e)
	}
}

// Read appends the record of e to dst, verified. Errors: [ErrMoved],
// [ErrClosed], a *[DamageError].
func (f *Files) Read(dst []byte, e index.Entry) ([]byte, error) {
	from := len(dst)
	dst, err := f.raw(dst, e)
	if err == nil {
		_, err = f.verify(dst[from:], e)
	}
	if err != nil {
		return dst[:from], err
	}
	return dst, nil
}

// raw appends the bytes at e's place.
func (f *Files) raw(dst []byte, e index.Entry) ([]byte, error) {
	var err error
	from := len(dst)
	switch kindOf(e.Place) {
	case memoryPage:
		return f.kept.Read(dst, e)
	case inLog:
		dst = append(dst, make([]byte, e.Size)...)
		err = f.store.log.ReadAt(dst[from:], logFile(e.Place), int64(e.Place.Offset))
	case segmentFile:
		g := f.segment(e.Place.File &^ inSegment)
		if g == nil {
			return dst, ErrMoved
		}
		dst, err = g.readAt(dst, int64(e.Place.Offset), int64(e.Size))
	default:
		err = errNowhere
	}
	if err != nil {
		return dst[:from], f.failed(e, err)
	}
	return dst, nil
}

// failed makes of an error of reading what callers are told.
func (f *Files) failed(e index.Entry, err error) error {
	switch {
	case errors.Is(err, wal.ErrRetired), errors.Is(err, ErrMoved):
		return ErrMoved
	case errors.Is(err, ErrClosed), f.store.closed.Load():
		return ErrClosed
	case errors.Is(err, io.EOF):
		err = io.ErrUnexpectedEOF
	}
	return f.damage(e, err)
}

// damage is the error for an entry whose record is lost.
func (f *Files) damage(e index.Entry, err error) *DamageError {
	if kindOf(e.Place) == inLog {
		f.store.log.MarkDamaged(logFile(e.Place))
	}
	return &DamageError{Group: f.group, File: f.fileOf(e.Place), Offset: int64(e.Place.Offset), Seq: e.Seq, Err: err}
}

// verify takes the record of e apart.
func (f *Files) verify(rec []byte, e index.Entry) (record.Message, error) {
	m, n, err := record.Parse(rec)
	switch {
	case err != nil:
	case n != int(e.Size):
		err = fmt.Errorf("%w: %d bytes instead of %d", record.ErrDamaged, n, e.Size)
	case m.Erased && f.wasErased(e.Seq) && f.store.ready.Load():
		return record.Message{}, ErrMoved // it is being removed
	case m.Erased && f.store.ready.Load():
		err = errErased
	case m.Seq != 0 && m.Seq != e.Seq:
		err = fmt.Errorf("%w: it is that of message %d", record.ErrDamaged, m.Seq)
	default:
		return m, nil
	}
	return record.Message{}, f.damage(e, err)
}

// fileOf returns the name of the file below the store's directory.
func (f *Files) fileOf(p index.Place) string {
	switch kindOf(p) {
	case inLog:
		return path.Join(logDir, fmt.Sprintf("%08d.wal", p.File))
	case segmentFile:
		return path.Join(groupDir(f.group), segmentName(p.File&^inSegment))
	case memoryPage:
		return "memory"
	default:
		return ""
	}
}

func groupDir(g Group) string { return path.Join(streamsDir, strconv.FormatUint(uint64(g), 10)) }

func (f *Files) segment(number uint32) *segment {
	f.mu.RLock()
	defer f.mu.RUnlock()
	return f.mu.segments[number]
}
