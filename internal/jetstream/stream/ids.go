package stream

import (
	"crypto/sha256"
	"encoding/binary"
	"math"
)

// idHash stands for a message id: half of its SHA-256, which nobody can find a
// second id for.
type idHash [4]uint32

func hashID(id []byte) (h idHash) {
	sum := sha256.Sum256(id)
	for i := range h {
		h[i] = binary.LittleEndian.Uint32(sum[4*i:])
	}
	return h
}

// ids are the message ids of the duplicate window with their sequences, in the
// order of their times: 36 bytes each, and 4 to 8 for the way to find them.
type ids struct {
	// blocks hold the ids with the numbers first … next-1; the first block begins
	// with the number base, a multiple of idBlock above 0.
	blocks            [][]id
	base, first, next uint32
	// gone is how many have been forgotten so far.
	gone uint64
	// heads has for each value of the hash's low bits the number of the newest id,
	// from which links lead to older ones. A number below first is the end.
	heads []uint32
}

// id has no fields of 8 bytes, so that it needs no padding.
type id struct {
	hash            idHash
	seqLow, seqHigh uint32
	atLow, atHigh   uint32
	link            uint32 // number of the next older id with the same head
}

func (e *id) seq() uint64 { return uint64(e.seqHigh)<<32 | uint64(e.seqLow) }
func (e *id) at() int64   { return int64(uint64(e.atHigh)<<32 | uint64(e.atLow)) }

const (
	idBlock   = 1 << 8
	fewHeads  = 1 << 6
	idsNumber = math.MaxUint32 - idBlock // the greatest number that is given
)

// find returns the sequence of an id that was added after the time since.
func (d *ids) find(h idHash, since int64) (seq uint64, ok bool) {
	if len(d.heads) == 0 {
		return 0, false
	}
	for n := d.heads[h[0]&uint32(len(d.heads)-1)]; n >= d.first && n != 0; {
		e := d.get(n)
		if e.hash == h {
			return e.seq(), e.at() > since
		}
		n = e.link
	}
	return 0, false
}

func (d *ids) get(n uint32) *id { return &d.blocks[(n-d.base)/idBlock][(n-d.base)%idBlock] }

func (d *ids) len() int { return int(d.next - d.first) }

// memory returns how many bytes they take.
func (d *ids) memory() int64 { return int64(len(d.blocks))*idBlock*36 + 4*int64(len(d.heads)) }

// end is how many have been added so far.
func (d *ids) end() uint64 { return d.gone + uint64(d.len()) }

// add adds an id; at is not before that of the last.
func (d *ids) add(h idHash, seq uint64, at int64) {
	if d.next == 0 || d.next >= idsNumber || d.len() >= len(d.heads) {
		d.rebuild(max(fewHeads, 2*len(d.heads)))
	}
	last := len(d.blocks) - 1
	if last < 0 || len(d.blocks[last]) == idBlock {
		d.blocks = append(d.blocks, make([]id, 0, idBlock))
		last++
	}
	head := &d.heads[h[0]&uint32(len(d.heads)-1)]
	d.blocks[last] = append(d.blocks[last], id{
		hash: h, seqLow: uint32(seq), seqHigh: uint32(seq >> 32),
		atLow: uint32(at), atHigh: uint32(uint64(at) >> 32), link: *head,
	})
	*head = d.next
	d.next++
}

// forget drops the ids that were added up to the time.
func (d *ids) forget(until int64) {
	n := d.first
	for n < d.next && d.get(n).at() <= until {
		n++
	}
	d.drop(n - d.first)
}

// drop forgets the n oldest.
func (d *ids) drop(n uint32) {
	d.first += n
	d.gone += uint64(n)
	for d.first-d.base >= idBlock {
		d.blocks[0] = nil
		d.blocks, d.base = d.blocks[1:], d.base+idBlock
	}
	if d.first == d.next && d.next != 0 {
		*d = ids{gone: d.gone}
	} else if len(d.heads) > 4*fewHeads && d.len() < len(d.heads)/8 {
		d.rebuild(len(d.heads) / 4)
	}
}

// rebuild numbers the ids anew and makes so many heads.
func (d *ids) rebuild(heads int) {
	old := *d
	*d = ids{base: idBlock, first: idBlock, next: idBlock, heads: make([]uint32, heads), gone: old.gone}
	for n := old.first; n < old.next; n++ {
		e := old.get(n)
		d.add(e.hash, e.seq(), e.at())
	}
}
