package wal

import (
	"errors"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"

	"github.com/tidings-io/tidings/internal/vfs"
)

// Open opens a log, or makes one in an empty directory. It decides what was the
// end of the log and records the decision, so that entries it has left out as
// torn can never come back; then it accepts appends. Damage is no error: it is
// told by [Log.Replay], which the caller runs first.
//
// An error means that files could not be opened, made or written, or are of
// another format version; nothing is lost by trying again.
func Open(opts Options) (*Log, error) {
	if err := opts.Validate(); err != nil {
		return nil, err
	}
	l := &Log{
		opts: opts.withDefaults(),
		wake: make(chan struct{}, 1),
		prep: make(chan struct{}, 1),
		stop: make(chan struct{}),
	}
	l.mu.room.L = &l.mu
	l.mu.open, l.next = newBatch(), newBatch()
	l.mu.preparing = true
	l.mu.nextNumber = 1
	l.active.Store(&[]*file{})
	if err := l.recover(); err != nil {
		return nil, fmt.Errorf("open log %s: %w", l.opts.Dir, errors.Join(err, l.closeFiles()))
	}
	l.loops.Add(2)
	go l.commitLoop()
	go l.prepareLoop()
	return l, nil
}

// recover finds the end of the log. It runs before the loops and so owns all.
func (l *Log) recover() error {
	if err := l.makeDir(); err != nil {
		return err
	}
	numbers, err := l.listFiles()
	if err != nil {
		return err
	}
	scans, err := l.openAll(numbers)
	if err != nil {
		return err
	}
	used, renew := l.sortOut(scans)
	torn := dropTorn(used)
	l.found = append(l.found, chain(used, l.opts.From)...)
	l.findTail(used, renew)
	return l.sealTail(torn)
}

// makeDir makes the directory, durable with those above it. It syncs names that
// are there already: a process that was killed may not have come to it.
func (l *Log) makeDir() error {
	if err := l.opts.FS.MkdirAll(l.opts.Dir); err != nil {
		return err
	}
	for dir := l.opts.Dir; ; dir = path.Dir(dir) {
		if err := l.opts.FS.SyncDir(dir); err != nil || dir == "." {
			return err
		}
	}
}

// listFiles returns the numbers of the log's files and removes what is left of
// files that were being made.
func (l *Log) listFiles() ([]FileNumber, error) {
	names, err := l.opts.FS.List(l.opts.Dir)
	if err != nil {
		return nil, err
	}
	var numbers []FileNumber
	for _, name := range names {
		n, tail, ok := parseFileName(name)
		if !ok {
			continue // not ours
		}
		if strings.HasSuffix(tail, tmpSuffix) && l.readOnly {
			continue
		}
		if strings.HasSuffix(tail, tmpSuffix) {
			if err := l.opts.FS.Remove(l.path(name)); err != nil {
				return nil, err
			}
			continue // its number is free: a gap would look like a missing file
		}
		l.mu.nextNumber = max(l.mu.nextNumber, n+1)
		if tail == "" {
			numbers = append(numbers, n)
		}
	}
	slices.Sort(numbers)
	return numbers, nil
}

// openFile opens and scans one file.
func (l *Log) openFile(n FileNumber) (*scan, error) {
	disk, err := l.opts.FS.Open(l.path(fileName(n)))
	if err != nil {
		return nil, err
	}
	s, err := l.scanFile(n, disk)
	if err != nil {
		return nil, errors.Join(err, disk.Close())
	}
	return s, nil
}

func (l *Log) scanFile(n FileNumber, disk vfs.File) (*scan, error) {
	s := &scan{file: &file{number: n, size: l.opts.FileSize, disk: disk}}
	length, err := disk.Size()
	if err != nil {
		return nil, err
	}
	block := make([]byte, fileHeaderSize)
	_, readErr := disk.ReadAt(block, 0)
	if errors.Is(readErr, io.EOF) {
		readErr = nil // the header is not valid then
	}
	h, err := parseFileHeader(block)
	var version *VersionError
	switch {
	case errors.As(err, &version):
		version.File = l.path(fileName(n))
		return nil, version
	case err != nil:
		s.damage = &DamageError{File: n, Length: blockSize, Reason: "file header is not valid", Err: readErr}
		s.file.size = max(s.file.size, length)
	case h.number != n:
		s.renumbered = true
		s.damage = &DamageError{File: n, Length: blockSize, Reason: fmt.Sprintf("file header is that of %s", fileName(h.number))}
		s.file.size = h.size
	default:
		s.file.incarnation, s.file.size = h.incarnation, h.size
		if length < h.size {
			s.damage = shortFile(s.file, length)
		}
	}
	s.file.damaged.Store(s.damage != nil)
	switch from := l.opts.From; {
	case n < from.File:
		s.covered = true
	case n == from.File:
		s.findBatches(from.Offset, from.Batch-1, min(length, s.file.size))
		s.covered = from.Offset > blockSize
	default:
		s.findBatches(blockSize, 0, min(length, s.file.size))
	}
	s.file.damaged.Store(s.damage != nil)
	return s, nil
}

