package conf

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Pos is a place in a configuration. Line and Col count from 1; Col counts
// bytes. The zero Pos stands for no place, such as a command-line flag.
type Pos struct {
	File string
	Line int
	Col  int
}

// IsZero reports whether p names no place.
func (p Pos) IsZero() bool { return p == Pos{} }

// String returns "file:line:col", or "" for the zero Pos.
func (p Pos) String() string {
	if p.IsZero() {
		return ""
	}
	return fmt.Sprintf("%s:%d:%d", p.File, p.Line, p.Col)
}

// Problem is one error or warning and its place.
type Problem struct { //nolint:errname // it may be a warning as well
	Pos  Pos
	Text string
}

// Error returns "file:line:col: text", or only the text without a place.
func (p *Problem) Error() string { return p.String() }

// String returns the same text as Error.
func (p *Problem) String() string {
	if p.Pos.IsZero() {
		return p.Text
	}
	return p.Pos.String() + ": " + p.Text
}

// Errors is what a configuration was refused for: at least one problem, in the
// order of places.
type Errors []*Problem

// Error returns one line for each problem.
func (e Errors) Error() string {
	lines := make([]string, len(e))
	for i, p := range e {
		lines[i] = p.String()
	}
	return strings.Join(lines, "\n")
}

// Unwrap gives errors.As access to each problem.
func (e Errors) Unwrap() []error {
	out := make([]error, len(e))
	for i, p := range e {
		out[i] = p
	}
	return out
}

// Report collects the problems found while a configuration is read. The zero
// Report is empty and ready to use. Not safe for concurrent use.
type Report struct {
	errors   []*Problem
	warnings []*Problem
	dropped  int // errors beyond MaxErrors
}

// Errorf adds an error at pos.
func (r *Report) Errorf(pos Pos, format string, args ...any) {
	if len(r.errors) >= MaxErrors {
		r.dropped++
		return
	}
	r.errors = append(r.errors, &Problem{pos, bounded(fmt.Sprintf(format, args...))})
}

// Warnf adds a warning at pos. Warnings beyond MaxErrors are left out.
func (r *Report) Warnf(pos Pos, format string, args ...any) {
	if len(r.warnings) < MaxErrors {
		r.warnings = append(r.warnings, &Problem{pos, bounded(fmt.Sprintf(format, args...))})
	}
}

// bounded cuts a text that quotes very long input.
func bounded(text string) string {
	if len(text) <= maxProblemText {
		return text
	}
	return strings.ToValidUTF8(text[:maxProblemText], "") + " ..."
}

// Failed reports whether an error was added.
func (r *Report) Failed() bool { return len(r.errors) > 0 }

// Err returns all errors in order of place as [Errors], nil if there are none.
func (r *Report) Err() error {
	if len(r.errors) == 0 {
		return nil
	}
	out := inOrder(r.errors)
	if r.dropped > 0 {
		out = append(out, &Problem{Text: "more errors are not listed; mend these first"})
	}
	return Errors(out)
}

// Warnings returns all warnings in order of place.
func (r *Report) Warnings() []*Problem { return inOrder(r.warnings) }

// inOrder sorts by file in order of first mention, then by line and column.
func inOrder(problems []*Problem) []*Problem {
	rank := map[string]int{}
	for _, p := range problems {
		if _, ok := rank[p.Pos.File]; !ok {
			rank[p.Pos.File] = len(rank)
		}
	}
	out := slices.Clone(problems)
	slices.SortStableFunc(out, func(a, b *Problem) int {
		return cmp.Or(
			cmp.Compare(rank[a.Pos.File], rank[b.Pos.File]),
			cmp.Compare(a.Pos.Line, b.Pos.Line),
			cmp.Compare(a.Pos.Col, b.Pos.Col),
		)
	})
	return out
}
