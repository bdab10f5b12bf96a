package cli

import (
	"context"
	"errors"
	"fmt"

	"github.com/nats-io/nuid"
	"github.com/spf13/cobra"

	"github.com/tidings-io/tidings/internal/cli/asset"
	"github.com/tidings-io/tidings/internal/cli/ui"
	"github.com/tidings-io/tidings/internal/client"
	"github.com/tidings-io/tidings/internal/jsapi"
)

const consumerCreateLong = `Make a consumer of a stream. In a terminal and without flags about the consumer, its
choices are asked one by one. Otherwise the flags say what is different from the
usual, a durable pull consumer with explicit acknowledgement, or --config names a
file with the whole configuration, in JSON or YAML, with the names of the API.`

func (a *app) consumerCreateCommand(api *apiFlags) *cobra.Command {
	var f configureFlags
	var ephemeral bool
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
		ValidArgsFunction: a.completeStream(api),
	}
	fields := asset.ConsumerFields()
	given := addFieldFlags(cmd, fields)
	f.add(cmd)
	cmd.Flags().BoolVar(&ephemeral, "ephemeral", false, "remove it when nobody used it for a while (--inactive-threshold, default 5s)")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		c, err := a.newConsumer(args, &f, ephemeral, fields, given)
		if err != nil {
			return err
		}
		if f.dryRun {
			return a.showDry(&c)
		}
		return a.withJetStream(cmd.Context(), api, func(js *client.JetStream) error {
			return a.createConsumer(cmd.Context(), js, args[0], &c)
		})
	}
	return cmd
}

// newConsumer puts the configuration together from file, flags and answers.
func (a *app) newConsumer(args []string, f *configureFlags, ephemeral bool, fields []asset.Field[jsapi.ConsumerConfig], given *asset.Given[jsapi.ConsumerConfig]) (jsapi.ConsumerConfig, error) {
	c := asset.NewConsumer("")
	if f.file != "" {
		c = jsapi.ConsumerConfig{}
		if err := a.loadConfig(f.file, &c); err != nil {
			return c, err
		}
	}
	if c.Name == "" {
		c.Name = c.Durable
	}
	if len(args) == 2 {
		c.Name = args[1]
	}
	if err := given.Apply(&c); err != nil {
		return c, usage(err)
	}
	if f.file == "" && !given.Any() && ui.IsTerminal(a.in) {
		if err := guide(a, "consumer", &c.Name, &c, fields, given); err != nil {
			return c, err
		}
	}
	if c.Name == "" && ephemeral {
		c.Name = nuid.Next()
	}
	if c.Name == "" {
		return c, usage(errors.New("tidings consumer create: the name is missing; the form is `tidings consumer create STREAM NAME`"))
	}
	if f.file == "" || c.Durable != "" {
		c.Durable = c.Name
	}
	if ephemeral {
		c.Durable = ""
	}
	return c, checkNames([]string{args[0], c.Name})
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

func (a *app) consumerEditCommand(api *apiFlags) *cobra.Command {
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
		ValidArgsFunction: a.completeConsumer(api),
	}
	given := addFieldFlags(cmd, asset.ConsumerFields())
	f.add(cmd)
	addYes(cmd, &f.yes)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if err := checkNames(args); err != nil {
			return err
		}
		return a.withJetStream(cmd.Context(), api, func(js *client.JetStream) error {
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
