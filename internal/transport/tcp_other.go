//go:build !unix

package transport

import "net"

// NewTCP returns a socket on a TCP connection; there is no parking here.
func NewTCP(conn *net.TCPConn, _ *Lot) (Socket, error) { return NewPortable(conn), nil }
