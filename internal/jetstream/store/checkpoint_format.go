package store

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/tidings-io/tidings/internal/jetstream/index"
	"github.com/tidings-io/tidings/internal/jetstream/wal"
)

// The layout of checkpoints, byte by byte, is docs/formats/checkpoint.md.
const (
	checkpointVersion = 1
	checkpointMagic   = "TidingsC"
	checkpointHeader  = 128
	sectionMagic      = "TdCs"
	sectionHeader     = 64

	stateInline = 0 // the state follows
	stateInFile = 1 // the state is a file of its own
	droppedList = 2 // no group: the groups that are deleted
	stateLost   = 3 // no checkpoint had it any more
)

// checkpointHead is the start of a checkpoint.
type checkpointHead struct {
	number   uint64
	sections int
	created  int64 // Unix nanoseconds
	position wal.Position
	length   int64 // of the file
}

func appendCheckpointHead(dst []byte, h checkpointHead) []byte {
	from := len(dst)
	dst = append(dst, checkpointMagic...)
	dst = le.AppendUint32(dst, checkpointVersion)
	dst = le.AppendUint32(dst, uint32(h.sections))
	dst = le.AppendUint64(dst, h.number)
	dst = le.AppendUint64(dst, uint64(h.created))
	dst = le.AppendUint64(dst, uint64(h.position.File))
	dst = le.AppendUint64(dst, uint64(h.position.Offset))
	dst = le.AppendUint64(dst, h.position.Batch)
	dst = le.AppendUint32(dst, h.position.Prev)
	dst = le.AppendUint32(dst, 0)
	dst = le.AppendUint64(dst, uint64(h.position.Oldest))
	dst = le.AppendUint64(dst, uint64(h.length))
	dst = append(dst, make([]byte, checkpointHeader-4-(len(dst)-from))...)
	return le.AppendUint32(dst, checksum(dst[from:]))
}

func parseCheckpointHead(b []byte) (checkpointHead, error) {
	const end = checkpointHeader - 4
	if len(b) < checkpointHeader || string(b[:8]) != checkpointMagic || le.Uint32(b[end:]) != checksum(b[:end]) {
		return checkpointHead{}, errNotValid
	}
	if v := le.Uint32(b[8:]); v != checkpointVersion {
		return checkpointHead{}, &wrongVersionError{What: "checkpoint", Version: v, Known: checkpointVersion}
	}
	return checkpointHead{
		sections: int(le.Uint32(b[12:])),
		number:   le.Uint64(b[16:]),
		created:  int64(le.Uint64(b[24:])),
		position: wal.Position{
			File:   wal.FileNumber(le.Uint64(b[32:])),
			Offset: int64(le.Uint64(b[40:])),
			Batch:  le.Uint64(b[48:]),
			Prev:   le.Uint32(b[56:]),
			Oldest: wal.FileNumber(le.Uint64(b[64:])),
		},
		length: int64(le.Uint64(b[72:])),
	}, nil
}

// section is what a checkpoint has of one group.
type section struct {
	group   Group
	applied wal.Index
	kind    uint32
	// next is the number of the next segment.
	next     uint32
	segments []segmentRef
	kept     []keptRecord
	dropped  []droppedGroup

	state     []byte // stateInline; nil: it is in the checkpoint stateIn at stateOff
	stateIn   uint64
	stateOff  int64
	stateSize uint64
	stateSum  uint32
	stateFile uint64 // stateInFile: the number in its name
}

// segmentRef says how far a segment is written.
type segmentRef struct {
	number uint32
	blocks bool
	size   int64
}

// keptRecord is a record that was in memory.
type keptRecord struct {
	place  index.Place
	record []byte
}

// droppedGroup is a group that was deleted while the log wrote to file.
type droppedGroup struct {
	group Group
	file  wal.FileNumber
}

func encodeSection(s *section) []byte {
	dst := make([]byte, sectionHeader, sectionHeader+12+16*len(s.segments)+len(s.state))
	dst = le.AppendUint32(dst, uint32(len(s.segments)))
	for _, g := range s.segments {
		flags := uint32(0)
		if g.blocks {
			flags = flagBlocks
		}
		dst = le.AppendUint32(dst, g.number)
		dst = le.AppendUint32(dst, flags)
		dst = le.AppendUint64(dst, uint64(g.size))
	}
	dst = le.AppendUint32(dst, uint32(len(s.kept)))
	for _, k := range s.kept {
		dst = le.AppendUint32(dst, k.place.File)
		dst = le.AppendUint32(dst, k.place.Offset)
		dst = le.AppendUint32(dst, uint32(len(k.record)))
		dst = append(dst, k.record...)
	}
	dst = le.AppendUint32(dst, uint32(len(s.dropped)))
	for _, d := range s.dropped {
		dst = le.AppendUint64(dst, uint64(d.group))
		dst = le.AppendUint64(dst, uint64(d.file))
	}
	h := dst
	copy(h, sectionMagic)
	le.PutUint64(h[8:], uint64(s.group))
	le.PutUint64(h[16:], uint64(s.applied))
	le.PutUint32(h[24:], s.kind)
	le.PutUint32(h[28:], uint32(len(h)-sectionHeader))
	le.PutUint64(h[32:], s.stateSize)
	le.PutUint32(h[40:], s.stateSum)
	le.PutUint64(h[48:], s.stateFile)
	le.PutUint32(h[56:], s.next)
	le.PutUint32(h[4:], checksum(h[8:]))
	return append(dst, s.state...)
}