// sortOut separates the files that hold the log, which it returns, from those
// that are retired, still empty, or to be set aside. It reports whether the log
// must go on in a new file, so that what is wrong is told once.
func (l *Log) sortOut(scans []*scan) (used []*scan, renew bool) {
	last := -1 // the last file that has batches
	l.mu.oldest = l.opts.From.Oldest
	for i, s := range scans {
		for j := range s.batches {
			l.mu.oldest = max(l.mu.oldest, s.batches[j].oldest)
		}
		if s.hasBatches() {
			last = i
		}
	}
	expect := l.mu.oldest // the number of the next file; 0: any
	var files []*file
	for i, s := range scans {
		if s.file.number < l.mu.oldest {
			if s.renumbered {
				s.file.damaged.Store(false)
			}
			l.mu.retired = append(l.mu.retired, s.file)
			continue
		}
		if missing := s.file.number - expect; expect != 0 && missing > 0 &&
			(i > last || expect == l.mu.oldest || expect < l.opts.From.File) {
			l.found = append(l.found, item{damage: &DamageError{
				File:   expect,
				Reason: fmt.Sprintf("file is missing, with it all up to %s", fileName(s.file.number-1)),
			}})
			renew = true
		}
		expect = s.file.number + 1
		switch {
		case !s.hasBatches() && s.damage != nil:
			l.found = append(l.found, item{file: s.file, damage: s.damage})
			l.mu.retired = append(l.mu.retired, s.file)
			renew = true
		case i > last && s.file.size == l.opts.FileSize:
			l.mu.prepared = append(l.mu.prepared, s.file)
		case i > last:
			l.mu.retired = append(l.mu.retired, s.file) // FileSize was changed
			renew = true
		default:
			used = append(used, s)
			files = append(files, s.file)
		}
	}
	l.active.Store(&files)
	return used, renew
}

// findTail decides where the next batch goes: behind the last one, or in another
// file if anything is wrong there.
func (l *Log) findTail(used []*scan, renew bool) {
	from := l.opts.From
	l.nextSeq, l.prevSum = max(from.Batch, 1), from.Prev
	if len(used) == 0 {
		return
	}
	s := used[len(used)-1]
	end := s.end()
	sound := s.damage == nil && s.unreadable == 0
	if s.file.number == from.File && len(s.batches) == 0 {
		end = from.Offset
	} else if s.file.number < from.File {
		sound = false // the file with the position is gone
	}
	if it := l.lastBatch(); it != nil {
		l.nextSeq, l.prevSum = it.header.seq+1, it.header.sum
		if !sound {
			if whole, err := intact(it.file, &it.header); !whole {
				it.fail("last batch cannot be read", err)
			}
		} else if s.tornErr != nil {
			it.fail("last batch cannot be read", s.tornErr)
			sound = false
		}
	}
	if s.unreadable != 0 {
		s.file.damaged.Store(true)
		l.found = append(l.found, item{file: s.file, damage: &DamageError{
			File: s.file.number, Offset: s.unreadable, Length: s.file.size - s.unreadable,
			Reason: "what follows the last batch cannot be read, there may have been more", Err: s.unreadableErr,
		}})
	}
	if sound && !renew {
		l.mu.tail, l.mu.tailOff = s.file, end
	}
}

// lastBatch returns the last item of the replay if it is a batch, or nil.
func (l *Log) lastBatch() *item {
	if len(l.found) == 0 || l.found[len(l.found)-1].header.seq == 0 {
		return nil
	}
	return &l.found[len(l.found)-1]
}

// sealTail makes durable what is taken for the log, and writes an empty batch
// behind it: over what is left of a torn one, and as the proof of the last.
func (l *Log) sealTail(torn []batchHeader) error {
	if files := *l.active.Load(); len(files) > 0 {
		f := files[len(files)-1]
		for i := range torn {
			if _, err := f.disk.WriteAt(zeros[:], torn[i].offset); err != nil {
				return err
			}
		}
		if err := f.disk.Sync(); err != nil {
			return err
		}
	}
	if l.mu.tail == nil && len(l.mu.prepared) == 0 {
		f, err := l.createFile(l.mu.nextNumber)
		if err != nil {
			return err
		}
		l.mu.nextNumber++
		l.mu.prepared = append(l.mu.prepared, f)
	}
	b, _ := l.take(true)
	if b == nil {
		l.mu.end = Position{ // no room: then the last batch is an empty one already
			File: l.mu.tail.number, Offset: l.mu.tailOff, Batch: l.nextSeq, Prev: l.prevSum, Oldest: l.mu.oldest,
		}
		return nil
	}
	err := l.write(b)
	if err == nil {
		l.settle(b)
	}
	l.reuse(b)
	return err
}
