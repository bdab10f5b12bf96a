package ui

import (
	"context"
	"errors"
	"io"
	"os"
	"slices"
	"strings"

	"golang.org/x/term"
)

// ErrNoTerminal is returned when a question cannot be asked because nobody is
// there to answer it.
var ErrNoTerminal = errors.New("nobody can be asked: standard input or standard error is not a terminal")

// ErrAborted is returned when a person ended a dialog instead of answering: with
// Ctrl-C, Esc, or Ctrl-D on an empty line.
var ErrAborted = errors.New("ended by the person")

// Dialog asks questions one after the other on Err and reads the answers, a
// line each, from one terminal. Lines can be edited, earlier answers come back
// with the arrow keys, and Tab completes words. Nothing else may read from that
// terminal.
type Dialog struct {
	screen *Screen
	file   *os.File
	editor *term.Terminal
}

// Interactive reports whether a person at the terminal in sees what is asked.
func (s *Screen) Interactive(in io.Reader) bool { return s.terminal && IsTerminal(in) }

// Dialog returns the dialog with the person at the terminal in, the same one
// each time, as it holds what was typed ahead.
//
// Errors: [ErrNoTerminal] if nobody is there to answer.
func (s *Screen) Dialog(in io.Reader) (*Dialog, error) {
	if !s.Interactive(in) {
		return nil, ErrNoTerminal
	}
	return s.dialogOn(in.(*os.File)), nil
}

func (s *Screen) dialogOn(file *os.File) *Dialog {
	if s.dialog == nil {
		s.dialog = &Dialog{screen: s, file: file, editor: term.NewTerminal(keyboard{file, s.Err}, "")}
	}
	return s.dialog
}

// keyboard is a terminal on which Esc ends a dialog as Ctrl-C does. An Esc that
// nothing follows is the key; one that begins the code of another key comes with
// the rest of it.
type keyboard struct {
	in  io.Reader
	out io.Writer
}

const (
	keyCtrlC = 3
	keyEsc   = 27
)

func (k keyboard) Read(p []byte) (int, error) {
	n, err := k.in.Read(p)
	if n > 0 && p[n-1] == keyEsc {
		p[n-1] = keyCtrlC
	}
	return n, err
}

func (k keyboard) Write(p []byte) (int, error) { return k.out.Write(p) }

// Say shows a line that needs no answer.
func (d *Dialog) Say(line string) { d.screen.Err.Println(line) }

// Ask shows a prompt and returns the answer without blanks around it. Tab
// completes the beginning of one of the words.
//
// Errors: [ErrAborted], also when ctx ends.
func (d *Dialog) Ask(ctx context.Context, prompt string, words ...string) (string, error) {
	d.editor.SetPrompt(prompt)
	d.editor.AutoCompleteCallback = completion(words)
	answer, err := d.read(ctx, d.editor.ReadLine)
	return strings.TrimSpace(answer), err
}

// Confirm asks a yes-or-no question until the answer is one; an empty answer is
// the usual one.
func (d *Dialog) Confirm(ctx context.Context, question string, usual bool) (bool, error) {
	choices := " [y/N] "
	if usual {
		choices = " [Y/n] "
	}
	for {
		answer, err := d.Ask(ctx, question+choices)
		if err != nil {
			return false, err
		}
		switch strings.ToLower(answer) {
		case "":
			return usual, nil
		case "y", "yes":
			return true, nil
		case "n", "no":
			return false, nil
		}
		d.Say("  answer y or n")
	}
}

// answer is what one reading of a line returned.
type answer struct {
	text string
	err  error
}

// read reads a line while the terminal leaves keys to the editor. Its goroutine
// ends with the line; if ctx ends first, with the process, as a read from a
// terminal cannot be given up.
func (d *Dialog) read(ctx context.Context, line func() (string, error)) (string, error) {
	fd := int(d.file.Fd())
	state, err := term.MakeRaw(fd)
	if err != nil {
		return "", err
	}
	if width, height, err := term.GetSize(fd); err == nil && width > 0 {
		_ = d.editor.SetSize(width, height) // it redraws, which Write has the error of
	}
	answers := make(chan answer, 1)
	go func() {
		text, err := line()
		answers <- answer{text, err}
	}()
	var a answer
	select {
	case a = <-answers:
	case <-ctx.Done():
		a.err = io.EOF
	}
	err = term.Restore(fd, state)
	if errors.Is(a.err, io.EOF) {
		d.screen.Err.Println() // what comes next is not behind the prompt
		a.err = ErrAborted
	}
	return a.text, errors.Join(a.err, err)
}

// completion completes the only word that begins like the line.
func completion(words []string) func(line string, pos int, key rune) (string, int, bool) {
	return func(line string, pos int, key rune) (string, int, bool) {
		if key != '\t' {
			return "", 0, false
		}
		fits := slices.DeleteFunc(slices.Clone(words), func(word string) bool { return !strings.HasPrefix(word, line[:pos]) })
		if len(fits) != 1 {
			return line, pos, true // a tab is no part of an answer
		}
		return fits[0], len(fits[0]), true
	}
}
