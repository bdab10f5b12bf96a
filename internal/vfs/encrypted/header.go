package encrypted

import (
	"errors"
	"hash/crc32"
	"io"

	"github.com/tidings-io/tidings/internal/vfs"
)

// The layout of headers is docs/formats/encryption.md.
const (
	headerSize  = 4096
	headerCopy  = 512 // one copy; a disk writes it whole or not at all
	fileMagic   = "TidingsX"
	fileVersion = 1
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// fileID tells files apart, whatever their names; it is random.
type fileID [16]byte

// header is what an encrypted file begins with.
type header struct {
	id fileID
	// size is the number of bytes in the file. It counts if it fits the length of
	// the file below, which has whole blocks; otherwise something was not synced.
	size int64
}

func appendHeader(dst []byte, h header) []byte {
	var b [headerCopy]byte
	copy(b[:], fileMagic)
	le.PutUint32(b[8:], fileVersion)
	copy(b[16:], h.id[:])
	le.PutUint64(b[32:], uint64(h.size))
	seal(b[:])
	for range headerSize / headerCopy {
		dst = append(dst, b[:]...)
	}
	return dst
}

// seal puts the checksum of b into its last four bytes.
func seal(b []byte) {
	end := len(b) - 4
	le.PutUint32(b[end:], crc32.Checksum(b[:end], castagnoli))
}

// sealed reports whether they have it.
func sealed(b []byte) bool {
	end := len(b) - 4
	return le.Uint32(b[end:]) == crc32.Checksum(b[:end], castagnoli)
}

// parseHeader returns the first copy in b that is intact.
func parseHeader(b []byte) (header, bool) {
	for ; len(b) >= headerCopy; b = b[headerCopy:] {
		c := b[:headerCopy]
		if string(c[:8]) != fileMagic || le.Uint32(c[8:]) != fileVersion || !sealed(c) {
			continue
		}
		h := header{size: int64(le.Uint64(c[32:]))}
		copy(h.id[:], c[16:])
		return h, h.size >= 0
	}
	return header{}, false
}

// readHeader returns the header of a file, ok false if no copy of it is intact. The
// error is that of the layer below.
func readHeader(disk vfs.File) (h header, ok bool, err error) {
	b := make([]byte, headerSize)
	n, err := disk.ReadAt(b, 0)
	if err != nil && !errors.Is(err, io.EOF) {
		return header{}, false, err
	}
	h, ok = parseHeader(b[:n])
	return h, ok, nil
}

// sizeOf returns how long a file is, from the length of the one below. Where the
// two do not fit, the power was lost before a sync: then every whole block there
// is counts, which are at least those that were synced.
func (h header) sizeOf(length int64) int64 {
	length = max(length-headerSize, 0)
	if roundUp(h.size) == length {
		return h.size
	}
	return length - length%blockSize
}

func roundUp(n int64) int64 { return (n + blockSize - 1) / blockSize * blockSize }

// Is reports whether a file below begins as encrypted ones do.
func Is(fsys vfs.FS, name string) bool {
	disk, err := fsys.Open(name)
	if err != nil {
		return false
	}
	_, ok, err := readHeader(disk)
	return errors.Join(err, disk.Close()) == nil && ok
}
