package auth

import (
	"log/slog"
)

// Secret is a password, a token or a hash of one. However it is formatted,
// encoded or logged, it does not show.
type Secret string

const redacted = "[redacted]"

// String returns "[redacted]", or nothing if there is no secret.
func (s Secret) String() string {
	if s == "" {
		return ""
	}
	return redacted
}

// GoString is String for the verb %#v.
func (s Secret) GoString() string { return `"` + s.String() + `"` }

// LogValue is String for logs.
func (s Secret) LogValue() slog.Value { return slog.StringValue(s.String()) }

// MarshalText is String for JSON and other encodings.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// Config says who may connect. The zero Config lets everybody into the global
// account. Token, User with Password, and lists of users exclude each other.
type Config struct {
	// Token is the one credential of every client, plain or bcrypt.
	Token Secret
	// User and Password are the credentials of every client; the password is
	// plain or bcrypt.
	User     string
	Password Secret
	// Users belong to the global account.
	Users []User
	// DefaultPermissions hold for those of Users that have none. Nil: everything
	// is allowed.
	DefaultPermissions *PermissionsConfig
	// Accounts exist from the start, with or without users.
	Accounts []AccountConfig
	// NoAuthUser names the user that a client without credentials becomes, one of
	// Users or of an account's users. Empty: such a client is refused.
	NoAuthUser string
}

// AccountConfig is an account and its users.
type AccountConfig struct {
	Name  string
	Users []User
	// DefaultPermissions hold for those of Users that have none. Nil: everything
	// is allowed.
	DefaultPermissions *PermissionsConfig
}

// User is one who may connect. Names are unique across accounts.
type User struct {
	Name string
	// Password is plain or bcrypt ($2a$, $2b$, $2x$, $2y$); never empty.
	Password Secret
	// Permissions limit the user. Nil: the default permissions hold.
	Permissions *PermissionsConfig
}

// PermissionsConfig says what a user may publish and subscribe to.
type PermissionsConfig struct {
	// Publish lists subjects, wildcards included.
	Publish SubjectsConfig
	// Subscribe lists subjects or "subject queue": the latter is about queue
	// groups whose name matches queue, which may have wildcards.
	Subscribe SubjectsConfig
}

// SubjectsConfig allows and denies subjects; what is denied is not allowed. An
// empty Allow allows everything.
type SubjectsConfig struct {
	Allow, Deny []string
}
