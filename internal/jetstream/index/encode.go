package index

import "encoding/binary"

// The state of an index. Numbers are uvarints unless another size is given.
//
//	u8  version: 1
//	i8  charge of a message without header block, added to its record's size
//	i8  charge of one with a header block
//	    first sequence; last sequence
//	    number of subjects that have messages; for each, in the order of bytes:
//	        bytes that it shares with the one before it
//	        number of bytes that follow these
//	        ID
//	        these bytes
//	    number of messages; then runs of neighbouring sequences until there are as
//	    many:
//	        number of sequences between the last message and this run; before the
//	        first run, First is the sequence expected
//	        number of messages, at least 1; for each:
//	            ID
//	            size of the record times 2, plus 1 if it has a header block
//	            distance of the record's offset from the end of the record before
//	            it (before the first one, and in another file, from 0), zigzag,
//	            times 2, plus 1 if the file is not that of the record before it
//	            (before the first one, 0)
//	            the file, if it is another one
//
// States of subjects, blocks and counts of files follow from these.
const stateVersion = 1

// AppendState appends the index in the form that [Decode] takes, about six bytes
// a message and of a subject what it does not share with its neighbour. It is
// neither compressed nor secured by a checksum.
func (x *Index) AppendState(dst []byte) []byte {
	dst = append(dst, stateVersion, byte(x.charge.Plain), byte(x.charge.Header))
	dst = binary.AppendUvarint(dst, x.first)
	dst = binary.AppendUvarint(dst, x.last)
	dst = binary.AppendUvarint(dst, x.subjects)
	dst = x.dict.appendState(dst)
	dst = binary.AppendUvarint(dst, x.messages)
	w := writer{dst: dst, next: x.first}
	for _, b := range x.blocks.list {
		for row := 0; row < len(b.ids); {
			if b.ids[row] == 0 {
				row++
				continue
			}
			row = b.appendRun(&w, row)
		}
	}
	return w.dst
}

// appendState appends the subjects that have messages.
func (d *dict) appendState(dst []byte) []byte {
	var text, last []byte
	for _, g := range d.groups {
		for _, n := range g.pages {
			p := &d.pages[n]
			for at := 0; at < len(p.b); {
				e := entryAt(p.b, at)
				at = e.end
				text = append(text[:e.shared], p.b[e.text:e.end]...)
				if p.dead > 0 && d.ids.at(e.id).count == 0 {
					continue
				}
				shared := sharedLen(last, text)
				dst = binary.AppendUvarint(dst, uint64(shared))
				dst = binary.AppendUvarint(dst, uint64(len(text)-shared))
				dst = binary.AppendUvarint(dst, uint64(e.id))
				dst = append(dst, text[shared:]...)
				last = append(last[:0], text...)
			}
		}
	}
	return dst
}

// writer appends messages.
type writer struct {
	dst  []byte
	next uint64 // the sequence after the last one
	end  Place  // of the last record
}

// appendRun appends the messages of neighbouring sequences that begin with the
// row, and returns the row behind them.
func (b *block) appendRun(w *writer, row int) int {
	end := row
	for end < len(b.ids) && b.ids[end] != 0 && (end == row || b.seq(end) == b.seq(end-1)+1) {
		end++
	}
	w.dst = binary.AppendUvarint(w.dst, b.seq(row)-w.next)
	w.dst = binary.AppendUvarint(w.dst, uint64(end-row))
	w.next = b.seq(end-1) + 1
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
