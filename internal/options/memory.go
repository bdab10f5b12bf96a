package options

import (
	"math"
	"os"
	"path"
	"path/filepath"
	"runtime/debug"
	"strconv"
	"strings"
)

// LimitMemory has Go's runtime keep to the limit of the process's control group,
// with room for what the runtime does not count: program, sockets, pages of files.
// It leaves a lower GOMEMLIMIT as it is, and "off". It returns the limit that it has
// set, 0 if it has set none.
func LimitMemory() int64 {
	group := controlGroup("/proc/self/cgroup", "/sys/fs/cgroup")
	if group == 0 || os.Getenv("GOMEMLIMIT") == "off" || debug.SetMemoryLimit(-1) <= counted(group) {
		return 0
	}
	debug.SetMemoryLimit(counted(group))
	return counted(group)
}

// counted returns how many bytes of a control group's are for what Go counts.
func counted(group int64) int64 { return group / 10 * 9 }

// IndexCapacity returns how many bytes the indexes of streams may take in memory,
// 0 for as many as they like: two thirds of what the process may use.
func (j *JetStream) IndexCapacity() int64 { return memoryLimit() / 3 * 2 }

// memoryLimit returns the memory that this process may use, 0 if unknown: the least
// of the machine's, its control group's and GOMEMLIMIT.
func memoryLimit() int64 {
	limit := debug.SetMemoryLimit(-1) // math.MaxInt64 without one
	if n := meminfo("/proc/meminfo"); n > 0 {
		limit = min(limit, n)
	}
	if n := controlGroup("/proc/self/cgroup", "/sys/fs/cgroup"); n > 0 {
		limit = min(limit, counted(n))
	}
	if limit == math.MaxInt64 {
		return 0
	}
	return limit
}

// noLimit is what old control groups have as limit if they have none, about.
const noLimit = 1 << 60

// controlGroup returns the least limit of memory of the control groups that the
// file names and those around them, whose tree is at root; 0 if there is none. In a
// container the file may name groups that the tree does not show: its root is the
// group then.
func controlGroup(file, root string) (limit int64) {
	text, err := os.ReadFile(file)
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(text)) {
		// number:controllers:group, without controllers in the unified tree.
		words := strings.SplitN(strings.TrimSpace(line), ":", 3)
		if len(words) != 3 {
			continue
		}
		tree, name := root, "memory.max"
		if controllers := words[1]; controllers == "memory" {
			tree, name = filepath.Join(root, "memory"), "memory.limit_in_bytes"
		} else if controllers != "" {
			continue
		}
		for group := path.Clean("/" + words[2]); ; group = path.Dir(group) {
			n := number(filepath.Join(tree, group, name))
			if n > 0 && n < noLimit && (limit == 0 || n < limit) {
				limit = n
			}
			if group == "/" {
				break
			}
		}
	}
	return limit
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
