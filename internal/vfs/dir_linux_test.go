package vfs_test

import (
	"os"
	"testing"

	"github.com/tidings-io/tidings/internal/vfs"
)

func TestFullDeviceIsNoSpace(t *testing.T) {
	t.Parallel()
	if _, err := os.Stat("/dev/full"); err != nil {
		return // a container without it
	}
	f, err := vfs.NewDir("/dev").Open("full")
	must(t, err)
	_, err = f.WriteAt([]byte("x"), 0)
	wantErr(t, err, vfs.ErrNoSpace)
	must(t, f.Close())
}
