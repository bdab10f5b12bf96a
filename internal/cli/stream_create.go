package cli

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/tidings-io/tidings/internal/cli/asset"
	"github.com/tidings-io/tidings/internal/client"
	"github.com/tidings-io/tidings/internal/jsapi"
)

const streamCreateLong = `Make a stream. In a terminal and without flags about the stream, its choices are
asked one by one, each with its meaning and the usual answer. Otherwise the flags
say what is different from the usual, or --config names a file with the whole
configuration, in JSON or YAML, with the names of the API; in it times and sizes may
be written like 30d and 1GiB. Flags are stronger than the file.`

func (a *app) streamCreateCommand() *cobra.Command {
	var f configureFlags
	cmd := &cobra.Command{
		Use:     "create [NAME]",
		Aliases: []string{"add", "new"},
		Short:   "Make a stream",
		Long:    streamCreateLong,
		Example: `  tidings stream create
  tidings stream create ORDERS --subjects 'orders.>' --max-age 30d --max-bytes 10GiB
  tidings stream create JOBS --subjects 'jobs.*' --retention workqueue --storage memory
  tidings stream create COPY --mirror "ORDERS filter=orders.new"
  tidings stream create --config orders.yaml --dry-run`,
		Args:              arguments(0, 1, "[NAME]"),
		ValidArgsFunction: cobra.NoFileCompletions,
	}
	given := addFieldFlags(cmd, asset.StreamFields())
	f.add(cmd)
	f.addDefaults(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		c, err := a.newStream(cmd.Context(), args, &f, given)
		switch {
		case err != nil:
			return err
		case f.asks(a, given.Any()):
			return a.answered(a.guideStream(cmd.Context(), &f, &c))
		case c.Name == "":
			return usage(errors.New("tidings stream create: the name is missing; the form is `tidings stream create NAME --subjects SUBJECTS`"))
		}
		if err := a.checkNewStream(&f, &c); err != nil {
			return err
		}
		if f.dryRun {
			return a.showDry(&c)
		}
		return a.withJetStream(cmd.Context(), func(js *client.JetStream) error {
			return a.createStream(cmd.Context(), js, &c)
		})
	}
	return cmd
}

// newStream puts the configuration together from file and flags.
func (a *app) newStream(ctx context.Context, args []string, f *configureFlags, given *asset.Given[jsapi.StreamConfig]) (jsapi.StreamConfig, error) {
	c := asset.NewStream("")
	if f.file != "" {
		c = jsapi.StreamConfig{}
		if err := a.loadConfig(ctx, f.file, &c); err != nil {
			return c, err
		}
	}
	if len(args) == 1 {
		c.Name = args[0]
	}
	return c, usage(given.Apply(&c))
}

func (a *app) checkNewStream(f *configureFlags, c *jsapi.StreamConfig) error {
	if err := checkName("stream", c.Name); err != nil {
		return err
	}
	if err := asset.NeedsSubjects(c); err != nil && f.file == "" {
		return usage(err)
	}
	return refusedConfig(asset.CheckStream(c))
}

// guideStream makes a stream by asking. With --dry-run there is no server to
// ask whether the name is free.
func (a *app) guideStream(ctx context.Context, f *configureFlags, c *jsapi.StreamConfig) error {
	if f.dryRun {
		if err := a.askStream(ctx, c, checkStreamName); err != nil {
			return err
		}
		return a.showDry(c)
	}
	return a.withJetStream(ctx, func(js *client.JetStream) error {
		err := a.askStream(ctx, c, func(ctx context.Context, name string) error {
			if err := checkStreamName(ctx, name); err != nil {
				return err
			}
			_, err := js.Stream(ctx, name)
			return free("stream "+name, "tidings stream edit "+name, err, jsapi.ErrStreamNotFound)
		})
		if err != nil {
			return err
		}
		return a.createStream(ctx, js, c)
	})
}

func checkStreamName(_ context.Context, name string) error { return checkName("stream", name) }

// free is the error of something new if looking for its name gave err: none if
// that says that there is no such thing.
func free(what, edit string, err error, absent jsapi.Code) error {
	var refused *jsapi.Error
	switch {
	case err == nil:
		return usage(fmt.Errorf("%s exists; choose another name, or change it with `%s`", what, edit))
	case errors.As(err, &refused) && refused.Code == absent:
		return nil
	}
	return err
}

