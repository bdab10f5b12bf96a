package client

import (
	"fmt"
	"net/url"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// Settings holds the connection settings of one layer: flags, environment or a
// context. A name that is missing is not set there. Values are texts as a
// person writes them; [Settings.Validate] checks them.
type Settings map[Name]string

// Validate checks each value by itself and returns the first problem, named by
// setting. It opens no file.
func (s Settings) Validate() error {
	for _, f := range Fields {
		value, set := s[f.Name]
		if !set {
			continue
		}
		if err := f.check(value); err != nil {
			return err
		}
	}
	return nil
}

// Shown returns the setting as it may be shown, "" if it is not set.
func (s Settings) Shown(name Name) string {
	f, _ := FieldNamed(name)
	return f.Shown(s[name])
}

func (f Field) check(value string) error {
	switch f.Name {
	case Server:
		_, err := serverList(value)
		return err
	case TLSFirst:
		if _, err := strconv.ParseBool(value); err != nil {
			return fmt.Errorf("%s %q: not a yes or no; write true or false", f.Name, value)
		}
	case Timeout:
		d, err := time.ParseDuration(value)
		if err != nil || d <= 0 {
			return fmt.Errorf("%s %q: not a time above zero; write 500ms, 5s or 1m", f.Name, value)
		}
	case InboxPrefix:
		if err := CheckPublishSubject(value); err != nil {
			return fmt.Errorf("%s: %w", f.Name, err)
		}
	case User, Password, Token, Credentials, NKey, TLSCertificate, TLSKey, TLSCA, ConnectionName:
		if value == "" {
			return fmt.Errorf("%s is empty; leave it out or give it a value", f.Name)
		}
	}
	return nil
}

// Absolute returns the settings with relative file names made absolute, so that
// a stored context works from every directory. Names that start with ~/ stay.
func (s Settings) Absolute() (Settings, error) {
	out := make(Settings, len(s))
	for name, value := range s {
		out[name] = value
		if f, _ := FieldNamed(name); !f.isPath || value == "" || strings.HasPrefix(value, "~/") {
			continue
		}
		abs, err := filepath.Abs(value)
		if err != nil {
			return nil, fmt.Errorf("%s %q: %w", name, value, err)
		}
		out[name] = abs
	}
	return out, nil
}

// serverSchemes are the URL schemes a connection can use.
var serverSchemes = []string{"nats", "tls", "ws", "wss"}

// serverList splits and checks a list of servers; an entry without a scheme
// gets nats://. Errors never repeat a password.
func serverList(list string) ([]string, error) {
	var out []string
	for entry := range strings.SplitSeq(list, ",") {
		entry = strings.TrimSpace(entry)
		if entry == "" {
			return nil, fmt.Errorf("server %q: an entry is empty; write nats://HOST:PORT", redactURLs(list))
		}
		if !strings.Contains(entry, "://") {
			entry = "nats://" + entry
		}
		if err := checkServerURL(entry); err != nil {
			return nil, err
		}
		out = append(out, entry)
	}
	return out, nil
}

func checkServerURL(entry string) error {
	u, err := url.Parse(entry)
	shown := RedactURL(entry)
	if err != nil {
		return fmt.Errorf("server %q: not a URL; write nats://HOST:PORT", shown)
	}
	known := false
	for _, scheme := range serverSchemes {
		known = known || u.Scheme == scheme
	}
	if !known {
		return fmt.Errorf("server %q: scheme %q is unknown; use one of %s", shown, u.Scheme, strings.Join(serverSchemes, ", "))
	}
	if u.Hostname() == "" {
		return fmt.Errorf("server %q: the host is missing; write nats://HOST:PORT", shown)
	}
	if port := u.Port(); port != "" {
		if n, err := strconv.Atoi(port); err != nil || n < 1 || n > 65535 {
			return fmt.Errorf("server %q: port %s is not between 1 and 65535", shown, port)
		}
	}
	return nil
}
