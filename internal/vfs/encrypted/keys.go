package encrypted

import (
	"crypto/cipher"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"path"

	"golang.org/x/crypto/argon2"
	"golang.org/x/crypto/chacha20poly1305"

	"github.com/tidings-io/tidings/internal/vfs"
)

// KeyFile is the name of the file that holds the data key of a store, encrypted.
const KeyFile = "ENCRYPTION"

// The layout of the key file is docs/formats/encryption.md.
const (
	tmpSuffix   = ".tmp"
	keyMagic    = "TidingsK"
	keyVersion  = 1
	keyCopy     = 512
	keyFileSize = 2 * 4096 // a copy at the start of each half
	cipherXTS   = 1
	kdfArgon2id = 1

	keyOffSalt    = 32
	keyOffNonce   = 64
	keyOffWrapped = keyOffNonce + chacha20poly1305.NonceSizeX
	keyEnd        = keyOffWrapped + dataKeySize + chacha20poly1305.Overhead
)

// Cost is the work of making a key of a secret, with Argon2id (RFC 9106). It is
// written beside the data key.
type Cost struct {
	Passes, MemoryKiB uint32
}

// defaultCost takes a tenth of a second of one core: nothing for a start, much for
// who has to try many secrets.
var defaultCost = Cost{Passes: 3, MemoryKiB: 32 << 10}

// The highest cost that is accepted from a file.
const (
	passesMax    = 16
	memoryMaxKiB = 256 << 10
)

var (
	// ErrKey is returned by Open if no secret given opens the data key.
	ErrKey = errors.New("the key is not the one the store is encrypted with")
	// ErrKeyFile is part of errors about a key file that cannot be used.
	ErrKeyFile = errors.New("file " + KeyFile + " cannot be used")
	// ErrHeader is part of the error of reading or writing a file whose header cannot
	// be read.
	ErrHeader = errors.New("no copy of the encryption header is intact")
)

// Keys are the secrets of the configuration.
type Keys struct {
	// Key is what the data key is encrypted under from now on; it must not be empty.
	Key string
	// Previous is the one it may still be encrypted under; "": none.
	Previous string
	// Cost is that for secrets which are new; zero: the default.
	Cost Cost
}

// Opened says what Open has done.
type Opened uint8

const (
	// Unlocked says that the key has opened the store.
	Unlocked Opened = iota
	// Created says that the store is new and has got a data key.
	Created
	// Rotated says that the previous key has opened the store, which needs Key from now on.
	Rotated
)

// Open returns the encrypted tree of a store whose directory is dir. It makes the
// file with the data key if there is none, and encrypts the data key anew if only
// the previous secret opens it; both are durable, and atomic, before it returns.
// The caller has the lock of the directory, and sees to it that a store without a
// key file is empty.
//
// Errors: [ErrKey], after which nothing has changed; [ErrKeyFile]; those of fsys.
func Open(fsys vfs.FS, dir string, keys Keys) (*FS, Opened, error) {
	if keys.Key == "" {
		return nil, 0, errors.New("the key is empty")
	}
	name := path.Join(dir, KeyFile)
	dataKey, how, err := openKeyFile(fsys, name, keys)
	if err != nil {
		return nil, 0, err
	}
	return newFS(fsys, name, dataKey), how, nil
}

func openKeyFile(fsys vfs.FS, name string, keys Keys) (dataKey []byte, how Opened, err error) {
	b, err := vfs.ReadFile(fsys, name)
	if errors.Is(err, fs.ErrNotExist) {
		dataKey = make([]byte, dataKeySize)
		_, _ = rand.Read(dataKey) // never fails: crypto/rand ends the process instead
		return dataKey, Created, writeKeyFile(fsys, name, dataKey, keys)
	}
	if err != nil {
		return nil, 0, err
	}
	wrapped, err := parseKeyFile(b)
	if err != nil {
		return nil, 0, err
	}
	if dataKey, err = wrapped.unwrap(keys.Key); err == nil {
		return dataKey, Unlocked, nil
	}
	if keys.Previous == "" {
		return nil, 0, ErrKey
	}
	if dataKey, err = wrapped.unwrap(keys.Previous); err != nil {
		return nil, 0, fmt.Errorf("%w; nor is the previous key", ErrKey)
	}
	return dataKey, Rotated, writeKeyFile(fsys, name, dataKey, keys)
}

