package ui_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tidings-io/tidings/internal/cli/ui"
)

func TestSparklinesShowTheLastValues(t *testing.T) {
	t.Parallel()
	f := func(want string, width int, values ...float64) {
		t.Helper()
		if got := ui.Sparkline(values, width); got != want {
			t.Errorf("%v: got %q, want %q", values, got, want)
		}
	}
	f("▁▂▄█", 4, 100, 0, 1, 3, 7)
	f("  ▁▁", 4, 0, -1)
	f("    ", 4)
}

func TestPlotsHaveAScale(t *testing.T) {
	t.Parallel()
	text := func(v float64) string { return ui.Count(int64(v)) }
	got := ui.Plot([]float64{9, 0, 500, 1000}, 4, 2, text)
	want := []string{"1,000 ┤   █", "    0 ┤  ██"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if got := ui.Plot(nil, 4, 1, text); len(got) != 1 || !strings.HasPrefix(got[0], "1 ┤") {
		t.Errorf("got %q", got)
	}
}

func TestDialogsAndLivePartsNeedATerminal(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	s := ui.NewScreen(ui.NewPrinter(&out), ui.NewPrinter(&out), ui.ColorNever, noEnvironment)
	if _, err := s.Dialog(strings.NewReader("y\n")); !errors.Is(err, ui.ErrNoTerminal) {
		t.Errorf("got %v", err)
	}
	if _, ok := s.NewLive(); ok {
		t.Error("a buffer is taken for a terminal")
	}
}
