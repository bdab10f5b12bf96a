package cli

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/tidings-io/tidings/internal/cli/asset"
	"github.com/tidings-io/tidings/internal/client"
	"github.com/tidings-io/tidings/internal/jsapi"
)

func (a *app) bucketEditCommand(k bucketKind) *cobra.Command {
	choices := bucketChoices{kind: k}
	var c confirmation
	var dry bool
	cmd := &cobra.Command{
		Use:   "edit BUCKET",
		Short: "Change settings of " + article(k.noun),
		Long: `Change the settings given as flags or in a file; the others stay. What changes is shown,
and the command asks before it changes anything.`,
		Example: fmt.Sprintf(`  tidings %[1]s bucket edit CONFIG --ttl 90d
  tidings %[1]s bucket edit CONFIG --max-bytes 1GiB --dry-run`, k.command),
		Args: arguments(1, 1, "BUCKET"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if !choices.any() {
				return usage(fmt.Errorf("%s: nothing to change; give a setting such as --ttl, or --config", cmd.CommandPath()))
			}
			return a.bucketEdit(cmd, args[0], &choices, c, dry)
		},
		ValidArgsFunction: a.completeBucket(k, 1),
	}
	choices.add(cmd)
	c.add(cmd)
	cmd.Flags().BoolVar(&dry, "dry-run", false, "only show what would change")
	return cmd
}

func (a *app) bucketEdit(cmd *cobra.Command, bucket string, choices *bucketChoices, c confirmation, dry bool) error {
	ctx, k := cmd.Context(), choices.kind
	j, err := a.jetStream(ctx, client.Options{})
	if err != nil {
		return err
	}
	defer j.nc.Close()
	info, err := k.find(ctx, j, bucket)
	if err != nil {
		return err
	}
	next, err := cloned(&info.Config)
	if err == nil {
		err = choices.apply(a, &next)
	}
	if err != nil {
		return err
	}
	changes := asset.Changes(&info.Config, &next, k.fields())
	if len(changes) == 0 {
		a.note("nothing changes")
		return a.showBucketEdit(k, info, changes)
	}
	if !a.global.json {
		showChanges(a.errOut, a.screen, changes)
	}
	if dry {
		return a.showBucketEdit(k, nil, changes)
	}
	if err := c.ask(a, cmd, fmt.Sprintf("change %s %q?", k.noun, bucket)); err != nil {
		return err
	}
	if info, err = j.api.UpdateStream(ctx, &next); err != nil {
		return k.explain(bucket, err)
	}
	a.note("%s %q is changed", k.noun, bucket)
	return a.showBucketEdit(k, info, changes)
}

// bucketEdited is the result of `bucket edit --json`.
type bucketEdited struct {
	Changes []asset.Change `json:"changes"`
	Bucket  *bucketView    `json:"bucket,omitempty"` // as it is; not after a dry run
}

func (a *app) showBucketEdit(k bucketKind, info *jsapi.StreamInfo, changes []asset.Change) error {
	if !a.global.json {
		return nil
	}
	edited := bucketEdited{Changes: changes}
	if changes == nil {
		edited.Changes = []asset.Change{}
	}
	if info != nil {
		v := k.view(info)
		edited.Bucket = &v
	}
	return a.writeJSON(edited)
}
