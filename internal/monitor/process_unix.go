//go:build unix

package monitor

import (
	"bytes"
	"os"
	"strconv"
	"syscall"
	"time"
)

// cpuTime is the CPU time this process has used, in user mode and in the kernel.
func cpuTime() time.Duration {
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &u) != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// residentMemory is the memory this process occupies, in bytes: what the kernel
// says where /proc does, else what the Go runtime holds.
func residentMemory() int64 {
	text, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return heldMemory()
	}
	fields := bytes.Fields(text) // in pages: total, resident, …
	if len(fields) < 2 {
		return heldMemory()
	}
	pages, err := strconv.ParseInt(string(fields[1]), 10, 64)
	if err != nil {
		return heldMemory()
	}
	return pages * int64(os.Getpagesize())
}
