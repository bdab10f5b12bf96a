package store

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"strconv"
	"strings"

	"github.com/klauspost/compress/s2"
)

// The layout of segment files, byte by byte, is docs/formats/segment.md.
const (
	segmentVersion = 1
	segmentMagic   = "TidingsS"
	segmentHeader  = 64
	blockMagic     = "TdSb"
	blockHeader    = 24
	// blockBytes is how much a block holds before it is closed.
	blockBytes = 64 << 10
	// blockMax bounds what a block claims to hold: a record is smaller than a file
	// of the log.
	blockMax = 1<<30 + blockBytes

	flagBlocks  = 1 // of a segment: records are in blocks
	blockStored = 0 // of a block: it did not get smaller
	blockS2     = 1
)

var (
	le         = binary.LittleEndian
	castagnoli = crc32.MakeTable(crc32.Castagnoli)
)

func checksum(b []byte) uint32 { return crc32.Checksum(b, castagnoli) }

var errNotValid = errors.New("no valid header")

// segmentHead is the start of a segment file.
type segmentHead struct {
	group  Group
	number uint32
	blocks bool
}

func appendSegmentHead(dst []byte, h segmentHead) []byte {
	from := len(dst)
	dst = append(dst, segmentMagic...)
	dst = le.AppendUint32(dst, segmentVersion)
	flags := uint32(0)
	if h.blocks {
		flags = flagBlocks
	}
	dst = le.AppendUint32(dst, flags)
	dst = le.AppendUint64(dst, uint64(h.group))
	dst = le.AppendUint32(dst, h.number)
	dst = append(dst, make([]byte, segmentHeader-4-(len(dst)-from))...)
	return le.AppendUint32(dst, checksum(dst[from:]))
}

func parseSegmentHead(b []byte) (segmentHead, error) {
	if len(b) < segmentHeader || string(b[:8]) != segmentMagic || le.Uint32(b[60:]) != checksum(b[:60]) {
		return segmentHead{}, errNotValid
	}
	if v := le.Uint32(b[8:]); v != segmentVersion {
		return segmentHead{}, &wrongVersionError{What: "segment", Version: v, Known: segmentVersion}
	}
	flags := le.Uint32(b[12:])
	h := segmentHead{group: Group(le.Uint64(b[16:])), number: le.Uint32(b[24:]), blocks: flags&flagBlocks != 0}
	if flags&^flagBlocks != 0 || h.number == 0 || h.number >= inSegment {
		return segmentHead{}, errNotValid
	}
	return h, nil
}

// wrongVersionError is about a file of a format this program does not know.
type wrongVersionError struct {
	What    string
	Version uint32
	Known   uint32
}

func (e *wrongVersionError) Error() string {
	return fmt.Sprintf("%s has format version %d, this program reads version %d: use the program that wrote it", e.What, e.Version, e.Known)
}

// block is a part of a segment that is compressed as a whole.
type block struct {
	logical uint32 // where its first byte is in the uncompressed segment
	raw     uint32 // bytes uncompressed
	at      uint32 // where its header is in the file
	stored  uint32 // bytes in the file behind the header
	method  uint32
}

func (b *block) end() uint32 { return b.at + blockHeader + b.stored }

// appendBlock appends the block that holds raw, and returns where it will be.
func appendBlock(dst, raw []byte, logical, at uint32) ([]byte, block) {
	from := len(dst)
	var head [blockHeader]byte
	dst = append(dst, head[:]...)
	b := block{logical: logical, raw: uint32(len(raw)), at: at, method: blockS2}
	dst = append(dst, make([]byte, s2.MaxEncodedLen(len(raw)))...)
	data := s2.Encode(dst[from+blockHeader:], raw)
	if len(data) >= len(raw) {
		b.method = blockStored
		data = dst[from+blockHeader:][:copy(dst[from+blockHeader:], raw)]
	}
	b.stored = uint32(len(data))
	dst = dst[:from+blockHeader+len(data)]
	copy(dst[from:], blockMagic)
	le.PutUint32(dst[from+8:], b.logical)
	le.PutUint32(dst[from+12:], b.raw)
	le.PutUint32(dst[from+16:], b.stored)
	le.PutUint32(dst[from+20:], b.method)
	le.PutUint32(dst[from+4:], checksum(dst[from+8:]))
	return dst, b
}

// parseBlockHead reads a header at offset at of the file; the checksum of the
// whole is for decodeBlock.
func parseBlockHead(p []byte, at uint32) (block, bool) {
	if len(p) < blockHeader || string(p[:4]) != blockMagic {
		return block{}, false
	}
	b := block{
		logical: le.Uint32(p[8:]), raw: le.Uint32(p[12:]), stored: le.Uint32(p[16:]),
		method: le.Uint32(p[20:]), at: at,
	}
	ok := b.raw > 0 && b.raw <= blockMax && b.stored <= b.raw && b.method <= blockS2 &&
		uint64(b.logical)+uint64(b.raw) <= 1<<32-1 && uint64(b.end()) >= uint64(at)
	return b, ok
}

// decodeBlock appends what the block at the start of p holds to dst.
func decodeBlock(dst, p []byte) ([]byte, error) {
	b, ok := parseBlockHead(p, 0)
	if !ok || int64(len(p)) < blockHeader+int64(b.stored) || checksum(p[8:blockHeader+b.stored]) != le.Uint32(p[4:]) {
		return dst, errors.New("block does not match its checksum")
	}
	data := p[blockHeader:][:b.stored]
	if b.method == blockStored {
		return append(dst, data...), nil
	}
	if n, err := s2.DecodedLen(data); err != nil || n != int(b.raw) {
		return dst, errors.New("block is not what its header says")
	}
	from := len(dst)
	dst = append(dst, make([]byte, b.raw)...)
	if _, err := s2.Decode(dst[from:], data); err != nil {
		return dst[:from], fmt.Errorf("block: %w", err)
	}
	return dst, nil
}

func segmentName(number uint32) string { return fmt.Sprintf("seg-%08d.dat", number) }

func parseSegmentName(name string) (uint32, bool) {
	digits, ok := strings.CutPrefix(name, "seg-")
	digits, isData := strings.CutSuffix(digits, ".dat")
	n, err := strconv.ParseUint(digits, 10, 30)
	ok = ok && isData && err == nil && n > 0 && segmentName(uint32(n)) == name
	return uint32(n), ok
}
