package cli

import (
	"context"
	"errors"
	"fmt"

	"github.com/nats-io/nuid"
	"github.com/spf13/cobra"

	"github.com/tidings-io/tidings/internal/cli/asset"
	"github.com/tidings-io/tidings/internal/client"
	"github.com/tidings-io/tidings/internal/jsapi"
)

const consumerCreateLong = `Make a consumer of a stream. In a terminal and without flags about the consumer, its
choices are asked one by one. Otherwise the flags say what is different from the
usual, a durable pull consumer with explicit acknowledgement, or --config names a
file with the whole configuration, in JSON or YAML, with the names of the API.`

// consumerCreateFlags are the flags of `consumer create` besides one per field.
type consumerCreateFlags struct {
	configureFlags
	ephemeral bool
}

func (a *app) consumerCreateCommand() *cobra.Command {
	var f consumerCreateFlags
	cmd := &cobra.Command{
		Use:     "create STREAM [NAME]",
		Aliases: []string{"add", "new"},
		Short:   "Make a consumer",
		Long:    consumerCreateLong,
		Example: `  tidings consumer create ORDERS
  tidings consumer create ORDERS billing --filter orders.new --deliver new --max-deliver 5
  tidings consumer create ORDERS shipping --backoff 1s,10s,1m --max-deliver 4 --dead-letter dead.shipping
  tidings consumer create ORDERS monitor --deliver-subject monitor.orders --ack none --ephemeral
  tidings consumer create ORDERS --config billing.yaml --dry-run`,
		Args:              arguments(1, 2, "STREAM [NAME]"),
		ValidArgsFunction: a.completeStream(),
	}
	given := addFieldFlags(cmd, asset.ConsumerFields())
	f.add(cmd)
	f.addDefaults(cmd)
	cmd.Flags().BoolVar(&f.ephemeral, "ephemeral", false, "remove it when nobody used it for a while (--inactive-threshold, default 5s)")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		c, err := a.newConsumer(cmd.Context(), args, &f, given)
		if err != nil {
			return err
		}
		if f.asks(a, given.Any()) {
			return a.answered(a.guideConsumer(cmd.Context(), &f, args[0], &c))
		}
		if c, err = f.named(c); err == nil {
			err = checkNames([]string{args[0], c.Name})
		}
		switch {
		case err != nil:
			return err
		case f.dryRun:
			return a.showDry(&c)
		}
		return a.withJetStream(cmd.Context(), func(js *client.JetStream) error {
			return a.createConsumer(cmd.Context(), js, args[0], &c)
		})
	}
	return cmd
}

// newConsumer puts the configuration together from file and flags.
func (a *app) newConsumer(ctx context.Context, args []string, f *consumerCreateFlags, given *asset.Given[jsapi.ConsumerConfig]) (jsapi.ConsumerConfig, error) {
	c := asset.NewConsumer("")
	if f.file != "" {
		c = jsapi.ConsumerConfig{}
		if err := a.loadConfig(ctx, f.file, &c); err != nil {
			return c, err
		}
	}
	if c.Name == "" {
		c.Name = c.Durable
	}
	if len(args) == 2 {
		c.Name = args[1]
	}
	return c, usage(given.Apply(&c))
}

// named makes the consumer durable or ephemeral under its name, or under a new
// one if it is to be ephemeral.
func (f *consumerCreateFlags) named(c jsapi.ConsumerConfig) (jsapi.ConsumerConfig, error) {
	if c.Name == "" && f.ephemeral {
		c.Name = nuid.Next()
	}
	if c.Name == "" {
		return c, usage(errors.New("tidings consumer create: the name is missing; the form is `tidings consumer create STREAM NAME`"))
	}
	if f.file == "" || c.Durable != "" {
		c.Durable = c.Name
	}
	if f.ephemeral {
		c.Durable = ""
	}
	return c, nil
}

// guideConsumer makes a consumer by asking.
func (a *app) guideConsumer(ctx context.Context, f *consumerCreateFlags, stream string, c *jsapi.ConsumerConfig) error {
	if err := checkName("stream", stream); err != nil {
		return err
	}
	return a.withJetStream(ctx, func(js *client.JetStream) error {
		info, err := js.Stream(ctx, stream)
		if err != nil {
			return err
		}
		if err := a.askConsumer(ctx, js, info, c); err != nil {
			return err
		}
		named, err := f.named(*c)
		switch {
		case err != nil:
			return err
		case f.dryRun:
			return a.showDry(&named)
		}
		return a.createConsumer(ctx, js, info.Config.Name, &named)
	})
}

