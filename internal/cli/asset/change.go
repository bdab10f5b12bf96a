package asset

import (
	"slices"
	"strings"
)

// Line is one field of a configuration in words.
type Line struct {
	Label string
	Text  string
}

// Shown returns what a person should see of a configuration: the fields that
// are set, and those that always matter.
func Shown[C any](c *C, fields []Field[C]) []Line {
	var lines []Line
	for i := range fields {
		f := &fields[i]
		if texts := f.get(c); len(texts) > 0 {
			lines = append(lines, Line{f.Label(), strings.Join(texts, ", ")})
		} else if f.Always {
			lines = append(lines, Line{f.Label(), f.absent()})
		}
	}
	return lines
}

// absent is what an unset field that is always shown says.
func (f *Field[C]) absent() string {
	switch {
	case f.Name == "filter":
		return "all subjects"
	case f.List || f.Value == "TEXT":
		return none
	}
	return Unlimited
}

// Change is one field that two configurations differ in. A text that is not set
// is empty.
type Change struct {
	Label string `json:"field"`
	Old   string `json:"old"`
	New   string `json:"new"`
}

// Changes returns what is different in next.
func Changes[C any](old, next *C, fields []Field[C]) []Change {
	var changes []Change
	for i := range fields {
		f := &fields[i]
		was, is := f.get(old), f.get(next)
		if !slices.Equal(was, is) {
			changes = append(changes, Change{f.Label(), strings.Join(was, ", "), strings.Join(is, ", ")})
		}
	}
	return changes
}
