package telemetry

import (
	"path"
	"strings"
	"sync/atomic"
	"time"

	"github.com/tidings-io/tidings/internal/vfs"
)

// Disk is a file system that measures how its files are used. It passes every
// call on; it is as safe for concurrent use as what it stands before.
type Disk struct {
	vfs.FS
	log, other diskFigures
}

// diskFigures are those of one kind of files; everybody adds to them.
type diskFigures struct {
	written, read atomic.Uint64 // bytes
	syncs         histogram
}

// NewDisk returns fsys with measuring.
func NewDisk(fsys vfs.FS) *Disk { return &Disk{FS: fsys} }

// logSuffix is that of the files of the write-ahead log.
const logSuffix = ".wal"

// Open implements [vfs.FS].
func (d *Disk) Open(name string) (vfs.File, error) { return d.measured(name)(d.FS.Open(name)) }

// Create implements [vfs.FS].
func (d *Disk) Create(name string) (vfs.File, error) { return d.measured(name)(d.FS.Create(name)) }

// measured puts the figures of its kind beside a file.
func (d *Disk) measured(name string) func(vfs.File, error) (vfs.File, error) {
	return func(f vfs.File, err error) (vfs.File, error) {
		if err != nil {
			return nil, err
		}
		if strings.Contains(path.Base(name), logSuffix) { // also while it is made
			return &measuredFile{f, &d.log}, nil
		}
		return &measuredFile{f, &d.other}, nil
	}
}

// measuredFile is a file that measures how it is used.
type measuredFile struct {
	vfs.File
	to *diskFigures
}

// ReadAt implements [vfs.File].
func (f *measuredFile) ReadAt(b []byte, off int64) (int, error) {
	n, err := f.File.ReadAt(b, off)
	f.to.read.Add(uint64(n))
	return n, err
}

// WriteAt implements [vfs.File].
func (f *measuredFile) WriteAt(b []byte, off int64) (int, error) {
	n, err := f.File.WriteAt(b, off)
	f.to.written.Add(uint64(n))
	return n, err
}

// Sync implements [vfs.File].
func (f *measuredFile) Sync() error {
	began := time.Now()
	err := f.File.Sync()
	f.to.syncs.add(time.Since(began))
	return err
}

// syncBounds are the upper bounds of the classes of a histogram; a last class
// takes what is longer.
var syncBounds = [...]time.Duration{
	50 * time.Microsecond, 100 * time.Microsecond, 200 * time.Microsecond, 500 * time.Microsecond,
	time.Millisecond, 2 * time.Millisecond, 5 * time.Millisecond, 10 * time.Millisecond, 20 * time.Millisecond,
	50 * time.Millisecond, 100 * time.Millisecond, 500 * time.Millisecond, 2 * time.Second, 10 * time.Second,
}

// histogram counts durations by class. The zero value is empty.
type histogram struct {
	classes [len(syncBounds) + 1]atomic.Uint64
	sum     atomic.Int64 // nanoseconds
}

func (h *histogram) add(d time.Duration) {
	class := 0
	for class < len(syncBounds) && d > syncBounds[class] {
		class++
	}
	h.sum.Add(int64(d))
	h.classes[class].Add(1)
}

// snapshot returns the number of durations, their sum in seconds, and how many
// were not longer than each bound.
func (h *histogram) snapshot() (count uint64, sum float64, buckets map[float64]uint64) {
	buckets = make(map[float64]uint64, len(syncBounds))
	for i := range syncBounds {
		count += h.classes[i].Load()
		buckets[syncBounds[i].Seconds()] = count
	}
	count += h.classes[len(syncBounds)].Load()
	return count, time.Duration(h.sum.Load()).Seconds(), buckets
}
