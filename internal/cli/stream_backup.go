package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync/atomic"

	"github.com/klauspost/compress/s2"
	"github.com/spf13/cobra"

	"github.com/tidings-io/tidings/internal/cli/ui"
	"github.com/tidings-io/tidings/internal/client"
	"github.com/tidings-io/tidings/internal/jsapi"
)

// The files of a backup. The first is written last, so a directory without it
// is no whole backup.
const (
	backupAbout   = "backup.json"
	backupArchive = "stream.tar.s2"
	partialSuffix = ".partial"
)

type backupFlags struct {
	all         bool
	noConsumers bool
	check       bool
	overwrite   bool
}

// backupDone is the result of one backup.
type backupDone struct {
	Stream    string `json:"stream"`
	Directory string `json:"directory"`
	Messages  uint64 `json:"messages"`
	Bytes     int64  `json:"bytes"` // of the archive
}

func (a *app) streamBackupCommand() *cobra.Command {
	var f backupFlags
	cmd := &cobra.Command{
		Use:     "backup STREAM DIR",
		Aliases: []string{"snapshot"},
		Short:   "Write a stream into a directory",
		Long: `Write a stream with its consumers into a directory, as it is at one moment: its
configuration and state into backup.json, its messages into stream.tar.s2, compressed.
With --all, every stream of the account into a directory of its own below DIR. The
checksums of the archive are checked while it comes; a backup that has backup.json is
whole.`,
		Example: `  tidings stream backup ORDERS /backups/orders
  tidings stream backup --all /backups/today`,
		Args: arguments(1, 2, "STREAM DIR"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if f.all != (len(args) == 1) {
				return usage(errors.New("tidings stream backup: name a stream and a directory, or --all and a directory"))
			}
			return a.withJetStream(cmd.Context(), func(js *client.JetStream) error {
				if f.all {
					return a.backupAll(cmd.Context(), js, args[0], &f)
				}
				return a.backup(cmd.Context(), js, args[0], args[1], &f)
			})
		},
		ValidArgsFunction: a.completeThenDirectory(),
	}
	flags := cmd.Flags()
	flags.BoolVar(&f.all, "all", false, "all streams of the account")
	flags.BoolVar(&f.noConsumers, "no-consumers", false, "leave the consumers out")
	flags.BoolVar(&f.check, "check", false, "let the server check all messages first")
	flags.BoolVar(&f.overwrite, "overwrite", false, "replace a backup that is there")
	return cmd
}

// completeThenDirectory completes a stream, then a directory.
func (a *app) completeThenDirectory() cobra.CompletionFunc {
	streams := a.completeStream()
	return func(cmd *cobra.Command, args []string, word string) ([]cobra.Completion, cobra.ShellCompDirective) {
		if len(args) == 0 && !cmd.Flags().Changed("all") {
			return streams(cmd, args, word)
		}
		return nil, cobra.ShellCompDirectiveFilterDirs
	}
}

func (a *app) backupAll(ctx context.Context, js *client.JetStream, dir string, f *backupFlags) error {
	names, err := js.StreamNames(ctx, "")
	if err != nil {
		return err
	}
	if len(names) == 0 {
		a.note("there are no streams")
	}
	var failed error
	for _, name := range names {
		err := a.backup(ctx, js, name, filepath.Join(dir, name), f)
		switch {
		case err == nil:
		case ctx.Err() != nil:
			return err
		case errors.Is(err, jsapi.ErrStreamNotFound):
			a.note("stream %s was removed meanwhile", name)
		default:
			a.warn(err.Error())
			failed = errors.Join(failed, fmt.Errorf("stream %s: %w", name, err))
		}
	}
	if failed != nil {
		return &client.Error{What: "some streams are not backed up, see above", Err: failed}
	}
	return nil
}

