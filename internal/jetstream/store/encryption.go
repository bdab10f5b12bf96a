package store

import (
	"errors"
	"fmt"
	"path"
	"slices"

	"github.com/tidings-io/tidings/internal/vfs"
	"github.com/tidings-io/tidings/internal/vfs/encrypted"
)

var (
	// ErrEncrypted is returned for a store that is encrypted, without a key.
	ErrEncrypted = errors.New("the store is encrypted, and no key is given; set key in jetstream { }, or give --store_key_file FILE (--key-file to tidings store)")
	// ErrNotEncrypted is returned for a store that is not encrypted, with a key.
	ErrNotEncrypted = errors.New("the store is not encrypted, and a key is given; to encrypt what is in it, start without the key, back the streams up (tidings stream backup), and restore them into a server with the key and another store_dir")
	// ErrKey is returned if neither the key nor the previous one opens the store.
	ErrKey = encrypted.ErrKey

	// ErrKeyFileMissing is returned for an encrypted store without its key file.
	ErrKeyFileMissing = errors.New("the store is encrypted, and its file " + encrypted.KeyFile + " is missing; put it back from a copy you have made: without it nothing in the store can be read")
)

// unlocked returns the file system that a store is to be read and written through.
// The caller has the lock of the store. Without a store there, one with a key is
// begun.
func unlocked(opts Options) (vfs.FS, error) {
	names, err := opts.FS.List(opts.Dir)
	if err != nil {
		return nil, err
	}
	hasKey := slices.Contains(names, encrypted.KeyFile)
	if !hasKey && slices.Contains(names, nodeFile) && encrypted.Is(opts.FS, path.Join(opts.Dir, nodeFile)) {
		return nil, ErrKeyFileMissing
	}
	switch {
	case opts.Key == "" && hasKey:
		return nil, ErrEncrypted
	case opts.Key == "":
		return opts.FS, nil
	case !hasKey && slices.ContainsFunc(names, isData):
		return nil, ErrNotEncrypted
	}
	keys := encrypted.Keys{Key: opts.Key, Previous: opts.PreviousKey, Cost: opts.keyCost}
	fsys, how, err := encrypted.Open(opts.FS, opts.Dir, keys)
	switch {
	case errors.Is(err, encrypted.ErrKey) && opts.PreviousKey == "":
		return nil, fmt.Errorf("%w; give the right one, or, to change it, the new one as key and the old one as prev_key", err)
	case err != nil:
		return nil, err
	case how == encrypted.Created:
		opts.Log.Info("Encrypting the store; keep its key and a copy of its key file: without them nothing in it can be read", "file", encrypted.KeyFile)
	case how == encrypted.Rotated:
		opts.Log.Info("Changed the key of the store; prev_key is no longer needed")
	}
	return fsys, nil
}

// isData reports whether there is something in a store's directory that a store
// has made.
func isData(name string) bool {
	_, isCheckpoint := parseNumbered(name, "checkpoint-")
	return isCheckpoint || name == nodeFile || name == logDir || name == streamsDir
}
