package monitor

import "time"

// Source is where pages get what they show. Its methods are called from several
// goroutines; what they return is not changed afterwards.
type Source interface {
	// Server describes the server and its settings.
	Server() Server
	// Totals are the server's counters.
	Totals() Totals
	// Connections are the connections in that state, in no order, except that
	// closed ones come last, in the order they were closed in.
	Connections(State) []Connection
	// Subscriptions are those of one open connection, in no order; nil if it is
	// gone.
	Subscriptions(id uint64) []Subscription
	// EachSubscription calls f for the subscriptions of all connections until it
	// returns false. The order stays while nothing changes.
	EachSubscription(f func(*Subscription) bool)
	// AccountList are the accounts, by name.
	AccountList() []Account
	// JetStream shows what is stored; nil where nothing is.
	JetStream() JetStream
}

// State selects connections.
type State int

// The states to select by.
const (
	Open State = iota
	Closed
	Any
)

// Server is what a server is and how it was set up.
type Server struct {
	ID, Name     string
	Version      string // of the protocol family: what tools compare
	Tidings      string // our own version
	GitCommit    string
	Tags         []string
	Metadata     map[string]string
	Start        time.Time
	ConfigLoaded time.Time
	ConfigDigest string // "" without a file
	Client       Listener
	HTTP         HTTP
	TLS          TLS
	Limits       Limits
	Timing       Timing
}

// Listener is what clients are told about the server's address.
type Listener struct {
	Host         string
	Port         int
	AuthRequired bool
}

// HTTP is where the pages are served. A port is 0 where there is none.
type HTTP struct {
	Host      string
	Port      int
	HTTPSPort int
	BasePath  string // "" or "/" and more, without a slash at the end
}

// TLS is that of the client listener.
type TLS struct {
	Required bool
	Verify   bool
	Timeout  time.Duration
	NotAfter time.Time // of the certificate that expires first; zero without one
}

// Limits are the limits of clients; 0 means that there is none.
type Limits struct {
	Connections   int
	Subscriptions int
	ControlLine   int
	Payload       int
	Pending       int64
}

// Timing is how long the server waits for what.
type Timing struct {
	PingInterval  time.Duration
	PingMax       int
	AuthTimeout   time.Duration
	WriteDeadline time.Duration
	WriteTimeout  string // the policy; "" is the default
}

// Totals are counters since the start, and the numbers of what is open now.
type Totals struct {
	Connections      int // now
	Subscriptions    int // now
	TotalConnections uint64
	InMsgs           uint64
	InBytes          uint64
	OutMsgs          uint64
	OutBytes         uint64
	SlowPending      uint64 // connections closed for too many pending bytes
	SlowDeadline     uint64 // connections closed for a missed write deadline
	Stale            uint64 // connections closed because pings stayed unanswered
	Stalls           uint64 // pauses of publishers
	Dropped          uint64 // messages for connections that were closed
	Violations       uint64 // of permissions
	AuthFailed       uint64
}

// Connection is a client's connection at one moment.
type Connection struct {
	ID            uint64
	Kind          string // "Client"
	Type          string // "nats"
	IP            string // "" inside the process
	Port          int
	Start         time.Time
	LastActivity  time.Time
	Stop          time.Time // zero while it is open
	Reason        string    // of the end
	RTT           time.Duration
	Pending       int // bytes
	InMsgs        uint64
	InBytes       uint64
	OutMsgs       uint64
	OutBytes      uint64
	Stalls        uint64
	Subscriptions int
	Name          string
	Lang          string
	Version       string
	TLSVersion    uint16 // as in package crypto/tls; 0 without TLS
	TLSCipher     uint16
	User          string
	Account       string
}

// Subscription is a subscription of a connection at one moment.
type Subscription struct {
	Account string
	Subject string
	Queue   string
	ID      string
	Conn    uint64
	Msgs    int64 // delivered
}
