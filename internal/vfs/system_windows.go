package vfs

import (
	"errors"
	"io"
	"os"
	"syscall"
)

const (
	errorDiskFull         = syscall.Errno(112)
	errorSharingViolation = syscall.Errno(32)
)

func noSpace(err error) bool { return errors.Is(err, errorDiskFull) }

func syncDir(path string) error {
	_, err := os.Stat(path)
	return err
}

// lockFile opens the file shared with nobody, which is a lock of its own.
func lockFile(path string) (io.Closer, error) {
	name, err := syscall.UTF16PtrFromString(path)
	if err != nil {
		return nil, &os.PathError{Op: "lock", Path: path, Err: err}
	}
	h, err := syscall.CreateFile(name, syscall.GENERIC_READ|syscall.GENERIC_WRITE, 0, nil,
		syscall.OPEN_ALWAYS, syscall.FILE_ATTRIBUTE_NORMAL, 0)
	if errors.Is(err, errorSharingViolation) {
		err = ErrLocked
	}
	if err != nil {
		return nil, &os.PathError{Op: "lock", Path: path, Err: err}
	}
	return os.NewFile(uintptr(h), path), nil
}
