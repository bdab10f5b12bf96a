package options

import (
	"math"

	"github.com/tidings-io/tidings/internal/conf"
)

// discouragedPayload is the largest max_payload, in bytes, without a warning.
const discouragedPayload = 8 << 20

// maxSubscriptionTokens is the largest limit of tokens that can be set.
const maxSubscriptionTokens = 255

// Limits bound what clients may take.
type Limits struct {
	// MaxConnections is the number of client connections, at least 1; -1 sets no
	// limit and cannot come from a file. Default 65536. Live.
	MaxConnections int
	// MaxControlLine is the length of a protocol line, in bytes. Default 4096.
	// Live for new connections.
	MaxControlLine int
	// MaxPayload is the size of a message with its headers, in bytes, at most
	// MaxPending. Default 1 MiB. Live.
	MaxPayload int
	// MaxPending is how many bytes may wait to be written to one connection.
	// Default 64 MiB.
	MaxPending int64
	// MaxSubscriptions is the number of subscriptions of one connection; 0 sets
	// no limit, the default.
	MaxSubscriptions int
	// MaxSubscriptionTokens is the number of tokens of a subscribed subject, at
	// most 255; 0 sets no limit, the default.
	MaxSubscriptionTokens int
	// MaxClosedClients is how many closed connections monitoring remembers.
	// Default 10000.
	MaxClosedClients int
	// DisableSublistCache turns off the cache of matched subjects.
	DisableSublistCache bool
	// NoHeaderSupport turns off message headers.
	NoHeaderSupport bool
}

func defaultLimits() Limits {
	return Limits{
		MaxConnections:   64 << 10,
		MaxControlLine:   4 << 10,
		MaxPayload:       1 << 20,
		MaxPending:       64 << 20,
		MaxClosedClients: 10_000,
	}
}

func (l *loader) readLimits(s *conf.Section) {
	lim := &l.options.Limits
	var n int64
	readConnections(s, &lim.MaxConnections)
	readLimit(s, &lim.MaxControlLine, "max_control_line")
	if e := s.Entry("max_payload"); e != nil && readLimit(s, &lim.MaxPayload, "max_payload") && lim.MaxPayload > discouragedPayload {
		s.Warnf(e, "is %d bytes; above 8 MB messages slow each other down, consider splitting them", lim.MaxPayload)
	}
	l.note(s, "max_payload")
	if s.Int(&n, 0, math.MaxInt64, "max_pending") && n > 0 {
		lim.MaxPending = n
	}
	if s.Int(&n, -1, math.MaxInt32, "max_subscriptions", "max_subs") {
		lim.MaxSubscriptions = int(max(n, 0))
	}
	if s.Int(&n, 0, maxSubscriptionTokens, "max_subscription_tokens", "max_sub_tokens") {
		lim.MaxSubscriptionTokens = int(n)
	}
	readLimit(s, &lim.MaxClosedClients, "max_closed_clients")
	s.Bool(&lim.DisableSublistCache, "disable_sublist_cache", "no_sublist_cache")
	s.Bool(&lim.NoHeaderSupport, "no_header_support")
}

// readConnections reads the number of connections. To nats-server 0 and less
// mean that nobody may connect, which serves no purpose without links to other
// servers and is more likely meant as "no limit".
func readConnections(s *conf.Section, dst *int) {
	var n int64
	if !s.Int(&n, math.MinInt32, math.MaxInt32, "max_connections", "max_conn") {
		return
	}
	if n <= 0 {
		s.Failf(s.Entry("max_connections", "max_conn"), "is %d, with which no client could connect; write how many may, or leave it out for %d", n, defaultLimits().MaxConnections)
		return
	}
	*dst = int(n)
}

// readLimit reads a number; 0 leaves the default.
func readLimit(s *conf.Section, dst *int, names ...string) bool {
	var n int64
	if !s.Int(&n, 0, math.MaxInt32, names...) {
		return false
	}
	if n > 0 {
		*dst = int(n)
	}
	return true
}

func (l *loader) checkLimits() {
	lim := &l.options.Limits
	atLeast := func(name string, value, low int) {
		if value < low {
			l.report.Errorf(l.at(name), "%s is %d but must be at least %d", name, value, low)
		}
	}
	atLeast("max_connections", lim.MaxConnections, -1)
	atLeast("max_control_line", lim.MaxControlLine, 1)
	atLeast("max_payload", lim.MaxPayload, 1)
	atLeast("max_subscriptions", lim.MaxSubscriptions, 0)
	atLeast("max_subscription_tokens", lim.MaxSubscriptionTokens, 0)
	atLeast("max_closed_clients", lim.MaxClosedClients, 1)
	if lim.MaxConnections == 0 {
		l.report.Errorf(l.at("max_connections"), "max_connections is 0; set a number, or -1 for no limit")
	}
	if lim.MaxSubscriptionTokens > maxSubscriptionTokens {
		l.report.Errorf(l.at("max_subscription_tokens"), "max_subscription_tokens is %d but must be at most %d", lim.MaxSubscriptionTokens, maxSubscriptionTokens)
	}
	if int64(lim.MaxPayload) > lim.MaxPending {
		l.report.Errorf(l.at("max_payload"), "max_payload (%d bytes) is larger than max_pending (%d bytes), so that the largest messages could not be delivered; lower the first or raise the second", lim.MaxPayload, lim.MaxPending)
	}
}
