package wal

import (
	"encoding/binary"
	"errors"
	"hash/crc32"
)

// The layout of files, byte by byte, is docs/formats/wal.md.
const (
	formatVersion = 1

	blockSize       = 4096 // batches start and end at multiples of it
	fileHeaderSize  = 64   // of the first block
	batchHeaderSize = 64
	dirEntrySize    = 36

	fileMagic  = "TidingsW"
	batchMagic = "TdBh"
)

var (
	castagnoli = crc32.MakeTable(crc32.Castagnoli)
	le         = binary.LittleEndian
)

// checksum is crc32c, in all places.
func checksum(b []byte) uint32 { return crc32.Checksum(b, castagnoli) }

// align returns n rounded up to whole blocks.
func align(n int64) int64 { return (n + blockSize - 1) &^ (blockSize - 1) }

// fileHeader is the first block of a file.
type fileHeader struct {
	number      FileNumber
	incarnation uint64
	size        int64
}

func appendFileHeader(dst []byte, h fileHeader) []byte {
	from := len(dst)
	dst = append(dst, fileMagic...)
	dst = le.AppendUint32(dst, formatVersion)
	dst = le.AppendUint32(dst, blockSize)
	dst = le.AppendUint64(dst, uint64(h.number))
	dst = le.AppendUint64(dst, h.incarnation)
	dst = le.AppendUint64(dst, uint64(h.size))
	dst = append(dst, make([]byte, fileHeaderSize-4-(len(dst)-from))...)
	return le.AppendUint32(dst, checksum(dst[from:]))
}

// errNotValid is the one answer to bytes that are no header: why does not matter,
// as old content and torn writes look like anything.
var errNotValid = errors.New("no valid header")

// parseFileHeader returns errNotValid, or a *VersionError for a header that is
// intact but of another version.
func parseFileHeader(b []byte) (fileHeader, error) {
	if len(b) < fileHeaderSize || string(b[:8]) != fileMagic ||
		le.Uint32(b[60:]) != checksum(b[:60]) {
		return fileHeader{}, errNotValid
	}
	if v := le.Uint32(b[8:]); v != formatVersion {
		return fileHeader{}, &VersionError{Version: v}
	}
	h := fileHeader{
		number:      FileNumber(le.Uint64(b[16:])),
		incarnation: le.Uint64(b[24:]),
		size:        int64(le.Uint64(b[32:])),
	}
	if le.Uint32(b[12:]) != blockSize || h.number == 0 || h.size < minFileSize || h.size > maxFileSize || h.size%blockSize != 0 {
		return fileHeader{}, errNotValid
	}
	return h, nil
}

// batchHeader is the head of a batch.
type batchHeader struct {
	incarnation  uint64 // of the file
	number       FileNumber
	seq          uint64 // of the batch, over all files, without gaps
	offset       int64  // of the batch in the file
	entries      int
	dirSum       uint32
	payloadBytes int
	oldest       FileNumber // files below it are retired
	prev         uint32     // sum of the header of batch seq-1; 0 for the first
	// unsynced is how many batches directly before this one, in the same file, were
	// not known to be durable when it was written.
	unsynced uint32
	sum      uint32 // of this header; set by append and parse
}

// size returns the bytes the batch takes in the file.
func (h *batchHeader) size() int64 { return batchSize(h.entries, h.payloadBytes) }

func batchSize(entries, payloadBytes int) int64 {
	return align(batchHeaderSize + dirEntrySize*int64(entries) + int64(payloadBytes))
}

// position returns the position before the batch.
func (h *batchHeader) position() Position {
	return Position{File: h.number, Offset: h.offset, Batch: h.seq, Prev: h.prev, Oldest: h.oldest}
}

// payloadOffset returns where the payloads begin in the file.
func (h *batchHeader) payloadOffset() int64 {
	return h.offset + batchHeaderSize + dirEntrySize*int64(h.entries)
}

