package wal

import (
	"errors"
	"fmt"
	"io"
)

// scanChunk is how much is read at once while looking for batches.
const scanChunk = 256 << 10

// scan is what was found in one file, before its place in the log is known.
type scan struct {
	file    *file
	batches []batchHeader
	// renumbered: its header is intact and names another file: it was retired and
	// about to be reused.
	renumbered bool
	// damage of the file itself: its header, its length; nil if there is none
	damage *DamageError
	// unreadable is the first block after the last batch that the device did not
	// give, 0 if it gave all.
	unreadable    int64
	unreadableErr error
	// covered: what it holds, or the first part of it, was not looked at, because
	// it lies before the position from which the log is replayed.
	covered bool
	// tornErr is what the device said of the last batch, if it is not whole for
	// that reason.
	tornErr error
}

// hasBatches reports whether there are any in the file, as far as is known.
func (s *scan) hasBatches() bool { return s.covered || len(s.batches) > 0 }

// findBatches lists the batches from the given place of a file that is length
// bytes long; last is the number of the batch before. It trusts a header that has
// the right checksum, file number, place and incarnation; a damaged file header
// leaves the incarnation to the first batch.
func (s *scan) findBatches(from int64, last uint64, length int64) {
	f := s.file
	r := blockReader{file: f, length: length}
	for off := from; off+blockSize <= length; {
		b, err := r.block(off)
		if err != nil && s.unreadable == 0 {
			s.unreadable, s.unreadableErr = off, err
		}
		h, ok := parseBatchHeader(b)
		ok = ok && h.number == f.number && h.offset == off && h.seq > last &&
			(h.incarnation == f.incarnation || f.incarnation == 0) && off+h.size() <= f.size
		if !ok {
			off += blockSize
			continue
		}
		f.incarnation = h.incarnation
		last = h.seq
		s.batches = append(s.batches, h)
		s.unreadable, s.unreadableErr = 0, nil // a batch after it says what is lost
		off += h.size()
	}
	if len(s.batches) == 0 && s.unreadable != 0 && s.damage == nil && from == blockSize {
		s.damage = &DamageError{
			File: f.number, Offset: s.unreadable, Length: blockSize,
			Reason: "the device does not give it", Err: s.unreadableErr,
		}
	}
}

// end returns where the next batch would be.
func (s *scan) end() int64 {
	if len(s.batches) == 0 {
		return blockSize
	}
	last := &s.batches[len(s.batches)-1]
	return last.offset + last.size()
}

// blockReader reads blocks in order, many at a time.
type blockReader struct {
	file   *file
	length int64
	buf    []byte
	from   int64
}

// block returns the block at off, valid until the next call.
func (r *blockReader) block(off int64) ([]byte, error) {
	if off < r.from || off+blockSize > r.from+int64(len(r.buf)) {
		if err := r.fill(off, scanChunk); err != nil {
			if err := r.fill(off, blockSize); err != nil {
				return nil, err
			}
		}
	}
	return r.buf[off-r.from:][:blockSize], nil
}

func (r *blockReader) fill(off, length int64) error {
	if r.buf == nil {
		r.buf = make([]byte, 0, min(scanChunk, r.length))
	}
	r.from, r.buf = off, r.buf[:min(length, r.length-off)]
	if _, err := r.file.disk.ReadAt(r.buf, off); err != nil {
		r.buf = r.buf[:0]
		return err
	}
	return nil
}

// item is one step of a replay: a batch, or damage in its place.
type item struct {
	file   *file
	header batchHeader
	damage *DamageError
}

// dropTorn takes out of the last file what was never known to be durable and is
// not whole, and all behind it. It returns what is taken out; nothing if anything
// is wrong with the file, because then it may be damage.
func dropTorn(scans []*scan) (torn []batchHeader) {
	if len(scans) == 0 {
		return nil
	}
	s := scans[len(scans)-1]
	if s.damage != nil || s.unreadable != 0 {
		return nil
	}
	var durable uint64 // batches up to it are
	for i := range s.batches {
		h := &s.batches[i]
		durable = max(durable, h.seq-1-uint64(h.unsynced))
	}
	expect := durable + 1
	for i := range s.batches {
		h := &s.batches[i]
		if h.seq <= durable {
			continue
		}
		whole := false
		if h.seq == expect && (h.seq == durable+1 || h.prev == s.batches[i-1].sum) {
			whole, s.tornErr = intact(s.file, h)
		}
		expect++
		if s.tornErr != nil {
			return nil
		}
		if !whole {
			torn = s.batches[i:]
			s.batches = s.batches[:i]
			return torn
		}
	}
	return nil
}

