package conversation

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"regexp"
	"slices"
	"strings"
)

// keepAll passes over nothing.
func keepAll(line) bool { return false }

// unasked passes over what the server sends on its own.
func unasked(l line) bool {
	return !l.payload && (l.text == "PING" || strings.HasPrefix(l.text, "INFO "))
}

// unaskedBut is unasked, except for the kind of line that want asks for.
func unaskedBut(want string) func(line) bool {
	if want == "PING" || strings.HasPrefix(want, "INFO ") {
		verb, _, _ := strings.Cut(want, " ")
		return func(l line) bool { return unasked(l) && !strings.HasPrefix(l.text, verb) }
	}
	return unasked
}

// join is the text of several lines as they came.
func join(lines []line) string {
	texts := make([]string, len(lines))
	for i, l := range lines {
		texts[i] = l.text
	}
	return strings.Join(texts, "\r\n")
}

// lineCount is how many lines a text stands for.
func lineCount(text string) int { return strings.Count(text, "\r\n") + 1 }

// arrived describes what came instead of a whole expectation.
func arrived(lines []line, err error) string {
	if len(lines) == 0 {
		return "(" + err.Error() + ")"
	}
	return join(lines) + " (then " + err.Error() + ")"
}

func (a *expectAction) perform(s *session) error {
	c, err := s.conn(a.conn)
	if err != nil {
		return err
	}
	want, err := a.want.expand(s.vars)
	if err != nil {
		return err
	}
	n := lineCount(want)
	for range a.repeat {
		got, err := c.lines(n, unaskedBut(want), s.deadline())
		switch {
		case err == nil && join(got) == want:
			c.take(n)
		case a.optional && (err == nil || errors.Is(err, errClosed)):
			return nil
		case err != nil:
			return c.mismatch(want, arrived(got, err))
		default:
			return c.mismatch(want, join(got))
		}
	}
	return nil
}

func (a *patternAction) perform(s *session) error {
	c, err := s.conn(a.conn)
	if err != nil {
		return err
	}
	re, err := compilePattern(a.pattern, s.vars)
	if err != nil {
		return err
	}
	n := strings.Count(a.pattern, `\r\n`) + 1
	for range a.repeat {
		got, err := c.lines(n, unaskedBut(a.pattern), s.deadline())
		if err != nil {
			return c.mismatch("/"+a.pattern+"/", arrived(got, err))
		}
		if !s.capture(re, join(got)) {
			return c.mismatch("/"+a.pattern+"/", join(got))
		}
		c.take(n)
	}
	return nil
}

// capture matches text and stores the named groups as variables.
func (s *session) capture(re *regexp.Regexp, text string) bool {
	groups := re.FindStringSubmatch(text)
	if groups == nil {
		return false
	}
	for i, name := range re.SubexpNames() {
		if name != "" {
			s.vars[name] = groups[i]
		}
	}
	return true
}

func (a *unorderedAction) perform(s *session) error {
	c, err := s.conn(a.conn)
	if err != nil {
		return err
	}
	var open []string
	for _, t := range a.want {
		want, err := t.expand(s.vars)
		if err != nil {
			return err
		}
		open = append(open, want)
	}
	for len(open) > 0 {
		at, err := c.firstOf(open, s)
		if err != nil {
			return err
		}
		c.take(lineCount(open[at]))
		open = slices.Delete(open, at, at+1)
	}
	return nil
}

// firstOf finds which of the texts comes next.
func (c *conn) firstOf(texts []string, s *session) (int, error) {
	all := "any of\n        " + strings.Join(texts, "\n        ")
	first, err := c.lines(1, unasked, s.deadline())
	if err != nil {
		return 0, c.mismatch(all, arrived(first, err))
	}
	got := first
	for i, want := range texts {
		if head, _, _ := strings.Cut(want, "\r\n"); head != first[0].text {
			continue
		}
		if got, err = c.lines(lineCount(want), unasked, s.deadline()); err != nil {
			return 0, c.mismatch(all, arrived(got, err))
		}
		if join(got) == want {
			return i, nil
		}
	}
	return 0, c.mismatch(all, join(got))
}

