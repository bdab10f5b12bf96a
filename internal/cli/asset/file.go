package asset

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/goccy/go-yaml"

	"github.com/tidings-io/tidings/internal/jsapi"
)

// Load reads a configuration in JSON or YAML into c, a pointer to a
// configuration of package jsapi. The names are those of the API; times and
// sizes may be texts such as 30d and 1GiB. A file that holds a whole answer of
// the API, with the configuration under "config", is taken, too. What the file
// does not name stays as it is in c.
//
// Errors name the file's field or place, not the Go type.
func Load(data []byte, c any) error {
	var tree any
	if err := yaml.Unmarshal(data, &tree); err != nil {
		return fmt.Errorf("neither JSON nor YAML: %s", strings.TrimSpace(yaml.FormatError(err, false, false)))
	}
	fields, ok := tree.(map[string]any)
	if !ok {
		return errors.New("it must hold one configuration: names with values, such as \"subjects: [orders.>]\"")
	}
	if inner, ok := fields["config"].(map[string]any); ok {
		fields = inner
	}
	if err := withUnits(fields, reflect.TypeOf(c).Elem(), ""); err != nil {
		return err
	}
	text, err := json.Marshal(fields)
	if err != nil {
		return err
	}
	if wrong := jsapi.Decode(text, c, true); wrong != nil {
		return fmt.Errorf("%s", strings.TrimPrefix(wrong.Description, "invalid JSON: "))
	}
	return nil
}

var durationType = reflect.TypeFor[time.Duration]()

// withUnits replaces the texts of times and numbers by what the API takes, and
// refuses names that the type t does not have.
func withUnits(fields map[string]any, t reflect.Type, path string) error {
	types := typesOf(t)
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		at := path + name
		field, known := types[name]
		if !known {
			return fmt.Errorf("%s: there is no such field; the fields are %s", at, strings.Join(slices.Sorted(maps.Keys(types)), ", "))
		}
		value, err := withUnit(fields[name], field, at)
		if err != nil {
			return fmt.Errorf("%s: %w", at, err)
		}
		fields[name] = value
	}
	return nil
}

// withUnit returns one value as the API takes it.
func withUnit(value any, t reflect.Type, at string) (any, error) {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	switch v := value.(type) {
	case map[string]any:
		if t.Kind() == reflect.Struct {
			return v, withUnits(v, t, at+".")
		}
	case []any:
		if t.Kind() != reflect.Slice {
			return v, nil // the decoder says what is wrong
		}
		for i := range v {
			var err error
			if v[i], err = withUnit(v[i], t.Elem(), fmt.Sprintf("%s[%d]", at, i)); err != nil {
				return nil, err
			}
		}
	case string:
		switch {
		case t == durationType:
			d, err := ParseDuration(v)
			return int64(d), err
		case t.Kind() == reflect.Int64 || t.Kind() == reflect.Int32 || t.Kind() == reflect.Int:
			if v == Unlimited {
				return -1, nil
			}
			return ParseSize(v)
		}
	case time.Time:
		return v.UTC().Format(time.RFC3339Nano), nil
	}
	return value, nil
}

// typesOf returns the types of a struct's fields by their names in JSON.
func typesOf(t reflect.Type) map[string]reflect.Type {
	types := map[string]reflect.Type{}
	for f := range t.Fields() {
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		types[name] = f.Type
	}
	return types
}

// Text writes a configuration as YAML that [Load] reads, with times in words
// and without what the server added. c is a pointer.
func Text(c any) ([]byte, error) {
	data, err := json.Marshal(c)
	if err != nil {
		return nil, err
	}
	var given map[string]any
	if err := json.Unmarshal(data, &given); err != nil {
		return nil, err
	}
	var ordered yaml.MapSlice
	t := reflect.TypeOf(c).Elem()
	v := reflect.ValueOf(c).Elem()
	for f, value := range v.Fields() {
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if _, there := given[name]; there {
			if shown := inWords(value, given[name]); shown != nil {
				ordered = append(ordered, yaml.MapItem{Key: name, Value: shown})
			}
		}
	}
	if len(ordered) == 0 {
		return nil, fmt.Errorf("nothing to write of a %s", t.Name())
	}
	return yaml.MarshalWithOptions(ordered, yaml.IndentSequence(true))
}

// inWords returns a value with times in words, nil if there is nothing to say.
func inWords(v reflect.Value, asJSON any) any {
	switch value := v.Interface().(type) {
	case time.Duration:
		return FormatDuration(value)
	case []time.Duration:
		var words []string
		for _, d := range value {
			words = append(words, FormatDuration(d))
		}
		return words
	case map[string]string:
		if kept := withoutServerKeys(value); kept != nil {
			return kept
		}
		return nil
	case jsapi.ConsumerLimits:
		limits := map[string]any{}
		if value.InactiveThreshold != 0 {
			limits["inactive_threshold"] = FormatDuration(value.InactiveThreshold)
		}
		if value.MaxAckPending != 0 {
			limits["max_ack_pending"] = value.MaxAckPending
		}
		if len(limits) > 0 {
			return limits
		}
		return nil
	}
	if v.CanInt() && v.Kind() != reflect.Uint8 {
		return v.Int() // not the floating point that JSON makes of it
	}
	if v.CanUint() && v.Kind() != reflect.Uint8 {
		return v.Uint()
	}
	return asJSON
}
