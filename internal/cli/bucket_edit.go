package cli

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/tidings-io/tidings/internal/cli/asset"
	"github.com/tidings-io/tidings/internal/jsapi"
)

func (a *app) bucketEditCommand(k bucketKind) *cobra.Command {
	choices := bucketChoices{kind: k}
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
			return a.bucketEdit(cmd, args[0], &choices)
		},
		ValidArgsFunction: a.completeBucket(k, 1),
	}
	choices.add(cmd)
	choices.confirmation.add(cmd)
	choices.addDryRun(cmd)
	return cmd
}

func (a *app) bucketEdit(cmd *cobra.Command, bucket string, choices *bucketChoices) error {
	ctx, k := cmd.Context(), choices.kind
	return a.withBucket(ctx, k, bucket, func(j *jetStream, info *jsapi.StreamInfo) error {
		next, err := cloned(&info.Config)
		if err == nil {
			err = choices.apply(ctx, a, &next)
		}
		if err != nil {
			return err
		}
		what := fmt.Sprintf("%s %q", k.noun, bucket)
		approved, err := a.approve(cmd, &choices.configureFlags, what, asset.Changes(&info.Config, &next, k.fields()))
		if err != nil || !approved {
			return err
		}
		if info, err = j.api.UpdateStream(ctx, &next); err != nil {
			return k.explain(bucket, err)
		}
		return a.result(k.view(info), "%s is changed", what)
	})
}
