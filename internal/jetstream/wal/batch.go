package wal

// headroom is kept before the payloads for header and directory, whose size is
// known only when the batch is full: so all of it goes out in one write and is
// copied once.
const headroom = batchHeaderSize + maxBatchEntries*dirEntrySize

// batch collects entries and becomes one write.
type batch struct {
	buf     []byte // headroom, then payloads
	dir     []dirEntry
	waiters []waiter
	async   int // how many waiters are told before the sync

	// set when it is sealed
	header batchHeader
	file   *file
	sync   bool // it must not stay unsynced
	// syncWanted is Log.mu.syncWanted when it was taken
	syncWanted uint64
}

// waiter is one Append in a batch.
type waiter struct {
	done         Completion
	first, count int
	async        bool
}

func newBatch() *batch { return &batch{buf: make([]byte, headroom)} }

// reset makes the batch empty; what a large one needed is given back.
func (b *batch) reset(keepBytes int) {
	if cap(b.buf) > headroom+2*keepBytes {
		b.buf = make([]byte, headroom)
	}
	b.buf = b.buf[:headroom]
	b.dir = b.dir[:0]
	clear(b.waiters)
	b.waiters = b.waiters[:0]
	b.async = 0
	b.file = nil
}

func (b *batch) payloadBytes() int { return len(b.buf) - headroom }

// sizeWith returns the bytes in the file after more entries are added.
func (b *batch) sizeWith(entries, payloadBytes int) int64 {
	return batchSize(len(b.dir)+entries, b.payloadBytes()+payloadBytes)
}

// add copies the entries of one Append.
func (b *batch) add(entries []Entry, class Class, done Completion) {
	async := class == Async
	if async {
		b.async++
	}
	b.waiters = append(b.waiters, waiter{done: done, first: len(b.dir), count: len(entries), async: async})
	for i := range entries {
		e := &entries[i]
		b.dir = append(b.dir, dirEntry{
			kind: e.Kind, group: e.Group, term: e.Term, index: e.Index,
			offset: uint32(b.payloadBytes()), length: uint32(len(e.Payload)), sum: e.sum,
		})
		b.buf = append(b.buf, e.Payload...)
	}
}

// seal writes directory and header before the payloads and returns what goes to
// the file. It sets the parts of h that follow from the content.
func (b *batch) seal(h batchHeader) []byte {
	h.entries, h.payloadBytes = len(b.dir), b.payloadBytes()
	from := headroom - dirEntrySize*len(b.dir)
	for i := range b.dir {
		putDirEntry(b.buf[from+i*dirEntrySize:headroom], &b.dir[i])
	}
	h.dirSum = checksum(b.buf[from:headroom])
	from -= batchHeaderSize
	putBatchHeader(b.buf[from:], &h)
	b.header = h
	end := from + int(h.size())
	for len(b.buf) < end {
		b.buf = append(b.buf, zeros[:min(len(zeros), end-len(b.buf))]...)
	}
	return b.buf[from:end]
}

var zeros [blockSize]byte

func (b *batch) place(i int) Place {
	e := &b.dir[i]
	return Place{
		File:   b.header.number,
		Offset: uint32(b.header.payloadOffset()) + e.offset,
		Length: e.length,
		Sum:    e.sum,
	}
}

// finish tells all who wait.
func (b *batch) finish(err error) {
	for i := range b.waiters {
		b.tell(&b.waiters[i], err)
	}
}

func (b *batch) tell(w *waiter, err error) {
	if w.done != nil {
		w.done.Durable(Result{Err: err, batch: b, first: w.first, count: w.count})
		w.done = nil
	}
}

// written tells those who do not wait for the sync, unless entries of the same
// group before theirs do.
func (b *batch) written() {
	if b.async == 0 {
		return
	}
	if b.async == len(b.waiters) {
		b.finish(nil)
		return
	}
	waiting := map[Group]struct{}{}
	for i := range b.waiters {
		w := &b.waiters[i]
		entries := b.dir[w.first:][:w.count]
		early := w.async
		for j := range entries {
			_, behind := waiting[entries[j].group]
			early = early && !behind
		}
		if early {
			b.tell(w, nil)
			continue
		}
		for j := range entries {
			waiting[entries[j].group] = struct{}{}
		}
	}
}
