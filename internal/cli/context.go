package cli

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"github.com/tidings-io/tidings/internal/cli/ui"
	"github.com/tidings-io/tidings/internal/client"
)

const contextLong = `A context is a named set of connection settings: server, credentials, TLS. The
settings are those of the global flags (--server, --user, --tls-ca and so on).

Which settings a command uses, the strongest first: flags; the context named by
--context; environment variables; the context named by TIDINGS_CONTEXT or
NATS_CONTEXT; the selected context; defaults. The selected context takes part only
if no server is named by a flag or variable: its credentials are for its own server.
Every command that connects says which server and context it uses, and
` + "`tidings context show`" + ` tells where each setting comes from.

Contexts are files that only you can read, in ~/.config/tidings/contexts. Contexts of
the nats tool (~/.config/nats/context) can be used too, but are never changed.`

func (a *app) contextCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "context",
		Aliases: []string{"ctx"},
		Short:   "Keep connection settings under a name",
		Long:    contextLong,
		Example: `  tidings context add local --server nats://127.0.0.1:4222 --select
  tidings context list
  tidings context show`,
		GroupID: groupSettings,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				return usage(fmt.Errorf("unknown command %q; `tidings context --help` lists the commands", "context "+args[0]))
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(
		a.contextAddCommand(), a.contextEditCommand(), a.contextCopyCommand(), a.contextRemoveCommand(),
		a.contextListCommand(), a.contextSelectCommand(), a.contextShowCommand(),
	)
	return cmd
}

// contextLine is one context in `tidings context list --json`.
type contextLine struct {
	Name        string `json:"name"`
	Selected    bool   `json:"selected"`
	Server      string `json:"server,omitempty"`
	Description string `json:"description,omitempty"`
	Source      string `json:"source"` // whose file: tidings or nats
	Path        string `json:"path"`
	Hidden      bool   `json:"hidden,omitempty"` // one of ours has the same name
	Error       string `json:"error,omitempty"`
}

func (a *app) contextListCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "list",
		Aliases: []string{"ls"},
		Short:   "List all contexts and where they come from",
		Example: "  tidings context list\n  tidings context list --json",
		Args:    arguments(0, 0, ""),
		RunE:    func(*cobra.Command, []string) error { return a.contextList() },
	}
}

func (a *app) contextList() error {
	store, err := a.store()
	if err != nil {
		return err
	}
	entries, err := store.List()
	if err != nil {
		return err
	}
	selected, err := store.Selected()
	if err != nil {
		return err
	}
	if len(entries) == 0 && !a.global.json {
		a.note("there are no contexts; make one with `tidings context add NAME --server URL`")
		return nil
	}
	var rows [][]string
	for _, e := range entries {
		line := contextLine{
			Name: e.Name, Selected: e.Name == selected && !e.Hidden, Server: e.Settings.Shown(client.Server),
			Description: e.Description, Source: string(e.Origin), Path: e.Path, Hidden: e.Hidden,
		}
		if e.Err != nil {
			line.Error = e.Err.Error()
		}
		if a.global.json {
			if err := a.writeJSON(line); err != nil {
				return err
			}
			continue
		}
		rows = append(rows, contextRow(line))
	}
	if !a.global.json {
		a.screen.Table([]string{"", "name", "server", "source", "description"}, rows)
	}
	return nil
}

func contextRow(line contextLine) []string {
	mark, source, description := "", line.Source, line.Description
	if line.Selected {
		mark = "*"
	}
	if line.Hidden {
		source += ", hidden by tidings"
	}
	if line.Error != "" {
		description = "cannot be used: " + line.Error
	}
	return []string{mark, line.Name, line.Server, source, description}
}

func (a *app) contextSelectCommand() *cobra.Command {
	var none bool
	cmd := &cobra.Command{
		Use:     "select NAME",
		Short:   "Choose the context that is used when none is named",
		Example: "  tidings context select local\n  tidings context select --none",
		Args:    arguments(0, 1, "NAME"),
		RunE: func(_ *cobra.Command, args []string) error {
			store, err := a.store()
			switch {
			case err != nil:
				return err
			case none == (len(args) == 1):
				return usage(errors.New("tidings context select: give the context's name, or --none"))
			case none:
				a.note("no context is selected")
				return store.Unselect()
			}
			if err := store.Select(args[0]); err != nil {
				return err
			}
			a.note("context %s is selected", args[0])
			return nil
		},
		ValidArgsFunction: a.completeContext,
	}
	cmd.Flags().BoolVar(&none, "none", false, "select no context")
	return cmd
}

