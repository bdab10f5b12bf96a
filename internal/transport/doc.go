// Package transport carries bytes between the server and its peers: TCP, TLS over
// TCP, and connections inside the process. It knows no protocol.
//
// A [Socket] is what a connection reads and writes. Reading is one call, Fill,
// that asks for room only when there is something to read, so that a connection
// that waits holds no buffer. Writing never blocks (Write says how much the peer
// took); only WriteWait does, and it is meant for a goroutine that exists while a
// peer is behind.
//
// An idle connection need not hold a goroutine either: Park gives the descriptor
// to one shared [Lot] (epoll on Linux), which starts a goroutine for it when there
// is something to read. Where that is not to be had, Park says so and the
// connection waits in Fill.
//
// Ownership: at most one goroutine calls Fill or Park at a time, and at most one
// Write or WriteWait; the two sides are independent. Close may be called by
// anyone at any time.
//
// The portable socket (any net.Conn) passes the same tests; it has no parking and
// writes only in WriteWait.
package transport
