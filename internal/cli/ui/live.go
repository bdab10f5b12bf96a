package ui

import (
	"fmt"
	"os"
	"strings"

	"github.com/jedib0t/go-pretty/v6/text"
	"golang.org/x/term"
)

// Live is a part of the terminal that is drawn again and again in the same
// place.
type Live struct {
	screen *Screen
	lines  int // of the drawing before
}

const (
	defaultWidth  = 80
	defaultHeight = 24
)

// NewLive returns a live part of Out; ok is false if Out is no terminal: then
// lines should be printed one after the other instead.
func (s *Screen) NewLive() (live *Live, ok bool) {
	if !s.OutIsTerminal() {
		return nil, false
	}
	return &Live{screen: s}, true
}

// Leave lets what was drawn stand; the next drawing begins below it.
func (l *Live) Leave() { l.lines = 0 }

// Size returns the columns and lines there are.
func (l *Live) Size() (width, height int) {
	if f, ok := l.screen.Out.w.(*os.File); ok {
		if w, h, err := term.GetSize(int(f.Fd())); err == nil && w > 0 && h > 0 {
			return w, h
		}
	}
	return defaultWidth, defaultHeight
}

// Draw replaces what was drawn before by a drawing of one or more lines. What is
// beyond the width and height of the terminal is cut off.
func (l *Live) Draw(drawing string) {
	width, height := l.Size()
	lines := strings.Split(strings.TrimRight(drawing, "\n"), "\n")
	lines = lines[:min(len(lines), height-1)]
	var out strings.Builder
	if l.lines > 0 {
		fmt.Fprintf(&out, "\x1b[%dA", l.lines)
	}
	for _, line := range lines {
		out.WriteString("\r\x1b[2K" + text.Trim(line, width) + "\n") // a wrapped line would count twice
	}
	out.WriteString("\x1b[J") // what was longer before
	l.lines = len(lines)
	l.screen.Out.Print(out.String())
}

// OutIsTerminal reports whether Out is a terminal.
func (s *Screen) OutIsTerminal() bool { return IsTerminal(s.Out.w) }
