package auth

import "github.com/tidings-io/tidings/internal/wire"

// method proves identities of one kind of credentials.
type method interface {
	// authenticate returns false if the request has no credentials of this kind.
	// Its error is a [*RefusalError].
	authenticate(*Request) (id Identity, applies bool, err error)
}

// Gate authenticates connections. It is immutable and safe for concurrent use.
type Gate struct {
	methods []method // in the order they are asked
	// anonymous is who a client without credentials is, nil if it is refused.
	anonymous *Identity
}

// Required reports whether a client must send credentials, which INFO tells it
// as auth_required.
func (g *Gate) Required() bool { return g.anonymous == nil }

// Authenticate finds out who a connection is. With bcrypt in the configuration
// it takes as long as that, some 100 ms of CPU with the usual cost.
//
// A client that has sent no CONNECT yet is asked for with
// [wire.DefaultConnect]: it is let in unless [Gate.Required].
//
// Errors: [*RefusalError], which is [ErrAuthorization].
func (g *Gate) Authenticate(r Request) (Identity, error) {
	for _, m := range g.methods {
		id, applies, err := m.authenticate(&r)
		if err != nil {
			return Identity{}, err
		}
		if applies {
			return id, nil
		}
	}
	if g.anonymous != nil && (len(g.methods) == 0 || !hasCredentials(&r.Connect)) {
		return *g.anonymous, nil
	}
	reason := "no credentials"
	if hasCredentials(&r.Connect) {
		reason = "credentials of a kind that is not configured"
	}
	return Identity{}, &RefusalError{User: r.Connect.User, Reason: reason}
}

// hasCredentials reports whether a client claims to be somebody.
func hasCredentials(c *wire.ConnectOptions) bool {
	return c.User != "" || c.Password != "" || c.Token != "" || c.JWT != "" || c.NKey != "" || c.Signature != ""
}
