//go:build unix

package vfs_test

import (
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/tidings-io/tidings/internal/vfs"
)

func TestFilesAreForTheOwnerAlone(t *testing.T) {
	t.Parallel()
	root := filepath.Join(t.TempDir(), "store")
	d := vfs.NewDir(root)
	must(t, d.MkdirAll("sub"))
	create(t, d, "sub/a", "")
	for name, want := range map[string]os.FileMode{"": 0o700, "sub": 0o700, "sub/a": 0o600} {
		info, err := os.Stat(filepath.Join(root, name))
		must(t, err)
		if got := info.Mode().Perm(); got&^want != 0 {
			t.Errorf("%q has mode %v, want at most %v", name, got, want)
		}
	}
}

func TestReadErrorsOfTheSystemAreKept(t *testing.T) {
	t.Parallel()
	d := vfs.NewDir(t.TempDir())
	must(t, d.MkdirAll("a"))
	if _, err := d.Open("a"); !errors.Is(err, syscall.EISDIR) {
		t.Errorf("got %v, want EISDIR", err)
	}
}
