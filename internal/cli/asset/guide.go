package asset

import (
	"fmt"
	"strings"
)

// Question is one question of a guide.
type Question struct {
	Label   string
	Text    string // one sentence that explains
	Choices []Choice
	Default string // what an empty answer stands for; may be empty itself
}

// Ask puts a question and returns the answer, the default if nothing was typed.
// problem says why the answer before was not taken; "" the first time.
type Ask func(q Question, problem string) (string, error)

// Guide asks for the fields that have a question, but for those that skip
// names, and writes the answers into c.
func Guide[C any](c *C, fields []Field[C], skip func(name string) bool, ask Ask) error {
	for i := range fields {
		f := &fields[i]
		if f.Question == "" || skip(f.Name) || f.Asked != nil && !f.Asked(c) {
			continue
		}
		if err := f.ask(c, ask); err != nil {
			return err
		}
	}
	return nil
}

func (f *Field[C]) ask(c *C, ask Ask) error {
	q := Question{Label: f.Label(), Text: f.Question, Choices: f.Choices, Default: strings.Join(f.get(c), ", ")}
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
		if answer == q.Default {
			return nil // what is not set stays so: the server chooses
		}
		if err = f.set(c, []string{answer}); err == nil {
			return nil
		}
		problem = fmt.Sprintf("%s: %s", f.Label(), err)
	}
}
