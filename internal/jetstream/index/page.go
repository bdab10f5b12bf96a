package index

import (
	"bytes"
	"encoding/binary"
	"math/bits"
	"slices"
)

// A page holds subjects in order, front coded: each entry has
//
//	uvarint  how many bytes it shares with the entry before it; 0 in the first
//	uvarint  how many bytes follow the shared ones
//	u32      ID
//	         these bytes
//
// so that a page is searched from its start, mostly without a look at the text.
type page struct {
	b      []byte
	n      uint16 // entries
	dead   uint16 // of them, without messages
	queued bool   // it waits in dict.sweeps
}

// pageMax is the size of a full page, bytes. A page that begins with a long subject
// may be larger, so that its neighbours can share it.
const pageMax = 1024

// full reports whether the page must be split.
func (p *page) full() bool {
	return len(p.b) > pageMax && p.n > 1 && len(p.b)-entryAt(p.b, 0).end > pageMax/2
}

// entry is a decoded entry header; the text is at [text, end) of the page.
type entry struct {
	shared    int
	text, end int
	id        ID
}

// entryAt decodes the entry at offset at.
func entryAt(b []byte, at int) entry {
	shared, n := int(b[at]), int(b[at+1])
	at += 2
	if shared|n >= 0x80 {
		at -= 2
		var k int
		shared, k = uvarint(b[at:])
		at += k
		n, k = uvarint(b[at:])
		at += k
	}
	id := ID(binary.LittleEndian.Uint32(b[at:]))
	return entry{shared: shared, text: at + 4, end: at + 4 + n, id: id}
}

func uvarint(b []byte) (int, int) {
	v, k := binary.Uvarint(b)
	return int(v), k
}

// appendEntry appends an entry whose text is key, of which shared bytes are in the
// entry before it.
func appendEntry(dst, key []byte, shared int, id ID) []byte {
	dst = binary.AppendUvarint(dst, uint64(shared))
	dst = binary.AppendUvarint(dst, uint64(len(key)-shared))
	dst = binary.LittleEndian.AppendUint32(dst, uint32(id))
	return append(dst, key[shared:]...)
}

func uvarintLen(v int) int { return (bits.Len64(uint64(v)|1) + 6) / 7 }

func entryLen(shared, n int) int { return uvarintLen(shared) + uvarintLen(n) + 4 + n }

// spot is where a key is in a page, or would be.
type spot struct {
	at    int // offset of the first entry that is not less than the key
	id    ID  // of that entry, if it is the key itself
	left  int // bytes the key shares with the entry before at
	right int // bytes it shares with the entry at at
}

// seek finds key in the page. It is what a look-up spends its time with, so entries
// that share more with the one before them than the key does are passed without
// decoding more than two bytes.
func (p *page) seek(key []byte) spot {
	b, left := p.b, 0
	for at := 0; at < len(b); {
		shared, n, text := int(b[at]), int(b[at+1]), at+6
		if shared|n >= 0x80 {
			e := entryAt(b, at)
			shared, n, text = e.shared, e.end-e.text, e.text
		}
		if shared > left { // like the one before it, less than key
			at = text + n
			continue
		}
		if shared < left {
			return spot{at: at, left: left, right: shared}
		}
		k := sharedLen(b[text:text+n], key[left:])
		if k < n && left+k < len(key) && b[text+k] < key[left+k] || k == n && left+k < len(key) {
			left += k
			at = text + n
			continue
		}
		s := spot{at: at, left: left, right: left + k}
		if k == n && left+k == len(key) {
			s.id = ID(binary.LittleEndian.Uint32(b[text-4:]))
		}
		return s
	}
	return spot{at: len(b), left: left}
}

// sharedLen returns the length of the common prefix of a and b.
func sharedLen(a, b []byte) int {
	n := min(len(a), len(b))
	i := 0
	for ; i+8 <= n; i += 8 {
		if x := binary.LittleEndian.Uint64(a[i:]) ^ binary.LittleEndian.Uint64(b[i:]); x != 0 {
			return i + bits.TrailingZeros64(x)/8
		}
	}
	for i < n && a[i] == b[i] {
		i++
	}
	return i
}

// insert puts key where seek has found that it would be.
func (p *page) insert(key []byte, s spot, id ID) {
	size := entryLen(s.left, len(key)-s.left)
	if s.at == len(p.b) {
		p.grow(size)
		p.b = appendEntry(p.b, key, s.left, id)
		p.n++
		return
	}
	// The entry behind it now shares more.
	e := entryAt(p.b, s.at)
	n := e.end - e.text - (s.right - e.shared)
	moved := entryLen(s.right, n)
	more := size + moved - (e.end - s.at)
	old := len(p.b)
	p.grow(more)
	p.b = p.b[:old+more]
	copy(p.b[s.at+size+moved-n:], p.b[e.end-n:old]) // its last n bytes and all behind it
	appendEntry(p.b[:s.at], key, s.left, id)
	h := binary.AppendUvarint(p.b[:s.at+size], uint64(s.right))
	h = binary.AppendUvarint(h, uint64(n))
	binary.LittleEndian.AppendUint32(h, uint32(e.id))
	p.n++
}

// grow makes room for more bytes, in steps that the allocator has.
func (p *page) grow(more int) {
	need := len(p.b) + more
	if need <= cap(p.b) {
		return
	}
	p.b = append(make([]byte, 0, pageCap(need)), p.b...)
}

func pageCap(need int) int {
	switch {
	case need <= 256:
		return max(64, 1<<bits.Len(uint(need-1)))
	case need <= pageMax:
		return (need + 127) &^ 127
	}
	return need
}

// text appends the subject with the number to dst.
func (p *page) text(id ID, dst []byte) []byte {
	from := len(dst)
	for at := 0; at < len(p.b); {
		e := entryAt(p.b, at)
		dst = append(dst[:from+e.shared], p.b[e.text:e.end]...)
		if e.id == id {
			return dst
		}
		at = e.end
	}
	return dst[:from]
}

// first returns the first subject of the page, a view.
func (p *page) first() []byte {
	e := entryAt(p.b, 0)
	return p.b[e.text:e.end]
}

// split returns the part of the page from the first entry at or behind the offset,
// which is not the first entry of all, and cuts it off.
func (p *page) split(offset int) page {
	var key []byte
	at, n := 0, uint16(0)
	for {
		e := entryAt(p.b, at)
		key = append(key[:e.shared], p.b[e.text:e.end]...)
		if n > 0 && (at >= offset || e.end == len(p.b)) {
			first := appendEntry(nil, key, 0, e.id)
			rest := p.b[e.end:]
			q := page{n: p.n - n}
			q.b = make([]byte, 0, pageCap(len(first)+len(rest)))
			q.b = append(append(q.b, first...), rest...)
			p.b, p.n = slices.Clone(p.b[:at]), n
			return q
		}
		at = e.end
		n++
	}
}

// builder writes a page from subjects in order.
type builder struct {
	page
	last []byte
}

func (w *builder) add(key []byte, id ID) {
	shared := 0
	if w.n > 0 {
		shared = sharedLen(w.last, key)
	}
	w.b = appendEntry(w.b, key, shared, id)
	w.last = append(w.last[:0], key...)
	w.n++
}

// less reports the order of two subjects.
func less(a, b []byte) bool { return bytes.Compare(a, b) < 0 }
