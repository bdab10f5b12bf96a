package store

import (
	"errors"

	"github.com/tidings-io/tidings/internal/jetstream/wal"
)

// Recovery takes what a store held when it was opened.
type Recovery interface {
	// Restore gets the newest intact state of a group that a checkpoint has, and
	// up to where it goes; the node's group comes first. A stream that the node's
	// state does not have was deleted: it is left out.
	Restore(g Group, applied wal.Index, state []byte, files *Files) error
	// Apply gets an entry that the group's state does not have yet, in the order of
	// the log; rec.Place is where the payload is. Its payload is valid during the
	// call. Whoever applies the deletion of a stream calls [Store.Drop].
	Apply(rec wal.Record, files *Files) error
	// Damaged tells that something of a group is lost, of 0: nobody knows of which
	// one.
	Damaged(g Group, err error)
}

// Recover gives what the store held to r. It runs once, before the first Append.
// An error of r ends it.
func (s *Store) Recover(r Recovery) error {
	if s.recovered.Swap(true) {
		return ErrRecovered
	}
	for rec, err := range s.log.Replay() {
		if err := s.replayed(r, rec, err); err != nil {
			return err
		}
	}
	return nil
}

// replayed passes on one step of the replay of the log.
func (s *Store) replayed(r Recovery, rec wal.Record, err error) error {
	var damage *wal.DamageError
	switch {
	case errors.As(err, &damage) && damage.FirstBatch != 0:
		r.Damaged(0, err)
	case errors.As(err, &damage):
		r.Damaged(rec.Group, err)
	case err != nil:
		return err
	default:
		return r.Apply(rec, s.Files(rec.Group))
	}
	return nil
}