// chain orders what the files hold from a position on into one log. A gap in the
// numbers of the batches, or a batch that does not follow from the one before it,
// is damage.
func chain(scans []*scan, from Position) []item {
	var items []item
	var last *batchHeader
	lastItem := -1          // where it is in items; -1: before the position
	end := int64(blockSize) // where the file before ended
	if from.Batch > 0 {
		last = &batchHeader{number: from.File, seq: from.Batch - 1, sum: from.Prev, offset: from.Offset - blockSize}
		end = from.Offset
	}
	for i, s := range scans {
		if s.damage != nil {
			items = append(items, item{file: s.file, damage: s.damage})
		}
		for j := range s.batches {
			h := &s.batches[j]
			hole := gap(last, h)
			switch {
			case hole == nil:
			case j == 0 && i > 0 && h.offset == blockSize:
				before := scans[i-1].file
				hole.File, hole.Offset, hole.Length = before.number, end, before.size-end
				before.damaged.Store(true)
			default:
				hole.File, hole.Offset = s.file.number, blockSize
				if j > 0 {
					hole.Offset = last.offset + last.size()
				}
				hole.Length = h.offset - hole.Offset
				s.file.damaged.Store(true)
			}
			if hole != nil {
				items = append(items, item{file: s.file, damage: hole})
			} else if last != nil && h.prev != last.sum && lastItem >= 0 {
				items[lastItem].disown()
			} else if last != nil && h.prev != last.sum {
				s.file.damaged.Store(true)
				items = append(items, item{file: s.file, damage: &DamageError{
					File: s.file.number, Offset: from.Offset, Reason: "batch does not follow what was there when the position was taken",
				}})
			}
			items = append(items, item{file: s.file, header: *h})
			last, lastItem = h, len(items)-1
		}
		if len(s.batches) > 0 || s.file.number > from.File {
			end = s.end()
		}
	}
	return items
}

// gap returns the damage between two batches, without its place, or nil.
func gap(last, h *batchHeader) *DamageError {
	var first uint64
	switch {
	case last != nil:
		first = last.seq + 1
	case h.offset == blockSize || h.seq == 1:
		return nil // the first of the files that are left
	default:
		first = h.seq - 1
	}
	if h.seq <= first {
		return nil
	}
	return &DamageError{FirstBatch: first, LastBatch: h.seq - 1, Reason: "batches are missing"}
}

// disown turns a batch into damage: what follows it was written after another
// batch in its place, which the disk has lost.
func (it *item) disown() {
	it.fail("batch is not the one that the next batch follows", nil)
}

// fail turns a batch into damage.
func (it *item) fail(reason string, err error) {
	it.file.damaged.Store(true)
	it.damage = &DamageError{
		File: it.header.number, Offset: it.header.offset, Length: it.header.size(),
		FirstBatch: it.header.seq, LastBatch: it.header.seq, Reason: reason, Err: err,
	}
}

// readBatch reads a whole batch into buf, which it may replace, and returns its
// entries, appended to dir, and its payloads. A nil error: the directory is intact, payloads may not
// be. A *DamageError: nothing of it can be used.
func readBatch(f *file, h *batchHeader, dir []dirEntry, buf []byte) (entries []dirEntry, payloads, read []byte, err error) {
	lost := func(reason string, err error) *DamageError {
		return &DamageError{
			File: h.number, Offset: h.offset, Length: h.size(),
			FirstBatch: h.seq, LastBatch: h.seq, Reason: reason, Err: err,
		}
	}
	size := int(h.size())
	if cap(buf) < size {
		buf = make([]byte, size)
	}
	buf = buf[:size]
	failed := readBlocks(f, buf, h.offset)
	if again, ok := parseBatchHeader(buf); !ok || again != *h {
		return dir, nil, buf, lost("batch header changed since it was found", failed)
	}
	from := int(h.payloadOffset() - h.offset)
	dir, ok := parseDirectory(dir, buf[batchHeaderSize:from], h)
	if !ok {
		return dir, nil, buf, lost("directory does not match its checksum", failed)
	}
	return dir, buf[from:][:h.payloadBytes], buf, nil
}

// readBlocks fills buf from the file. What the device does not give is zero, so
// that it fails its checksum and spares the rest; the error is the device's.
func readBlocks(f *file, buf []byte, off int64) error {
	n, err := f.disk.ReadAt(buf, off)
	if err == nil || errors.Is(err, io.EOF) {
		clear(buf[n:])
		return nil
	}
	for ; len(buf) > 0; buf, off = buf[blockSize:], off+blockSize {
		if n, err := f.disk.ReadAt(buf[:blockSize], off); err != nil {
			clear(buf[n:blockSize])
		}
	}
	return err
}

// intact reports whether a batch is whole, and what the device said if it did
// not give all of it.
func intact(f *file, h *batchHeader) (bool, error) {
	buf := make([]byte, h.size())
	if err := readBlocks(f, buf, h.offset); err != nil {
		return false, err
	}
	dir, payloads, _, err := readBatch(f, h, nil, buf)
	if err != nil {
		var damage *DamageError
		errors.As(err, &damage)
		return false, damage.Err
	}
	for i := range dir {
		if checksum(payloads[dir[i].offset:][:dir[i].length]) != dir[i].sum {
			return false, nil
		}
	}
	return true, nil
}

// shortFile is the damage of a file that has lost its end.
func shortFile(f *file, length int64) *DamageError {
	return &DamageError{
		File: f.number, Offset: length,
		Reason: fmt.Sprintf("file is %d bytes long instead of %d", length, f.size),
	}
}
