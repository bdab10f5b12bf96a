package store

import (
	"errors"
	"fmt"

	"github.com/tidings-io/tidings/internal/jetstream/wal"
)

var (
	// ErrMoved is returned for a place whose record has been moved or removed:
	// look the entry up in the index again.
	ErrMoved = errors.New("the message has been moved or removed")
	// ErrClosed is returned by calls on a store that is closed.
	ErrClosed = wal.ErrClosed
	// ErrFull is returned by Append while there is no room in the log.
	ErrFull = wal.ErrFull
	// ErrPoisoned is part of every error after a failed write or sync: the store
	// takes nothing more until it is opened anew.
	ErrPoisoned = wal.ErrPoisoned
	// ErrDropped is returned by a [Recovery] for a group that is deleted.
	ErrDropped = errors.New("the group is deleted")
	// ErrRecovered is returned by a second Recover.
	ErrRecovered = errors.New("store is recovered already")
)

// DamageError tells of a stored message or state that cannot be read back as it
// was written. No retry will cure it.
type DamageError struct {
	Group  Group
	File   string // below the store's directory; empty: nobody knows
	Offset int64
	Seq    uint64 // of the message; 0: it is no message
	Err    error
}

func (e *DamageError) Error() string {
	what := "state"
	if e.Seq != 0 {
		what = fmt.Sprintf("message %d", e.Seq)
	}
	return fmt.Sprintf("%s of group %d is lost: %s at %d: %v", what, e.Group, e.File, e.Offset, e.Err)
}

func (e *DamageError) Unwrap() error { return e.Err }

var errNotRecovered = errors.New("store is not recovered yet")

// errNowhere is the cause for messages that were found lost before.
var errNowhere = errors.New("its record was lost before")