// parseSection reads the section at the start of b, whose slices are views of it.
// n is its length. It reports false if anything of it is damaged.
func parseSection(b []byte) (s section, n int, ok bool) {
	if len(b) < sectionHeader || string(b[:4]) != sectionMagic {
		return s, 0, false
	}
	meta := uint64(le.Uint32(b[28:]))
	if meta > uint64(len(b)-sectionHeader) || !sectionIntact(b[:sectionHeader+meta]) {
		return s, 0, false
	}
	s = section{
		group:     Group(le.Uint64(b[8:])),
		applied:   wal.Index(le.Uint64(b[16:])),
		kind:      le.Uint32(b[24:]),
		stateSize: le.Uint64(b[32:]),
		stateSum:  le.Uint32(b[40:]),
		stateFile: le.Uint64(b[48:]),
		next:      le.Uint32(b[56:]),
	}
	if !s.parseMeta(b[sectionHeader:][:meta]) || s.kind > stateLost {
		return s, 0, false
	}
	b = b[sectionHeader+meta:]
	n = sectionHeader + int(meta)
	if s.kind != stateInline {
		return s, n, true
	}
	if s.stateSize > uint64(len(b)) || checksum(b[:s.stateSize]) != s.stateSum {
		return s, n, false
	}
	s.state = b[:s.stateSize:s.stateSize]
	return s, n + int(s.stateSize), true
}

// sectionIntact reports whether header and lists match their checksum.
func sectionIntact(b []byte) bool { return checksum(b[8:]) == le.Uint32(b[4:]) }

func (s *section) parseMeta(b []byte) bool {
	r := reading{b: b}
	for range r.count(16) {
		g := segmentRef{number: r.u32(), blocks: r.u32()&flagBlocks != 0, size: int64(r.u64())}
		if g.number == 0 || g.number >= inSegment || g.size < segmentHeader || g.size >= 1<<32 {
			return false
		}
		s.segments = append(s.segments, g)
	}
	for range r.count(12) {
		k := keptRecord{place: index.Place{File: r.u32(), Offset: r.u32()}}
		k.record = r.bytes(r.u32())
		if kindOf(k.place) != memoryPage || uint64(k.place.Offset)+uint64(len(k.record)) > 1<<31 {
			return false
		}
		s.kept = append(s.kept, k)
	}
	for range r.count(16) {
		s.dropped = append(s.dropped, droppedGroup{Group(r.u64()), wal.FileNumber(r.u64())})
	}
	return !r.short && len(r.b) == 0
}

// reading takes numbers from the front of b, zeros once it is too short.
type reading struct {
	b     []byte
	short bool
}

func (r *reading) bytes(n uint32) []byte {
	if uint64(n) > uint64(len(r.b)) {
		r.short, r.b = true, nil
		return nil
	}
	p := r.b[:n:n]
	r.b = r.b[n:]
	return p
}

func (r *reading) u32() uint32 {
	if p := r.bytes(4); p != nil {
		return le.Uint32(p)
	}
	return 0
}

func (r *reading) u64() uint64 {
	if p := r.bytes(8); p != nil {
		return le.Uint64(p)
	}
	return 0
}

// count reads the number of items that take size bytes each at least.
func (r *reading) count(size int) int {
	n := r.u32()
	if uint64(n)*uint64(size) > uint64(len(r.b)) {
		r.short, r.b = true, nil
		return 0
	}
	return int(n)
}

func checkpointName(n uint64) string { return fmt.Sprintf("checkpoint-%08d", n) }
func stateName(n uint64) string      { return fmt.Sprintf("state-%08d", n) }

// parseNumbered returns the number in a name that begins with prefix.
func parseNumbered(name, prefix string) (uint64, bool) {
	digits, ok := strings.CutPrefix(name, prefix)
	n, err := strconv.ParseUint(digits, 10, 63)
	return n, ok && err == nil && n > 0 && fmt.Sprintf("%s%08d", prefix, n) == name
}
