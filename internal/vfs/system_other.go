//go:build !unix && !windows

package vfs

import (
	"errors"
	"os"
)

func noSpace(error) bool { return false }

func syncDir(path string) error {
	d, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
