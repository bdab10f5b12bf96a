package cli

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strings"

	"github.com/spf13/cobra"

	"github.com/tidings-io/tidings/internal/client"
)

// contextFlags are those of the commands that write a context. The settings
// themselves are the global flags.
type contextFlags struct {
	description string
	selected    bool
	askPassword bool
	askToken    bool
	unset       []string
}

func (f *contextFlags) add(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&f.description, "description", "", "what the context is for")
	flags.BoolVar(&f.selected, "select", false, "select the context, too")
	flags.BoolVar(&f.askPassword, "ask-password", false, "ask for the password (reads a line of standard input if that is no terminal)")
	flags.BoolVar(&f.askToken, "ask-token", false, "ask for the token, likewise")
	completeFlag(cmd, "description", cobra.NoFileCompletions)
}

func (a *app) contextAddCommand() *cobra.Command {
	var f contextFlags
	cmd := &cobra.Command{
		Use:   "add NAME",
		Short: "Make a context from the settings given as flags",
		Long: `Make a context from the settings given as flags. To keep a password out of the
shell's history, use --ask-password.`,
		Example: `  tidings context add local --server nats://127.0.0.1:4222 --description "this machine" --select
  tidings context add prod --server tls://nats.example.com --user ann --ask-password
  pass nats/prod | tidings context add prod --server tls://nats.example.com --user ann --ask-password`,
		Args: arguments(1, 1, "NAME --server URL"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if a.global.settings[client.Server] == "" {
				return usage(errors.New("tidings context add: name the server with --server"))
			}
			return a.contextWrite(cmd.Context(), args[0], f, func(store *client.Store) (client.Context, error) {
				if _, err := store.Load(args[0]); !errors.Is(err, client.ErrNoContext) {
					return client.Context{}, usage(fmt.Errorf("context %s exists; change it with `tidings context edit`", args[0]))
				}
				return client.Context{}, nil
			})
		},
		ValidArgsFunction: cobra.NoFileCompletions,
	}
	f.add(cmd)
	return cmd
}

func (a *app) contextEditCommand() *cobra.Command {
	var f contextFlags
	cmd := &cobra.Command{
		Use:   "edit NAME",
		Short: "Change some settings of a context",
		Long:  `Change the settings given as flags; the others stay. --unset takes one away.`,
		Example: `  tidings context edit local --server nats://127.0.0.1:4223
  tidings context edit local --unset password --unset user`,
		Args: arguments(1, 1, "NAME"),
		RunE: func(cmd *cobra.Command, args []string) error {
			changes := len(a.global.settings) + len(f.unset)
			if changes == 0 && f.description == "" && !f.askPassword && !f.askToken {
				return usage(errors.New("tidings context edit: nothing to change; give a setting such as --server, or --unset NAME"))
			}
			return a.contextWrite(cmd.Context(), args[0], f, func(store *client.Store) (client.Context, error) {
				return ownContext(store, args[0])
			})
		},
		ValidArgsFunction: a.completeContext,
	}
	f.add(cmd)
	cmd.Flags().StringArrayVar(&f.unset, "unset", nil, "take away the setting of this `NAME`, such as password; may be repeated")
	var names []string
	for _, field := range client.Fields {
		names = append(names, string(field.Name))
	}
	completeFlag(cmd, "unset", cobra.FixedCompletions(names, cobra.ShellCompDirectiveNoFileComp))
	return cmd
}

func (a *app) contextCopyCommand() *cobra.Command {
	var f contextFlags
	cmd := &cobra.Command{
		Use:   "copy SOURCE NAME",
		Short: "Copy a context, also one of the nats tool",
		Long:  `Copy a context under a new name, with the settings given as flags changed.`,
		Example: `  tidings context copy local second --server nats://127.0.0.1:4223
  tidings context copy name-of-a-nats-context mine`,
		Args: arguments(2, 2, "SOURCE NAME"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.contextWrite(cmd.Context(), args[1], f, func(store *client.Store) (client.Context, error) {
				target, err := store.Load(args[1])
				if !errors.Is(err, client.ErrNoContext) && target.Origin == client.OriginTidings {
					return client.Context{}, usage(fmt.Errorf("context %s exists; remove it first or choose another name", args[1]))
				}
				return store.Load(args[0])
			})
		},
		ValidArgsFunction: a.completeContext,
	}
	f.add(cmd)
	return cmd
}

// ownContext loads a context that may be changed.
func ownContext(store *client.Store, name string) (client.Context, error) {
	c, err := store.Load(name)
	if err == nil && c.Origin != client.OriginTidings {
		return c, fmt.Errorf("context %s belongs to the nats tool (%s); make a copy with `tidings context copy`", name, c.Path)
	}
	return c, err
}

// contextWrite saves, under name, what base returns with the flags applied.
func (a *app) contextWrite(ctx context.Context, name string, f contextFlags, base func(*client.Store) (client.Context, error)) error {
	if err := client.CheckContextName(name); err != nil {
		return usage(err)
	}
	if f.askPassword && f.askToken {
		return usage(errors.New("--ask-password and --ask-token: ask for one of them at a time"))
	}
	store, err := a.store()
	if err != nil {
		return err
	}
	c, err := base(store)
	if err != nil {
		return err
	}
	c.Name = name
	if f.description != "" {
		c.Description = f.description
	}
	if c.Settings, err = a.changedSettings(ctx, c.Settings, f); err != nil {
		return a.answered(err)
	}
	if err := store.Save(c); err != nil {
		return err
	}
	a.note("context %s is saved", name)
	if !f.selected {
		return nil
	}
	if err := store.Select(name); err != nil {
		return err
	}
	a.note("context %s is selected", name)
	return nil
}

// changedSettings applies flags, questions and --unset to settings.
func (a *app) changedSettings(ctx context.Context, old client.Settings, f contextFlags) (client.Settings, error) {
	given, err := a.global.settings.Absolute()
	if err != nil {
		return nil, err
	}
	settings := client.Settings{}
	maps.Copy(settings, old)
	for _, name := range f.unset {
		if _, known := client.FieldNamed(client.Name(name)); !known {
			return nil, usage(fmt.Errorf("--unset %q: no such setting; the settings are %s", name, settingNames()))
		}
		delete(settings, client.Name(name))
	}
	maps.Copy(settings, given)
	if f.askPassword {
		if settings[client.Password], err = a.screen.Secret(ctx, a.in, "password"); err != nil {
			return nil, err
		}
	}
	if f.askToken {
		if settings[client.Token], err = a.screen.Secret(ctx, a.in, "token"); err != nil {
			return nil, err
		}
	}
	if settings[client.Server] == "" {
		return nil, usage(errors.New("a context needs a server; name it with --server"))
	}
	return settings, usage(settings.Validate())
}

func settingNames() string {
	var names []string
	for _, f := range client.Fields {
		names = append(names, string(f.Name))
	}
	return strings.Join(names, ", ")
}
