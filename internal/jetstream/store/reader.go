package store

import (
	"sync"

	"github.com/tidings-io/tidings/internal/jetstream/index"
	"github.com/tidings-io/tidings/internal/record"
)

const (
	// readFirst and readMax bound what a Reader reads at once: the first read is
	// small, those that go on where the last one ended grow.
	readFirst = 4 << 10
	readMax   = 256 << 10
)

var readBuffers = sync.Pool{New: func() any { return new([]byte) }}

// Reader reads messages of one group one after the other with few reads of the
// disk. It is for one goroutine at a time.
type Reader struct {
	files *Files
	buf   *[]byte // nil: released
	part  []byte  // of file, from at on; memory of buf
	file  uint32
	at    int64
	ahead int64 // how much the next read takes
}

// Reader returns a reader, which holds nothing before its first Read.
func (f *Files) Reader() *Reader { return &Reader{files: f} }

// Release gives the reader's memory back. It may be used again.
func (r *Reader) Release() {
	if r.buf != nil {
		*r.buf = r.part[:0]
		if cap(r.part) <= 2*readMax {
			readBuffers.Put(r.buf)
		}
	}
	*r = Reader{files: r.files}
}

// Read returns the message of e, verified, valid until the next call. Its errors
// are those of [Files.Read].
func (r *Reader) Read(e index.Entry) (record.Message, error) {
	m, _, err := r.read(e)
	m.Seq = e.Seq
	return m, err
}

// read returns the record of e and what is in it, both valid until the next call.
func (r *Reader) read(e index.Entry) (record.Message, []byte, error) {
	if rec, ok := r.buffered(e); ok {
		// What was read ahead may have been written since: only a fresh read shows
		// whether a record is damaged.
		if m, n, err := record.Parse(rec); err == nil && n == int(e.Size) && !m.Erased && (m.Seq == 0 || m.Seq == e.Seq) {
			return m, rec, nil
		}
	}
	if err := r.fill(e); err != nil {
		return record.Message{}, nil, err
	}
	rec, _ := r.buffered(e)
	m, err := r.files.verify(rec, e)
	return m, rec, err
}

// buffered returns the bytes of e if they were read already.
func (r *Reader) buffered(e index.Entry) ([]byte, bool) {
	from := int64(e.Place.Offset) - r.at
	if r.file != e.Place.File || r.file == 0 || from < 0 || from+int64(e.Size) > int64(len(r.part)) {
		return nil, false
	}
	return r.part[from:][:e.Size:e.Size], true
}

// fill reads the record of e and what follows it.
func (r *Reader) fill(e index.Entry) error {
	if r.buf == nil {
		r.buf = readBuffers.Get().(*[]byte)
		r.part = (*r.buf)[:0]
	}
	if r.file == e.Place.File && int64(e.Place.Offset) >= r.at && int64(e.Place.Offset) <= r.at+int64(len(r.part))+r.ahead {
		r.ahead = min(2*r.ahead, readMax)
	} else {
		r.ahead = readFirst
	}
	part, at, err := r.files.around(r.part, e, r.ahead)
	if err != nil {
		r.file, r.part = 0, r.part[:0]
		return err
	}
	r.file, r.part, r.at = e.Place.File, part, at
	return nil
}

// around reads the record of e and, if the file has it, want bytes from it on.
func (f *Files) around(dst []byte, e index.Entry, want int64) (part []byte, at int64, err error) {
	off := int64(e.Place.Offset)
	switch kindOf(e.Place) {
	case inLog:
		n := f.store.log.FileSize(logFile(e.Place)) - off
		n = max(min(n, want), int64(e.Size))
		dst = growTo(dst, int(n))
		err = f.store.log.ReadAt(dst, logFile(e.Place), off)
		if err != nil && n > int64(e.Size) { // is it the record that cannot be read?
			dst = growTo(dst, int(e.Size))
			err = f.store.log.ReadAt(dst, logFile(e.Place), off)
		}
	case segmentFile:
		g := f.segment(e.Place.File &^ inSegment)
		if g == nil {
			return dst[:0], 0, ErrMoved
		}
		dst, off, err = g.around(dst, off, int64(e.Size), want)
		if err != nil {
			dst, err = f.raw(dst[:0], e)
			return dst, int64(e.Place.Offset), err
		}
	default:
		dst, err = f.raw(dst[:0], e)
		return dst, off, err
	}
	if err != nil {
		return dst[:0], 0, f.failed(e, err)
	}
	return dst, off, nil
}

// growTo returns b with n bytes of any content.
func growTo(b []byte, n int) []byte {
	if cap(b) < n {
		return make([]byte, n)
	}
	return b[:n]
}
