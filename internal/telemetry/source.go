package telemetry

import "github.com/tidings-io/tidings/internal/monitor"

// Source is where figures come from. Its methods are called from several
// goroutines.
type Source interface {
	// Totals are the server's counters.
	Totals() monitor.Totals
	// Accounts are the figures of each account, ordered by name.
	Accounts() []Account
	// Pending tells what waits to be written to clients.
	Pending() Pending
	// JetStreamFigures tell what is stored; nil where nothing is.
	JetStreamFigures() *JetStream
	// Streams are the first streams by account and name, with the first of their
	// consumers: at most so many of both.
	Streams(streams, consumers int) []Stream
}

// Account is the figures of one account.
type Account struct {
	Name          string
	Connections   int // now
	Subscriptions int // now
	Received      Traffic
	Sent          Traffic
	SlowConsumers uint64 // connections closed as such
}

// Traffic counts messages and their bytes, headers included.
type Traffic struct{ Messages, Bytes uint64 }

func (a *Account) add(b *Account) {
	a.Connections += b.Connections
	a.Subscriptions += b.Subscriptions
	a.Received.Messages += b.Received.Messages
	a.Received.Bytes += b.Received.Bytes
	a.Sent.Messages += b.Sent.Messages
	a.Sent.Bytes += b.Sent.Bytes
	a.SlowConsumers += b.SlowConsumers
}

// Pending is the bytes that wait to be written.
type Pending struct {
	Total   int64
	Largest int64 // of one connection
}

// Setup is what does not change while the server runs.
type Setup struct {
	Version      string // our own
	NATSVersion  string
	Revision     string // "" if unknown
	GoVersion    string
	ConnsMax     int   // limit of connections; negative: there is none
	PendingLimit int64 // bytes that may wait for one connection
}
