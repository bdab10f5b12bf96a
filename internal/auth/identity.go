package auth

import (
	"crypto/tls"
	"fmt"
	"log/slog"
	"net"

	"github.com/tidings-io/tidings/internal/core"
	"github.com/tidings-io/tidings/internal/wire"
)

// Method says how an identity was proven.
type Method string

// The methods. The zero Method is that of a gate without any.
const (
	MethodToken      Method = "token"
	MethodPassword   Method = "password"
	MethodNoAuthUser Method = "no_auth_user"
)

// Request is what a connection knows of itself when it asks to be let in.
type Request struct {
	Connect    wire.ConnectOptions
	Nonce      string               // sent to the client in INFO, empty if none was
	RemoteAddr net.Addr             // nil in process
	TLS        *tls.ConnectionState // nil without TLS
	InProcess  bool
}

// String says where the request is from and as whom, without secrets.
func (r Request) String() string {
	return fmt.Sprintf("authentication of user %q from %v", r.Connect.User, r.RemoteAddr)
}

// GoString is String for the verb %#v.
func (r Request) GoString() string { return r.String() }

// LogValue is String for logs.
func (r Request) LogValue() slog.Value { return slog.StringValue(r.String()) }

// Identity is who a connection is.
type Identity struct {
	// User is the name for monitoring and logs; empty for nobody in particular:
	// with a token or without any authentication.
	User    string
	Account *core.Account
	// Permissions limit the connection. Nil: everything is allowed.
	Permissions core.Permissions
	Method      Method
}

// String returns user and account for people.
func (id Identity) String() string { return id.accountName() + "/" + id.User }

// LogValue says who it is and how that was proven.
func (id Identity) LogValue() slog.Value {
	return slog.GroupValue(
		slog.String("user", id.User),
		slog.String("account", id.accountName()),
		slog.String("method", string(id.Method)),
		slog.Bool("restricted", id.Permissions != nil),
	)
}

func (id Identity) accountName() string {
	if id.Account == nil {
		return ""
	}
	return id.Account.Name()
}
