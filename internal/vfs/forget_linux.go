//go:build linux && (amd64 || arm64 || loong64 || riscv64)

package vfs

import (
	"os"
	"syscall"
)

// dropCache advises the kernel to drop the clean pages of the file. 32-bit
// systems pass the arguments in other orders and do without.
func dropCache(f *os.File) error {
	const dontNeed = 4 // POSIX_FADV_DONTNEED
	return control(f, "fadvise", func(fd int) error {
		_, _, errno := syscall.Syscall6(syscall.SYS_FADVISE64, uintptr(fd), 0, 0, dontNeed, 0, 0)
		if errno != 0 {
			return errno
		}
		return nil
	})
}
