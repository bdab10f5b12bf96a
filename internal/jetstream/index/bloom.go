package index

import "math/bits"

// A block that was searched in vain for rare subjects gets a bloom filter of its
// IDs: one bit in eight or more for each of its messages. The next search for a
// rare subject passes the block without reading it. No ID is added to a block
// that is full, and removed ones may stay.

const (
	bloomAfter = 2 // searches in vain
	bloomFew   = 8 // IDs that are rare enough to be looked up one by one
)

func (b *block) searchedInVain() {
	if b.bloom != nil || len(b.ids) < 256 {
		return
	}
	if b.vain++; b.vain < bloomAfter {
		return
	}
	n := max(64, 1<<bits.Len(uint(8*b.live-1)))
	b.bloom = make([]uint64, n/64)
	for _, id := range b.ids {
		if id != 0 {
			bit := b.bloomBit(id)
			b.bloom[bit/64] |= 1 << (bit % 64)
		}
	}
}

func (b *block) bloomBit(id ID) uint32 {
	return uint32(id) * 0x9E3779B1 >> (32 - bits.TrailingZeros(uint(len(b.bloom)*64)))
}

// mayHave reports false if none of the IDs is in the block.
func (b *block) mayHave(ids []ID) bool {
	if b.bloom == nil || len(ids) > bloomFew {
		return true
	}
	for _, id := range ids {
		if bit := b.bloomBit(id); b.bloom[bit/64]&(1<<(bit%64)) != 0 {
			return true
		}
	}
	return false
}