// putBatchHeader writes h to the first batchHeaderSize bytes of b and sets h.sum.
func putBatchHeader(b []byte, h *batchHeader) {
	copy(b, batchMagic)
	le.PutUint64(b[8:], h.incarnation)
	le.PutUint64(b[16:], uint64(h.number))
	le.PutUint64(b[24:], h.seq)
	le.PutUint32(b[32:], uint32(h.offset/blockSize))
	le.PutUint32(b[36:], uint32(h.entries))
	le.PutUint32(b[40:], h.dirSum)
	le.PutUint32(b[44:], uint32(h.payloadBytes))
	le.PutUint64(b[48:], uint64(h.oldest))
	le.PutUint32(b[56:], h.prev)
	le.PutUint32(b[60:], h.unsynced)
	h.sum = checksum(b[8:batchHeaderSize])
	le.PutUint32(b[4:], h.sum)
}

// parseBatchHeader reports whether b begins with an intact header.
func parseBatchHeader(b []byte) (h batchHeader, ok bool) {
	if len(b) < batchHeaderSize || string(b[:4]) != batchMagic {
		return h, false
	}
	h = batchHeader{
		incarnation:  le.Uint64(b[8:]),
		number:       FileNumber(le.Uint64(b[16:])),
		seq:          le.Uint64(b[24:]),
		offset:       int64(le.Uint32(b[32:])) * blockSize,
		entries:      int(le.Uint32(b[36:])),
		dirSum:       le.Uint32(b[40:]),
		payloadBytes: int(le.Uint32(b[44:])),
		oldest:       FileNumber(le.Uint64(b[48:])),
		prev:         le.Uint32(b[56:]),
		unsynced:     le.Uint32(b[60:]),
		sum:          le.Uint32(b[4:]),
	}
	ok = h.sum == checksum(b[8:batchHeaderSize]) && uint64(h.unsynced) < h.seq &&
		h.seq > 0 && h.seq < 1<<63 && h.oldest <= h.number &&
		h.entries >= 0 && h.entries <= maxBatchEntries &&
		h.payloadBytes >= 0 && int64(h.payloadBytes) <= maxFileSize
	return h, ok
}

// dirEntry is what the directory of a batch says of one entry.
type dirEntry struct {
	kind   Kind
	group  Group
	term   Term
	index  Index
	offset uint32 // from the first payload; not stored
	length uint32
	sum    uint32 // of the payload
}

func putDirEntry(b []byte, e *dirEntry) {
	le.PutUint64(b, uint64(e.group))
	le.PutUint64(b[8:], uint64(e.term))
	le.PutUint64(b[16:], uint64(e.index))
	le.PutUint32(b[24:], e.length)
	le.PutUint32(b[28:], e.sum)
	le.PutUint32(b[32:], uint32(e.kind))
}

// parseDirectory appends the entries of a directory to dst. It reports false if
// the bytes are not the directory that h describes.
func parseDirectory(dst []dirEntry, b []byte, h *batchHeader) ([]dirEntry, bool) {
	if len(b) != h.entries*dirEntrySize || checksum(b) != h.dirSum || h.payloadBytes < 0 {
		return dst, false
	}
	var offset uint64
	for ; len(b) > 0; b = b[dirEntrySize:] {
		e := dirEntry{
			group:  Group(le.Uint64(b)),
			term:   Term(le.Uint64(b[8:])),
			index:  Index(le.Uint64(b[16:])),
			length: le.Uint32(b[24:]),
			sum:    le.Uint32(b[28:]),
			kind:   Kind(b[32]),
			offset: uint32(offset),
		}
		offset += uint64(e.length)
		if offset > uint64(h.payloadBytes) || b[33]|b[34]|b[35] != 0 {
			return dst, false
		}
		dst = append(dst, e)
	}
	return dst, offset == uint64(h.payloadBytes)
}
