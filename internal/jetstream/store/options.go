package store

import (
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/tidings-io/tidings/internal/jetstream/wal"
	"github.com/tidings-io/tidings/internal/vfs"
	"github.com/tidings-io/tidings/internal/vfs/encrypted"
)

// Options say how a store is kept. The zero value of a field is its default.
type Options struct {
	// FS and Dir are where the files are. Dir is made if it is missing.
	FS  vfs.FS
	Dir string
	// Key is the secret that the store is encrypted with; "": it is not.
	// PreviousKey is one that it may still be encrypted with; Open changes it to Key.
	Key, PreviousKey string
	// FileSize is the size of log files in bytes, which bounds one Append;
	// default 64 MiB. MaxFiles is how many there may be; default 18.
	FileSize int64
	MaxFiles int
	// SyncInterval is how long what the log has written may stay unsynced; 0:
	// everything is synced before it is acknowledged. Otherwise a loss of power
	// may take what was acknowledged within the interval.
	SyncInterval time.Duration
	// CheckpointBytes is after how much log a checkpoint is written, looked at
	// whenever the log begins a file; default 64 MiB.
	CheckpointBytes int64
	// SegmentSize is where a segment file is full; default 64 MiB, at most 1 GiB.
	SegmentSize int64
	// MoveRate is how many bytes a second the keeper copies while there is no
	// hurry; default 64 MiB.
	MoveRate int64
	// Log hears of damage, of files set aside and of what keeps files from being
	// retired; default: nobody does.
	Log *slog.Logger
	// OnDamage is called for each message that is found lost by the keeper or by
	// Scrub; it must not block. nil: nobody is.
	OnDamage func(g Group, err error)

	// keyCost is the work of trying a key; zero: the default.
	keyCost encrypted.Cost

	// stateOwnFile is the size from which a state gets a file of its own, and of the
	// parts in which it is taken.
	stateOwnFile int

	// IdleMarker and Incarnation are those of [wal.Options].
	IdleMarker  time.Duration
	Incarnation func() uint64
}

func (o Options) withDefaults() Options {
	if o.Dir == "" {
		o.Dir = "."
	}
	if o.FileSize == 0 {
		o.FileSize = 64 << 20
	}
	if o.MaxFiles == 0 {
		o.MaxFiles = 18
	}
	if o.CheckpointBytes == 0 {
		o.CheckpointBytes = 64 << 20
	}
	if o.SegmentSize == 0 {
		o.SegmentSize = 64 << 20
	}
	if o.MoveRate == 0 {
		o.MoveRate = 64 << 20
	}
	if o.stateOwnFile == 0 {
		o.stateOwnFile = stateOwnFile
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.OnDamage == nil {
		o.OnDamage = func(Group, error) {}
	}
	return o
}

// Validate returns an error that names the first field that makes no sense.
func (o Options) Validate() error {
	switch o = o.withDefaults(); {
	case o.FS == nil:
		return errors.New("store options: FS is missing")
	case o.Key == "" && o.PreviousKey != "":
		return errors.New("store options: PreviousKey needs a Key to change to")
	case o.MaxFiles < 4:
		return fmt.Errorf("store options: MaxFiles %d: give 4 or more", o.MaxFiles)
	case o.CheckpointBytes < 1:
		return fmt.Errorf("store options: CheckpointBytes %d: give 1 or more", o.CheckpointBytes)
	case o.SegmentSize < 4096 || o.SegmentSize > 1<<30:
		return fmt.Errorf("store options: SegmentSize %d: give 4096 to %d", o.SegmentSize, 1<<30)
	case o.MoveRate < 1:
		return fmt.Errorf("store options: MoveRate %d: give 1 or more", o.MoveRate)
	case o.SyncInterval < 0:
		return fmt.Errorf("store options: SyncInterval %v: give 0 or more", o.SyncInterval)
	}
	return nil
}

// logOptions are those of the log below the store's directory.
func (o Options) logOptions(dir string) wal.Options {
	return wal.Options{
		FS: o.FS, Dir: dir, FileSize: o.FileSize, MaxFiles: o.MaxFiles,
		SyncInterval: o.SyncInterval, IdleMarker: o.IdleMarker, Incarnation: o.Incarnation,
	}
}