func (a *app) askStream(ctx context.Context, c *jsapi.StreamConfig, taken func(context.Context, string) error) (err error) {
	g := guide[jsapi.StreamConfig]{
		kind: "stream", fields: asset.StreamFields(), taken: taken,
		check: func(c *jsapi.StreamConfig) error {
			if len(c.Subjects) == 0 {
				return errors.New("a stream needs at least one; one that copies others is made with --mirror or --source")
			}
			return asset.CheckStream(c)
		},
		command: func(name string) string { return "tidings stream create " + name },
	}
	if c.Name, err = g.name(ctx, a, c.Name); err != nil {
		return err
	}
	return g.ask(ctx, a, c.Name, c)
}

func (a *app) createStream(ctx context.Context, js *client.JetStream, c *jsapi.StreamConfig) error {
	info, err := js.CreateStream(ctx, c)
	if err != nil {
		return err
	}
	if a.global.json {
		return a.writeJSON(info)
	}
	a.note("stream %s is created", c.Name)
	a.showStream(info, nil)
	return nil
}

func (a *app) streamEditCommand() *cobra.Command {
	var f configureFlags
	cmd := &cobra.Command{
		Use:     "edit STREAM",
		Aliases: []string{"update"},
		Short:   "Change the configuration of a stream",
		Long: `Change the configuration of a stream: what the flags say, or what --config names (what
the file does not name stays), or without both in your editor ($VISUAL, $EDITOR). What
would be different is shown before it is applied. A flag with an empty value takes
something away, such as --source "".`,
		Example: `  tidings stream edit ORDERS --max-age 60d
  tidings stream edit ORDERS --config orders.yaml --dry-run
  tidings stream edit ORDERS`,
		Args:              arguments(1, 1, "STREAM"),
		ValidArgsFunction: a.completeStream(),
	}
	fields := asset.StreamFields()
	given := addFieldFlags(cmd, fields)
	f.add(cmd)
	f.confirmation.add(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if err := checkName("stream", args[0]); err != nil {
			return err
		}
		return a.withJetStream(cmd.Context(), func(js *client.JetStream) error {
			info, err := js.Stream(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			what := "stream " + args[0]
			next, err := editConfig(cmd.Context(), a, what, &info.Config, &f, given)
			if err != nil {
				return err
			}
			return a.updateStream(cmd, js, &f, &info.Config, &next)
		})
	}
	return cmd
}

func (a *app) updateStream(cmd *cobra.Command, js *client.JetStream, f *configureFlags, old, next *jsapi.StreamConfig) error {
	if next.Name != old.Name {
		return usage(fmt.Errorf("stream %s: the name cannot change (to %q); copy it with `tidings stream copy` or restore a backup under another name", old.Name, next.Name))
	}
	if err := refusedConfig(asset.CheckStream(next)); err != nil {
		return err
	}
	approved, err := a.approve(cmd, f, "stream "+old.Name, asset.Changes(old, next, asset.StreamFields()))
	if err != nil || !approved {
		return err
	}
	info, err := js.UpdateStream(cmd.Context(), next)
	if err != nil {
		return err
	}
	return a.result(info, "stream %s is changed", old.Name)
}

func (a *app) streamCopyCommand() *cobra.Command {
	var f configureFlags
	cmd := &cobra.Command{
		Use:     "copy SOURCE NAME",
		Aliases: []string{"cp"},
		Short:   "Make a stream with the configuration of another one",
		Long: `Make a stream with the configuration of another one, changed by flags. Messages are not
copied (for that, use --mirror or --source, or backup and restore), and two streams
cannot take the same subjects.`,
		Example: `  tidings stream copy ORDERS ORDERS_TEST --subjects 'test.orders.>'
  tidings stream copy ORDERS ORDERS_OLD --subjects '' --source ORDERS`,
		Args:              arguments(2, 2, "SOURCE NAME"),
		ValidArgsFunction: a.completeStream(),
	}
	given := addFieldFlags(cmd, asset.StreamFields())
	f.addDryRun(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		for _, name := range args {
			if err := checkName("stream", name); err != nil {
				return err
			}
		}
		return a.withJetStream(cmd.Context(), func(js *client.JetStream) error {
			info, err := js.Stream(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			c := info.Config
			c.Name, c.Sealed = args[1], false
			if err := given.Apply(&c); err != nil {
				return usage(err)
			}
			if err := refusedConfig(asset.CheckStream(&c)); err != nil {
				return err
			}
			if f.dryRun {
				return a.showDry(&c)
			}
			return a.createStream(cmd.Context(), js, &c)
		})
	}
	return cmd
}
