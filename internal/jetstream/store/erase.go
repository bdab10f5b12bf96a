package store

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"sync"

	"github.com/tidings-io/tidings/internal/jetstream/index"
	"github.com/tidings-io/tidings/internal/jetstream/wal"
	"github.com/tidings-io/tidings/internal/record"
	"github.com/tidings-io/tidings/internal/vfs"
	"github.com/tidings-io/tidings/internal/vfs/encrypted"
)

// The layout of the file ERASE is docs/formats/store.md.
const (
	eraseFile    = "ERASE"
	eraseMagic   = "TidingsE"
	eraseVersion = 1
	eraseHeader  = 16
	eraseEntry   = 24 + 2*record.HeaderSize
	// eraseMax is how many records are erased in one step.
	eraseMax = 512
	// erasedKnown is how many of the last erased messages of a group are known:
	// somebody may be about to read them.
	erasedKnown = 256
)

// errErased is the cause for a message that is still there for the index, but not
// on the disk.
var errErased = errors.New("its body was erased")

// erasing is what is to be made unreadable.
type erasing struct {
	work ioLock // held by the one who does it

	mu struct {
		sync.Mutex
		list []erasure
	}
}

// erasure is one record to be erased.
type erasure struct {
	files *Files
	entry index.Entry

	old, rec []byte // its header before, all of it after; set when it is done
}

// Erase notes that the body of e, which is being removed, is to be overwritten;
// [Store.FlushErased] does it. A record that is in memory alone, and one in a
// compressed segment, are left as they are.
func (f *Files) Erase(e index.Entry) {
	if kind := kindOf(e.Place); kind != inLog && kind != segmentFile {
		return
	}
	f.mu.Lock()
	f.mu.erased = append(f.mu.erased, e.Seq)
	if n := len(f.mu.erased); n > 2*erasedKnown {
		f.mu.erased = slices.Delete(f.mu.erased, 0, n-erasedKnown)
	}
	f.mu.Unlock()
	x := &f.store.erase
	x.mu.Lock()
	defer x.mu.Unlock()
	x.mu.list = append(x.mu.list, erasure{files: f, entry: e})
}

// wasErased reports whether the message was removed and erased lately.
func (f *Files) wasErased(seq uint64) bool {
	f.mu.RLock()
	defer f.mu.RUnlock()
	return slices.Contains(f.mu.erased, seq)
}

// FlushErased overwrites what [Files.Erase] was called for, and returns when that
// is durable. What cannot be read is left to the scrubber. Without space nothing
// is erased before the keeper or the next call finds some; any other error stops
// the store.
func (s *Store) FlushErased() error {
	x := &s.erase
	x.work.Lock()
	defer x.work.Unlock()
	for {
		x.mu.Lock()
		n := min(len(x.mu.list), eraseMax)
		list := x.mu.list[:n:n]
		x.mu.list = x.mu.list[n:]
		x.mu.Unlock()
		if n == 0 {
			return nil
		}
		err, begun := s.Err(), false
		if err == nil {
			begun, err = s.eraseAll(list)
		}
		switch {
		case errors.Is(err, vfs.ErrNoSpace) && !begun:
			x.mu.Lock() // the keeper tries again
			x.mu.list = append(list, x.mu.list...)
			x.mu.Unlock()
		case err != nil && !errors.Is(err, ErrClosed):
			s.fail(err)
		}
		if err != nil {
			return fmt.Errorf("erase: %w", err)
		}
	}
}

// eraseAll writes down what it is about to do, so that it can be finished after a
// crash, and does it.
func (s *Store) eraseAll(list []erasure) (begun bool, err error) {
	var work []erasure
	for _, e := range list {
		rec, err := e.files.raw(nil, e.entry)
		if err != nil {
			continue // it has been removed, or cannot be read
		}
		m, n, err := record.Parse(rec)
		if err != nil || n != len(rec) || m.Erased || s.inBlocks(e) {
			continue
		}
		e.old = slices.Clone(rec[:record.HeaderSize])
		record.Erase(rec)
		e.rec = rec
		work = append(work, e)
	}
	if len(work) == 0 {
		return false, nil
	}
	// What removed them may have been told before it was synced.
	if err := s.log.Sync(); err != nil {
		return false, err
	}
	if err := s.noteErasures(work); err != nil {
		return false, err
	}
	for _, e := range work {
		var err error
		if kindOf(e.entry.Place) == inLog {
			err = s.log.Overwrite(logFile(e.entry.Place), int64(e.entry.Place.Offset), e.rec)
		} else if g := e.files.segment(e.entry.Place.File &^ inSegment); g != nil {
			err = g.overwrite(e.rec, int64(e.entry.Place.Offset))
		}
		if err != nil && !errors.Is(err, wal.ErrRetired) && !errors.Is(err, ErrMoved) {
			return true, err
		}
	}
	return true, nil
}