func (a *app) askConsumer(ctx context.Context, js *client.JetStream, stream *jsapi.StreamInfo, c *jsapi.ConsumerConfig) (err error) {
	of := stream.Config.Name
	g := guide[jsapi.ConsumerConfig]{
		kind: "consumer", fields: asset.ConsumerFields(),
		taken: func(ctx context.Context, name string) error {
			if err := checkName("consumer", name); err != nil {
				return err
			}
			_, err := js.Consumer(ctx, of, name)
			return free(fmt.Sprintf("consumer %s of stream %s", name, of), "tidings consumer edit "+of+" "+name, err, jsapi.ErrConsumerNotFound)
		},
		check:   func(c *jsapi.ConsumerConfig) error { return asset.CheckConsumer(c, &stream.Config) },
		command: func(name string) string { return "tidings consumer create " + of + " " + name },
	}
	if c.Name, err = g.name(ctx, a, c.Name); err != nil {
		return err
	}
	c.Durable = c.Name
	return g.ask(ctx, a, c.Name, c)
}

func (a *app) createConsumer(ctx context.Context, js *client.JetStream, stream string, c *jsapi.ConsumerConfig) error {
	info, err := js.WriteConsumer(ctx, stream, c, jsapi.CreateOnly)
	if err != nil {
		return err
	}
	if a.global.json {
		return a.writeJSON(info)
	}
	a.note("consumer %s of stream %s is created", c.Name, stream)
	a.showConsumer(info)
	return nil
}

func (a *app) consumerCopyCommand() *cobra.Command {
	var f configureFlags
	cmd := &cobra.Command{
		Use:     "copy STREAM SOURCE NAME",
		Aliases: []string{"cp"},
		Short:   "Make a consumer with the configuration of another one",
		Long: `Make a consumer with the configuration of another one of the same stream, changed by
flags. What the other one has delivered is not copied: the new one begins where --deliver
says.`,
		Example: `  tidings consumer copy ORDERS billing billing_test --filter orders.test
  tidings consumer copy ORDERS billing audit --deliver new --dry-run`,
		Args:              arguments(3, 3, "STREAM SOURCE NAME"),
		ValidArgsFunction: a.completeConsumer(),
	}
	given := addFieldFlags(cmd, asset.ConsumerFields())
	f.addDryRun(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if err := checkNames(args); err != nil {
			return err
		}
		return a.changeConsumer(cmd, args, func(ctx context.Context, js *client.JetStream, info *jsapi.ConsumerInfo) error {
			c := info.Config
			if c.Durable != "" {
				c.Durable = args[2]
			}
			c.Name = args[2]
			if err := given.Apply(&c); err != nil {
				return usage(err)
			}
			if f.dryRun {
				return a.showDry(&c)
			}
			return a.createConsumer(ctx, js, args[0], &c)
		})
	}
	return cmd
}

func (a *app) consumerEditCommand() *cobra.Command {
	var f configureFlags
	cmd := &cobra.Command{
		Use:     "edit STREAM CONSUMER",
		Aliases: []string{"update"},
		Short:   "Change the configuration of a consumer",
		Long: `Change the configuration of a consumer: what the flags say, or what --config names
(what the file does not name stays), or without both in your editor ($VISUAL, $EDITOR).
What would be different is shown before it is applied. Where it begins (--deliver), how
messages are acknowledged (--ack) and some more cannot change.`,
		Example: `  tidings consumer edit ORDERS billing --max-ack-pending 200
  tidings consumer edit ORDERS billing --filter orders.new,orders.paid --dry-run`,
		Args:              arguments(2, 2, "STREAM CONSUMER"),
		ValidArgsFunction: a.completeConsumer(),
	}
	given := addFieldFlags(cmd, asset.ConsumerFields())
	f.add(cmd)
	f.confirmation.add(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if err := checkNames(args); err != nil {
			return err
		}
		return a.withJetStream(cmd.Context(), func(js *client.JetStream) error {
			info, err := js.Consumer(cmd.Context(), args[0], args[1])
			if err != nil {
				return err
			}
			what := fmt.Sprintf("consumer %s of stream %s", args[1], args[0])
			next, err := editConfig(cmd.Context(), a, what, &info.Config, &f, given)
			if err != nil {
				return err
			}
			return a.updateConsumer(cmd, js, &f, info, &next)
		})
	}
	return cmd
}

func (a *app) updateConsumer(cmd *cobra.Command, js *client.JetStream, f *configureFlags, info *jsapi.ConsumerInfo, next *jsapi.ConsumerConfig) error {
	what := fmt.Sprintf("consumer %s of stream %s", info.Name, info.Stream)
	if next.Name != "" && next.Name != info.Name || next.Durable != info.Config.Durable {
		return usage(fmt.Errorf("%s: the name cannot change; make another consumer with `tidings consumer create`", what))
	}
	next.Name = info.Name
	approved, err := a.approve(cmd, f, what, asset.Changes(&info.Config, next, asset.ConsumerFields()))
	if err != nil || !approved {
		return err
	}
	info, err = js.WriteConsumer(cmd.Context(), info.Stream, next, jsapi.UpdateOnly)
	if err != nil {
		return err
	}
	return a.result(info, "%s is changed", what)
}