// wrappedKey is one copy in a key file.
type wrappedKey struct {
	cost Cost
	b    []byte
}

// parseKeyFile returns the first copy that is intact.
func parseKeyFile(b []byte) (*wrappedKey, error) {
	for ; len(b) >= keyCopy; b = b[min(len(b), keyFileSize/2):] {
		c := b[:keyCopy]
		if string(c[:8]) != keyMagic || !sealed(c) {
			continue
		}
		if v := le.Uint32(c[8:]); v != keyVersion {
			return nil, fmt.Errorf("%w: it has version %d, this program knows %d; use a newer program", ErrKeyFile, v, keyVersion)
		}
		if x, kdf := le.Uint32(c[12:]), le.Uint32(c[16:]); x != cipherXTS || kdf != kdfArgon2id {
			return nil, fmt.Errorf("%w: it names cipher %d and key derivation %d, this program knows %d and %d; use a newer program", ErrKeyFile, x, kdf, cipherXTS, kdfArgon2id)
		}
		cost := Cost{le.Uint32(c[20:]), le.Uint32(c[24:])}
		if cost.Passes == 0 || cost.Passes > passesMax || cost.MemoryKiB == 0 || cost.MemoryKiB > memoryMaxKiB {
			return nil, fmt.Errorf("%w: deriving the key takes %d passes over %d KiB, which is out of bounds", ErrKeyFile, cost.Passes, cost.MemoryKiB)
		}
		return &wrappedKey{cost, c}, nil
	}
	return nil, fmt.Errorf("%w: both copies in it are damaged; put it back from a copy you have made: without it nothing in the store can be read", ErrKeyFile)
}

// unwrap returns the data key if the secret is right.
func (w *wrappedKey) unwrap(secret string) ([]byte, error) {
	aead, err := keyCipher(secret, w.b[keyOffSalt:keyOffNonce], w.cost)
	if err != nil {
		return nil, err
	}
	return aead.Open(nil, w.b[keyOffNonce:keyOffWrapped], w.b[keyOffWrapped:keyEnd], w.b[:keyOffNonce])
}

func encodeKeyFile(dataKey []byte, keys Keys) ([]byte, error) {
	cost := keys.Cost
	if cost == (Cost{}) {
		cost = defaultCost
	}
	b := make([]byte, keyFileSize)
	copy(b, keyMagic)
	le.PutUint32(b[8:], keyVersion)
	le.PutUint32(b[12:], cipherXTS)
	le.PutUint32(b[16:], kdfArgon2id)
	le.PutUint32(b[20:], cost.Passes)
	le.PutUint32(b[24:], cost.MemoryKiB)
	_, _ = rand.Read(b[keyOffSalt:keyOffWrapped]) // never fails, see above
	aead, err := keyCipher(keys.Key, b[keyOffSalt:keyOffNonce], cost)
	if err != nil {
		return nil, err
	}
	aead.Seal(b[:keyOffWrapped], b[keyOffNonce:keyOffWrapped], dataKey, b[:keyOffNonce])
	seal(b[:keyCopy])
	copy(b[keyFileSize/2:], b[:keyCopy])
	return b, nil
}

// keyCipher makes of a secret what the data key is encrypted with.
func keyCipher(secret string, salt []byte, cost Cost) (cipher.AEAD, error) {
	return chacha20poly1305.NewX(argon2.IDKey([]byte(secret), salt, cost.Passes, cost.MemoryKiB, 1, chacha20poly1305.KeySize))
}

// writeKeyFile writes the key file anew, in one step.
func writeKeyFile(fsys vfs.FS, name string, dataKey []byte, keys Keys) error {
	b, err := encodeKeyFile(dataKey, keys)
	if err != nil {
		return err
	}
	tmp := name + tmpSuffix
	if err := fsys.Remove(tmp); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	disk, err := fsys.Create(tmp)
	if err != nil {
		return err
	}
	_, err = disk.WriteAt(b, 0)
	if err == nil {
		err = disk.Sync()
	}
	err = errors.Join(err, disk.Close())
	if err == nil {
		err = fsys.Rename(tmp, name)
	}
	if err == nil {
		err = fsys.SyncDir(path.Dir(name))
	}
	if err != nil {
		return fmt.Errorf("write %s: %w", KeyFile, err)
	}
	return nil
}
