package options

import (
	"os"
	"path/filepath"
)

// What the server allows itself where the machine does not tell its size.
const (
	fallbackMemory = 256 << 20
	fallbackStore  = 1 << 40
)

// Capacity returns how many bytes the streams may have in memory and on disk:
// what was set, and for SizeAtStart three quarters of what the machine gives.
// For memory that is what this process may use; for the disk what is free, and what the store holds already. It
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
