package auth

import (
	"crypto/tls"
	"net"

	"github.com/tidings-io/tidings/internal/core"
	"github.com/tidings-io/tidings/internal/wire"
)

// Request is what a connection knows of itself when it asks to be let in.
type Request struct {
	Connect    wire.ConnectOptions
	Nonce      string // as sent in INFO; empty without one
	RemoteAddr net.Addr
	TLS        *tls.ConnectionState // nil without TLS
	InProcess  bool
}

// Identity is who a connection is.
type Identity struct {
	User        string // for monitoring and logs; empty for nobody in particular
	Account     *core.Account
	Permissions core.Permissions // nil allows everything
}
