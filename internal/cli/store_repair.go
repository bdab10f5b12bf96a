package cli

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/tidings-io/tidings/internal/cli/ui"
	"github.com/tidings-io/tidings/internal/jetstream/store"
)

func (a *app) storeRepairCommand() *cobra.Command {
	var at stoppedStore
	var dry bool
	var ask confirmation
	cmd := &cobra.Command{
		Use:   "repair DIRECTORY",
		Short: "Bring the data of a stopped server into a form that it starts with",
		Long: `Set aside what keeps a stopped server from starting: files that cannot be read and files
that no store has made go to quarantine/ in its directory, and NODE is written anew if it
is lost. Nothing is deleted. What is to be done is shown first, and then asked for;
--dry-run ends there.

A server that starts leaves out what is damaged by itself and tells of it, so that there
is often nothing to do.`,
		Example: "  tidings store repair /var/lib/tidings --dry-run\n  tidings store repair /var/lib/tidings --yes",
		Args:    arguments(1, 1, "DIRECTORY"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.storeRepair(cmd, &at, args[0], dry, &ask)
		},
	}
	at.add(cmd)
	cmd.Flags().BoolVar(&dry, "dry-run", false, "show what would be done, and do nothing")
	ask.add(cmd)
	return cmd
}

// repairView is one thing that is, or would be, done.
type repairView struct {
	File   string `json:"file"`
	To     string `json:"to,omitempty"` // empty: written anew
	Reason string `json:"reason"`
	Done   bool   `json:"done"`
}

func (a *app) storeRepair(cmd *cobra.Command, at *stoppedStore, dir string, dry bool, ask *confirmation) error {
	path, opts, err := at.open(dir)
	if err != nil {
		return err
	}
	plan, err := store.Repair(opts, true)
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	if len(plan) == 0 {
		a.note("there is nothing to repair in %s", ui.Printable(path))
		return nil
	}
	if dry || !ask.yes {
		if err := a.showRepairs(plan, false); err != nil || dry {
			return err
		}
		if err := ask.ask(a, cmd, fmt.Sprintf("Do this in %s?", path)); err != nil {
			return err
		}
	}
	done, err := store.Repair(opts, false)
	if shown := a.showRepairs(done, true); err == nil {
		err = shown
	}
	return err
}

func (a *app) showRepairs(list []store.Repaired, done bool) error {
	for _, r := range list {
		switch {
		case a.global.json:
			if err := a.writeJSON(repairView{r.File, r.To, r.Reason, done}); err != nil {
				return err
			}
		case r.To == "" && done:
			a.out.Printf("wrote %s anew: %s\n", ui.Printable(r.File), r.Reason)
		case r.To == "":
			a.out.Printf("would write %s anew: %s\n", ui.Printable(r.File), r.Reason)
		case done:
			a.out.Printf("set aside %s as %s: %s\n", ui.Printable(r.File), ui.Printable(r.To), r.Reason)
		default:
			a.out.Printf("would set aside %s in %s: %s\n", ui.Printable(r.File), r.To, r.Reason)
		}
	}
	return a.out.Err()
}
