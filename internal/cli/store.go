package cli

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/tidings-io/tidings/internal/jetstream/store"
	"github.com/tidings-io/tidings/internal/options"
	"github.com/tidings-io/tidings/internal/vfs"
)

// storeCommand is about the data of a server that is stopped.
func (a *app) storeCommand() *cobra.Command {
	return a.group(&cobra.Command{
		Use:     "store",
		Short:   "Check, show and repair the data of a stopped server",
		GroupID: groupServer,
		Long: `Check, show and repair what a server has stored, while it is stopped. DIRECTORY is the
store_dir of its configuration. Nothing here deletes anything.`,
		Example: `  tidings store show /var/lib/tidings
  tidings store check /var/lib/tidings --key-file /etc/tidings/store.key`,
	}, a.storeCheckCommand(), a.storeShowCommand(), a.storeRepairCommand())
}

// stoppedStore is the store that a command is about.
type stoppedStore struct{ keyFile string }

func (s *stoppedStore) add(cmd *cobra.Command) {
	cmd.Flags().StringVar(&s.keyFile, "key-file", "", "the key of an encrypted store is in this `FILE`")
	cmd.ValidArgsFunction = cobra.FixedCompletions(nil, cobra.ShellCompDirectiveFilterDirs)
}

// storeBelow is the directory that a server makes in its store_dir.
const storeBelow = "tidings"

// open returns how the store in a directory, or below it, is read.
func (s *stoppedStore) open(dir string) (path string, opts store.Options, err error) {
	info, err := os.Stat(dir)
	if err != nil {
		return "", opts, usage(err)
	}
	if !info.IsDir() {
		return "", opts, usage(fmt.Errorf("%s is no directory; give the store_dir of the server", dir))
	}
	path = dir
	if below, err := os.Stat(filepath.Join(dir, storeBelow)); err == nil && below.IsDir() {
		path = filepath.Join(dir, storeBelow)
	}
	opts = store.Options{FS: vfs.NewDir(path), Dir: "."}
	if s.keyFile != "" {
		key, err := options.ReadKeyFile(s.keyFile)
		if err != nil {
			return "", opts, usage(fmt.Errorf("--key-file: %w", err))
		}
		opts.Key = string(key)
	}
	return path, opts, nil
}
