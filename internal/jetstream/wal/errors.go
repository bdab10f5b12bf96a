package wal

import (
	"errors"
	"fmt"
)

var (
	// ErrClosed is returned by calls on a log that is closed.
	ErrClosed = errors.New("log is closed")
	// ErrPoisoned is part of every error after a failed write or sync. Nothing
	// can be stored until the log is opened anew, which finds out what survived.
	ErrPoisoned = errors.New("log is stopped by a failed write")
	// ErrFull is returned by Append when there is no file to write to, or only the
	// reserve. It ends once files are retired or the disk has room again.
	ErrFull = errors.New("log is full")
	// ErrTooLarge is returned by Append for more than [Log.MaxAppend] allows.
	ErrTooLarge = errors.New("entries are too large for one batch")
	// ErrRetired is returned by Read for a place in a file that is given back.
	ErrRetired = errors.New("the file of the entry is retired")
	// ErrReplayed is yielded by a second Replay.
	ErrReplayed = errors.New("log is replayed already")
)

// VersionError is returned by Open for files of a format it does not know.
type VersionError struct {
	File    string
	Version uint32
}

func (e *VersionError) Error() string {
	return fmt.Sprintf("%s has format version %d, this program reads version %d: use the program that wrote it", e.File, e.Version, formatVersion)
}

// DamageError tells of stored bytes that cannot be read back as they were
// written. It is yielded by Replay and returned by Read.
type DamageError struct {
	File   FileNumber
	Offset int64 // of the damaged part of the file
	Length int64 // 0: unknown, a whole file is missing or too short
	// FirstBatch and LastBatch are the batches that are lost; 0: none is lost as
	// a whole, only the entry that comes with the error.
	FirstBatch, LastBatch uint64
	Reason                string
	Err                   error // of the device, if it gave one
}

func (e *DamageError) Error() string {
	text := fmt.Sprintf("log file %s is damaged at %d: %s", fileName(e.File), e.Offset, e.Reason)
	if e.FirstBatch != 0 {
		text += fmt.Sprintf(" (batches %d to %d are lost)", e.FirstBatch, e.LastBatch)
	}
	if e.Err != nil {
		text += ": " + e.Err.Error()
	}
	return text
}

func (e *DamageError) Unwrap() error { return e.Err }
