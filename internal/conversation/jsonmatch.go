package conversation

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// openField in an expected object lets it have further fields.
const openField = "..."

// decodeJSON reads one value and keeps its numbers as written.
func decodeJSON(src string) (any, error) {
	d := json.NewDecoder(bytes.NewReader([]byte(src)))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		return nil, err
	}
	if d.More() {
		return nil, fmt.Errorf("more than one JSON value in %s", src)
	}
	return v, nil
}

// matchJSON tells where got differs from want, "" if it does not. A text in want
// is a template; it fits a text or, as a whole, a number. An object fits one of
// the same fields, or of more if it has the field "...".
func (s *session) matchJSON(path string, want, got any) (difference string, err error) {
	switch want := want.(type) {
	case map[string]any:
		object, ok := got.(map[string]any)
		if !ok {
			return differs(path, want, got), nil
		}
		return s.matchObject(path, want, object)
	case []any:
		array, ok := got.([]any)
		if !ok || len(array) != len(want) {
			return differs(path, want, got), nil
		}
		for i := range want {
			if difference, err = s.matchJSON(fmt.Sprintf("%s[%d]", path, i), want[i], array[i]); difference != "" || err != nil {
				return difference, err
			}
		}
		return "", nil
	case string:
		re, err := compileTemplate(want, s.vars)
		if err != nil {
			return "", err
		}
		number, isNumber := got.(json.Number)
		text, isText := got.(string)
		if isNumber && strings.HasPrefix(want, "<") {
			text, isText = number.String(), true
		}
		if !isText || !s.capture(re, text) {
			return differs(path, want, got), nil
		}
		return "", nil
	}
	if want != got {
		return differs(path, want, got), nil
	}
	return "", nil
}

func (s *session) matchObject(path string, want, got map[string]any) (string, error) {
	_, open := want[openField]
	for _, name := range slices.Sorted(maps.Keys(want)) {
		if name == openField {
			continue
		}
		value, ok := got[name]
		if !ok {
			return fmt.Sprintf("%s.%s: want %s, got no such field", path, name, shownJSON(want[name])), nil
		}
		if difference, err := s.matchJSON(path+"."+name, want[name], value); difference != "" || err != nil {
			return difference, err
		}
	}
	for _, name := range slices.Sorted(maps.Keys(got)) {
		if _, ok := want[name]; !ok && !open {
			return fmt.Sprintf("%s.%s: want no such field, got %s", path, name, shownJSON(got[name])), nil
		}
	}
	return "", nil
}

func differs(path string, want, got any) string {
	return fmt.Sprintf("%s: want %s, got %s", path, shownJSON(want), shownJSON(got))
}

// shownJSON is v as a script writes it.
func shownJSON(v any) string {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	_ = e.Encode(v) // came from JSON
	return strings.TrimSpace(b.String())
}
