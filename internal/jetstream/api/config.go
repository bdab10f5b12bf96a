package api

import (
	"log/slog"

	"github.com/tidings-io/tidings/internal/core"
	"github.com/tidings-io/tidings/internal/jsapi"
)

// Defaults of Config.
const (
	DefaultRequestQueueLimit = 10_000
	DefaultInfoQueueLimit    = 10_000
	DefaultTransfersMax      = 8
	DefaultBatchMaxBytes     = 32 << 20
)

// Config says how the API is served. None of it can be changed later.
type Config struct {
	// Accounts are those of the server.
	Accounts *core.Accounts
	// Server is the name of the server, which advisories show.
	Server string
	// Domain is the domain whose prefix is served besides $JS.API; empty: none.
	Domain string
	// SystemAccount has no streams, and an API only to say so.
	SystemAccount string
	// Lenient passes over fields that requests should not have (jetstream.strict:
	// false).
	Lenient bool

	// RequestQueueLimit is how many requests of an account can wait; 0 is the
	// default.
	RequestQueueLimit int
	// InfoQueueLimit is the same for requests that change nothing.
	InfoQueueLimit int
	// TransfersMax is how many snapshots and restores of an account can run at the
	// same time; 0 is the default.
	TransfersMax int
	// BatchMaxBytes bounds the messages that one direct get returns, in bytes; 0
	// is the default. It should stay below what a connection may have pending.
	BatchMaxBytes int

	// Requester says who sent the requests in a stage; nil: advisories name the
	// account only. The result must not change.
	Requester func(*core.Stage) *jsapi.ClientInfo
	// Interested tells whether somebody in the account listens on a subject; nil:
	// requests are not audited.
	Interested func(a *core.Account, subject string) bool

	Log *slog.Logger
}

func (c *Config) fill() {
	c.RequestQueueLimit = orDefault(c.RequestQueueLimit, DefaultRequestQueueLimit)
	c.InfoQueueLimit = orDefault(c.InfoQueueLimit, DefaultInfoQueueLimit)
	c.TransfersMax = orDefault(c.TransfersMax, DefaultTransfersMax)
	c.BatchMaxBytes = orDefault(c.BatchMaxBytes, DefaultBatchMaxBytes)
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
}

func orDefault(value, otherwise int) int {
	if value <= 0 {
		return otherwise
	}
	return value
}
