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
