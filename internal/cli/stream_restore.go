package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"sync/atomic"

	"github.com/spf13/cobra"

	"github.com/tidings-io/tidings/internal/cli/asset"
	"github.com/tidings-io/tidings/internal/cli/ui"
	"github.com/tidings-io/tidings/internal/client"
	"github.com/tidings-io/tidings/internal/jsapi"
)

type restoreFlags struct {
	all  bool
	name string
}

// restoreFields are those of a stream that can be different after a restore: the
// messages stay as they are.
var restoreFields = []string{"description", "subjects", "replicas", "cluster", "tag", "max-age", "max-bytes", "max-messages", "metadata"}

func (a *app) streamRestoreCommand() *cobra.Command {
	var f restoreFlags
	cmd := &cobra.Command{
		Use:   "restore DIR",
		Short: "Make a stream of a backup",
		Long: `Make a stream of a backup that ` + "`tidings stream backup`" + ` (or another tool, in the same
form) wrote into a directory, with its messages, sequences and consumers; under
another name and with changes if flags say so. With --all, every backup in the
directories below DIR; streams that are there already are left as they are and
reported.`,
		Example: `  tidings stream restore /backups/orders
  tidings stream restore /backups/orders --name ORDERS_OLD --subjects 'old.orders.>'
  tidings stream restore --all /backups/today`,
		Args: arguments(1, 1, "DIR"),
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]cobra.Completion, cobra.ShellCompDirective) {
			return nil, cobra.ShellCompDirectiveFilterDirs
		},
	}
	fields := slices.DeleteFunc(asset.StreamFields(), func(field asset.Field[jsapi.StreamConfig]) bool {
		return !slices.Contains(restoreFields, field.Name)
	})
	given := addFieldFlags(cmd, fields)
	cmd.Flags().BoolVar(&f.all, "all", false, "all backups below DIR")
	cmd.Flags().StringVar(&f.name, "name", "", "give the stream this name")
	completeFlag(cmd, "name", cobra.NoFileCompletions)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if f.all && (f.name != "" || given.Any()) {
			return usage(errors.New("--all restores streams as they were; leave --name and other changes out"))
		}
		backups, err := findBackups(args[0], f.all)
		if err != nil {
			return err
		}
		return a.withJetStream(cmd.Context(), func(js *client.JetStream) error {
			return a.restoreEach(cmd.Context(), js, backups, &f, given)
		})
	}
	return cmd
}

// findBackups returns the directories with a backup.
func findBackups(dir string, all bool) ([]string, error) {
	if !all {
		if _, err := os.Stat(filepath.Join(dir, backupAbout)); err != nil {
			return nil, usage(fmt.Errorf("%s holds no whole backup: %w; --all restores those in the directories below it", dir, err))
		}
		return []string{dir}, nil
	}
	found, err := filepath.Glob(filepath.Join(dir, "*", backupAbout))
	if err != nil {
		return nil, usage(err)
	}
	if len(found) == 0 {
		return nil, usage(fmt.Errorf("there is no backup in the directories below %s", dir))
	}
	for i := range found {
		found[i] = filepath.Dir(found[i])
	}
	return found, nil
}

func (a *app) restoreEach(ctx context.Context, js *client.JetStream, dirs []string, f *restoreFlags, given *asset.Given[jsapi.StreamConfig]) error {
	var failed error
	for _, dir := range dirs {
		err := a.restore(ctx, js, dir, f, given)
		switch {
		case err == nil:
		case ctx.Err() != nil || !f.all:
			return err
		default:
			a.warn(err.Error())
			failed = errors.Join(failed, err)
		}
	}
	if failed != nil {
		return &client.Error{What: "some streams are not restored, see above", Err: failed}
	}
	return nil
}

func (a *app) restore(ctx context.Context, js *client.JetStream, dir string, f *restoreFlags, given *asset.Given[jsapi.StreamConfig]) error {
	var request jsapi.StreamRestoreRequest
	text, err := os.ReadFile(filepath.Join(dir, backupAbout))
	if err != nil {
		return fmt.Errorf("restore from %s: %w", dir, err)
	}
	if err := json.Unmarshal(text, &request); err != nil {
		return usage(fmt.Errorf("%s is not understood: %w", filepath.Join(dir, backupAbout), err))
	}
	if f.name != "" {
		request.Config.Name = f.name
	}
	if err := checkName("stream", request.Config.Name); err != nil {
		return err
	}
	if err := given.Apply(&request.Config); err != nil {
		return usage(err)
	}
	info, err := a.upload(ctx, js, dir, &request)
	if err != nil {
		return err
	}
	if a.global.json {
		return a.writeJSON(info)
	}
	a.note("stream %s is restored: %s messages", info.Config.Name, ui.Count(info.State.Msgs))
	return nil
}

func (a *app) upload(ctx context.Context, js *client.JetStream, dir string, request *jsapi.StreamRestoreRequest) (*jsapi.StreamInfo, error) {
	file, err := os.Open(filepath.Join(dir, backupArchive))
	if err != nil {
		return nil, fmt.Errorf("restore from %s: %w", dir, err)
	}
	defer func() { _ = file.Close() }() // only read
	about, err := file.Stat()
	if err != nil {
		return nil, fmt.Errorf("restore from %s: %w", dir, err)
	}
	var sent atomic.Int64
	progress := a.screen.StartProgress([]ui.Task{{Name: request.Config.Name, Total: about.Size(), Bytes: true, Done: sent.Load}})
	defer progress.Stop()
	return js.Restore(ctx, request, io.TeeReader(file, countingWriter{&sent}))
}
