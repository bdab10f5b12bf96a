package server

import (
	"crypto/tls"
	"net"
	"net/http"
	"net/url"
	"runtime"
	"strconv"
	"strings"
	"time"

	"github.com/tidings-io/tidings/internal/auth"
	"github.com/tidings-io/tidings/internal/conn"
	"github.com/tidings-io/tidings/internal/monitor"
	"github.com/tidings-io/tidings/internal/options"
	"github.com/tidings-io/tidings/internal/telemetry"
)

// monitorHandler returns the pages of the monitoring listener.
func (s *Server) monitorHandler() http.Handler {
	source := &pageSource{server: s, certificateEnd: s.certificateEnd()}
	if s.js.node != nil {
		source.stored = &storedPages{node: s.js.node, accounts: s.accounts, options: &s.options.JetStream, disk: s.js.disk}
	}
	pages := monitor.New(source, s.pageBase())
	pages.Mount("/metrics", "Figures for Prometheus", telemetry.New(source, telemetry.Setup{
		Version: Version, NATSVersion: NATSVersion, Revision: Commit(), GoVersion: runtime.Version(),
		ConnsMax: s.options.Limits.MaxConnections, PendingLimit: s.options.Limits.MaxPending,
	}))
	return pages
}

// pageBase is what is before the path of each page: nothing for "/".
func (s *Server) pageBase() string { return strings.TrimSuffix(s.options.Monitor.BasePath, "/") }

// certificateEnd is when the first of the certificates ends, zero without one.
func (s *Server) certificateEnd() (first time.Time) {
	if s.options.TLS == nil {
		return first
	}
	for _, files := range s.options.TLS.Certificates {
		pair, err := tls.LoadX509KeyPair(files.CertFile, files.KeyFile)
		if err != nil {
			s.log.Warn("Certificate could not be read for monitoring", "file", files.CertFile, "error", err)
			continue
		}
		if end := pair.Leaf.NotAfter; first.IsZero() || end.Before(first) {
			first = end
		}
	}
	return first
}

// pageSource shows the server to the monitoring pages and to the metrics.
type pageSource struct {
	server         *Server
	certificateEnd time.Time
	stored         storedSource // nil while JetStream is off
}

// Server implements [monitor.Source].
func (p *pageSource) Server() monitor.Server {
	s, o := p.server, p.server.options
	start := s.conns.Stats().Start
	return monitor.Server{
		ID: s.id, Name: s.name, Version: NATSVersion, Tidings: Version, GitCommit: Commit(),
		Tags: o.Server.Tags, Metadata: o.Server.Metadata,
		Start: start, ConfigLoaded: start, ConfigDigest: o.ConfigDigest,
		Client: p.listener(), HTTP: p.http(), TLS: p.tls(), Timing: p.timing(),
		Limits: monitor.Limits{
			Connections: o.Limits.MaxConnections, Subscriptions: o.Limits.MaxSubscriptions,
			ControlLine: o.Limits.MaxControlLine, Payload: o.Limits.MaxPayload, Pending: o.Limits.MaxPending,
		},
	}
}

// listener is the address that clients are told.
func (p *pageSource) listener() monitor.Listener {
	o := p.server.options
	l := monitor.Listener{Host: o.Server.Host, AuthRequired: credentialsSet(&o.Auth)}
	if a, ok := p.server.Addr().(*net.TCPAddr); ok {
		l.Port = a.Port
	}
	if advertised := o.Server.ClientAdvertise; advertised != "" {
		l.Host = advertised
		if host, port, err := net.SplitHostPort(advertised); err == nil {
			l.Host = host
			if n, err := strconv.Atoi(port); err == nil {
				l.Port = n
			}
		}
	}
	return l
}

// credentialsSet reports whether a client must be somebody.
func credentialsSet(c *auth.Config) bool {
	if c.Token != "" || c.User != "" || len(c.Users) > 0 {
		return true
	}
	for i := range c.Accounts {
		if len(c.Accounts[i].Users) > 0 {
			return true
		}
	}
	return false
}

func (p *pageSource) http() monitor.HTTP {
	h := monitor.HTTP{Host: p.server.options.Monitor.Host, BasePath: p.server.pageBase()}
	at, err := url.Parse(p.server.MonitorURL())
	if err != nil {
		return h // the server made the URL itself
	}
	port, err := strconv.Atoi(at.Port())
	if err != nil {
		return h // the listener has just been closed
	}
	if at.Scheme == "https" {
		h.HTTPSPort = port
	} else {
		h.Port = port
	}
	return h
}

func (p *pageSource) tls() monitor.TLS {
	t := p.server.options.TLS
	if t == nil {
		return monitor.TLS{}
	}
	return monitor.TLS{Required: !t.AllowNonTLS, Verify: t.Verify, Timeout: t.Timeout, NotAfter: p.certificateEnd}
}

func (p *pageSource) timing() monitor.Timing {
	t := p.server.options.Timing
	shown := monitor.Timing{
		PingInterval: t.PingInterval, PingMax: t.PingMax, AuthTimeout: t.AuthTimeout, WriteDeadline: t.WriteDeadline,
	}
	if t.WriteTimeout != options.WriteTimeoutDefault {
		shown.WriteTimeout = string(t.WriteTimeout)
	}
	return shown
}

