package options

import (
	"os"
	"path"
	"path/filepath"
	"runtime/debug"
	"strconv"
	"strings"
)

// What the server allows itself where the machine does not tell its size.
const (
	fallbackMemory = 256 << 20
	fallbackStore  = 1 << 40
)

// Capacity returns how many bytes the streams may have in memory and on disk:
// what was set, and for SizeAtStart three quarters of what the machine gives.
// For memory that is the least of its memory, the limit of the control group and
// GOMEMLIMIT; for the disk what is free, and what the store holds already. It
// looks at the machine and at StoreDir, which need not exist.
func (j *JetStream) Capacity() (memory, store int64) {
	memory, store = j.MaxMemory, j.MaxStore
	if memory < 0 {
		memory = fallbackMemory
		if n := memoryLimit(); n > 0 {
			memory = n / 4 * 3
		}
	}
	if store < 0 {
		store = fallbackStore
		if free, ok := freeDisk(existing(j.StoreDir)); ok {
			store = (free + usedBy(j.StoreDir)) / 4 * 3
		}
	}
	return memory, store
}

// IndexCapacity returns how many bytes the indexes of streams may take in memory,
// 0 for as many as they like: half of what the process may use, as writing the
// state of a large stream takes half as much again.
func (j *JetStream) IndexCapacity() int64 { return memoryLimit() / 2 }

// memoryLimit returns the memory that this process may use, 0 if unknown.
func memoryLimit() int64 {
	limit := debug.SetMemoryLimit(-1) // math.MaxInt64 without one
	for _, n := range []int64{
		meminfo("/proc/meminfo"),
		groupLimit("/proc/self/cgroup", "/sys/fs/cgroup"),
		number("/sys/fs/cgroup/memory/memory.limit_in_bytes"),
	} {
		if n > 0 {
			limit = min(limit, n)
		}
	}
	if limit >= 1<<60 {
		return 0
	}
	return limit
}

// groupLimit returns the least limit of memory of the control group that the file
// names and those around it, whose tree is at root; 0 if there is none.
func groupLimit(file, root string) (limit int64) {
	text, err := os.ReadFile(file)
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(text)) {
		group, unified := strings.CutPrefix(strings.TrimSpace(line), "0::")
		if !unified {
			continue
		}
		for group = path.Clean("/" + group); ; group = path.Dir(group) {
			if n := number(filepath.Join(root, group, "memory.max")); n > 0 && (limit == 0 || n < limit) {
				limit = n
			}
			if group == "/" {
				return limit
			}
		}
	}
	return 0
}

// meminfo reads the total from Linux's account of memory, 0 if it cannot.
func meminfo(file string) int64 {
	text, err := os.ReadFile(file)
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(text)) {
		if words := strings.Fields(line); len(words) == 3 && words[0] == "MemTotal:" && words[2] == "kB" {
			n, err := strconv.ParseInt(words[1], 10, 53)
			if err != nil {
				return 0
			}
			return n << 10
		}
	}
	return 0
}

// number reads a file that is one number, 0 if it is not.
func number(file string) int64 {
	text, err := os.ReadFile(file)
	if err != nil {
		return 0
	}
	n, err := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64)
	if err != nil {
		return 0 // "max"
	}
	return n
}

// existing returns dir or the nearest directory above it that exists.
func existing(dir string) string {
	for {
		if info, err := os.Stat(dir); err == nil && info.IsDir() {
			return dir
		}
		above := filepath.Dir(dir)
		if above == dir {
			return dir
		}
		dir = above
	}
}

// usedBy sums the sizes of the files below dir; what cannot be read counts
// nothing.
func usedBy(dir string) (sum int64) {
	_ = filepath.WalkDir(dir, func(_ string, entry os.DirEntry, err error) error {
		if err == nil && entry.Type().IsRegular() {
			if info, err := entry.Info(); err == nil {
				sum += info.Size()
			}
		}
		return nil
	})
	return sum
}
