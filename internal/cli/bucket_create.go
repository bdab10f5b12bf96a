package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/tidings-io/tidings/internal/cli/asset"
	"github.com/tidings-io/tidings/internal/cli/ui"
	"github.com/tidings-io/tidings/internal/client"
	"github.com/tidings-io/tidings/internal/jsapi"
)

// bucketChoices is what a command was told about a bucket's configuration.
type bucketChoices struct {
	kind  bucketKind
	given *asset.Given[jsapi.StreamConfig]
	file  string
}

func (c *bucketChoices) add(cmd *cobra.Command) {
	c.given = addFieldFlags(cmd, c.kind.fields())
	cmd.Flags().StringVarP(&c.file, "config", "f", "", "take what no flag gives from this JSON or YAML `FILE` with the flags' names as keys; - is standard input")
}

// any reports whether anything was told.
func (c *bucketChoices) any() bool { return c.given.Any() || c.file != "" }

// apply writes what was told into a configuration and checks it.
func (c *bucketChoices) apply(a *app, config *jsapi.StreamConfig) error {
	if c.file != "" {
		data, err := a.readFile(c.file)
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

// readFile returns what a file holds, or standard input for "-".
func (a *app) readFile(path string) ([]byte, error) {
	if path == "-" {
		return io.ReadAll(a.in)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, usage(fmt.Errorf("--config: %w", err))
	}
	return data, nil
}

func (a *app) bucketCreateCommand(k bucketKind) *cobra.Command {
	choices := bucketChoices{kind: k}
	var defaults bool
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
			return a.bucketCreate(cmd.Context(), args, &choices, defaults)
		},
		ValidArgsFunction: cobra.NoFileCompletions,
	}
	choices.add(cmd)
	cmd.Flags().BoolVar(&defaults, "defaults", false, "do not ask: take the defaults")
	return cmd
}

func article(noun string) string {
	if strings.ContainsRune("aeiou", rune(noun[0])) {
		return "an " + noun
	}
	return "a " + noun
}

func (a *app) bucketCreate(ctx context.Context, args []string, choices *bucketChoices, defaults bool) error {
	k := choices.kind
	var config jsapi.StreamConfig
	var err error
	if !defaults && !choices.any() && ui.IsTerminal(a.in) {
		config, err = a.bucketGuide(choices, args)
	} else if len(args) == 0 {
		return usage(fmt.Errorf("tidings %s bucket create: name the bucket", k.command))
	} else if err = k.checkName(args[0]); err == nil {
		config = k.config(args[0])
		err = choices.apply(a, &config)
	}
	if err != nil {
		return err
	}
	j, err := a.jetStream(ctx, client.Options{})
	if err != nil {
		return err
	}
	defer j.nc.Close()
	info, err := j.api.CreateStream(ctx, &config)
	if err != nil {
		return k.explain(strings.TrimPrefix(config.Name, k.prefix), err)
	}
	a.note("%s %q is there", k.noun, strings.TrimPrefix(config.Name, k.prefix))
	return a.showBucket(k, info)
}

// bucketGuide asks for a name, if none was given, and for each setting.
func (a *app) bucketGuide(choices *bucketChoices, args []string) (jsapi.StreamConfig, error) {
	k, name := choices.kind, ""
	if len(args) > 0 {
		name = args[0]
	}
	config := k.config(name)
	if err := guide(a, k.noun, &name, &config, k.fields(), choices.given); err != nil {
		return config, err
	}
	own := k.config(name)
	config.Name, config.Subjects = own.Name, own.Subjects
	if err := k.checkName(name); err != nil {
		return config, err
	}
	return config, usage(asset.CheckStream(&config))
}
