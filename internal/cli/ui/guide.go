package ui

import (
	"bufio"
	"io"
	"strings"
)

// Guide asks a person a series of questions on Err, with a preset for each. It
// reads a stream only as far as its lines go; ask no other way meanwhile.
type Guide struct {
	screen *Screen
	in     *bufio.Reader
}

// Guide returns a guide that reads answers from in. Whoever makes one has found
// that somebody is there to answer; see [IsTerminal].
func (s *Screen) Guide(in io.Reader) *Guide { return &Guide{s, bufio.NewReader(in)} }

// Ask asks until take accepts the answer; its error is shown as the reason to
// ask again. An empty answer is the preset. It fails if the answers end.
func (g *Guide) Ask(question, preset string, take func(answer string) error) error {
	for {
		g.screen.Err.Print(question)
		if preset != "" {
			g.screen.Err.Print(" [" + preset + "]")
		}
		g.screen.Err.Print(": ")
		line, err := g.in.ReadString('\n')
		if err != nil {
			g.screen.Err.Println()
			return err
		}
		answer := strings.TrimSpace(line)
		if answer == "" {
			answer = preset
		}
		wrong := take(answer)
		if wrong == nil {
			return nil
		}
		g.screen.Err.Println("  " + wrong.Error())
	}
}

// Confirm asks a yes-or-no question; anything but y or yes is a no.
func (g *Guide) Confirm(question string) (yes bool, err error) {
	err = g.Ask(question, "y/N", func(answer string) error {
		answer = strings.ToLower(answer)
		yes = answer == "y" || answer == "yes"
		return nil
	})
	return yes, err
}
