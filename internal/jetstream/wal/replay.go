package wal

import (
	"errors"
	"iter"
)

// Record is what Replay finds.
type Record struct {
	Entry

	// Place is where the payload is.
	Place Place
	// Batch is the position before the batch that the entry is part of.
	Batch Position
}

// Replay yields what the log held when it was opened, in order, and tells of
// everything it finds damaged. It runs once, before the first Append.
//
// With a nil error the record is whole; its payload is valid until the next step.
// With a *[DamageError] whose FirstBatch is 0 and a record that names a group,
// that one entry has lost its payload. Any other *DamageError stands for entries
// nobody can name: a group is complete only if its indexes have no gap there.
// Going on after a DamageError is right: what follows is whole. [ErrReplayed] is
// yielded by a second run.
func (l *Log) Replay() iter.Seq2[Record, error] {
	return func(yield func(Record, error) bool) {
		if l.replayed.Swap(true) {
			yield(Record{}, ErrReplayed)
			return
		}
		found := l.found
		l.found = nil
		var r replay
		for i := range found {
			if !r.step(&found[i], yield) {
				return
			}
		}
	}
}

// replay has what one run uses again.
type replay struct {
	dir []dirEntry
	buf []byte
}

func (r *replay) step(it *item, yield func(Record, error) bool) bool {
	if it.damage != nil {
		return yield(Record{}, it.damage)
	}
	h := &it.header
	var payloads []byte
	var err error
	r.dir, payloads, r.buf, err = readBatch(it.file, h, r.dir[:0], r.buf)
	if err != nil {
		it.file.damaged.Store(true)
		return yield(Record{}, err)
	}
	for i := range r.dir {
		rec, err := r.record(h, &r.dir[i], payloads)
		if err != nil {
			it.file.damaged.Store(true)
		}
		if !yield(rec, err) {
			return false
		}
	}
	return true
}

func (r *replay) record(h *batchHeader, e *dirEntry, payloads []byte) (Record, error) {
	at := h.payloadOffset() + int64(e.offset)
	rec := Record{
		Entry: Entry{Kind: e.kind, Group: e.group, Term: e.term, Index: e.index},
		Place: Place{File: h.number, Offset: uint32(at), Length: e.length, Sum: e.sum},
		Batch: h.position(),
	}
	payload := payloads[e.offset:][:e.length:e.length]
	if checksum(payload) != e.sum {
		return rec, &DamageError{
			File: h.number, Offset: at, Length: int64(e.length),
			Reason: "payload does not match its checksum",
		}
	}
	rec.Payload = payload
	return rec, nil
}

// Damaged reports whether an error says that stored bytes are lost.
func Damaged(err error) bool {
	var damage *DamageError
	return errors.As(err, &damage)
}
