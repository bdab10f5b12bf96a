package cli

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/tidings-io/tidings/internal/cli/ui"
	"github.com/tidings-io/tidings/internal/client"
)

// globalFlags are the flags every command has.
type globalFlags struct {
	settings client.Settings
	context  string
	json     bool
	quiet    bool
	color    string
}

const rootLong = `tidings is a messaging server that speaks the NATS protocols, and the tool to
work with it: publish, subscribe, request, reply, measure.`

const rootExample = `  tidings serve                          start a server on 127.0.0.1:4222
  tidings sub 'orders.>'                 show what is published below orders
  tidings pub orders.new "one coffee"    publish a message`

// Groups of commands in the help text.
const (
	groupServer   = "server"
	groupMessages = "messages"
	groupStreams  = "streams"
	groupSettings = "settings"
)

func (a *app) rootCommand() *cobra.Command {
	root := &cobra.Command{
		Use:               "tidings",
		Short:             "Messaging server and its tool",
		Long:              rootLong,
		Example:           rootExample,
		Version:           buildVersion().String(),
		SilenceErrors:     true,
		SilenceUsage:      true,
		Args:              a.knownCommand,
		RunE:              func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
		PersistentPreRunE: a.begin,
		// Two letters wrong still count as misspelled.
		SuggestionsMinimumDistance: 2,
		CompletionOptions:          cobra.CompletionOptions{DisableDefaultCmd: true},
	}
	root.SetVersionTemplate("{{.Version}}\n")
	root.SetIn(a.in)
	root.SetOut(a.out)
	root.SetErr(a.errOut)
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return usage(fmt.Errorf("%w; `%s --help` lists the flags", err, cmd.CommandPath()))
	})
	root.AddGroup(
		&cobra.Group{ID: groupServer, Title: "Server:"},
		&cobra.Group{ID: groupMessages, Title: "Messages:"},
		&cobra.Group{ID: groupStreams, Title: "Streams:"},
		&cobra.Group{ID: groupSettings, Title: "Settings:"},
	)
	root.SetHelpCommand(a.helpCommand())
	a.addGlobalFlags(root)
	root.AddCommand(
		a.serveCommand(), a.storeCommand(),
		a.publishCommand(), a.subscribeCommand(), a.requestCommand(), a.replyCommand(),
		a.benchCommand(), a.rttCommand(),
		a.streamCommand(), a.consumerCommand(),
		a.kvCommand(), a.objectCommand(), a.counterCommand(), a.scheduleCommand(),
		a.contextCommand(), a.completionCommand(), a.versionCommand(),
	)
	root.AddCommand(topics()...)
	return root
}

// begin runs before every command, when its flags have been parsed.
func (a *app) begin(*cobra.Command, []string) error {
	if !slices.Contains(ui.ColorModes, a.global.color) {
		return usage(fmt.Errorf("--color %q: use one of %s", a.global.color, strings.Join(ui.ColorModes, ", ")))
	}
	a.screen = ui.NewScreen(a.out, a.errOut, a.global.color, a.getenv)
	a.ran = true
	return nil
}

// knownCommand explains a first argument that is no command.
func (a *app) knownCommand(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	if what, later := laterCommands[args[0]]; later {
		return usage(fmt.Errorf("`tidings %s` (%s) is not supported yet; `tidings help` lists the commands there are", args[0], what))
	}
	text := fmt.Sprintf("unknown command %q", args[0])
	if near := cmd.SuggestionsFor(args[0]); len(near) > 0 {
		return usage(fmt.Errorf("%s; did you mean %s?", text, strings.Join(near, " or ")))
	}
	return usage(errors.New(text + "; `tidings help` lists the commands"))
}

func (a *app) addGlobalFlags(root *cobra.Command) {
	flags := root.PersistentFlags()
	flags.SortFlags = false
	a.global.settings = client.Settings{}
	for _, f := range client.Fields {
		flags.VarPF(&settingFlag{a.global.settings, f}, string(f.Name), f.Short, f.Usage).NoOptDefVal = switchDefault(f)
	}
	flags.StringVar(&a.global.context, "context", "", "context to use, by its `NAME`")
	flags.BoolVarP(&a.global.json, "json", "j", false, "show results as JSON, one object per line for a sequence")
	flags.BoolVar(&a.global.quiet, "quiet", false, "show results and errors only")
	flags.StringVar(&a.global.color, "color", ui.ColorAuto, "`WHEN` to show colours: auto, always or never")
	completeFlag(root, "context", a.completeContexts)
	completeFlag(root, "color", cobra.FixedCompletions(
		toCompletions(ui.ColorModes), cobra.ShellCompDirectiveNoFileComp))
	for _, name := range []client.Name{
		client.Server, client.User, client.Password, client.Token,
		client.Timeout, client.InboxPrefix, client.ConnectionName,
	} {
		completeFlag(root, string(name), cobra.NoFileCompletions)
	}
}

func completeFlag(cmd *cobra.Command, flag string, complete cobra.CompletionFunc) {
	if err := cmd.RegisterFlagCompletionFunc(flag, complete); err != nil {
		panic(err) // the flag's name is misspelled in this program
	}
}

func toCompletions(words []string) []cobra.Completion { return words }

// settingFlag stores a flag's text in the settings; an unset flag stays absent.
// It accepts any text: a complaint from here would be shown with the text, which
// can be a secret. The settings are checked where they are used.
type settingFlag struct {
	settings client.Settings
	field    client.Field
}

func (f *settingFlag) String() string { return "" }

func (f *settingFlag) Set(value string) error {
	if f.field.Value == "" && value == "" {
		value = "true"
	}
	f.settings[f.field.Name] = value
	return nil
}

func (f *settingFlag) Type() string { return f.field.Value }

// switchDefault is the value of a flag given without one.
func switchDefault(f client.Field) string {
	if f.Value == "" {
		return "true"
	}
	return ""
}
