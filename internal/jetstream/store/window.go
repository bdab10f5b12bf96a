package store

import (
	"bytes"

	"github.com/tidings-io/tidings/internal/vfs"
)

// windowBytes is how much of a checkpoint is in memory while it is read.
const windowBytes = 1 << 20

// window reads a file of sections from one end to the other.
type window struct {
	disk vfs.File
	size int64
	at   int64 // of buf in the file
	buf  []byte
}

func openWindow(fs vfs.FS, name string) (*window, error) {
	disk, err := fs.Open(name)
	if err != nil {
		return nil, err
	}
	size, err := disk.Size()
	if err != nil {
		_ = disk.Close() // it was only read
		return nil, err
	}
	return &window{disk: disk, size: size}, nil
}

// view returns n bytes, fewer at the end of the file. They are valid until the next
// call.
func (w *window) view(at, n int64) ([]byte, error) {
	n = min(n, w.size-at)
	if at < w.at || at+n > w.at+int64(len(w.buf)) {
		more := min(max(n, windowBytes), w.size-at)
		if int64(cap(w.buf)) < more {
			w.buf = make([]byte, more)
		}
		w.at, w.buf = at, w.buf[:more]
		if _, err := w.disk.ReadAt(w.buf, at); err != nil {
			w.buf = w.buf[:0]
			return nil, err
		}
	}
	return w.buf[at-w.at:][:n], nil
}

// section returns the bytes of the section at an offset, or some that are none.
func (w *window) section(at int64) ([]byte, error) {
	b, err := w.view(at, sectionHeader)
	if err != nil || len(b) < sectionHeader {
		return b, err
	}
	n := sectionHeader + int64(le.Uint32(b[28:]))
	if b, err = w.view(at, n); err != nil || int64(len(b)) < n || !sectionIntact(b) {
		return b, err
	}
	if le.Uint32(b[24:]) == stateInline {
		n += int64(min(le.Uint64(b[32:]), uint64(w.size)))
	}
	return w.view(at, n)
}

// find returns where the next section might begin behind the offset, which is the
// start of a damaged one.
func (w *window) find(at int64) (int64, error) {
	const most = windowBytes / 2
	for at++; at < w.size; at += most - int64(len(sectionMagic)) + 1 {
		b, err := w.view(at, most)
		if err != nil {
			return 0, err
		}
		if i := bytes.Index(b, []byte(sectionMagic)); i >= 0 {
			return at + int64(i), nil
		}
	}
	return w.size, nil
}
