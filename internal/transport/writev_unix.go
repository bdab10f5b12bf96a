//go:build unix && !linux

package transport

import "syscall"

// writeFD writes some of v, which is not empty.
func writeFD(fd int, v [][]byte) (int, error) {
	n, err := syscall.Write(fd, v[0])
	return max(n, 0), err
}
