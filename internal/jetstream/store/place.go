package store

import (
	"github.com/tidings-io/tidings/internal/jetstream/index"
	"github.com/tidings-io/tidings/internal/jetstream/wal"
)

// Group is what entries, states and files belong to: one stream, or the node. The
// numbers of streams are never used again.
type Group = wal.Group

// NodeGroup is the group of the node's own affairs: which streams there are.
const NodeGroup Group = 1

// The numbers of files in [index.Place]: log files, segments of the group, and
// pages in memory.
const (
	inMemory  = 1 << 31
	inSegment = 1 << 30
	fileMask  = inSegment - 1
)

// where says what kind of file a place is in.
type where uint8

const (
	nowhere where = iota
	inLog
	segmentFile
	memoryPage
)

func kindOf(p index.Place) where {
	switch {
	case p.File == 0:
		return nowhere
	case p.File&inMemory != 0:
		return memoryPage
	case p.File&inSegment != 0:
		return segmentFile
	default:
		return inLog
	}
}

// logFile returns the number of the log file that p is in.
func logFile(p index.Place) wal.FileNumber { return wal.FileNumber(p.File) }
