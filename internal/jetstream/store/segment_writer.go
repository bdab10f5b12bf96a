package store

import (
	"errors"
	"io/fs"
	"path"
	"slices"

	"github.com/tidings-io/tidings/internal/jetstream/index"
	"github.com/tidings-io/tidings/internal/record"
	"github.com/tidings-io/tidings/internal/vfs"
)

// writeBytes is how much a segmentWriter collects before it writes.
const writeBytes = 1 << 20

// segmentWriter appends records to the segments of a group. It belongs to the
// keeper; there is one at a time.
type segmentWriter struct {
	files *Files
	seg   *segment // being written; nil: none yet
	disk  vfs.File

	raw     []byte // records not yet in a block, or not yet written
	out     []byte // blocks not yet written
	table   []block
	size    int64 // of the segment with what is in raw and out
	fileEnd int64 // of the file with what is in out
	written int64 // bytes of records, over all segments
	created bool  // names are not durable yet
}

// add puts a verified record behind the others. Its place can be read after flush.
func (w *segmentWriter) add(rec []byte, seq uint64) (index.Place, error) {
	if w.seg != nil && w.size > segmentHeader && w.size+int64(len(rec)) > w.files.store.opts.SegmentSize {
		if err := w.end(); err != nil {
			return index.Place{}, err
		}
	}
	if w.seg == nil {
		if err := w.begin(int64(len(rec))); err != nil {
			return index.Place{}, err
		}
	}
	at := index.Place{File: inSegment | w.seg.number, Offset: uint32(w.size)}
	from := len(w.raw)
	w.raw = append(w.raw, rec...)
	record.Number(w.raw[from:], seq)
	w.size += int64(len(rec))
	w.written += int64(len(rec))
	if w.seg.blocks && len(w.raw) >= blockBytes {
		w.closeBlock()
	}
	if len(w.raw)+len(w.out) >= writeBytes {
		return at, w.flush()
	}
	return at, nil
}

// begin goes on with the last segment if there is room, or makes one.
func (w *segmentWriter) begin(need int64) error {
	g := w.files.last()
	if g == nil || g.sealed || g.blocks != w.files.compress.Load() || g.size.Load()+need > w.files.store.opts.SegmentSize {
		return w.create()
	}
	disk, err := g.pool.fs.Open(g.path)
	if err != nil {
		return w.create() // readers will tell why
	}
	if !hasHead(disk) { // nor might an encrypted one be written to
		return errors.Join(disk.Close(), w.create())
	}
	end := g.size.Load()
	if g.blocks {
		var table []block
		if table, end, err = readTable(disk, g.size.Load()); err != nil || covers(table) != g.size.Load() {
			return errors.Join(disk.Close(), w.create())
		}
	}
	w.seg, w.disk, w.size, w.fileEnd = g, disk, g.size.Load(), end
	return nil
}

// hasHead reports whether the header of a segment can be read.
func hasHead(disk vfs.File) bool {
	head := make([]byte, segmentHeader)
	_, err := disk.ReadAt(head, 0)
	if err == nil {
		_, err = parseSegmentHead(head)
	}
	return err == nil
}

// covers returns where the blocks of a table end, 0 if there is a gap.
func covers(table []block) int64 {
	end := int64(segmentHeader)
	for i := range table {
		if int64(table[i].logical) != end {
			return 0
		}
		end += int64(table[i].raw)
	}
	return end
}

func (w *segmentWriter) create() error {
	s, f := w.files.store, w.files
	dir := s.path(groupDir(f.group))
	if err := s.opts.FS.MkdirAll(dir); err != nil {
		return err
	}
	g := &segment{group: f.group, blocks: f.compress.Load(), pool: s.handles}
	var err error
	for {
		g.number = f.takeNumber()
		g.path = path.Join(dir, segmentName(g.number))
		if w.disk, err = s.opts.FS.Create(g.path); !errors.Is(err, fs.ErrExist) {
			break // what is there is from before a crash, or for a person
		}
	}
	if err != nil {
		return err
	}
	w.created = true
	head := appendSegmentHead(nil, segmentHead{group: f.group, number: g.number, blocks: g.blocks})
	if _, err := w.disk.WriteAt(head, 0); err != nil {
		return errors.Join(err, w.disk.Close())
	}
	g.size.Store(segmentHeader)
	w.seg, w.size, w.fileEnd = g, segmentHeader, segmentHeader
	f.addSegment(g)
	return nil
}

