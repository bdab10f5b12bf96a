package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/tidings-io/tidings/internal/cli/asset"
	"github.com/tidings-io/tidings/internal/client"
	"github.com/tidings-io/tidings/internal/jsapi"
)

// bucketChoices is what a command was told about a bucket's configuration.
type bucketChoices struct {
	configureFlags
	kind  bucketKind
	given *asset.Given[jsapi.StreamConfig]
}

func (c *bucketChoices) add(cmd *cobra.Command) {
	c.given = addFieldFlags(cmd, c.kind.fields())
	cmd.Flags().StringVarP(&c.file, "config", "f", "", "take what no flag gives from this JSON or YAML `FILE` with the flags' names as keys; - is standard input")
}

// any reports whether anything was told.
func (c *bucketChoices) any() bool { return c.given.Any() || c.file != "" }

// apply writes what was told into a configuration and checks it.
func (c *bucketChoices) apply(ctx context.Context, a *app, config *jsapi.StreamConfig) error {
	if c.file != "" {
		data, err := a.configFile(ctx, c.file)
		if err != nil {
			return err
		}
		if err := asset.LoadFields(data, config, c.kind.fields(), c.given.Has); err != nil {
			return usage(fmt.Errorf("--config %s: %w", c.file, err))
		}
	}
	if err := c.given.Apply(config); err != nil {
		return usage(err)
	}
	if config.Mirror != nil && len(config.Sources) > 0 {
		return usage(errors.New("--mirror and --source contradict each other; leave one out"))
	}
	return usage(asset.CheckStream(config))
}

func (a *app) bucketCreateCommand(k bucketKind) *cobra.Command {
	choices := bucketChoices{kind: k}
	example := "  tidings object bucket create FILES --max-bytes 10GiB\n  tidings object bucket create FILES --config files.yaml"
	if k.command == kvKind.command {
		example = `  tidings kv bucket create CONFIG --history 5 --ttl 30d
  tidings kv bucket create COPY --mirror CONFIG
  tidings kv bucket create CONFIG --config config.yaml`
	}
	cmd := &cobra.Command{
		Use:   "create [BUCKET]",
		Short: "Create " + article(k.noun),
		Long: "Create " + article(k.noun) + `. In a terminal, without flags, the command asks for each
setting; otherwise settings come from flags or a file, and what neither gives has its
default. Creating a bucket once more with the same settings does nothing.`,
		Example: example,
		Args:    arguments(0, 1, "[BUCKET]"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.bucketCreate(cmd.Context(), args, &choices)
		},
		ValidArgsFunction: cobra.NoFileCompletions,
	}
	choices.add(cmd)
	choices.addDefaults(cmd)
	return cmd
}

func article(noun string) string {
	if strings.ContainsRune("aeiou", rune(noun[0])) {
		return "an " + noun
	}
	return "a " + noun
}

func (a *app) bucketCreate(ctx context.Context, args []string, choices *bucketChoices) error {
	k, name := choices.kind, strings.Join(args, "")
	if choices.asks(a, choices.given.Any()) {
		return a.answered(a.bucketGuide(ctx, choices, name))
	}
	if name == "" {
		return usage(fmt.Errorf("tidings %[1]s bucket create: the name is missing; the form is `tidings %[1]s bucket create BUCKET`", k.command))
	}
	if err := k.checkName(name); err != nil {
		return err
	}
	config := k.config(name)
	if err := choices.apply(ctx, a, &config); err != nil {
		return err
	}
	j, err := a.jetStream(ctx, client.Options{})
	if err != nil {
		return err
	}
	defer j.nc.Close()
	return a.createBucket(ctx, j, k, &config)
}

func (a *app) createBucket(ctx context.Context, j *jetStream, k bucketKind, config *jsapi.StreamConfig) error {
	name := strings.TrimPrefix(config.Name, k.prefix)
	info, err := j.api.CreateStream(ctx, config)
	if err != nil {
		return k.explain(name, err)
	}
	a.note("%s %q is there", k.noun, name)
	return a.showBucket(k, info)
}

// bucketGuide makes a bucket by asking, for its name, too, if that is empty.
func (a *app) bucketGuide(ctx context.Context, choices *bucketChoices, name string) error {
	k := choices.kind
	j, err := a.jetStream(ctx, client.Options{})
	if err != nil {
		return err
	}
	defer j.nc.Close()
	g := guide[jsapi.StreamConfig]{
		kind: k.noun, fields: k.fields(), check: asset.CheckStream,
		taken: func(ctx context.Context, name string) error {
			if err := k.checkName(name); err != nil {
				return err
			}
			_, err := j.api.Stream(ctx, k.prefix+name)
			return free("bucket "+name, fmt.Sprintf("tidings %s bucket edit %s", k.command, name), err, jsapi.ErrStreamNotFound)
		},
		command: func(name string) string { return fmt.Sprintf("tidings %s bucket create %s", k.command, name) },
	}
	if name, err = g.name(ctx, a, name); err != nil {
		return err
	}
	config := k.config(name)
	if err := g.ask(ctx, a, name, &config); err != nil {
		return err
	}
	return a.createBucket(ctx, j, k, &config)
}
