package client

import (
	"net/url"
	"strings"
)

// Name is the name of a connection setting: the flag's name without dashes.
// In context files it is spelled with underscores.
type Name string

// The connection settings. [Fields] describes each.
const (
	Server         Name = "server"
	User           Name = "user"
	Password       Name = "password"
	Token          Name = "token"
	Credentials    Name = "credentials"
	NKey           Name = "nkey"
	TLSCertificate Name = "tls-certificate"
	TLSKey         Name = "tls-key"
	TLSCA          Name = "tls-ca"
	TLSFirst       Name = "tls-first"
	Timeout        Name = "timeout"
	InboxPrefix    Name = "inbox-prefix"
	ConnectionName Name = "connection-name"
)

// Field describes one connection setting.
type Field struct {
	Name  Name
	Short string   // one-letter form of the flag, or ""
	Env   []string // environment variables that set it, the strongest first
	Usage string   // help text of the flag
	Value string   // placeholder in help texts; "" marks a switch

	secret bool
	isPath bool
}

// Fields lists the connection settings in the order in which they are shown.
var Fields = []Field{
	{
		Name: Server, Short: "s", Env: []string{"TIDINGS_URL", "NATS_URL"}, Value: "URL",
		Usage: "server to connect to; several separated by commas",
	},
	{Name: User, Env: []string{"TIDINGS_USER", "NATS_USER"}, Value: "NAME", Usage: "user name"},
	{
		Name: Password, Env: []string{"TIDINGS_PASSWORD", "NATS_PASSWORD"}, Value: "TEXT", secret: true,
		Usage: "password of the user (other users of this machine can see flags; prefer TIDINGS_PASSWORD or a context)",
	},
	{
		Name: Token, Env: []string{"TIDINGS_TOKEN", "NATS_TOKEN"}, Value: "TEXT", secret: true,
		Usage: "authentication token (prefer TIDINGS_TOKEN or a context)",
	},
	{
		Name: Credentials, Env: []string{"TIDINGS_CREDENTIALS", "NATS_CREDS"}, Value: "FILE", isPath: true,
		Usage: "file with a user's JWT and seed",
	},
	{
		Name: NKey, Env: []string{"TIDINGS_NKEY", "NATS_NKEY"}, Value: "FILE", isPath: true,
		Usage: "file with a user's nkey seed",
	},
	{
		Name: TLSCertificate, Env: []string{"TIDINGS_TLS_CERTIFICATE", "NATS_CERT"}, Value: "FILE", isPath: true,
		Usage: "client certificate (PEM)",
	},
	{
		Name: TLSKey, Env: []string{"TIDINGS_TLS_KEY", "NATS_KEY"}, Value: "FILE", isPath: true,
		Usage: "private key of the client certificate (PEM)",
	},
	{
		Name: TLSCA, Env: []string{"TIDINGS_TLS_CA", "NATS_CA"}, Value: "FILE", isPath: true,
		Usage: "certificate authorities that may sign the server's certificate (PEM)",
	},
	{
		Name: TLSFirst, Env: []string{"TIDINGS_TLS_FIRST"},
		Usage: "start TLS before the server's first line",
	},
	{
		Name: Timeout, Env: []string{"TIDINGS_TIMEOUT", "NATS_TIMEOUT"}, Value: "DURATION",
		Usage: "time to wait for a connection or an answer, such as 500ms or 5s",
	},
	{
		Name: InboxPrefix, Env: []string{"TIDINGS_INBOX_PREFIX"}, Value: "SUBJECT",
		Usage: "first tokens of the subjects that answers are sent to",
	},
	{
		Name: ConnectionName, Env: []string{"TIDINGS_CONNECTION_NAME"}, Value: "TEXT",
		Usage: "name the server shows for this connection",
	},
}

// ContextEnv are the environment variables that choose a context.
var ContextEnv = []string{"TIDINGS_CONTEXT", "NATS_CONTEXT"}

// FieldNamed returns the field of that name; ok is false if there is none.
func FieldNamed(name Name) (f Field, ok bool) {
	for _, f := range Fields {
		if f.Name == name {
			return f, true
		}
	}
	return Field{}, false
}

// Shown returns the value as it may be shown: passwords and tokens, also those
// inside a URL, are replaced by stars.
func (f Field) Shown(value string) string {
	switch {
	case value == "":
		return ""
	case f.secret:
		return redacted
	case f.Name == Server:
		return redactURLs(value)
	}
	return value
}

// Secret reports whether the value is a password or token as a whole.
func (f Field) Secret() bool { return f.secret }

// IsPath reports whether the value names a file.
func (f Field) IsPath() bool { return f.isPath }

const redacted = "********"

// RedactURL returns a server URL without its password or token. A user name
// without a password is a token in this place (nats://TOKEN@host), so it goes
// too. Text that is not a URL is returned up to what might be a secret.
func RedactURL(raw string) string {
	at := strings.LastIndexByte(raw, '@')
	if at < 0 {
		return raw
	}
	scheme, rest := "", raw
	if i := strings.Index(raw, "://"); i >= 0 && i < at {
		scheme, rest = raw[:i+3], raw[i+3:]
		at -= i + 3
	}
	user, _, hasPassword := strings.Cut(rest[:at], ":")
	if !hasPassword {
		return scheme + redacted + rest[at:]
	}
	return scheme + user + ":" + redacted + rest[at:]
}

func redactURLs(list string) string {
	urls := strings.Split(list, ",")
	for i, u := range urls {
		urls[i] = RedactURL(strings.TrimSpace(u))
	}
	return strings.Join(urls, ",")
}

// hasUserInfo reports whether one of the URLs carries a user or token.
func hasUserInfo(list string) bool { return strings.Contains(list, "@") }

// withoutUserInfo returns the URLs without user, password or token.
func withoutUserInfo(list string) string {
	urls := strings.Split(list, ",")
	for i, u := range urls {
		if parsed, err := url.Parse(strings.TrimSpace(u)); err == nil && parsed.User != nil {
			parsed.User = nil
			urls[i] = parsed.String()
		}
	}
	return strings.Join(urls, ",")
}
