package conn

import (
	"crypto/tls"
	"fmt"
	"time"
)

// Config is what a [Server] needs. Use [DefaultConfig] and change it.
type Config struct {
	Name          string // server_name: no blanks
	ID            string // server id, an nkey of kind N
	Version       string // the NATS version that INFO announces
	Tidings       string // our own version
	GitCommit     string
	XKey          string // public curve key, announced in INFO
	Host          string // announced in INFO
	Port          int    // announced in INFO
	ConnectURLs   []string
	APILevel      int
	JetStream     bool   // clients are told that messages can be stored
	Domain        string // of JetStream, announced with it
	MaxPayload    int    // bytes of header and body
	MaxControl    int    // bytes of a line's arguments
	MaxPending    int    // bytes queued for a client before it is a slow consumer
	MaxConns      int    // open connections; -1 without limit
	MaxSubs       int    // subscriptions of a connection; 0 without limit
	MaxSubTokens  int    // tokens of a subscribed subject; 0 without limit
	MaxClosed     int    // closed connections kept for monitoring
	NoHeaders     bool
	NoStall       bool // publishers never wait for slow clients
	RetryWrites   bool // a missed write deadline is logged, not fatal
	PingInterval  time.Duration
	PingMax       int
	NoFirstPing   bool // no early ping that measures the round trip
	WriteDeadline time.Duration
	AuthTimeout   time.Duration
	// IdleAfter is how long a connection may wait before it is parked.
	IdleAfter time.Duration
	// Portable uses only what every system has (no parking, no writes by the
	// publisher).
	Portable bool
	Trace    bool // log each operation
	// TraceHeaders shows only the headers of messages in a trace.
	TraceHeaders bool
	TraceMax     int // bytes of a payload that a trace shows; 0 shows all
	// TLS, when set, makes clients speak TLS after INFO.
	TLS *TLSConfig
}

// TLSConfig is the TLS of a client listener.
type TLSConfig struct {
	Config  *tls.Config
	Timeout time.Duration // for the handshake
	// AllowPlain also lets clients in that do not start TLS.
	AllowPlain bool
	// First expects the handshake before INFO is sent.
	First bool
	// FirstFallback, with First, sends a plain INFO after so long without a
	// handshake; 0 waits for the handshake only.
	FirstFallback time.Duration
	// Rate bounds handshakes per second; 0 without limit.
	Rate int
}

// Defaults that existing servers have (server configuration reference).
const (
	DefaultMaxPayload    = 1 << 20
	DefaultMaxControl    = 4096
	DefaultMaxPending    = 64 << 20
	DefaultMaxConns      = 64 << 10
	DefaultMaxClosed     = 10000
	DefaultPingInterval  = 2 * time.Minute
	DefaultPingMax       = 2
	DefaultWriteDeadline = 10 * time.Second
	DefaultAuthTimeout   = 2 * time.Second
	DefaultIdleAfter     = time.Second
)

// DefaultConfig returns the defaults, without names and addresses.
func DefaultConfig() Config {
	return Config{
		MaxPayload:    DefaultMaxPayload,
		MaxControl:    DefaultMaxControl,
		MaxPending:    DefaultMaxPending,
		MaxConns:      DefaultMaxConns,
		MaxClosed:     DefaultMaxClosed,
		PingInterval:  DefaultPingInterval,
		PingMax:       DefaultPingMax,
		WriteDeadline: DefaultWriteDeadline,
		AuthTimeout:   DefaultAuthTimeout,
		IdleAfter:     DefaultIdleAfter,
	}
}

// Validate reports what cannot work.
func (c *Config) Validate() error {
	switch {
	case c.MaxPayload <= 0 || c.MaxPayload > 1<<30:
		return fmt.Errorf("max_payload %d: must be between 1 byte and 1GB", c.MaxPayload)
	case c.MaxPending < c.MaxPayload:
		return fmt.Errorf("max_payload %d is above max_pending %d: no such message could be delivered; raise max_pending", c.MaxPayload, c.MaxPending)
	case c.MaxControl <= 0 || c.MaxControl > 1<<20:
		return fmt.Errorf("max_control_line %d: must be between 1 byte and 1MB", c.MaxControl)
	case c.PingInterval <= 0:
		return fmt.Errorf("ping_interval %v: must be positive", c.PingInterval)
	case c.WriteDeadline <= 0:
		return fmt.Errorf("write_deadline %v: must be positive", c.WriteDeadline)
	}
	return nil
}