func (w *segmentWriter) closeBlock() {
	if len(w.raw) == 0 {
		return
	}
	var b block
	w.out, b = appendBlock(w.out, w.raw, uint32(w.size)-uint32(len(w.raw)), uint32(w.fileEnd))
	w.table = append(w.table, b)
	w.fileEnd = int64(b.end())
	w.raw = w.raw[:0]
}

// flush writes what was added, so that it can be read.
func (w *segmentWriter) flush() error {
	if w.seg == nil || len(w.raw)+len(w.out) == 0 {
		return nil
	}
	buf, at := w.raw, w.fileEnd
	if w.seg.blocks {
		w.closeBlock()
		buf, at = w.out, w.fileEnd-int64(len(w.out))
	} else {
		w.fileEnd += int64(len(buf))
	}
	if _, err := w.disk.WriteAt(buf, at); err != nil {
		return err
	}
	w.seg.grow(w.table, w.size)
	w.raw, w.out, w.table = w.raw[:0], w.out[:0], w.table[:0]
	return nil
}

// end makes the segment that is written durable and leaves it.
func (w *segmentWriter) end() error {
	if w.seg == nil {
		return nil
	}
	// Messages that were flushed before may have been moved here already, whatever
	// becomes of the rest.
	err := errors.Join(w.flush(), w.sync(), w.disk.Close())
	w.seg, w.disk = nil, nil
	w.raw, w.out, w.table = w.raw[:0], w.out[:0], w.table[:0]
	return err
}

func (w *segmentWriter) sync() error {
	if err := w.disk.Sync(); err != nil {
		return &syncError{err}
	}
	if !w.created {
		return nil
	}
	w.created = false
	return w.files.store.syncGroupDir(w.files.group)
}

// syncError is a failed sync: nobody knows what is on the disk.
type syncError struct{ err error }

func (e *syncError) Error() string { return "sync: " + e.err.Error() }
func (e *syncError) Unwrap() error { return e.err }

// syncGroupDir makes the names of a group's files durable.
func (s *Store) syncGroupDir(g Group) error {
	for _, dir := range []string{groupDir(g), streamsDir, "."} {
		if err := s.opts.FS.SyncDir(s.path(dir)); err != nil {
			return &syncError{err}
		}
	}
	return nil
}

// grow says that a segment is written up to size.
func (g *segment) grow(table []block, size int64) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.blocks && (g.mu.table != nil || g.size.Load() == segmentHeader) {
		g.mu.table = append(slices.Clip(g.mu.table), table...)
	}
	g.size.Store(size)
}

// last returns the segment with the highest number, or nil.
func (f *Files) last() *segment {
	f.mu.RLock()
	defer f.mu.RUnlock()
	var last *segment
	for _, g := range f.mu.segments {
		if last == nil || g.number > last.number {
			last = g
		}
	}
	return last
}

func (f *Files) takeNumber() uint32 {
	f.mu.Lock()
	defer f.mu.Unlock()
	n := f.mu.next
	f.mu.next++
	return n
}

func (f *Files) addSegment(g *segment) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.mu.segments == nil {
		f.mu.segments = map[uint32]*segment{}
	}
	f.mu.segments[g.number] = g
}

// list returns the segments there are.
func (f *Files) list() []*segment {
	f.mu.RLock()
	defer f.mu.RUnlock()
	list := make([]*segment, 0, len(f.mu.segments))
	for _, g := range f.mu.segments {
		list = append(list, g)
	}
	return list
}
