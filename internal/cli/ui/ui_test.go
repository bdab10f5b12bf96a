package ui_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/tidings-io/tidings/internal/cli/ui"
)

func noEnvironment(string) string { return "" }

func TestTextsCannotActOnTheTerminal(t *testing.T) {
	t.Parallel()
	f := func(in, want string) {
		t.Helper()
		if got := ui.Printable(in); got != want {
			t.Errorf("Printable(%q): got %q, want %q", in, got, want)
		}
	}
	f("plain\n\ttext äöü €", "plain\n\ttext äöü €")
	f("\x1b[31mred", `\x1b[31mred`)
	f("a\rb\x00\x7f", `a\x0db\x00\x7f`)
	f("\xff\xfe", `\xff\xfe`)
	f("\u009b31m\u202e", `\u009b31m\u202e`)
	f("", "")
}

func FuzzPrintableHasNoControlCharacters(f *testing.F) {
	f.Add("a\x1b]0;x\x07\xc3\x28")
	f.Fuzz(func(t *testing.T, in string) {
		got := ui.Printable(in)
		if !utf8.ValidString(got) {
			t.Errorf("%q: not UTF-8", got)
		}
		for _, r := range got {
			if r < ' ' && r != '\n' && r != '\t' || r == 0x7f || r >= 0x80 && r < 0xa0 {
				t.Errorf("%q contains %U", got, r)
			}
		}
		if ui.Printable(got) != got {
			t.Errorf("%q is changed again", got)
		}
	})
}

func TestNumbersAreWrittenForPeople(t *testing.T) {
	t.Parallel()
	f := func(got, want string) {
		t.Helper()
		if got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	f(ui.Count(0), "0")
	f(ui.Count(999), "999")
	f(ui.Count(1000), "1,000")
	f(ui.Count(int64(-1234567)), "-1,234,567")
	f(ui.Bytes(0), "0 B")
	f(ui.Bytes(1023), "1023 B")
	f(ui.Bytes(1536), "1.5 KiB")
	f(ui.Bytes(1020*1024), "999 KiB")
	f(ui.Bytes(5<<40), "5 TiB")
	f(ui.Bytes(5<<60), "999 TiB")
	f(ui.Duration(0), "0s")
	f(ui.Duration(999), "999ns")
	f(ui.Duration(84213), "84.21µs")
	f(ui.Duration(1251234), "1.25ms")
	f(ui.Duration(90*time.Second+time.Millisecond), "1m30s")
}

func TestTablesAlignNumbersToTheRight(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	s := ui.NewScreen(ui.NewPrinter(&out), ui.NewPrinter(&out), ui.ColorNever, noEnvironment)
	s.Table([]string{"name", "count"}, [][]string{{"a", "1"}, {"long\x1b", "100"}}, 2)
	want := "name      count\na             1\nlong\\x1b    100\n"
	if diff := cmp.Diff(want, out.String()); diff != "" {
		t.Error(diff)
	}
}

func TestColoursAppearOnlyWhereTheyAreWanted(t *testing.T) {
	t.Parallel()
	f := func(mode string, want bool) {
		t.Helper()
		s := ui.NewScreen(ui.NewPrinter(&bytes.Buffer{}), ui.NewPrinter(&bytes.Buffer{}), mode, noEnvironment)
		if got := strings.Contains(s.Strong("x")+s.Faint("x")+s.Subject("x"), "\x1b"); got != want || s.Color() != want {
			t.Errorf("%s: colours %v", mode, got)
		}
	}
	f(ui.ColorAlways, true)
	f(ui.ColorNever, false)
	f(ui.ColorAuto, false) // a buffer is no terminal
}

func TestHistogramBarsAreInProportion(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	ui.Histogram(ui.NewPrinter(&out), []ui.Bar{{"≤ 1ms", 1}, {"≤ 10ms", 4000}, {"≤ 5s", 2000}, {"≤ 9s", 0}})
	full := strings.Repeat("#", 40)
	want := "   ≤ 1ms |#" + strings.Repeat(" ", 39) + "|   0.02 %  1\n" +
		"  ≤ 10ms |" + full + "|  66.66 %  4,000\n" +
		"    ≤ 5s |" + full[:20] + strings.Repeat(" ", 20) + "|  33.33 %  2,000\n" +
		"    ≤ 9s |" + strings.Repeat(" ", 40) + "|   0.00 %  0\n"
	if diff := cmp.Diff(want, out.String()); diff != "" {
		t.Error(diff)
	}
	out.Reset()
	ui.Histogram(ui.NewPrinter(&out), nil)
	ui.Histogram(ui.NewPrinter(&out), []ui.Bar{{"x", 0}})
	if !strings.Contains(out.String(), "0.00 %") {
		t.Errorf("got %q", out.String())
	}
}

func TestQuestionsNeedATerminal(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	s := ui.NewScreen(ui.NewPrinter(&out), ui.NewPrinter(&out), ui.ColorNever, noEnvironment)
	if _, err := s.Confirm(t.Context(), strings.NewReader("y\n"), "sure?"); !errors.Is(err, ui.ErrNoTerminal) {
		t.Errorf("got %v", err)
	}
	for _, in := range []string{"geheim", "geheim\n", "geheim\r\nmore"} {
		if got, err := s.Secret(t.Context(), strings.NewReader(in), "password"); got != "geheim" || err != nil {
			t.Errorf("%q: got %q, %v", in, got, err)
		}
	}
	if out.Len() != 0 {
		t.Errorf("shown: %q", out.String())
	}
}

func TestProgressShowsNothingWithoutATerminal(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	s := ui.NewScreen(ui.NewPrinter(&out), ui.NewPrinter(&out), ui.ColorAlways, noEnvironment)
	s.StartProgress([]ui.Task{{Name: "x", Total: 1, Done: func() int64 { return 1 }}}).Stop()
	if out.Len() != 0 {
		t.Errorf("shown: %q", out.String())
	}
}

type failingWriter struct{ err error }

func (w failingWriter) Write([]byte) (int, error) { return 0, w.err }

func TestPrinterKeepsTheFirstError(t *testing.T) {
	t.Parallel()
	full := errors.New("disk full")
	p := ui.NewPrinter(failingWriter{full})
	p.Printf("%d", 1)
	p.Println()
	if !errors.Is(p.Err(), full) {
		t.Errorf("got %v", p.Err())
	}
}
