package wal

import "iter"

// Directory yields what a file holds between two positions, without payloads. They
// may be in other files: then the file is read from its beginning, or to its end.
// A *[DamageError] stands for batches that cannot be named; what follows them is
// yielded. [ErrRetired] ends it.
func (l *Log) Directory(n FileNumber, from, to Position) iter.Seq2[Record, error] {
	return func(yield func(Record, error) bool) {
		f := l.lookup(n)
		if f == nil {
			yield(Record{}, l.goneError(n))
			return
		}
		w := walker{file: f, off: blockSize, end: f.size}
		if from.File == n {
			w.off, w.seq = from.Offset, from.Batch-1
		}
		if to.File == n {
			w.end = to.Offset
		}
		for w.off+blockSize <= w.end {
			if !w.step() {
				continue
			}
			if w.damage != nil && !yield(Record{}, w.damage) {
				return
			}
			for i := range w.dir {
				if !yield(w.record(&w.dir[i]), nil) {
					return
				}
			}
		}
		if to.File != n {
			to.Batch = l.firstBatch(n + 1)
		}
		if w.seq+1 != to.Batch && to.Batch != 0 {
			w.lose(w.off, "batches are missing at its end")
			yield(Record{}, w.damage)
		}
	}
}

// firstBatch returns the number of the first batch of a file, 0 if it cannot be
// told.
func (l *Log) firstBatch(n FileNumber) uint64 {
	f := l.lookup(n)
	if f == nil {
		return 0
	}
	w := walker{file: f, off: blockSize, end: 2 * blockSize}
	if !w.step() {
		return 0
	}
	return w.header.seq
}

// walker goes from one batch of a file to the next.
type walker struct {
	file   *file
	off    int64
	end    int64
	seq    uint64 // of the batch before; 0: unknown
	header batchHeader
	dir    []dirEntry
	damage *DamageError // before the batch, or of it
	buf    []byte
}

// step looks at off for a batch and goes on behind it. It reports whether there is
// one: then dir or damage is set. What is no batch shows as a gap before the next.
func (w *walker) step() bool {
	at := w.off
	w.damage, w.dir = nil, w.dir[:0]
	w.read(at, blockSize)
	h, ok := parseBatchHeader(w.buf)
	if !ok || h.number != w.file.number || h.offset != at || h.incarnation != w.file.incarnation ||
		h.seq <= w.seq || at+h.size() > w.file.size {
		w.off += blockSize
		return false
	}
	if w.seq != 0 && h.seq != w.seq+1 || w.seq == 0 && at != blockSize {
		w.lose(at, "batches are missing before it")
	}
	w.off, w.header, w.seq = at+h.size(), h, h.seq
	size := batchHeaderSize + dirEntrySize*h.entries
	if size > blockSize {
		w.read(at, size)
	}
	if w.dir, ok = parseDirectory(w.dir, w.buf[batchHeaderSize:size], &h); !ok {
		w.dir = w.dir[:0]
		w.lose(at, "directory does not match its checksum")
	}
	return true
}

func (w *walker) lose(at int64, reason string) {
	w.file.damaged.Store(true)
	w.damage = &DamageError{File: w.file.number, Offset: at, Reason: reason}
}

// read fills buf from the file; what the device does not give is zero.
func (w *walker) read(at int64, n int) {
	n = int(align(int64(n)))
	if cap(w.buf) < n {
		w.buf = make([]byte, n)
	}
	w.buf = w.buf[:n]
	w.file.mu.RLock()
	defer w.file.mu.RUnlock()
	if w.file.mu.retired {
		clear(w.buf)
		return
	}
	_ = readBlocks(w.file, w.buf, at) // zeros are no batch
}

func (w *walker) record(e *dirEntry) Record {
	at := w.header.payloadOffset() + int64(e.offset)
	return Record{
		Entry: Entry{Kind: e.kind, Group: e.group, Term: e.term, Index: e.index},
		Place: Place{File: w.header.number, Offset: uint32(at), Length: e.length, Sum: e.sum},
		Batch: w.header.position(),
	}
}
