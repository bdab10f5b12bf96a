package store

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"time"

	"github.com/tidings-io/tidings/internal/vfs"
)

// The layout of the file NODE is docs/formats/store.md.
const (
	nodeVersion = 1
	nodeMagic   = "TidingsN"
	nodeSize    = 64
)

// Node is what a store says of itself.
type Node struct {
	ID      string // 32 hexadecimal digits, random, the same for ever
	Created time.Time
}

func appendNode(dst []byte, id [16]byte, created int64) []byte {
	from := len(dst)
	dst = append(dst, nodeMagic...)
	dst = le.AppendUint32(dst, nodeVersion)
	dst = le.AppendUint32(dst, 0)
	dst = append(dst, id[:]...)
	dst = le.AppendUint64(dst, uint64(created))
	dst = append(dst, make([]byte, nodeSize-4-(len(dst)-from))...)
	return le.AppendUint32(dst, checksum(dst[from:]))
}

func parseNode(b []byte) (Node, error) {
	if len(b) != nodeSize || string(b[:8]) != nodeMagic || le.Uint32(b[60:]) != checksum(b[:60]) {
		return Node{}, errNotValid
	}
	if v := le.Uint32(b[8:]); v != nodeVersion {
		return Node{}, &wrongVersionError{What: nodeFile, Version: v, Known: nodeVersion}
	}
	return Node{ID: hex.EncodeToString(b[16:32]), Created: time.Unix(0, int64(le.Uint64(b[32:])))}, nil
}

// openNode reads the file NODE, or writes it in a store that is new.
func openNode(opts Options) (Node, error) {
	name := path.Join(opts.Dir, nodeFile)
	b, err := vfs.ReadFile(opts.FS, name)
	switch {
	case err == nil:
		n, err := parseNode(b)
		var version *wrongVersionError
		if err != nil && !errors.As(err, &version) {
			err = errors.New("it is damaged; run: tidings store repair")
		}
		if err != nil {
			return Node{}, fmt.Errorf("%s: %w", nodeFile, err)
		}
		return n, nil
	case !errors.Is(err, fs.ErrNotExist):
		return Node{}, err
	}
	names, err := opts.FS.List(opts.Dir)
	if err != nil {
		return Node{}, err
	}
	for _, name := range names {
		if _, ok := parseNumbered(name, "checkpoint-"); ok || name == logDir || name == streamsDir {
			return Node{}, fmt.Errorf("the file %s is missing in a store that has data; run: tidings store repair", nodeFile)
		}
	}
	return writeNode(opts)
}

// writeNode makes a store one of its own.
func writeNode(opts Options) (Node, error) {
	var id [16]byte
	_, _ = rand.Read(id[:]) // never fails: crypto/rand ends the process instead
	name := path.Join(opts.Dir, nodeFile)
	tmp := name + tmpSuffix
	if err := opts.FS.Remove(tmp); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return Node{}, err
	}
	disk, err := opts.FS.Create(tmp)
	if err != nil {
		return Node{}, err
	}
	b := appendNode(nil, id, time.Now().UnixNano())
	_, err = disk.WriteAt(b, 0)
	if err == nil {
		err = disk.Sync()
	}
	err = errors.Join(err, disk.Close())
	if err == nil {
		err = opts.FS.Rename(tmp, name)
	}
	if err == nil {
		err = opts.FS.SyncDir(opts.Dir)
	}
	if err != nil {
		return Node{}, fmt.Errorf("write %s: %w", nodeFile, err)
	}
	return parseNode(b)
}