// Totals implements [monitor.Source] and [telemetry.Source].
func (p *pageSource) Totals() monitor.Totals {
	st := p.server.conns.Stats()
	return monitor.Totals{
		Connections: st.Connections, Subscriptions: st.Subscriptions, TotalConnections: st.Total,
		InMsgs: st.InMsgs, InBytes: st.InBytes, OutMsgs: st.OutMsgs, OutBytes: st.OutBytes,
		SlowPending: st.SlowPending, SlowDeadline: st.SlowDeadline, Stale: st.Stale, Stalls: st.Stalls,
		Dropped: st.Dropped, Violations: st.Violations, AuthFailed: st.AuthFailed,
	}
}

// Connections implements [monitor.Source].
func (p *pageSource) Connections(state monitor.State) []monitor.Connection {
	var open, closed []conn.Snapshot
	if state != monitor.Closed {
		open = p.server.conns.Connections()
	}
	if state != monitor.Open {
		closed = p.server.conns.Closed()
	}
	list := make([]monitor.Connection, len(open)+len(closed))
	for i := range open {
		list[i] = shownConnection(&open[i])
	}
	for i := range closed {
		list[len(open)+i] = shownConnection(&closed[i])
	}
	return list
}

func shownConnection(sn *conn.Snapshot) monitor.Connection {
	return monitor.Connection{
		ID: sn.ID, Kind: sn.Kind, Type: "nats", IP: sn.IP, Port: sn.Port,
		Start: sn.Start, LastActivity: sn.LastActivity, Stop: sn.Stop, Reason: string(sn.Reason),
		RTT: sn.RTT, Pending: sn.Pending, Stalls: sn.Stalls, Subscriptions: sn.Subscriptions,
		InMsgs: sn.InMsgs, InBytes: sn.InBytes, OutMsgs: sn.OutMsgs, OutBytes: sn.OutBytes,
		Name: sn.Name, Lang: sn.Lang, Version: sn.Version, User: sn.User, Account: sn.Account,
		TLSVersion: sn.TLSVersion, TLSCipher: sn.TLSCipher,
	}
}

// Subscriptions implements [monitor.Source].
func (p *pageSource) Subscriptions(id uint64) []monitor.Subscription {
	subs := p.server.conns.Subscriptions(id)
	list := make([]monitor.Subscription, len(subs))
	for i := range subs {
		list[i] = shownSubscription(&subs[i])
	}
	return list
}

// EachSubscription implements [monitor.Source].
func (p *pageSource) EachSubscription(f func(*monitor.Subscription) bool) {
	p.server.conns.EachSubscription(func(sn conn.SubscriptionSnapshot) bool {
		s := shownSubscription(&sn)
		return f(&s)
	})
}

func shownSubscription(sn *conn.SubscriptionSnapshot) monitor.Subscription {
	return monitor.Subscription{
		Account: sn.Account, Subject: sn.Subject, Queue: sn.Queue, ID: sn.ID, Conn: sn.ConnID, Msgs: sn.Delivered,
	}
}

// Accounts implements [telemetry.Source].
func (p *pageSource) Accounts() []telemetry.Account {
	accounts := p.server.accounts.All()
	list := make([]telemetry.Account, len(accounts))
	for i, a := range accounts {
		list[i] = telemetry.Account{
			Name: a.Name(), Connections: int(a.Connections.Load()), Subscriptions: a.Subscriptions(),
			Received:      telemetry.Traffic{Messages: a.Sent.Messages.Load(), Bytes: a.Sent.Bytes.Load()},
			Sent:          telemetry.Traffic{Messages: a.Received.Messages.Load(), Bytes: a.Received.Bytes.Load()},
			SlowConsumers: a.SlowClients.Load(),
		}
	}
	return list
}

// AccountList implements [monitor.Source].
func (p *pageSource) AccountList() []monitor.Account {
	accounts := p.server.accounts.All()
	list := make([]monitor.Account, len(accounts))
	for i, a := range accounts {
		list[i] = monitor.Account{
			Name: a.Name(), System: a.Name() == systemAccount, Connections: int(a.Connections.Load()), Subscriptions: a.Subscriptions(),
			Received:      monitor.Traffic{Msgs: a.Sent.Messages.Load(), Bytes: a.Sent.Bytes.Load()},
			Sent:          monitor.Traffic{Msgs: a.Received.Messages.Load(), Bytes: a.Received.Bytes.Load()},
			SlowConsumers: a.SlowClients.Load(),
		}
	}
	return list
}

// storedSource shows what is stored.
type storedSource interface {
	monitor.JetStream
	// Figures are those for metrics.
	Figures() *telemetry.JetStream
	// Streams are those of [telemetry.Source].
	Streams(streams, consumers int) []telemetry.Stream
}

// JetStream implements [monitor.Source].
func (p *pageSource) JetStream() monitor.JetStream {
	if p.stored == nil {
		return nil
	}
	return p.stored
}

// JetStreamFigures implements [telemetry.Source].
func (p *pageSource) JetStreamFigures() *telemetry.JetStream {
	if p.stored == nil {
		return nil
	}
	return p.stored.Figures()
}

// Streams implements [telemetry.Source].
func (p *pageSource) Streams(streams, consumers int) []telemetry.Stream {
	if p.stored == nil {
		return nil
	}
	return p.stored.Streams(streams, consumers)
}

// Pending implements [telemetry.Source].
func (p *pageSource) Pending() (sum telemetry.Pending) {
	for _, sn := range p.server.conns.Connections() {
		sum.Total += int64(sn.Pending)
		sum.Largest = max(sum.Largest, int64(sn.Pending))
	}
	return sum
}
