package cli

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/nats-io/nuid"
)

// writeFile writes a file as a whole or not at all: under another name first,
// which becomes path when everything is there and on disk. A file that is there
// stays unless force.
func writeFile(path string, force bool, write func(io.Writer) error) (err error) {
	switch info, err := os.Stat(path); {
	case err == nil && !info.Mode().IsRegular() && !info.IsDir():
		return writeDevice(path, write)
	case err == nil && !force:
		return errFileExists(path)
	}
	temporary := filepath.Join(filepath.Dir(path), ".tidings-"+nuid.Next())
	f, err := os.OpenFile(temporary, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	defer func() {
		if err != nil {
			_ = os.Remove(temporary) // the error that led here says more
		}
	}()
	if err := errors.Join(write(f), f.Sync(), f.Close()); err != nil {
		return err
	}
	if force {
		return os.Rename(temporary, path)
	}
	// A link fails where a rename would overwrite what came meanwhile.
	switch err := os.Link(temporary, path); {
	case err == nil:
		return os.Remove(temporary)
	case errors.Is(err, os.ErrExist):
		return errFileExists(path)
	}
	return os.Rename(temporary, path) // the file system knows no links
}

// writeDevice writes to what is no file to be made anew, such as a pipe.
func writeDevice(path string, write func(io.Writer) error) error {
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	return errors.Join(write(f), f.Close())
}
