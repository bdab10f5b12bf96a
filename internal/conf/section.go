package conf

import (
	"errors"
	"fmt"
	"math"
	"strings"
	"time"
)

// Section reads the options of one map. Each method takes the name of an
// option and its aliases, looks them up regardless of case, puts the value
// into dst if the option is there and reports whether it did. A value of the
// wrong kind goes into the report, and dst keeps what it had. An option set
// twice counts with its last value, with a warning. Not safe for concurrent
// use.
type Section struct {
	m      *Map
	report *Report
	title  string
	asked  map[string]bool // names in lower case
	names  []string        // as given, for suggestions
	warned map[*Entry]bool // entries of whose repetition was warned
}

// NewSection reads m and reports to r. Title names the map in errors, such as
// "tls"; it is "" for the top level.
func NewSection(m *Map, title string, r *Report) *Section {
	return &Section{m: m, report: r, title: title, asked: map[string]bool{}, warned: map[*Entry]bool{}}
}

// Pos returns where the map opens.
func (s *Section) Pos() Pos { return s.m.Pos }

// Report returns where the section reports to.
func (s *Section) Report() *Report { return s.report }

// Entry returns the entry of an option, nil if it is not there, and takes the
// option as known.
func (s *Section) Entry(names ...string) *Entry {
	s.Know(names...)
	all := s.m.all(names)
	if len(all) == 0 {
		return nil
	}
	last := all[len(all)-1]
	if s.warned[last] {
		return last
	}
	s.warned[last] = true
	for _, e := range all[:len(all)-1] {
		s.report.Warnf(last.Pos, "%q sets again what %q at line %d has set; the value here counts", last.Key, e.Key, e.Pos.Line)
	}
	return last
}

// Know takes names as known, so that Done does not report them.
func (s *Section) Know(names ...string) {
	for _, name := range names {
		if lower := strings.ToLower(name); !s.asked[lower] {
			s.asked[lower] = true
			s.names = append(s.names, name)
		}
	}
}

// Fail reports err, a problem with the value of e, with the key's name.
func (s *Section) Fail(e *Entry, err error) {
	if p, ok := errors.AsType[*Problem](err); ok {
		s.report.Errorf(p.Pos, "%q %s", e.Key, p.Text)
		return
	}
	s.report.Errorf(e.Value.Pos, "%q: %v", e.Key, err)
}

// Failf reports a problem with the value of e; the text goes on after the key.
func (s *Section) Failf(e *Entry, format string, args ...any) {
	s.report.Errorf(e.Value.Pos, "%q %s", e.Key, fmt.Sprintf(format, args...))
}

// Warnf warns of e; the text goes on after the key.
func (s *Section) Warnf(e *Entry, format string, args ...any) {
	s.report.Warnf(e.Value.Pos, "%q %s", e.Key, fmt.Sprintf(format, args...))
}

// Text reads text.
func (s *Section) Text(dst *string, names ...string) bool {
	return read(s, dst, (*Value).Text, names)
}

// Bool reads true or false.
func (s *Section) Bool(dst *bool, names ...string) bool {
	return read(s, dst, (*Value).Bool, names)
}

// Float reads a number.
func (s *Section) Float(dst *float64, names ...string) bool {
	return read(s, dst, (*Value).Float, names)
}

// Time reads a date.
func (s *Section) Time(dst *time.Time, names ...string) bool {
	return read(s, dst, (*Value).Time, names)
}

// Int reads a whole number from low to high, both included.
func (s *Section) Int(dst *int64, low, high int64, names ...string) bool {
	e := s.Entry(names...)
	if e == nil {
		return false
	}
	n, err := e.Value.Int()
	if err != nil {
		s.Fail(e, err)
		return false
	}
	switch {
	case n < low && high == math.MaxInt64:
		s.Failf(e, "is %d but must be at least %d", n, low)
		return false
	case n < low || n > high:
		s.Failf(e, "is %d but must be from %d to %d", n, low, high)
		return false
	}
	*dst = n
	return true
}

// DurationText reads a duration written as text, such as "1m30s".
func (s *Section) DurationText(dst *time.Duration, names ...string) bool {
	return read(s, dst, (*Value).Duration, names)
}

// Duration reads a duration written as text or, with a warning, as a whole
// number of seconds.
func (s *Section) Duration(dst *time.Duration, names ...string) bool {
	e := s.Entry(names...)
	if e == nil {
		return false
	}
	if n, err := e.Value.Int(); err == nil {
		if n > int64(maxDuration/time.Second) || n < -int64(maxDuration/time.Second) {
			s.Failf(e, "is %d seconds, more than a duration can hold; write a smaller number", n)
			return false
		}
		*dst = time.Duration(n) * time.Second
		s.Warnf(e, "is a bare number and taken as seconds; write \"%ds\"", n)
		return true
	}
	d, err := e.Value.Duration()
	if err != nil {
		s.Fail(e, err)
		return false
	}
	*dst = d
	return true
}

// Map opens a section for a map, nil if the option is not there or not a map.
func (s *Section) Map(names ...string) *Section {
	e := s.Entry(names...)
	if e == nil {
		return nil
	}
	return s.Sub(e)
}

// Sub opens a section for the map that e holds; not a map is reported as nil.
func (s *Section) Sub(e *Entry) *Section {
	m, err := e.Value.Map()
	if err != nil {
		s.Fail(e, err)
		return nil
	}
	return NewSection(m, s.join(e.Key), s.report)
}

// Texts reads one text or a list of texts.
func (s *Section) Texts(dst *[]string, names ...string) bool {
	e := s.Entry(names...)
	if e == nil {
		return false
	}
	texts, err := e.Value.Texts()
	if err != nil {
		s.Fail(e, err)
		return false
	}
	*dst = texts
	return true
}

// Texts returns one text as a slice of one, or a list of texts.
func (v *Value) Texts() ([]string, error) {
	if v.Kind != KindList {
		text, err := v.Text()
		if err != nil {
			return nil, err
		}
		return []string{text}, nil
	}
	out := make([]string, 0, len(v.list))
	for _, element := range v.list {
		text, err := element.Text()
		if err != nil {
			return nil, err
		}
		out = append(out, text)
	}
	return out, nil
}

// Done reports each entry that no method asked for and no variable used.
func (s *Section) Done() {
	for _, e := range s.m.entries {
		if !e.Referenced && !s.asked[strings.ToLower(e.Key)] {
			s.report.Errorf(e.Pos, "unknown field %q%s%s", e.Key, s.within(), s.wayOut(e.Key))
		}
	}
}

func (s *Section) within() string {
	if s.title == "" {
		return ""
	}
	return " in " + s.title
}

func (s *Section) wayOut(key string) string {
	if at := strings.IndexAny(key, "{["); at > 0 {
		return fmt.Sprintf("; put a blank before %q", key[at])
	}
	if near := Nearest(key, s.names); near != "" {
		return fmt.Sprintf("; did you mean %q?", near)
	}
	return "; remove it"
}

func (s *Section) join(key string) string {
	if s.title == "" {
		return key
	}
	return s.title + "." + key
}

const maxDuration = time.Duration(1<<63 - 1)

// read is the common path of the methods whose value needs no further check.
func read[T any](s *Section, dst *T, get func(*Value) (T, error), names []string) bool {
	e := s.Entry(names...)
	if e == nil {
		return false
	}
	value, err := get(e.Value)
	if err != nil {
		s.Fail(e, err)
		return false
	}
	*dst = value
	return true
}
