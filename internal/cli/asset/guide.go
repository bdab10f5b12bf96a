package asset

import (
	"fmt"
	"slices"
	"strings"
)

// Question is one question of a guide.
type Question struct {
	Label   string
	Text    string // one sentence that explains
	Choices []Choice
	Default string // what an empty answer stands for; may be empty itself
}

// Words returns what can be answered, if that is one of a few words.
func (q *Question) Words() []string {
	var words []string
	for _, c := range q.Choices {
		words = append(words, c.Word)
	}
	return words
}

// Ask puts a question and returns the answer, the default if nothing was typed.
// problem says why the answer before was not taken; "" the first time.
type Ask func(q Question, problem string) (string, error)

// Guide asks for the fields that have a question, but for those that skip
// names, and writes the answers into c. An answer with which check finds fault
// is asked for again.
func Guide[C any](c *C, fields []Field[C], skip func(name string) bool, check func(*C) error, ask Ask) error {
	for i := range fields {
		f := &fields[i]
		if f.Question == "" || skip(f.Name) || f.Asked != nil && !f.Asked(c) {
			continue
		}
		if err := f.ask(c, check, ask); err != nil {
			return err
		}
	}
	return nil
}

func (f *Field[C]) ask(c *C, check func(*C) error, ask Ask) error {
	q := Question{Label: f.Label(), Text: f.Question, Choices: f.asked(), Default: strings.Join(f.get(c), ", ")}
	switch {
	case q.Default != "":
	case f.Value == "":
		q.Default = "no"
	default:
		q.Default = f.Usual
	}
	for problem := ""; ; {
		answer, err := ask(q, problem)
		if err != nil {
			return err
		}
		next := *c // setting a field replaces what it has in common with c
		if answer != q.Default {
			err = f.set(&next, []string{answer}) // what is not set stays so: the server chooses
		}
		if err == nil {
			err = check(&next)
		}
		if err == nil {
			*c = next
			return nil
		}
		problem = fmt.Sprintf("%s: %s", f.Label(), err)
	}
}

// asked returns the choices that a guide offers.
func (f *Field[C]) asked() []Choice {
	return slices.DeleteFunc(slices.Clone(f.Choices), func(c Choice) bool { return c.Word == f.Rare })
}

// Flags returns the flags that make next of old, for a shell.
func Flags[C any](old, next *C, fields []Field[C]) []string {
	var flags []string
	for i := range fields {
		f := &fields[i]
		was, is := f.get(old), f.get(next)
		switch {
		case slices.Equal(was, is) || f.NoFlag:
		case f.Value == "" && len(is) > 0:
			flags = append(flags, "--"+f.Name)
		case f.Value == "":
			flags = append(flags, "--"+f.Name+"=false")
		default:
			flags = append(flags, "--"+f.Name+" "+Quote(strings.Join(is, ",")))
		}
	}
	return flags
}

// Quote writes a word so that a shell takes it as it is.
func Quote(word string) string {
	plain := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("-_./,:=@%+", r)
	}
	if word != "" && !strings.ContainsFunc(word, func(r rune) bool { return !plain(r) }) {
		return word
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}
