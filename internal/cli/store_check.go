package cli

import (
	"fmt"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/tidings-io/tidings/internal/cli/ui"
	"github.com/tidings-io/tidings/internal/jetstream/store"
)

func (a *app) storeCheckCommand() *cobra.Command {
	var at stoppedStore
	cmd := &cobra.Command{
		Use:   "check DIRECTORY",
		Short: "Read and verify everything a stopped server has stored",
		Long: `Read everything a stopped server has stored, verify its checksums, and list what is
damaged: the file, the place in it, the stream, and the sequence where it is known.
Nothing is changed. The exit code is 0 if everything is in order, 1 if not.

A torn end of the log, as a loss of power leaves it, is no damage: nothing in it was
acknowledged.`,
		Example: "  tidings store check /var/lib/tidings\n  tidings store check /var/lib/tidings --json",
		Args:    arguments(1, 1, "DIRECTORY"),
		RunE:    func(_ *cobra.Command, args []string) error { return a.storeCheck(&at, args[0]) },
	}
	at.add(cmd)
	return cmd
}

func (a *app) storeCheck(at *stoppedStore, dir string) error {
	path, opts, err := at.open(dir)
	if err != nil {
		return err
	}
	report, err := store.Check(opts)
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	v := storeViewOf(path, report, true)
	if a.global.json {
		err = a.writeJSON(v)
	} else {
		a.showStoreHead(v)
		a.showFindings(v)
		err = a.out.Err()
	}
	if err == nil && !v.sound() {
		return codeError(exitFailed)
	}
	return err
}

// showFindings says what is wrong with a store.
func (a *app) showFindings(v *storeView) {
	if len(v.Damage) > 0 {
		var rows [][]string
		for _, d := range v.Damage {
			seq := ""
			if d.Seq != 0 {
				seq = strconv.FormatUint(d.Seq, 10)
			}
			rows = append(rows, []string{d.File, strconv.FormatInt(d.Offset, 10), ui.Printable(d.Stream), seq, ui.Printable(d.What)})
		}
		a.screen.Table([]string{"damaged file", "at", "stream", "sequence", "what"}, rows, 2, 4)
	}
	for _, name := range v.Strangers {
		a.out.Printf("unknown file: %s\n", ui.Printable(name))
	}
	for _, name := range v.Quarantine {
		a.out.Printf("set aside earlier: quarantine/%s\n", ui.Printable(name))
	}
	switch {
	case v.sound():
		a.out.Println("everything is in order")
	case len(v.Damage) == 0:
		a.out.Println("nothing is damaged, but there are files that no store has made; `tidings store repair` sets them aside")
	default:
		a.out.Printf("damaged places: %d; a server starts with what is left, unless `tidings store repair` has something to do first\n", len(v.Damage))
	}
}
