package ui

import (
	"fmt"
	"os"

	"golang.org/x/term"
)

// The values of --color.
const (
	ColorAuto   = "auto"
	ColorAlways = "always"
	ColorNever  = "never"
)

// ColorModes lists the values of --color.
var ColorModes = []string{ColorAuto, ColorAlways, ColorNever}

// Screen is a pair of output streams and what they can show. Its methods are
// not safe for concurrent use.
type Screen struct {
	Out *Printer // results
	Err *Printer // everything else a person reads

	color    bool // on Out
	terminal bool // Err is a terminal

	dialog *Dialog // once there was a question
}

// NewScreen returns a screen over the streams. color is one of [ColorModes];
// "auto" shows colours if out is a terminal and NO_COLOR is not set.
func NewScreen(out, err *Printer, color string, getenv func(string) string) *Screen {
	s := &Screen{Out: out, Err: err, terminal: IsTerminal(err.w)}
	switch color {
	case ColorAlways:
		s.color = true
	case ColorAuto:
		s.color = IsTerminal(out.w) && getenv("NO_COLOR") == "" && getenv("TERM") != "dumb"
	}
	return s
}

// Live reports whether progress can be shown: standard error is a terminal.
func (s *Screen) Live() bool { return s.terminal }

// Color reports whether colours are shown on Out.
func (s *Screen) Color() bool { return s.color }

// IsTerminal reports whether a stream is a terminal.
func IsTerminal(stream any) bool {
	f, ok := stream.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

const (
	ansiReset = "\x1b[0m"
	ansiBold  = "\x1b[1m"
	ansiFaint = "\x1b[2m"
	ansiCyan  = "\x1b[36m"
	ansiRed   = "\x1b[31m"
	ansiGreen = "\x1b[32m"
)

// Strong marks the text that matters most on a line.
func (s *Screen) Strong(text string) string { return s.paint(ansiBold, text) }

// Faint marks text of lesser importance.
func (s *Screen) Faint(text string) string { return s.paint(ansiFaint, text) }

// Subject marks a subject.
func (s *Screen) Subject(text string) string { return s.paint(ansiCyan, text) }

// Removed marks what goes, as in a difference.
func (s *Screen) Removed(text string) string { return s.paint(ansiRed, text) }

// Added marks what comes, as in a difference.
func (s *Screen) Added(text string) string { return s.paint(ansiGreen, text) }

func (s *Screen) paint(code, text string) string {
	if !s.color || text == "" {
		return text
	}
	return fmt.Sprint(code, text, ansiReset)
}