// settingLine is one setting in `tidings context show`.
type settingLine struct {
	Value  string `json:"value"`
	Source string `json:"source,omitempty"`
}

// contextView is `tidings context show --json`. Secrets are starred.
type contextView struct {
	Context     string                 `json:"context"` // "" if none is in use
	Why         string                 `json:"why,omitempty"`
	Description string                 `json:"description,omitempty"`
	Source      string                 `json:"source,omitempty"`
	Path        string                 `json:"path,omitempty"`
	Settings    map[string]settingLine `json:"settings"`
}

func (a *app) contextShowCommand() *cobra.Command {
	var connect bool
	cmd := &cobra.Command{
		Use:   "show [NAME]",
		Short: "Show the settings in use and why, or those of one context",
		Long: `Without a name: show which settings a command would use now, where each comes from,
and what chose the context. With a name: show what that context contains. Passwords
and tokens are shown as stars.`,
		Example: "  tidings context show\n  tidings context show local --json\n  tidings context show --connect",
		Args:    arguments(0, 1, "[NAME]"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.contextShow(cmd.Context(), args, connect)
		},
		ValidArgsFunction: a.completeContext,
	}
	cmd.Flags().BoolVar(&connect, "connect", false, "also connect, to see whether it works")
	return cmd
}

func (a *app) contextShow(ctx context.Context, args []string, connect bool) error {
	if len(args) == 1 && connect {
		a.global.context = args[0]
	}
	view, err := a.contextView(args)
	if err != nil {
		return err
	}
	if a.global.json {
		err = a.writeJSON(view)
	} else {
		a.showContextView(view)
	}
	if err != nil || !connect {
		return err
	}
	nc, _, err := a.connect(ctx, client.Options{})
	if err != nil {
		return err
	}
	nc.Close()
	return nil
}

func (a *app) contextView(args []string) (contextView, error) {
	if len(args) == 1 {
		return a.storedView(args[0])
	}
	r, err := a.resolve()
	if err != nil {
		return contextView{}, err
	}
	view := newContextView(r.Context)
	view.Why = r.ContextWhy
	for _, f := range client.Fields {
		if v := r.Value(f.Name); v.Text != "" {
			view.Settings[string(f.Name)] = settingLine{f.Shown(v.Text), v.Source}
		}
	}
	return view, nil
}

func (a *app) storedView(name string) (contextView, error) {
	store, err := a.store()
	if err != nil {
		return contextView{}, err
	}
	c, err := store.Load(name)
	if err != nil {
		return contextView{}, err
	}
	view := newContextView(c)
	for name := range c.Settings {
		view.Settings[string(name)] = settingLine{Value: c.Settings.Shown(name)}
	}
	return view, nil
}

func newContextView(c client.Context) contextView {
	return contextView{
		Context: c.Name, Description: c.Description, Source: string(c.Origin), Path: c.Path,
		Settings: map[string]settingLine{},
	}
}

func (a *app) showContextView(v contextView) {
	name := v.Context
	if name == "" {
		name = "none"
	}
	a.out.Printf("context: %s\n", a.screen.Strong(name))
	for _, line := range []struct{ label, text string }{
		{"why", v.Why}, {"description", v.Description}, {"file", v.Path},
	} {
		if line.text != "" {
			a.out.Printf("%s: %s\n", line.label, ui.Printable(line.text))
		}
	}
	a.out.Println()
	var rows [][]string
	head := []string{"setting", "value"}
	if v.Why != "" {
		head = append(head, "from")
	}
	for _, f := range client.Fields {
		if line, ok := v.Settings[string(f.Name)]; ok {
			rows = append(rows, []string{string(f.Name), line.Value, line.Source}[:len(head)])
		}
	}
	a.screen.Table(head, rows)
}

func (a *app) contextRemoveCommand() *cobra.Command {
	var sure confirmation
	cmd := &cobra.Command{
		Use:     "remove NAME",
		Aliases: []string{"rm"},
		Short:   "Remove a context",
		Example: "  tidings context remove local --yes",
		Args:    arguments(1, 1, "NAME"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.contextRemove(cmd, args[0], sure)
		},
		ValidArgsFunction: a.completeContext,
	}
	sure.add(cmd)
	return cmd
}

func (a *app) contextRemove(cmd *cobra.Command, name string, sure confirmation) error {
	store, err := a.store()
	if err != nil {
		return err
	}
	if _, err := store.Load(name); errors.Is(err, client.ErrNoContext) {
		return err
	}
	if err := sure.ask(a, cmd, fmt.Sprintf("remove context %s?", name)); err != nil {
		return err
	}
	if err := store.Remove(name); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	a.note("context %s is removed", name)
	return nil
}
