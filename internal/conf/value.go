package conf

import (
	"fmt"
	"strings"
	"time"
)

// Kind is the type of a value.
type Kind int

// The kinds of values.
const (
	KindText  Kind = iota // any text, bare, quoted or block
	KindInt               // whole number, units applied
	KindFloat             // number with a decimal point
	KindBool              // true, false, yes, no, on, off
	KindTime              // date and time, UTC
	KindList              // array
	KindMap               // map
)

var kindNames = [...]string{
	KindText:  "text",
	KindInt:   "a whole number",
	KindFloat: "a decimal number",
	KindBool:  "a boolean",
	KindTime:  "a date",
	KindList:  "a list",
	KindMap:   "a map",
}

// String returns the kind as error texts spell it, with its article.
func (k Kind) String() string {
	if k < 0 || int(k) >= len(kindNames) {
		return fmt.Sprintf("kind %d", int(k))
	}
	return kindNames[k]
}

// Value is one value of a configuration. The accessors return an error, a
// [*Problem] with the value's place, when the value is of another kind; the
// text of that error never shows the value, which may be a password.
type Value struct {
	// Pos is where the value stands; for a variable, where it is used.
	Pos Pos
	// Kind is the type of the value.
	Kind Kind
	// Variable is the name of the variable the value came from, "" if none.
	Variable string

	text   string
	number int64
	float  float64
	truth  bool
	when   time.Time
	list   []*Value
	fields *Map
	size   size // of this tree
}

// wrongKind says what the value is and must be, with advice that may be "".
func (v *Value) wrongKind(want, advice string) error {
	got := v.Kind.String()
	if v.Variable != "" {
		got = fmt.Sprintf("%s from variable $%s", got, v.Variable)
	}
	if advice != "" {
		advice = "; " + advice
	}
	return &Problem{v.Pos, fmt.Sprintf("is %s but must be %s%s", got, want, advice)}
}

// Text returns the text of a KindText value.
func (v *Value) Text() (string, error) {
	if v.Kind == KindText {
		return v.text, nil
	}
	if v.Kind == KindList || v.Kind == KindMap {
		return "", v.wrongKind("text", "")
	}
	return "", v.wrongKind("text", "put it in quotes")
}

// Int returns the number of a KindInt value.
func (v *Value) Int() (int64, error) {
	if v.Kind == KindInt {
		return v.number, nil
	}
	if v.Kind == KindText {
		if number, unit, ok := cutUnit(v.text); ok {
			return 0, &Problem{v.Pos, fmt.Sprintf("%s%s: unknown unit %q; write %sMB, or another of K, KB, M, MB, G, GB, T, TB", number, unit, unit, number)}
		}
		return 0, v.wrongKind("a whole number", "write it without quotes; units such as 64KB or 1MB are fine")
	}
	return 0, v.wrongKind("a whole number", "")
}

// cutUnit splits a short text such as 8XB into its digits and letters. Longer ones
// are not numbers that somebody mistyped, and may be secrets.
func cutUnit(text string) (number, unit string, ok bool) {
	number = strings.TrimRight(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")
	unit = text[len(number):]
	if number == "" || len(unit) < 1 || len(unit) > 3 || len(number) > 12 || strings.Trim(number, "0123456789") != "" {
		return "", "", false
	}
	return number, unit, true
}

// Float returns the number of a KindFloat or KindInt value.
func (v *Value) Float() (float64, error) {
	switch v.Kind {
	case KindFloat:
		return v.float, nil
	case KindInt:
		return float64(v.number), nil
	default:
		return 0, v.wrongKind("a number", "")
	}
}

// Bool returns the truth of a KindBool value.
func (v *Value) Bool() (bool, error) {
	if v.Kind == KindBool {
		return v.truth, nil
	}
	return false, v.wrongKind("true or false", "write true, false, yes, no, on or off without quotes")
}

// Time returns the instant of a KindTime value, in UTC.
func (v *Value) Time() (time.Time, error) {
	if v.Kind == KindTime {
		return v.when, nil
	}
	return time.Time{}, v.wrongKind("a date", "write it as 2026-01-31T12:00:00Z")
}

// Duration returns a duration written as text ("1m30s").
func (v *Value) Duration() (time.Duration, error) {
	if v.Kind != KindText {
		return 0, v.wrongKind("a duration", `write a number with a unit, such as "500ms", "10s" or "1m30s"`)
	}
	d, err := time.ParseDuration(v.text)
	if err != nil {
		return 0, &Problem{v.Pos, fmt.Sprintf(`%q is not a duration; write a number with a unit, such as "500ms", "10s" or "1m30s"`, v.text)}
	}
	return d, nil
}

// List returns the elements of a KindList value. The caller must not change
// the slice.
func (v *Value) List() ([]*Value, error) {
	if v.Kind == KindList {
		return v.list, nil
	}
	return nil, v.wrongKind("a list", "put it in [ ]")
}

// Map returns the entries of a KindMap value.
func (v *Value) Map() (*Map, error) {
	if v.Kind == KindMap {
		return v.fields, nil
	}
	return nil, v.wrongKind("a map", "put it in { }")
}
