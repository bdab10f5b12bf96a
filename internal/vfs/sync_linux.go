package vfs

import (
	"errors"
	"os"
	"syscall"
)

// syncData leaves out what fsync adds to fdatasync, the times of the file: with
// them each sync would also be a commit of the file system's journal.
func syncData(f *os.File) error {
	return control(f, "fdatasync", syscall.Fdatasync)
}

// allocate reports [errors.ErrUnsupported] where the file system cannot reserve.
func allocate(f *os.File, size int64) error {
	if size == 0 {
		return nil
	}
	return control(f, "fallocate", func(fd int) error {
		return syscall.Fallocate(fd, 0, 0, size)
	})
}

// control runs a system call on the descriptor, again if a signal interrupted it.
func control(f *os.File, op string, call func(fd int) error) error {
	raw, err := f.SyscallConn()
	if err != nil {
		return err
	}
	var failed error
	err = raw.Control(func(fd uintptr) {
		for {
			failed = call(int(fd))
			if !errors.Is(failed, syscall.EINTR) {
				return
			}
		}
	})
	if err != nil {
		failed = os.ErrClosed // the one reason why the call was not made
	}
	if failed != nil {
		return &os.PathError{Op: op, Path: f.Name(), Err: failed}
	}
	return nil
}