func (a *app) backup(ctx context.Context, js *client.JetStream, stream, dir string, f *backupFlags) error {
	if err := checkName("stream", stream); err != nil {
		return err
	}
	about := filepath.Join(dir, backupAbout)
	if _, err := os.Stat(about); err == nil && !f.overwrite {
		return usage(fmt.Errorf("%s holds a backup already; choose another directory or add --overwrite", dir))
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("back up stream %s: %w", stream, err)
	}
	archive := filepath.Join(dir, backupArchive)
	file, err := os.OpenFile(archive+partialSuffix, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("back up stream %s: %w", stream, err)
	}
	content, size, err := a.download(ctx, js, stream, file, f)
	err = errors.Join(err, file.Close())
	if err != nil {
		return errors.Join(err, os.Remove(archive+partialSuffix), removeEmpty(dir))
	}
	if err := os.Rename(archive+partialSuffix, archive); err != nil {
		return fmt.Errorf("back up stream %s: %w", stream, err)
	}
	text, err := json.MarshalIndent(content, "", "  ")
	if err == nil {
		err = writeWhole(about, append(text, '\n'))
	}
	if err != nil {
		return fmt.Errorf("back up stream %s: %w", stream, err)
	}
	done := backupDone{Stream: stream, Directory: dir, Messages: content.State.Msgs, Bytes: size}
	return a.result(done, "stream %s is in %s: %s messages, %s", stream, dir, ui.Count(done.Messages), ui.Bytes(float64(size)))
}

// removeEmpty removes a directory if nothing is in it.
func removeEmpty(dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) > 0 {
		return err
	}
	return os.Remove(dir)
}

// writeWhole writes a file that is either whole or not there.
func writeWhole(path string, data []byte) error {
	file, err := os.OpenFile(path+partialSuffix, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = file.Write(data)
	if err == nil {
		err = file.Sync()
	}
	if err := errors.Join(err, file.Close()); err != nil {
		return err
	}
	return os.Rename(path+partialSuffix, path)
}

// download writes the archive of a stream to file, with a progress bar, and
// reads it at the same time to see that it is whole. It returns what is in it
// and its size.
func (a *app) download(ctx context.Context, js *client.JetStream, stream string, file *os.File, f *backupFlags) (*jsapi.StreamRestoreRequest, int64, error) {
	var content *jsapi.StreamRestoreRequest
	var read, written atomic.Int64
	var progress *ui.Progress
	pipeOut, pipeIn := io.Pipe()
	checked := make(chan error, 1)
	go func() { checked <- checkArchive(pipeOut, &read) }() // ends when pipeIn is closed below
	request := jsapi.StreamSnapshotRequest{NoConsumers: f.noConsumers, CheckMsgs: f.check}
	begin := func(about *jsapi.StreamRestoreRequest) {
		content = about
		progress = a.screen.StartProgress([]ui.Task{{Name: stream, Total: int64(about.State.Bytes), Bytes: true, Done: read.Load}})
	}
	err := js.Snapshot(ctx, stream, request, begin, io.MultiWriter(file, pipeIn, countingWriter{&written}))
	_ = pipeIn.CloseWithError(firstError(err, io.EOF)) // closing a pipe does not fail
	if wrong := <-checked; err == nil && wrong != nil {
		err = fmt.Errorf("back up stream %s: the archive that came is damaged: %w", stream, wrong)
	}
	if progress != nil {
		progress.Stop()
	}
	if err == nil {
		err = file.Sync()
	}
	return content, written.Load(), err
}

func firstError(err, otherwise error) error {
	if err != nil {
		return err
	}
	return otherwise
}

// checkArchive reads an archive to its end, whose blocks carry checksums, and
// counts the bytes in it. It writes nothing of it anywhere: what they mean is the
// server's.
func checkArchive(r io.Reader, count *atomic.Int64) error {
	_, err := io.Copy(countingWriter{count}, s2.NewReader(r))
	_, rest := io.Copy(io.Discard, r) // or the other end of the pipe would wait
	return errors.Join(err, rest)
}

type countingWriter struct{ n *atomic.Int64 }

func (w countingWriter) Write(p []byte) (int, error) {
	w.n.Add(int64(len(p)))
	return len(p), nil
}