func (a *syncAction) perform(s *session) error {
	c, err := s.conn(a.conn)
	if err != nil {
		return err
	}
	c.send("PING\r\n", nil, s.deadline())
	return (&expectAction{conn: a.conn, want: text{{literal: "PONG"}}, repeat: 1}).perform(s)
}

func (a *closedAction) perform(s *session) error {
	c, err := s.conn(a.conn)
	if err != nil {
		return err
	}
	got, err := c.lines(1, unasked, s.deadline())
	if errors.Is(err, errClosed) {
		c.note("< (closed)")
		return nil
	}
	if err != nil {
		return c.mismatch("(the connection closed)", "("+err.Error()+")")
	}
	return c.mismatch("(the connection closed)", join(got))
}

func (a *goneAction) perform(s *session) error {
	c, err := s.conn(a.conn)
	if err != nil {
		return err
	}
	for {
		_, err := c.lines(1, unasked, s.deadline())
		switch {
		case errors.Is(err, errClosed):
			c.note("< (closed)")
			return nil
		case err != nil:
			return c.mismatch("(the connection closed)", "("+err.Error()+")")
		}
		c.take(1)
	}
}

func (a *infoAction) perform(s *session) error {
	c, err := s.conn(a.conn)
	if err != nil {
		return err
	}
	want := fmt.Sprintf("INFO with at least %v", a.want)
	got, err := c.lines(1, unaskedBut("INFO "), s.deadline())
	if err != nil {
		return c.mismatch(want, arrived(got, err))
	}
	var fields map[string]any
	body, isInfo := strings.CutPrefix(got[0].text, "INFO ")
	if !isInfo || json.Unmarshal([]byte(body), &fields) != nil {
		return c.mismatch(want, got[0].text)
	}
	c.take(1)
	for _, name := range slices.Sorted(maps.Keys(a.want)) {
		if err := s.compareField(c, name, a.want[name], fields); err != nil {
			return err
		}
	}
	return nil
}

// compareField checks one field of an INFO.
func (s *session) compareField(c *conn, name string, want any, fields map[string]any) error {
	got, present := fields[name]
	if want == nil {
		if present {
			return c.mismatch(fmt.Sprintf("no INFO field %s", name), fmt.Sprintf("%s: %v", name, got))
		}
		return nil
	}
	if !present {
		return c.mismatch(fmt.Sprintf("INFO field %s: %v", name, want), "no such field")
	}
	if pattern, ok := want.(string); ok && len(pattern) > 1 && pattern[0] == '/' && pattern[len(pattern)-1] == '/' {
		re, err := compilePattern(pattern[1:len(pattern)-1], s.vars)
		if err != nil {
			return err
		}
		if !s.capture(re, fieldText(got)) {
			return c.mismatch(fmt.Sprintf("INFO field %s: %s", name, pattern), fieldText(got))
		}
		return nil
	}
	if !reflect.DeepEqual(got, want) {
		return c.mismatch(fmt.Sprintf("INFO field %s: %v", name, want), fmt.Sprintf("%v", got))
	}
	return nil
}

// fieldText is a JSON value as a pattern sees it: a text as it is, anything
// else as JSON.
func fieldText(value any) string {
	if s, ok := value.(string); ok {
		return s
	}
	body, _ := json.Marshal(value) // came from JSON
	return string(body)
}

func (a *fieldsAction) perform(s *session) error {
	c, err := s.conn(a.conn)
	if err != nil {
		return err
	}
	if c.info == "" {
		return fmt.Errorf("%s: no INFO taken yet; put a <info before <fields", a.conn)
	}
	var fields map[string]any
	if err := json.Unmarshal([]byte(c.info), &fields); err != nil {
		return c.mismatch("INFO with JSON", c.info)
	}
	got := slices.Sorted(maps.Keys(fields))
	for _, name := range a.want {
		optional, isOptional := strings.CutSuffix(name, "?")
		_, present := fields[optional]
		if !present && !isOptional {
			return c.mismatch("fields "+strings.Join(a.want, " "), "fields "+strings.Join(got, " "))
		}
		delete(fields, optional)
	}
	if len(fields) > 0 {
		return c.mismatch("fields "+strings.Join(a.want, " "), "fields "+strings.Join(got, " "))
	}
	return nil
}
