package transport

import (
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// vectorMax is the number of pieces given to one writev.
const vectorMax = 64

// writeFD writes some of v, which is not empty.
func writeFD(fd int, v [][]byte) (int, error) {
	if len(v) == 1 {
		n, err := syscall.Write(fd, v[0])
		return max(n, 0), err
	}
	var iov [vectorMax]unix.Iovec
	k := 0
	for _, b := range v {
		if k == vectorMax {
			break
		}
		if len(b) > 0 {
			iov[k].Base = &b[0]
			iov[k].SetLen(len(b))
			k++
		}
	}
	n, _, e := syscall.Syscall(syscall.SYS_WRITEV, uintptr(fd), uintptr(unsafe.Pointer(&iov[0])), uintptr(k))
	if e != 0 {
		return 0, e
	}
	return int(n), nil
}
