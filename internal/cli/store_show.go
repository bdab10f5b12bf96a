package cli

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/tidings-io/tidings/internal/cli/ui"
	"github.com/tidings-io/tidings/internal/jetstream/store"
)

func (a *app) storeShowCommand() *cobra.Command {
	var at stoppedStore
	cmd := &cobra.Command{
		Use:   "show DIRECTORY",
		Short: "Show the streams, the log and the checkpoints of a stopped server",
		Long: `Show what a stopped server has stored: its streams with what each has on disk, the log,
the checkpoints. Only checkpoints and names are read, so it is quick; streams made
since the last checkpoint (after a crash) are shown by ` + "`tidings store check`" + `, which reads all.`,
		Example: "  tidings store show /var/lib/tidings\n  tidings store show /var/lib/tidings --json",
		Args:    arguments(1, 1, "DIRECTORY"),
		RunE:    func(_ *cobra.Command, args []string) error { return a.storeShow(&at, args[0]) },
	}
	at.add(cmd)
	return cmd
}

func (a *app) storeShow(at *stoppedStore, dir string) error {
	path, opts, err := at.open(dir)
	if err != nil {
		return err
	}
	report, err := store.Show(opts)
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	v := storeViewOf(path, report, false)
	if a.global.json {
		return a.writeJSON(v)
	}
	a.showStoreHead(v)
	a.showStoreStreams(v)
	if !v.sound() {
		a.warn("not all of it can be read; `tidings store check` lists what is damaged")
	}
	return a.out.Err()
}

// showStoreHead shows what is there once.
func (a *app) showStoreHead(v *storeView) {
	id, created := v.ID, moment(v.Created)
	if id == "" {
		id, created = "unknown: NODE cannot be read", "unknown"
	}
	log := fmt.Sprintf("%s files, %s", ui.Count(v.Log.Files), ui.Bytes(float64(v.Log.Bytes)))
	if v.Checked {
		log += fmt.Sprintf(", %s entries of %s", ui.Count(v.Log.Entries), ui.Bytes(float64(v.Log.Payload)))
	}
	a.out.Printf("store %s\n  id %s, created %s\n  log: %s\n", ui.Printable(v.Directory), id, created, log)
	for _, c := range v.Checkpoints {
		whole := ""
		if !c.Whole {
			whole = ", damaged"
		}
		a.out.Printf("  checkpoint %d: written %s, %s groups, %s, needs the log from file %d at %d%s\n",
			c.Number, moment(c.Created), ui.Count(c.Groups), ui.Bytes(float64(c.Bytes)), c.LogFile, c.LogAt, whole)
	}
}

func (a *app) showStoreStreams(v *storeView) {
	var rows [][]string
	for i := range v.Streams {
		s := &v.Streams[i]
		where := "file"
		if s.Memory {
			where = "memory"
		}
		rows = append(rows, []string{
			ui.Printable(s.name()), strconv.FormatUint(s.Group, 10), where, ui.Count(s.Segments), ui.Bytes(float64(s.Bytes)), ui.Bytes(float64(s.State)),
		})
	}
	if len(rows) > 0 {
		a.screen.Table([]string{"account / stream", "group", "storage", "segments", "bytes", "state"}, rows, 2, 4, 5, 6)
	}
}

func sortStoreStreams(list []storeStreamView) {
	slices.SortFunc(list, func(a, b storeStreamView) int { return cmp.Compare(a.Group, b.Group) })
}
