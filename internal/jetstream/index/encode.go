package index

import "encoding/binary"

// The state of an index: a version (u8: 2), the charges of a message without and
// with a header block (i8 each), then records. docs/formats/index.md has their
// bytes.
const stateVersion = 2

// The kinds of records of a state.
const (
	recordEnd      = 0 // sums; nothing follows
	recordSubjects = 1 // subjects, in their order
	recordMessages = 2 // messages, in their order
	recordBorn     = 3 // a subject out of its order
	recordRemoved  = 4 // a message that a record before had is gone
	recordMoved    = 5 // one is elsewhere
	recordCleared  = 6 // forget all records so far
)

// AppendState appends the index in the form that [Decode] takes, about six bytes
// a message and of a subject what it does not share with its neighbour. It is
// neither compressed nor secured by a checksum. [Index.Capture] does it in parts.
func (x *Index) AppendState(dst []byte) []byte {
	dst, _ = x.Capture().Next(dst, -1)
	return dst
}

// openList begins a record with a count (u32) that closeList knows.
func openList(dst []byte, kind byte) []byte { return append(dst, kind, 0, 0, 0, 0) }

// closeList ends the record that begins at the offset; without entries it is none.
func closeList(dst []byte, at, n int) []byte {
	if n == 0 {
		return dst[:at]
	}
	binary.LittleEndian.PutUint32(dst[at+1:], uint32(n))
	return dst
}

// appendSubject appends a subject behind the subject last.
func appendSubject(dst, last, text []byte, id ID) []byte {
	shared := sharedLen(last, text)
	dst = binary.AppendUvarint(dst, uint64(shared))
	dst = binary.AppendUvarint(dst, uint64(len(text)-shared))
	dst = binary.AppendUvarint(dst, uint64(id))
	return append(dst, text[shared:]...)
}

// writer appends messages.
type writer struct {
	dst  []byte
	n    int    // messages
	next uint64 // the sequence after the last one
	end  Place  // of the last record
}

// appendRun appends the messages of neighbouring sequences that begin with the
// row, up to most, and returns the row behind them.
func (b *block) appendRun(w *writer, row, most int) int {
	end := row
	for end < len(b.ids) && end-row < most && b.ids[end] != 0 && (end == row || b.seq(end) == b.seq(end-1)+1) {
		end++
	}
	w.dst = binary.AppendUvarint(w.dst, b.seq(row)-w.next)
	w.dst = binary.AppendUvarint(w.dst, uint64(end-row))
	w.next = b.seq(end-1) + 1
	w.n += end - row
	for ; row < end; row++ {
		size := b.sizes[row]
		w.dst = binary.AppendUvarint(w.dst, uint64(b.ids[row]))
		w.dst = binary.AppendUvarint(w.dst, uint64(size&^HasHeader)<<1|uint64(size/HasHeader))
		w.place(b.place(row), size&^HasHeader)
	}
	return end
}

// place appends where a record is, as seen from the end of the one before it.
func (w *writer) place(at Place, size uint32) {
	changed := at.File != w.end.File
	if changed {
		w.end.Offset = 0
	}
	d := int64(at.Offset) - int64(w.end.Offset)
	v := uint64(d<<1^d>>63) << 1
	if changed {
		w.dst = binary.AppendUvarint(w.dst, v|1)
		w.dst = binary.AppendUvarint(w.dst, uint64(at.File))
	} else {
		w.dst = binary.AppendUvarint(w.dst, v)
	}
	w.end = Place{File: at.File, Offset: at.Offset + size}
}
