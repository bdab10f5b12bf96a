package wal

import (
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"github.com/tidings-io/tidings/internal/vfs"
)

// The names an entry goes by. The log stores them and gives them no meaning.
type (
	// Group is what an entry belongs to: a stream, or the node's own affairs.
	Group uint64
	// Term is the Raft term of an entry; 0 where there is none.
	Term uint64
	// Index is the place of an entry in its group's own order.
	Index uint64
	// Kind says how to read the payload.
	Kind uint8
	// FileNumber names a file of the log. Numbers grow and are never used twice.
	FileNumber uint64
)

// Entry is one thing to store.
type Entry struct {
	Kind  Kind
	Group Group
	Term  Term
	Index Index
	// Payload is copied by Append. It may be empty.
	Payload []byte

	sum uint32 // of the payload; set by Append
}

// Place is where an entry is. It is valid until the file is retired.
type Place struct {
	File   FileNumber
	Offset uint32 // of the payload, in bytes from the start of the file
	Length uint32 // of the payload
	Sum    uint32 // of the payload
}

// Class says how an entry is treated when space runs out.
type Class uint8

const (
	// Normal entries are refused while only the reserve is left.
	Normal Class = iota
	// Essential entries may use the reserve: acks, deletions, checkpoints and
	// whatever else lets files be retired.
	Essential
	// Async entries are Normal ones whose completion runs as soon as they are
	// written, before they are synced: what they are acknowledged by may be lost
	// with the power. Behind an append of another class in the same batch that has
	// entries of the same group they wait with it, so that a group keeps its order.
	Async
)

// Position is a place between two batches, where a replay can begin. The zero
// Position is the beginning of the log.
type Position struct {
	File   FileNumber
	Offset int64  // in bytes from the start of the file
	Batch  uint64 // the number of the first batch behind it
	Prev   uint32 // the checksum of the header of the batch before it
	Oldest FileNumber
}

// Before reports whether p is nearer to the beginning than q.
func (p Position) Before(q Position) bool { return p.Batch < q.Batch }

// Completion is told what became of the entries of one Append.
type Completion interface {
	// Durable is called once, in the order of the appends, when the entries
	// survive a loss of power or, with Result.Err set, may or may not; earlier
	// where [Async] or Options.SyncInterval says so. It runs in the commit loop: it
	// must be short, must not block and must not call Append.
	Durable(r Result)
}

// Result is what a [Completion] gets. It is valid during the call only.
type Result struct {
	// Err is the error that poisoned the log, or nil.
	Err error

	batch *batch
	first int
	count int
}

// Len returns the number of entries the Append had.
func (r Result) Len() int { return r.count }

// Place returns where entry i of the Append is; Err must be nil.
func (r Result) Place(i int) Place { return r.batch.place(r.first + i) }

// Limits of the format and of a batch.
const (
	// minFileSize has room for a header, some small batches and the marker behind them.
	minFileSize = 6 * blockSize
	maxFileSize = 1 << 30
	// maxBatchEntries bounds the directory, whose room is kept before the payloads.
	maxBatchEntries = 8192
)

// Options say how a log is kept. The zero value of a field is its default.
type Options struct {
	// FS and Dir are where the files are. Dir is made if it is missing.
	FS  vfs.FS
	Dir string
	// FileSize is the size of new files in bytes, a multiple of 4096 from 24 KiB
	// to 1 GiB; default 64 MiB. It bounds what one Append may hold; see [Log.MaxAppend].
	FileSize int64
	// MaxFiles is how many files there may be, those kept ready included; default
	// 18, more than Spare. Without Retire, Normal entries are refused once all but
	// one are in use.
	MaxFiles int
	// Spare is how many empty files are kept ready, the last of which is the
	// reserve for Essential entries; default 2, at least 2.
	Spare int
	// BatchBytes is the size of payloads from which the open batch takes no more;
	// default 8 MiB. There are two batches.
	BatchBytes int
	// IdleMarker is how long after the last batch an empty one is written, which
	// proves that the last one was whole; default 5 ms.
	IdleMarker time.Duration
	// SyncInterval is how long what is written may stay unsynced. 0: each batch is
	// synced before anybody is told. Otherwise all are told after the write, and a
	// loss of power may take what came within the interval, from its end.
	SyncInterval time.Duration
	// From is a position up to which nothing has to be found again: what is before
	// it is not read and not checked when the log is opened.
	From Position
	// OnFile is called when the log begins another file, with the number of files
	// that hold entries then. It must not block or call the log. nil: nobody is.
	OnFile func(files int)
	// Incarnation returns a number nobody can guess for each use of a file, so
	// that no payload can pass for a batch; default from crypto/rand.
	Incarnation func() uint64
}

func (o Options) withDefaults() Options {
	if o.FileSize == 0 {
		o.FileSize = 64 << 20
	}
	if o.MaxFiles == 0 {
		o.MaxFiles = 18
	}
	if o.Spare == 0 {
		o.Spare = 2
	}
	if o.BatchBytes == 0 {
		o.BatchBytes = 8 << 20
	}
	if o.IdleMarker == 0 {
		o.IdleMarker = 5 * time.Millisecond
	}
	if o.Incarnation == nil {
		o.Incarnation = randomIncarnation
	}
	return o
}

func randomIncarnation() uint64 {
	var b [8]byte
	_, _ = rand.Read(b[:]) // never fails: crypto/rand ends the process instead
	return binary.LittleEndian.Uint64(b[:])
}

// Validate returns an error that names the first field that makes no sense.
func (o Options) Validate() error {
	switch o = o.withDefaults(); {
	case o.FS == nil:
		return errors.New("log options: FS is missing")
	case o.FileSize < minFileSize || o.FileSize > maxFileSize || o.FileSize%blockSize != 0:
		return fmt.Errorf("log options: FileSize %d: give a multiple of %d from %d to %d", o.FileSize, blockSize, minFileSize, maxFileSize)
	case o.Spare < 2:
		return fmt.Errorf("log options: Spare %d: give 2 or more, one is the reserve", o.Spare)
	case o.MaxFiles <= o.Spare:
		return fmt.Errorf("log options: MaxFiles %d: give more than Spare, which is %d", o.MaxFiles, o.Spare)
	case o.BatchBytes < 1:
		return fmt.Errorf("log options: BatchBytes %d: give 1 or more", o.BatchBytes)
	case o.IdleMarker < 0:
		return fmt.Errorf("log options: IdleMarker %v: give more than nothing", o.IdleMarker)
	case o.SyncInterval < 0:
		return fmt.Errorf("log options: SyncInterval %v: give 0 or more", o.SyncInterval)
	}
	return nil
}
