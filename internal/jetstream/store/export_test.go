package store

import "github.com/tidings-io/tidings/internal/vfs/encrypted"

// SetStateOwnFile sets from which size on a state gets a file of its own.
func (o *Options) SetStateOwnFile(n int) { o.stateOwnFile = n }

// Encrypt has the store encrypted with a key that costs nothing to try.
func (o *Options) Encrypt(key, previous string) {
	o.Key, o.PreviousKey, o.keyCost = key, previous, encrypted.Cost{Passes: 1, MemoryKiB: 8}
}

// OldestFile is the number of the first file of the log that holds entries.
func (s *Store) OldestFile() uint64 { return uint64(s.log.State().Oldest) }
