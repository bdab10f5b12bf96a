package index

// Place is where a record is: the number of a file, which the store gives, and
// the offset in it. File 0 is nowhere.
type Place struct {
	File   uint32
	Offset uint32
}

// ID is the number of a subject in one [Index], 0 for none. It is the subject's
// for as long as the subject has messages, across [Index.AppendState] and
// [Decode], and may be another subject's after that.
type ID uint32

// HasHeader is added to the size that [Index.Append] is given if the message has
// a header block, so that [Charge] can count it.
const HasHeader uint32 = 1 << 31

// Entry is what the index knows of one message.
type Entry struct {
	Seq uint64
	ID  ID
	// Size is the length of the record, its header of 32 bytes included.
	Size   uint32
	Header bool // it has a header block
	Place  Place
}

// State is the sum of an [Index].
type State struct {
	// First is the sequence of the first message, Last+1 if there is none.
	First uint64
	// Last is the sequence that was given or skipped last.
	Last     uint64
	Messages uint64
	// Bytes is the sum of what the index's [Charge] counts for the messages.
	Bytes    uint64
	Subjects uint64 // distinct subjects that have messages
	Deleted  uint64 // sequences from First to Last without a message
}

// SubjectState is what the index knows of one subject that has messages.
type SubjectState struct {
	ID          ID
	First, Last uint64 // sequences
	Count       uint64
}

// Charge is what a stream's state counts for a message: the size of its record
// plus Plain, or plus Header if it has a header block. Neither takes more away
// than the 32 bytes that each record has.
type Charge struct{ Plain, Header int8 }

// The charges of the two kinds of storage: subject, header block and body, and an
// overhead of 30 bytes in files (34 with a header block), of 16 bytes in memory.
var (
	FileCharge   = Charge{Plain: 30 - 32, Header: 34 - 32}
	MemoryCharge = Charge{Plain: 16 - 32, Header: 16 - 32}
)

// Of returns what is counted for a message with a record of size bytes.
func (c Charge) Of(size uint32, header bool) uint64 {
	more := c.Plain
	if header {
		more = c.Header
	}
	return uint64(int64(size) + int64(more))
}
