package archive

import (
	"errors"
	"fmt"
	"time"

	"github.com/tidings-io/tidings/internal/jsapi"
)

// The names of entries, in their order. Those of messages and consumers are
// followed by a number or a name.
const (
	nameHead     = "backup.json"
	nameMessages = "messages/"
	nameDelayed  = "delayed/"
	nameConsumer = "consumers/"
	nameEnd      = "end.json"
)

const (
	format  = "tidings-backup"
	version = 1

	// entrySize is the size from which an entry of messages is closed.
	entrySize = 1 << 20
	// RecordMaxBytes is the size of the largest record.
	RecordMaxBytes = 128 << 20
	// jsonMaxBytes bounds the entries that are JSON, but for those of consumers.
	jsonMaxBytes = 8 << 20
	// consumerMaxBytes bounds the entry of a consumer: its state names each message
	// that is not acknowledged.
	consumerMaxBytes = 64 << 20
	// lostMax bounds the sequences of lost messages.
	lostMax = 100_000
	// blockMaxBytes bounds the blocks of the compression.
	blockMaxBytes = 4 << 20
	// entriesMax bounds the entries of an archive.
	entriesMax = 1 << 28
)

// ErrInvalid is part of every error about bytes that are no archive.
var ErrInvalid = errors.New("not a valid backup")

func invalid(text string, values ...any) error {
	return fmt.Errorf("%w: %s", ErrInvalid, fmt.Sprintf(text, values...))
}

// Head is the first entry: what the stream was.
type Head struct {
	Format  string             `json:"format"`
	Version int                `json:"version"`
	Config  jsapi.StreamConfig `json:"config"`
	Created time.Time          `json:"created"`
	// The rest is the stream's state at the beginning, for progress.
	Messages uint64 `json:"messages"`
	Bytes    uint64 `json:"bytes"`
	FirstSeq uint64 `json:"first_seq"`
	LastSeq  uint64 `json:"last_seq"`
}

// Consumer is the entry of one consumer.
type Consumer struct {
	Name    string               `json:"name"`
	Created time.Time            `json:"created"`
	Config  jsapi.ConsumerConfig `json:"config"`
	State   []byte               `json:"state"` // as its machine writes it
}

// End is the last entry: what an archive must have had.
type End struct {
	Messages  uint64 `json:"messages"`
	Bytes     uint64 `json:"bytes"`             // of records
	Delayed   uint64 `json:"delayed,omitempty"` // messages that wait
	Consumers int    `json:"consumers"`
	// LastSeq is the last sequence that the stream had given out; no message of the
	// archive has a later one.
	LastSeq uint64 `json:"last_seq"`
	// Lost are the sequences of messages that could not be read, the first of them if
	// there are very many.
	Lost []uint64 `json:"lost,omitempty"`
}
