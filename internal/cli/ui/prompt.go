package ui

import (
	"bufio"
	"errors"
	"io"
	"os"
	"strings"

	"golang.org/x/term"
)

// ErrNoTerminal is returned when a question cannot be asked because nobody is
// there to answer it.
var ErrNoTerminal = errors.New("standard input is not a terminal")

// Confirm asks a yes-or-no question on Err; anything but y or yes is a no.
//
// Errors: [ErrNoTerminal]; a failed read.
func (s *Screen) Confirm(in io.Reader, question string) (bool, error) {
	if !IsTerminal(in) {
		return false, ErrNoTerminal
	}
	s.Err.Printf("%s [y/N] ", question)
	line, err := bufio.NewReader(in).ReadString('\n')
	if err != nil {
		return false, err
	}
	answer := strings.ToLower(strings.TrimSpace(line))
	return answer == "y" || answer == "yes", nil
}

// Secret reads one line without showing it: from the terminal if in is one,
// after the question; otherwise from in, so that a secret can be piped.
func (s *Screen) Secret(in io.Reader, question string) (string, error) {
	if f, ok := in.(*os.File); ok && IsTerminal(f) {
		s.Err.Printf("%s: ", question)
		secret, err := term.ReadPassword(int(f.Fd()))
		s.Err.Println()
		return string(secret), err
	}
	line, err := bufio.NewReader(in).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return "", err
	}
	return strings.TrimRight(line, "\r\n"), nil
}
