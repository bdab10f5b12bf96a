package client

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// Origin says which tool a context belongs to.
type Origin string

// The tools whose contexts can be used.
const (
	OriginTidings Origin = "tidings" // ours: read and written
	OriginNats    Origin = "nats"    // the nats tool's: only read
)

// Context is a named set of connection settings kept in a file.
type Context struct {
	Name        string
	Description string
	Settings    Settings

	Origin Origin
	Path   string // file it was read from; "" before it is saved
}

// CheckContextName reports why name cannot be a context's name. Names become
// file names, so only letters, digits, '-', '_', '.' are allowed, the first one
// a letter or digit.
func CheckContextName(name string) error {
	if name == "" {
		return errors.New("the context's name is empty")
	}
	if len(name) > 100 {
		return fmt.Errorf("context name of %d characters: at most 100 are allowed", len(name))
	}
	for i, r := range name {
		letter := r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9'
		if !letter && (i == 0 || !strings.ContainsRune("-_.", r)) {
			return fmt.Errorf("context name %q: use letters, digits, '-', '_' and '.', starting with a letter or digit", name)
		}
	}
	return nil
}

// encodeContext returns the file content of a context of ours.
func encodeContext(c Context) ([]byte, error) {
	object := map[string]any{}
	if c.Description != "" {
		object["description"] = c.Description
	}
	for name, value := range c.Settings {
		key := jsonKey(name)
		object[key] = value
		if name == TLSFirst {
			on, err := strconv.ParseBool(value)
			if err != nil {
				return nil, fmt.Errorf("%s %q: %w", name, value, err)
			}
			object[key] = on
		}
	}
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(object); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}

// decodeContext reads the content of a context file of ours. Unknown keys are
// errors: a misspelled "pasword" must not silently connect without one.
func decodeContext(data []byte) (description string, settings Settings, err error) {
	var object map[string]any
	if err := json.Unmarshal(data, &object); err != nil {
		return "", nil, fmt.Errorf("not a JSON object: %w", err)
	}
	settings = Settings{}
	for key, value := range object {
		name := Name(strings.ReplaceAll(key, "_", "-"))
		_, known := FieldNamed(name)
		text, isText := value.(string)
		on, isSwitch := value.(bool)
		switch {
		case key == "description" && isText:
			description = text
		case !known || jsonKey(name) != key:
			return "", nil, fmt.Errorf("unknown key %q; the keys are %s", key, strings.Join(contextKeys(), ", "))
		case name == TLSFirst && isSwitch:
			settings[name] = strconv.FormatBool(on)
		case isText:
			settings[name] = text
		default:
			return "", nil, fmt.Errorf("key %q has a value of the wrong kind", key)
		}
	}
	return description, settings, settings.Validate()
}

// natsKeys maps the keys of the nats tool's context files to our settings.
var natsKeys = map[string]Name{
	"url": Server, "user": User, "password": Password, "token": Token,
	"creds": Credentials, "nkey": NKey, "cert": TLSCertificate, "key": TLSKey, "ca": TLSCA,
	"inbox_prefix": InboxPrefix,
}

// natsUnsupported are keys of the nats tool's context files without which the
// connection would not be the one its owner meant.
var natsUnsupported = []string{"nsc", "user_jwt", "user_seed", "socks_proxy", "windows_cert_store"}

// decodeNatsContext reads the content of a context file of the nats tool. Keys
// that do not concern the connection are skipped.
func decodeNatsContext(data []byte) (description string, settings Settings, err error) {
	var object map[string]any
	if err := json.Unmarshal(data, &object); err != nil {
		return "", nil, fmt.Errorf("not a JSON object: %w", err)
	}
	for _, key := range natsUnsupported {
		if text, _ := object[key].(string); text != "" {
			return "", nil, fmt.Errorf("uses %q, which is not supported; make a context of your own with `tidings context add`", key)
		}
	}
	settings = Settings{}
	for key, name := range natsKeys {
		if text, _ := object[key].(string); text != "" {
			settings[name] = text
		}
	}
	if on, _ := object["tls_first"].(bool); on {
		settings[TLSFirst] = "true"
	}
	description, _ = object["description"].(string)
	return description, settings, settings.Validate()
}

func jsonKey(name Name) string { return strings.ReplaceAll(string(name), "-", "_") }

func contextKeys() []string {
	keys := []string{"description"}
	for _, f := range Fields {
		keys = append(keys, jsonKey(f.Name))
	}
	return keys
}
