//go:build !darwin && !dragonfly && !freebsd && !linux && !netbsd && !openbsd && !windows

package vfs

import (
	"errors"
	"io"
	"os"
)

// lockFile refuses: two servers on one directory would destroy it, and this
// system offers nothing that a dead process would give back.
func lockFile(path string) (io.Closer, error) {
	return nil, &os.PathError{Op: "lock", Path: path, Err: errors.ErrUnsupported}
}
