package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/tidings-io/tidings/internal/cli/asset"
	"github.com/tidings-io/tidings/internal/cli/ui"
)

// guide puts the configuration of something new together by asking.
type guide[C any] struct {
	kind   string // what it is: stream, consumer, key-value bucket
	fields []asset.Field[C]

	// taken says why a name cannot be had; of wrong usage are those errors after
	// which another one can be tried.
	taken func(context.Context, string) error
	// check says what is wrong with what was answered so far.
	check func(*C) error
	// command is what makes the same without questions, before the flags.
	command func(name string) string
}

// name asks for the name unless it was given.
func (g *guide[C]) name(ctx context.Context, a *app, given string) (string, error) {
	dialog, err := a.screen.Dialog(a.in)
	if err != nil {
		return "", err
	}
	dialog.Say("A new " + g.kind + ". An empty answer takes what is in brackets; Ctrl-C or Esc ends without doing anything.")
	if given != "" {
		return given, g.taken(ctx, given)
	}
	dialog.Say("")
	err = askUntil(ctx, dialog, "name of the "+g.kind+": ", nil, func(answer string) error {
		given = answer
		return g.taken(ctx, answer)
	})
	return given, err
}

// ask asks for the fields of c, and in the end whether to go on.
func (g *guide[C]) ask(ctx context.Context, a *app, name string, c *C) error {
	dialog, err := a.screen.Dialog(a.in)
	if err != nil {
		return err
	}
	usual := *c
	nothing := func(string) bool { return false }
	err = asset.Guide(c, g.fields, nothing, g.check, func(q asset.Question, problem string) (string, error) {
		return a.question(ctx, dialog, q, problem)
	})
	if err != nil {
		return err
	}
	dialog.Say("")
	for _, line := range asset.Shown(c, g.fields) {
		dialog.Say(fmt.Sprintf("  %s: %s", line.Label, ui.Printable(line.Text)))
	}
	flags := asset.Flags(&usual, c, g.fields)
	if len(flags) == 0 {
		flags = []string{"--defaults"}
	}
	dialog.Say("\nThe same without questions:\n  " + ui.Printable(g.command(name)+" "+strings.Join(flags, " ")) + "\n")
	yes, err := dialog.Confirm(ctx, "create it?", true)
	if err == nil && !yes {
		err = ui.ErrAborted
	}
	return err
}

// question shows one question of a guide and reads its answer.
func (a *app) question(ctx context.Context, dialog *ui.Dialog, q asset.Question, problem string) (string, error) {
	if problem == "" {
		dialog.Say("\n" + a.screen.Strong(q.Text))
		for _, choice := range q.Choices {
			dialog.Say(fmt.Sprintf("  %-18s%s", choice.Word, choice.Meaning))
		}
	} else {
		dialog.Say("  " + ui.Printable(problem))
	}
	prompt := q.Label
	if q.Default != "" {
		prompt += " [" + q.Default + "]"
	}
	answer, err := dialog.Ask(ctx, prompt+": ", q.Words()...)
	if answer == "" {
		answer = q.Default
	}
	return answer, err
}

// askUntil asks until there is an answer that take does not call wrong usage.
func askUntil(ctx context.Context, dialog *ui.Dialog, prompt string, words []string, take func(string) error) error {
	for {
		answer, err := dialog.Ask(ctx, prompt, words...)
		if err != nil {
			return err
		}
		if answer == "" {
			continue
		}
		err = take(answer)
		if wrong := (*usageError)(nil); !errors.As(err, &wrong) {
			return err
		}
		dialog.Say("  " + ui.Printable(err.Error()))
	}
}
