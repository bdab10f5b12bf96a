//go:build !linux

package vfs

import (
	"errors"
	"os"
)

// syncData is what the system offers for the whole file: fsync, F_FULLFSYNC on
// Darwin, FlushFileBuffers on Windows.
func syncData(f *os.File) error { return f.Sync() }

func allocate(*os.File, int64) error { return errors.ErrUnsupported }