// inBlocks reports whether a record is in a compressed segment.
func (s *Store) inBlocks(e erasure) bool {
	if kindOf(e.entry.Place) != segmentFile {
		return false
	}
	g := e.files.segment(e.entry.Place.File &^ inSegment)
	return g == nil || g.blocks
}

// overwrite replaces bytes while nobody reads them, durably.
func (g *segment) overwrite(b []byte, off int64) error {
	err := g.withDisk(func(vfs.File, []block) error { return nil }) // it is open
	if err != nil {
		return err
	}
	disk, err := g.put(b, off)
	if err != nil || disk == nil {
		return err
	}
	return errors.Join(disk.Sync(), disk.Close())
}

// put writes through a handle of its own, which it returns; nil if the segment is
// removed.
func (g *segment) put(b []byte, off int64) (vfs.File, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.mu.removed {
		return nil, nil
	}
	disk, err := g.pool.fs.Open(g.path)
	if err != nil {
		return nil, err
	}
	if _, err := disk.WriteAt(b, off); err != nil {
		return nil, errors.Join(err, disk.Close())
	}
	return disk, nil
}

// noteErasures makes the list durable in the file ERASE, over the one before it,
// which is done.
func (s *Store) noteErasures(list []erasure) error {
	b := append([]byte(eraseMagic), 0, 0, 0, 0, 0, 0, 0, 0)
	le.PutUint32(b[8:], eraseVersion)
	le.PutUint32(b[12:], uint32(len(list)))
	for _, e := range list {
		b = le.AppendUint64(b, uint64(e.files.group))
		b = le.AppendUint32(b, e.entry.Place.File)
		b = le.AppendUint32(b, e.entry.Place.Offset)
		b = le.AppendUint32(b, e.entry.Size)
		b = le.AppendUint32(b, 0)
		b = append(b, e.old...)
		b = append(b, e.rec[:record.HeaderSize]...)
	}
	b = le.AppendUint32(b, checksum(b))
	name := s.path(eraseFile)
	disk, err := s.opts.FS.Open(name)
	isNew := errors.Is(err, fs.ErrNotExist)
	if isNew {
		disk, err = s.opts.FS.Create(name)
	}
	if err != nil {
		return err
	}
	_, err = disk.WriteAt(b, 0)
	if err == nil {
		err = disk.Sync()
	}
	err = errors.Join(err, disk.Close())
	if err == nil && isNew {
		err = s.opts.FS.SyncDir(s.opts.Dir)
	}
	return err
}

// finishErasures does again what the file ERASE has, and removes it. It runs before
// the log is opened, which verifies what it finds there. A list that is not whole
// was never begun.
func finishErasures(opts Options) error {
	name := path.Join(opts.Dir, eraseFile)
	b, err := vfs.ReadFile(opts.FS, name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil && !errors.Is(err, encrypted.ErrHeader) { // which was not synced
		return err
	}
	for _, e := range parseErasures(b) {
		if err := finishErasure(opts, e); err != nil {
			return fmt.Errorf("finish what %s says: %w", eraseFile, err)
		}
	}
	if err := opts.FS.Remove(name); err != nil {
		return err
	}
	return opts.FS.SyncDir(opts.Dir)
}

// parseErasures returns the entries of a list, none if it is not whole.
func parseErasures(b []byte) (list [][]byte) {
	if len(b) < eraseHeader || string(b[:8]) != eraseMagic || le.Uint32(b[8:]) != eraseVersion {
		return nil
	}
	n := int64(le.Uint32(b[12:]))
	end := eraseHeader + n*eraseEntry
	if n > eraseMax || int64(len(b)) < end+4 || le.Uint32(b[end:]) != checksum(b[:end]) {
		return nil
	}
	for at := int64(eraseHeader); at < end; at += eraseEntry {
		list = append(list, b[at:at+eraseEntry])
	}
	return list
}

// finishErasure erases the record of one entry, unless there is something else in
// its place by now.
func finishErasure(opts Options, e []byte) error {
	place := index.Place{File: le.Uint32(e[8:]), Offset: le.Uint32(e[12:])}
	size := int64(le.Uint32(e[16:]))
	before, after := e[24:][:record.HeaderSize], e[24+record.HeaderSize:][:record.HeaderSize]
	f := &Files{group: Group(le.Uint64(e))}
	disk, err := opts.FS.Open(path.Join(opts.Dir, f.fileOf(place)))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	return errors.Join(func() error {
		rec := make([]byte, size)
		if size < record.HeaderSize || int64(record.Length(after)) != size {
			return nil
		}
		if _, err := disk.ReadAt(rec, int64(place.Offset)); err != nil {
			return nil //nolint:nilerr // nobody can read it
		}
		for i := range before {
			if rec[i] != before[i] && rec[i] != after[i] {
				return nil
			}
		}
		copy(rec, after)
		clear(record.View(rec).Body)
		if _, err := disk.WriteAt(rec, int64(place.Offset)); err != nil {
			return err
		}
		return disk.Sync()
	}(), disk.Close())
}
