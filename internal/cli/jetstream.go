package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/tidings-io/tidings/internal/client"
	"github.com/tidings-io/tidings/internal/jsapi"
)

// apiFlags say where the JetStream API is. Every command about streams has them.
type apiFlags struct {
	domain string
	prefix string
}

func (f *apiFlags) add(cmd *cobra.Command) {
	flags := cmd.PersistentFlags()
	flags.StringVar(&f.domain, "domain", "", "JetStream domain with this `NAME`")
	flags.StringVar(&f.prefix, "api-prefix", "", "`SUBJECT` under which the JetStream API of another account is imported")
	completeFlag(cmd, "domain", cobra.NoFileCompletions)
	completeFlag(cmd, "api-prefix", cobra.NoFileCompletions)
}

// subject returns the prefix of the API's subjects.
func (f *apiFlags) subject() (string, error) {
	switch {
	case f.domain != "" && f.prefix != "":
		return "", usage(errors.New("--domain and --api-prefix contradict each other; leave one out"))
	case f.prefix != "":
		prefix := strings.TrimSuffix(f.prefix, ".")
		if err := client.CheckPublishSubject(prefix); err != nil {
			return "", usage(fmt.Errorf("--api-prefix: %w", err))
		}
		return prefix, nil
	case strings.ContainsAny(f.domain, ". *>\t"):
		return "", usage(fmt.Errorf("--domain %q: use a name without blanks, dots and wildcards", f.domain))
	}
	return jsapi.DomainPrefix(f.domain), nil
}

// withJetStream connects and runs f with the API. An interruption ends it with
// the exit code for that.
func (a *app) withJetStream(ctx context.Context, f func(*client.JetStream) error) error {
	return a.withJetStreamOver(ctx, client.Options{}, f)
}

// lasting are the options of commands that go on when the connection was lost
// and is back.
func (a *app) lasting() client.Options {
	return client.Options{KeepTrying: true, Failed: func(err error) { a.warn(err.Error()) }}
}

func (a *app) withJetStreamOver(ctx context.Context, o client.Options, f func(*client.JetStream) error) error {
	prefix, err := a.api.subject()
	if err != nil {
		return err
	}
	nc, settings, err := a.connect(ctx, o)
	if err != nil {
		return err
	}
	defer nc.Close()
	err = f(client.NewJetStream(nc, prefix, settings.Timeout()))
	if err != nil && ctx.Err() != nil {
		return errors.Join(errInterrupted, err)
	}
	return err
}

// checkName refuses names that cannot be part of a subject. kind is stream or
// consumer.
func checkName(kind, name string) error {
	if name == "" || strings.ContainsAny(name, " \t\r\n.*>/\\") {
		return usage(fmt.Errorf("%s name %q: use a name without blanks, dots, slashes and wildcards", kind, name))
	}
	return nil
}

// group is a command that only has commands below it.
func (a *app) group(cmd *cobra.Command, below ...*cobra.Command) *cobra.Command {
	cmd.Args = func(cmd *cobra.Command, args []string) error {
		if len(args) == 0 {
			return nil
		}
		text := fmt.Sprintf("unknown command %q", cmd.Name()+" "+args[0])
		if near := cmd.SuggestionsFor(args[0]); len(near) > 0 {
			return usage(fmt.Errorf("%s; did you mean %s?", text, strings.Join(near, " or ")))
		}
		return usage(fmt.Errorf("%s; `%s --help` lists the commands", text, cmd.CommandPath()))
	}
	cmd.SuggestionsMinimumDistance = 2
	cmd.RunE = func(cmd *cobra.Command, _ []string) error { return cmd.Help() }
	cmd.AddCommand(below...)
	return cmd
}

// result is what a command did, as JSON or as a note.
func (a *app) result(v any, format string, args ...any) error {
	if a.global.json {
		return a.writeJSON(v)
	}
	a.note(format, args...)
	return nil
}

// ago writes how long before now something was.
func ago(at, now time.Time) string {
	if at.IsZero() || at.Unix() <= 0 {
		return "never"
	}
	d := now.Sub(at)
	switch {
	case d < time.Second:
		return "now"
	case d < time.Minute:
		return d.Truncate(time.Second).String() + " ago"
	case d < time.Hour:
		return fmt.Sprintf("%dm ago", int(d.Minutes()))
	case d < 48*time.Hour:
		return fmt.Sprintf("%dh ago", int(d.Hours()))
	}
	return fmt.Sprintf("%dd ago", int(d.Hours()/24))
}

// moment writes a point in time for a person.
func moment(at time.Time) string {
	if at.IsZero() || at.Unix() <= 0 {
		return "never"
	}
	return at.Local().Format("2006-01-02 15:04:05.000")
}
