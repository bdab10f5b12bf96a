package options

import (
	"os"
	"path/filepath"
	"testing"
)

// write makes a file below dir.
func write(t *testing.T, dir, name, text string) string {
	t.Helper()
	file := filepath.Join(dir, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

func TestLimitOfAControlGroupIsTheLeastAboveIt(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write(t, dir, "a/memory.max", "500\n")
	write(t, dir, "a/b/memory.max", "max\n")
	write(t, dir, "a/c/memory.max", "300\n")
	write(t, dir, "a/d/memory.max", "900\n")
	f := func(want int64, text string) {
		t.Helper()
		file := write(t, t.TempDir(), "cgroup", text)
		if got := groupLimit(file, dir); got != want {
			t.Errorf("%q: limit %d, want %d", text, got, want)
		}
	}
	f(500, "0::/a/b\n")
	f(300, "12:memory:/old\n0::/a/c\n")
	f(500, "0::/a/d\n")
	f(0, "0::/\n")
	f(0, "12:memory:/old\n")
	f(500, "0::/a/../../a/b\n")
	if got := groupLimit(filepath.Join(dir, "missing"), dir); got != 0 {
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

func TestDiskIsThatOfTheNearestDirectory(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write(t, dir, "store/a", "12345")
	write(t, dir, "store/b/c", "678")
	if got := existing(filepath.Join(dir, "store", "x", "y")); got != filepath.Join(dir, "store") {
		t.Errorf("the nearest directory is %s", got)
	}
	if got := usedBy(filepath.Join(dir, "store")); got != 8 {
		t.Errorf("the store uses %d bytes, want 8", got)
	}
	if got := usedBy(filepath.Join(dir, "missing")); got != 0 {
		t.Errorf("a directory that is not there uses %d bytes", got)
	}
}

func FuzzParseSize(f *testing.F) {
	for _, seed := range []string{"1G", "10GiB", "5kb", "", "B", "-1", "9223372036854775807", "8388608T"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if n, ok := parseSize(text); ok && n < 0 {
			t.Errorf("%q is %d bytes", text, n)
		}
	})
}
