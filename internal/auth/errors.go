package auth

import (
	"errors"
	"fmt"
	"log/slog"
)

// ErrAuthorization is returned for a connection that is not let in. It never
// says why; a [*RefusalError] that wraps it tells the log.
var ErrAuthorization = errors.New("authorization violation")

// RefusalError is a failed authentication. Its text is that of [ErrAuthorization];
// its log value has the details, without secrets.
type RefusalError struct {
	Method Method
	User   string // as the client gave it, not verified
	Reason string
}

func (r *RefusalError) Error() string { return ErrAuthorization.Error() }

// Unwrap returns [ErrAuthorization].
func (r *RefusalError) Unwrap() error { return ErrAuthorization }

// LogValue says which method refused whom and why.
func (r *RefusalError) LogValue() slog.Value {
	attrs := make([]slog.Attr, 0, 3)
	if r.Method != "" {
		attrs = append(attrs, slog.String("method", string(r.Method)))
	}
	if r.User != "" {
		attrs = append(attrs, slog.String("user", r.User))
	}
	return slog.GroupValue(append(attrs, slog.String("reason", r.Reason))...)
}

// ConfigError is a configuration that [New] refuses. It holds no secret.
type ConfigError struct {
	Account string // empty for the global account
	User    string // empty if it is not about one
	Reason  string
}

func (e *ConfigError) Error() string {
	text := ""
	if e.Account != "" {
		text = fmt.Sprintf("account %q: ", e.Account)
	}
	if e.User != "" {
		text += fmt.Sprintf("user %q: ", e.User)
	}
	return text + e.Reason
}
