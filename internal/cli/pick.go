package cli

import (
	"context"
	"fmt"
	"slices"

	"github.com/spf13/cobra"

	"github.com/tidings-io/tidings/internal/cli/ui"
	"github.com/tidings-io/tidings/internal/client"
)

// named is an argument that names something the server has. A person at a
// terminal who leaves it out can choose.
type named struct {
	label string // stream, consumer, bucket
	make  string // the command that makes one
	names func(ctx context.Context, j *jetStream, before []string) ([]string, error)
}

var (
	namedStream = named{"stream", "tidings stream create", func(ctx context.Context, j *jetStream, _ []string) ([]string, error) {
		return streamNames(ctx, j)
	}}
	namedConsumer = named{"consumer", "tidings consumer create", func(ctx context.Context, j *jetStream, before []string) ([]string, error) {
		return j.api.ConsumerNames(ctx, before[0])
	}}
)

func (k bucketKind) named() named {
	return named{"bucket", "tidings " + k.command + " bucket create", func(ctx context.Context, j *jetStream, _ []string) ([]string, error) {
		return k.buckets(ctx, j)
	}}
}

// pickable lets the first arguments of a command be chosen.
func (a *app) pickable(cmd *cobra.Command, wanted ...named) *cobra.Command {
	check, run := cmd.Args, cmd.RunE
	cmd.Args = cobra.ArbitraryArgs // checked when those that are missing are there
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if len(args) < len(wanted) && a.screen.Interactive(a.in) {
			var err error
			if args, err = a.picked(cmd.Context(), args, wanted); err != nil {
				return a.answered(err)
			}
		}
		if err := check(cmd, args); err != nil {
			return err
		}
		return run(cmd, args)
	}
	return cmd
}

// picked returns args with what was chosen behind them.
func (a *app) picked(ctx context.Context, args []string, wanted []named) ([]string, error) {
	settings, err := a.resolve()
	if err != nil {
		return nil, err
	}
	nc, err := client.Dial(ctx, settings, client.Options{}) // the command tells of its own connection
	if err != nil {
		return nil, err
	}
	defer nc.Close()
	j, err := a.newJetStream(nc, settings.Timeout())
	if err != nil {
		return nil, err
	}
	for _, n := range wanted[len(args):] {
		names, err := n.names(ctx, j, args)
		if err != nil {
			return nil, err
		}
		name, err := a.pick(ctx, n, names)
		if err != nil {
			return nil, err
		}
		args = append(args, name)
	}
	return args, nil
}

// pickShown is how many names are listed; all of them can be answered.
const pickShown = 50

// pick asks for one of the names there are. An empty answer takes the only one.
func (a *app) pick(ctx context.Context, n named, names []string) (string, error) {
	if len(names) == 0 {
		return "", &client.Error{What: "there are no " + n.label + "s", Way: "make one with `" + n.make + "`"}
	}
	dialog, err := a.screen.Dialog(a.in)
	if err != nil {
		return "", err
	}
	slices.Sort(names)
	dialog.Say(a.screen.Strong("Which " + n.label + "?"))
	for _, name := range names[:min(len(names), pickShown)] {
		dialog.Say("  " + ui.Printable(name))
	}
	if more := len(names) - pickShown; more > 0 {
		dialog.Say("  and " + ui.Count(more) + " more")
	}
	prompt := n.label + ": "
	if len(names) == 1 {
		prompt = fmt.Sprintf("%s [%s]: ", n.label, ui.Printable(names[0]))
	}
	for {
		answer, err := dialog.Ask(ctx, prompt, names...)
		switch {
		case err != nil:
			return "", err
		case answer == "" && len(names) == 1:
			return names[0], nil
		case slices.Contains(names, answer):
			return answer, nil
		case answer != "":
			dialog.Say(fmt.Sprintf("  there is no %s %q", n.label, answer))
		}
	}
}
