package encrypted

// XTS is the cipher of one file, for comparisons with another implementation.
type XTS struct {
	b       *blocks
	scratch [blockSize]byte
}

// NewXTS takes the 64 bytes of both keys.
func NewXTS(keys []byte) (*XTS, error) {
	b, err := newXTS(keys)
	return &XTS{b: b}, err
}

// Encrypt encrypts in place what belongs at off.
func (x *XTS) Encrypt(p []byte, off int64) { x.b.encrypt(p, off, &x.scratch) }

// Decrypt is the reverse.
func (x *XTS) Decrypt(p []byte, off int64) { x.b.decrypt(p, off, &x.scratch) }

// HeaderSize is what a file is longer below.
const HeaderSize = headerSize
