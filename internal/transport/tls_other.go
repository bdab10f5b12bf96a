//go:build !unix

package transport

import (
	"context"
	"crypto/tls"
)

// UpgradeTLS does the server's side of a TLS handshake on a socket, before ctx
// ends, and returns the socket that speaks TLS. seen is what was already read
// from the peer.
func UpgradeTLS(ctx context.Context, s Socket, config *tls.Config, seen []byte) (Socket, error) {
	return upgradePortable(ctx, s, config, seen)
}
