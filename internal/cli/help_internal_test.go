package cli

import (
	"io"
	"strings"
	"testing"
	"time"

	"github.com/spf13/cobra"

	"github.com/tidings-io/tidings/internal/cli/ui"
)

func newTestApp() *app {
	a := &app{in: strings.NewReader(""), out: ui.NewPrinter(io.Discard), errOut: ui.NewPrinter(io.Discard), getenv: func(string) string { return "" }}
	a.screen = ui.NewScreen(a.out, a.errOut, ui.ColorNever, a.getenv)
	return a
}

// each calls f for every command that is not a help topic.
func each(cmd *cobra.Command, f func(*cobra.Command)) {
	if cmd.Runnable() {
		f(cmd)
	}
	for _, sub := range cmd.Commands() {
		each(sub, f)
	}
}

func TestEveryCommandHasAHelpTextWithAnExample(t *testing.T) {
	t.Parallel()
	each(newTestApp().rootCommand(), func(cmd *cobra.Command) {
		if cmd.Short == "" || strings.HasSuffix(cmd.Short, ".") {
			t.Errorf("%s: short text %q", cmd.CommandPath(), cmd.Short)
		}
		if cmd.Example == "" && cmd.Name() != "serve" { // its text is serveHelp
			t.Errorf("%s has no example", cmd.CommandPath())
		}
	})
}

func TestExamplesNameCommandsAndFlagsThereAre(t *testing.T) {
	t.Parallel()
	var examples []string
	each(newTestApp().rootCommand(), func(cmd *cobra.Command) {
		examples = append(examples, strings.Split(cmd.Example, "\n")...)
	})
	count := 0
	for _, line := range examples {
		_, command, ok := strings.Cut(line, "tidings ")
		if !ok {
			continue
		}
		count++
		args := shellWords(strings.TrimSuffix(command, ")"))
		root := newTestApp().rootCommand()
		cmd, rest, err := root.Find(args)
		if err != nil || cmd == root {
			t.Errorf("%q: no such command: %v", line, err)
			continue
		}
		if cmd.DisableFlagParsing || line == "  tidings serve                          start a server on 127.0.0.1:4222" {
			continue
		}
		if err := cmd.ParseFlags(rest); err != nil {
			t.Errorf("%q: %v", line, err)
		}
	}
	if count < 30 {
		t.Errorf("only %d examples were found", count)
	}
}

// shellWords splits a line the way a shell does, as far as examples need it.
func shellWords(line string) []string {
	var words []string
	var word strings.Builder
	quote, open := rune(0), false
	for _, r := range line {
		switch {
		case quote != 0 && r == quote:
			quote = 0
		case quote == 0 && (r == '\'' || r == '"'):
			quote, open = r, true
		case quote == 0 && r == ' ':
			if open {
				words = append(words, word.String())
			}
			word.Reset()
			open = false
		default:
			word.WriteRune(r)
			open = true
		}
	}
	if open {
		words = append(words, word.String())
	}
	return words
}

func TestServersAreToldFromOtherCommands(t *testing.T) {
	t.Parallel()
	f := func(want bool, args ...string) {
		t.Helper()
		if got := isServer(strings.Join(args, "\x00") + "\x00"); got != want {
			t.Errorf("%q: got %v", args, got)
		}
	}
	f(true, "/usr/bin/nats-server", "-p", "4222")
	f(true, "tidings", "serve")
	f(false, "tidings", "sub", "serve")
	f(false, "tidings", "serve", "--signal", "stop")
	f(false, "nats-server", "-sl=stop")
	f(false, "")
}

func TestRandomTextsHaveTheLengthAskedFor(t *testing.T) {
	t.Parallel()
	for range 200 {
		text, err := (&templateData{}).Random(3, 5)
		if err != nil || len(text) < 3 || len(text) > 5 {
			t.Fatalf("got %q, %v", text, err)
		}
	}
}

func TestRoundTripsAreSummarizedByNearestRank(t *testing.T) {
	t.Parallel()
	got := summarize(durations(100))
	want := roundTrips{Count: 100, Min: 1, Average: 50, P50: 50, P90: 90, P99: 99, Max: 100}
	if got != want {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	got = summarize(durations(1))
	want = roundTrips{Count: 1, Min: 1, Average: 1, P50: 1, P90: 1, P99: 1, Max: 1}
	if got != want {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}

// durations returns n, n-1 … 1 nanoseconds.
func durations(n int) []time.Duration {
	out := make([]time.Duration, n)
	for i := range out {
		out[i] = time.Duration(n - i)
	}
	return out
}
