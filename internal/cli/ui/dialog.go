package ui

import (
	"bufio"
	"io"
	"strings"
)

// Dialog asks questions one after the other on Err and reads the answers, a
// line each, from one stream. Nothing else may read from that stream.
type Dialog struct {
	screen *Screen
	in     *bufio.Reader
}

// NewDialog returns a dialog with the person at the terminal in.
//
// Errors: [ErrNoTerminal] if nobody is there to answer.
func (s *Screen) NewDialog(in io.Reader) (*Dialog, error) {
	if !IsTerminal(in) {
		return nil, ErrNoTerminal
	}
	return &Dialog{screen: s, in: bufio.NewReader(in)}, nil
}

// Say shows a line that needs no answer.
func (d *Dialog) Say(line string) { d.screen.Err.Println(line) }

// Ask shows a prompt and returns the answer without blanks around it.
func (d *Dialog) Ask(prompt string) (string, error) {
	d.screen.Err.Print(prompt)
	line, err := d.in.ReadString('\n')
	if err != nil {
		d.screen.Err.Println()
		return "", err
	}
	return strings.TrimSpace(line), nil
}

// Confirm asks a yes-or-no question; an empty answer is the usual one.
func (d *Dialog) Confirm(question string, usual bool) (bool, error) {
	choices := " [y/N] "
	if usual {
		choices = " [Y/n] "
	}
	answer, err := d.Ask(question + choices)
	if err != nil {
		return false, err
	}
	switch strings.ToLower(answer) {
	case "":
		return usual, nil
	case "y", "yes":
		return true, nil
	}
	return false, nil
}
