package options

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
)

// errNoStoreDir says that there is no place to keep data by default.
var errNoStoreDir = errors.New("JetStream needs a directory to store in, and there is no home directory to choose one in; set store_dir, or give --store_dir DIR")

// defaultStoreDir is where data is kept when nobody says where: a directory of
// the user that stays when the machine restarts and is the same whatever the
// working directory. A service manager that offers one (systemd's
// StateDirectory) is asked first.
func defaultStoreDir() (string, error) {
	if dir := os.Getenv("STATE_DIRECTORY"); filepath.IsAbs(dir) {
		return filepath.Join(firstOf(dir), "jetstream"), nil
	}
	if dir := os.Getenv("XDG_STATE_HOME"); filepath.IsAbs(dir) {
		return filepath.Join(dir, "tidings", "jetstream"), nil
	}
	if runtime.GOOS == "windows" {
		if dir := os.Getenv("LocalAppData"); filepath.IsAbs(dir) {
			return filepath.Join(dir, "tidings", "jetstream"), nil
		}
	}
	home, err := os.UserHomeDir()
	if err != nil || !filepath.IsAbs(home) {
		return "", errNoStoreDir
	}
	if runtime.GOOS == "darwin" {
		return filepath.Join(home, "Library", "Application Support", "tidings", "jetstream"), nil
	}
	return filepath.Join(home, ".local", "state", "tidings", "jetstream"), nil
}

// firstOf returns the first of a list of paths.
func firstOf(list string) string { return filepath.SplitList(list)[0] }
