package encrypted

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
)

const (
	// blockSize is what is encrypted as one.
	blockSize = aes.BlockSize
	// sectorSize is the data unit of XTS: tweaks start anew with each.
	sectorSize = 4096
	// dataKeySize is the length of the key of a store, in bytes.
	dataKeySize = 32
)

var le = binary.LittleEndian

// blocks encrypts the blocks of one file: XTS-AES-256, with the number of the
// sector in the file as the number of the data unit. It is safe for concurrent use.
//
// golang.org/x/crypto/xts does the same at half the speed (a tweak in memory, byte
// by byte) and only from the start of a sector; the tests compare the two.
type blocks struct {
	data, tweak cipher.Block
}

// newBlocks makes the cipher of the file with the given number.
func newBlocks(dataKey []byte, id fileID) (*blocks, error) {
	keys, err := hkdf.Expand(sha256.New, dataKey, "tidings file 1 "+string(id[:]), 64)
	if err != nil {
		return nil, fmt.Errorf("derive the key of a file: %w", err)
	}
	return newXTS(keys)
}

// newXTS takes both keys of XTS-AES-256, one behind the other.
func newXTS(keys []byte) (*blocks, error) {
	data, err := aes.NewCipher(keys[:32])
	if err != nil {
		return nil, err
	}
	tweak, err := aes.NewCipher(keys[32:])
	if err != nil {
		return nil, err
	}
	return &blocks{data, tweak}, nil
}

// mask is the tweak of one block.
type mask struct{ lo, hi uint64 }

// next multiplies by the primitive element of GF(2^128).
func (m mask) next() mask {
	return mask{m.lo<<1 ^ 0x87&-(m.hi>>63), m.hi<<1 | m.lo>>63}
}

// maskAt returns the tweak of the block at off; scratch is overwritten.
func (b *blocks) maskAt(off int64, scratch *[blockSize]byte) mask {
	*scratch = [blockSize]byte{}
	le.PutUint64(scratch[:], uint64(off/sectorSize))
	b.tweak.Encrypt(scratch[:], scratch[:])
	m := mask{le.Uint64(scratch[:]), le.Uint64(scratch[8:])}
	for range off % sectorSize / blockSize {
		m = m.next()
	}
	return m
}

// encrypt encrypts whole blocks in place that belong at off in the file.
func (b *blocks) encrypt(p []byte, off int64, scratch *[blockSize]byte) {
	for len(p) > 0 {
		n := min(int(sectorSize-off%sectorSize), len(p))
		m := b.maskAt(off, scratch)
		for q := p[:n]; len(q) >= blockSize; q = q[blockSize:] {
			block := (*[blockSize]byte)(q)
			m.apply(block)
			b.data.Encrypt(block[:], block[:])
			m.apply(block)
			m = m.next()
		}
		p, off = p[n:], off+int64(n)
	}
}

// decrypt is the reverse. Blocks of zeros were never written and stay.
func (b *blocks) decrypt(p []byte, off int64, scratch *[blockSize]byte) {
	for len(p) > 0 {
		n := min(int(sectorSize-off%sectorSize), len(p))
		m := b.maskAt(off, scratch)
		for q := p[:n]; len(q) >= blockSize; q = q[blockSize:] {
			block := (*[blockSize]byte)(q)
			if le.Uint64(block[:])|le.Uint64(block[8:]) != 0 {
				m.apply(block)
				b.data.Decrypt(block[:], block[:])
				m.apply(block)
			}
			m = m.next()
		}
		p, off = p[n:], off+int64(n)
	}
}

// apply XORs a block with the tweak.
func (m mask) apply(p *[blockSize]byte) {
	le.PutUint64(p[:], le.Uint64(p[:])^m.lo)
	le.PutUint64(p[8:], le.Uint64(p[8:])^m.hi)
}
