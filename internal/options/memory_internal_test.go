package options

import (
	"path/filepath"
	"testing"
)

func TestLimitOfAControlGroupIsTheLeastAboveIt(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write(t, dir, "a/memory.max", "500\n")
	write(t, dir, "a/b/memory.max", "max\n")
	write(t, dir, "a/c/memory.max", "300\n")
	write(t, dir, "a/d/memory.max", "900\n")
	write(t, dir, "memory/memory.limit_in_bytes", "9223372036854771712\n")
	write(t, dir, "memory/old/memory.limit_in_bytes", "700\n")
	write(t, dir, "memory/old/small/memory.limit_in_bytes", "200\n")
	f := func(want int64, text string) {
		t.Helper()
		file := write(t, t.TempDir(), "cgroup", text)
		if got := controlGroup(file, dir); got != want {
			t.Errorf("%q: limit %d, want %d", text, got, want)
		}
	}
	f(500, "0::/a/b\n")
	f(300, "12:memory:/old\n0::/a/c\n")
	f(200, "12:memory:/old/small\n0::/a/c\n")
	f(500, "0::/a/d\n")
	f(0, "0::/\n")
	f(700, "12:memory:/old\n3:cpu:/\n")
	f(0, "12:memory:/\n")
	f(0, "nonsense\n\n")
	f(500, "0::/a/../../a/b\n")
	write(t, dir, "memory/memory.limit_in_bytes", "100\n")
	f(100, "4:memory:/docker/0123\n") // the container's own group
	if got := controlGroup(filepath.Join(dir, "missing"), dir); got != 0 {
		t.Errorf("without the file: limit %d, want 0", got)
	}
}

func TestMemoryOfTheMachineIsReadFromItsAccount(t *testing.T) {
	t.Parallel()
	f := func(want int64, text string) {
		t.Helper()
		if got := meminfo(write(t, t.TempDir(), "meminfo", text)); got != want {
			t.Errorf("%q: %d bytes, want %d", text, got, want)
		}
	}
	f(2048<<10, "MemFree: 1 kB\nMemTotal:       2048 kB\nSwapTotal: 3 kB\n")
	f(0, "MemTotal: 2048\n")
	f(0, "MemTotal: many kB\n")
	f(0, "")
}
