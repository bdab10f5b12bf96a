package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"

	"github.com/spf13/cobra"

	"github.com/tidings-io/tidings/internal/cli/asset"
	"github.com/tidings-io/tidings/internal/cli/ui"
	"github.com/tidings-io/tidings/internal/client"
)

// configureFlags are those of the commands that write a configuration, besides
// one per field.
type configureFlags struct {
	file     string
	dryRun   bool
	defaults bool // create commands: do not ask
	confirmation
}

func (f *configureFlags) add(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVarP(&f.file, "config", "f", "", "take the configuration from this JSON or YAML `FILE`; - is standard input")
	f.addDryRun(cmd)
}

func (f *configureFlags) addDryRun(cmd *cobra.Command) {
	cmd.Flags().BoolVar(&f.dryRun, "dry-run", false, "show what would be done and do nothing")
}

func (f *configureFlags) addDefaults(cmd *cobra.Command) {
	cmd.Flags().BoolVar(&f.defaults, "defaults", false, "do not ask: take the defaults for what is not given")
}

// asks reports whether a create command asks: nothing was given to it, and
// somebody is there to answer.
func (f *configureFlags) asks(a *app, given bool) bool {
	return f.file == "" && !given && !f.defaults && a.screen.Interactive(a.in)
}

// addFieldFlags adds the flags of the fields, with completion of their words.
func addFieldFlags[C any](cmd *cobra.Command, fields []asset.Field[C]) *asset.Given[C] {
	cmd.Flags().SortFlags = false
	given := asset.AddFlags(cmd.Flags(), fields)
	for i := range fields {
		f := &fields[i]
		if f.NoFlag || f.Value == "" {
			continue
		}
		var words []cobra.Completion
		for _, choice := range f.Choices {
			words = append(words, cobra.CompletionWithDesc(choice.Word, choice.Meaning))
		}
		completeFlag(cmd, f.Name, cobra.FixedCompletions(words, cobra.ShellCompDirectiveNoFileComp))
	}
	return given
}

// loadConfig reads --config into c.
func (a *app) loadConfig(ctx context.Context, file string, c any) error {
	data, err := a.configFile(ctx, file)
	if err != nil {
		return err
	}
	if err := asset.Load(data, c); err != nil {
		return usage(fmt.Errorf("--config %s: %w", file, err))
	}
	return nil
}

// showDry shows a configuration that is not applied.
func (a *app) showDry(c any) error {
	if a.global.json {
		return a.writeJSON(c)
	}
	text, err := asset.Text(c)
	if err != nil {
		return err
	}
	a.out.Print(ui.Printable(string(text)))
	return nil
}

// approve shows what an edit changes and asks whether to do it. It reports
// false, without an error, if there is nothing to do.
func (a *app) approve(cmd *cobra.Command, f *configureFlags, what string, changes []asset.Change) (bool, error) {
	if len(changes) == 0 {
		a.note("%s stays as it is: nothing is different", what)
		return false, nil
	}
	if f.dryRun && a.global.json {
		for _, c := range changes {
			if err := a.writeJSON(c); err != nil {
				return false, err
			}
		}
		return false, nil
	}
	to := a.errOut
	if f.dryRun {
		to = a.out // the changes are the result
	}
	showChanges(to, a.screen, changes)
	if f.dryRun {
		return false, nil
	}
	return true, f.ask(a, cmd, "change "+what+"?")
}

func showChanges(to *ui.Printer, s *ui.Screen, changes []asset.Change) {
	for _, c := range changes {
		if c.Old != "" {
			to.Println(s.Removed("- " + c.Label + ": " + ui.Printable(c.Old)))
		}
		if c.New != "" {
			to.Println(s.Added("+ " + c.Label + ": " + ui.Printable(c.New)))
		}
	}
}

// edited returns the configuration c after the person changed it in an editor.
func edited[C any](ctx context.Context, a *app, what string, c *C) (C, error) {
	var next C
	editor := a.editor()
	if !a.screen.Interactive(a.in) {
		return next, usage(fmt.Errorf("%s: say what to change with flags or --config; the editor %s needs a terminal", what, editor))
	}
	text, err := asset.Text(c)
	if err != nil {
		return next, err
	}
	file, err := os.CreateTemp("", "tidings-*.yaml")
	if err != nil {
		return next, err
	}
	defer func() { _ = os.Remove(file.Name()) }() // a left-over in the temporary directory does no harm
	head := "# " + what + ": change it, save and leave the editor. The changes are shown before they are applied.\n"
	_, err = file.WriteString(head + string(text))
	if err := errors.Join(err, file.Close()); err != nil {
		return next, err
	}
	words := append(strings.Fields(editor), file.Name())
	run := exec.CommandContext(ctx, words[0], words[1:]...)
	run.Stdin, run.Stdout, run.Stderr = os.Stdin, os.Stderr, os.Stderr
	if err := run.Run(); err != nil {
		return next, fmt.Errorf("editor %s: %w", editor, err)
	}
	changed, err := os.ReadFile(file.Name())
	if err != nil {
		return next, err
	}
	if err := asset.Load(changed, &next); err != nil {
		return next, usage(fmt.Errorf("what was edited is not understood: %w", err))
	}
	return next, nil
}

func (a *app) editor() string {
	for _, name := range []string{"VISUAL", "EDITOR"} {
		if editor := strings.TrimSpace(a.getenv(name)); editor != "" {
			return editor
		}
	}
	return "vi"
}

// cloned returns a configuration that shares nothing with c.
func cloned[C any](c *C) (C, error) {
	var next C
	data, err := json.Marshal(c)
	if err == nil {
		err = json.Unmarshal(data, &next)
	}
	return next, err
}

// editConfig applies file, flags or an editor to a copy of c.
func editConfig[C any](ctx context.Context, a *app, what string, c *C, f *configureFlags, given *asset.Given[C]) (C, error) {
	if f.file == "" && !given.Any() {
		return edited(ctx, a, what, c)
	}
	next, err := cloned(c)
	if err != nil {
		return next, err
	}
	if f.file != "" {
		if err := a.loadConfig(ctx, f.file, &next); err != nil {
			return next, err
		}
	}
	return next, usage(given.Apply(&next))
}

// refusedConfig makes wrong usage of a configuration that cannot work.
func refusedConfig(err error) error {
	if err == nil {
		return nil
	}
	return usage(&client.Error{What: err.Error(), Way: "nothing was done", Err: err})
}
