package telemetry

import (
	"net/http"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/tidings-io/tidings/internal/monitor"
)

// maxScrapes is how many scrapes are answered at a time; more get status 503.
const maxScrapes = 4

// New returns the handler of /metrics. With the option "streams" it shows single
// streams and consumers, too.
func New(source Source, setup Setup) http.Handler {
	all := &collector{source: source, setup: setup}
	return choose(handler(all), handler(all, streamCollector{source}))
}

// handler answers with what the collectors have, and with the figures of the
// process.
func handler(figures ...prometheus.Collector) http.Handler {
	registry := prometheus.NewRegistry()
	registry.MustRegister(
		collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
	)
	registry.MustRegister(figures...)
	return promhttp.HandlerFor(registry, promhttp.HandlerOpts{
		EnableOpenMetrics:   true,
		MaxRequestsInFlight: maxScrapes,
	})
}

// figure is one metric: its description and where its value comes from.
type figure[T any] struct {
	desc  *prometheus.Desc
	kind  prometheus.ValueType
	value func(T) float64
}

func counter[T any](name, help string, labels []string, value func(T) float64) figure[T] {
	return figure[T]{prometheus.NewDesc(name, help, labels, nil), prometheus.CounterValue, value}
}

func gauge[T any](name, help string, labels []string, value func(T) float64) figure[T] {
	return figure[T]{prometheus.NewDesc(name, help, labels, nil), prometheus.GaugeValue, value}
}

func (f figure[T]) send(to chan<- prometheus.Metric, from T, labels ...string) {
	to <- prometheus.MustNewConstMetric(f.desc, f.kind, f.value(from), labels...)
}

var byAccount = []string{"account"}

// perAccount are the figures of accounts.
var perAccount = []figure[*Account]{
	gauge("tidings_connections", "Open client connections.", byAccount,
		func(a *Account) float64 { return float64(a.Connections) }),
	gauge("tidings_subscriptions", "Subscriptions.", byAccount,
		func(a *Account) float64 { return float64(a.Subscriptions) }),
	counter("tidings_messages_received_total", "Messages that clients sent to the server.", byAccount,
		func(a *Account) float64 { return float64(a.Received.Messages) }),
	counter("tidings_received_bytes_total", "Bytes of messages that clients sent to the server, headers included.", byAccount,
		func(a *Account) float64 { return float64(a.Received.Bytes) }),
	counter("tidings_messages_sent_total", "Messages that the server sent to clients.", byAccount,
		func(a *Account) float64 { return float64(a.Sent.Messages) }),
	counter("tidings_sent_bytes_total", "Bytes of messages that the server sent to clients, headers included.", byAccount,
		func(a *Account) float64 { return float64(a.Sent.Bytes) }),
	counter("tidings_account_slow_consumers_total", "Connections closed as slow consumers, by account.", byAccount,
		func(a *Account) float64 { return float64(a.SlowConsumers) }),
}

// ofServer are the figures of the server as a whole.
var ofServer = []figure[*monitor.Totals]{
	counter("tidings_connections_opened_total", "Client connections accepted since the start.", nil,
		func(t *monitor.Totals) float64 { return float64(t.TotalConnections) }),
	counter("tidings_publisher_stalls_total", "Pauses of publishers for the sake of slow consumers.", nil,
		func(t *monitor.Totals) float64 { return float64(t.Stalls) }),
	counter("tidings_stale_connections_total", "Connections closed because pings stayed unanswered.", nil,
		func(t *monitor.Totals) float64 { return float64(t.Stale) }),
	counter("tidings_messages_dropped_total", "Messages dropped because their receiver's connection was closed.", nil,
		func(t *monitor.Totals) float64 { return float64(t.Dropped) }),
	counter("tidings_permission_violations_total", "Publishes and subscriptions refused for lack of permission.", nil,
		func(t *monitor.Totals) float64 { return float64(t.Violations) }),
	counter("tidings_authentication_failures_total", "Connections closed because they did not authenticate, or not in time.", nil,
		func(t *monitor.Totals) float64 { return float64(t.AuthFailed) }),
}

// waiting are the figures of what waits to be written.
var waiting = []figure[Pending]{
	gauge("tidings_pending_bytes", "Bytes that wait to be written to clients.", nil,
		func(p Pending) float64 { return float64(p.Total) }),
	gauge("tidings_connection_pending_bytes_max", "Bytes that wait for the client with the most.", nil,
		func(p Pending) float64 { return float64(p.Largest) }),
}

// The figures that are more or less than one value of one snapshot.
var (
	slowConsumers = prometheus.NewDesc("tidings_slow_consumers_total",
		"Connections closed as slow consumers, by reason: pending_bytes or write_deadline.", []string{"reason"}, nil)
	pendingLimit = prometheus.NewDesc("tidings_connection_pending_limit_bytes",
		"Bytes that may wait for one client before it is a slow consumer.", nil, nil)
	connectionsLimit = prometheus.NewDesc("tidings_connections_limit",
		"Client connections that are accepted at a time.", nil, nil)
	buildInfo = prometheus.NewDesc("tidings_build_info", "Always 1; the labels tell what runs.",
		[]string{"version", "nats_version", "revision", "go_version"}, nil)
)

// collector computes the figures of one scrape.
type collector struct {
	source Source
	setup  Setup
	labels accountLabels
}

// Describe sends the descriptions of all figures.
func (c *collector) Describe(to chan<- *prometheus.Desc) {
	for _, f := range perAccount {
		to <- f.desc
	}
	for _, f := range ofServer {
		to <- f.desc
	}
	for _, f := range waiting {
		to <- f.desc
	}
	to <- pendingLimit
	to <- slowConsumers
	to <- connectionsLimit
	to <- buildInfo
	describeJetStream(to)
}

// Collect sends the figures.
func (c *collector) Collect(to chan<- prometheus.Metric) {
	accounts := c.labels.fold(c.source.Accounts())
	for i := range accounts {
		for _, f := range perAccount {
			f.send(to, &accounts[i], accounts[i].Name)
		}
	}
	totals := c.source.Totals()
	for _, f := range ofServer {
		f.send(to, &totals)
	}
	to <- prometheus.MustNewConstMetric(slowConsumers, prometheus.CounterValue, float64(totals.SlowPending), "pending_bytes")
	to <- prometheus.MustNewConstMetric(slowConsumers, prometheus.CounterValue, float64(totals.SlowDeadline), "write_deadline")
	pending := c.source.Pending()
	for _, f := range waiting {
		f.send(to, pending)
	}
	to <- prometheus.MustNewConstMetric(pendingLimit, prometheus.GaugeValue, float64(c.setup.PendingLimit))
	if c.setup.ConnsMax >= 0 {
		to <- prometheus.MustNewConstMetric(connectionsLimit, prometheus.GaugeValue, float64(c.setup.ConnsMax))
	}
	to <- prometheus.MustNewConstMetric(buildInfo, prometheus.GaugeValue, 1,
		c.setup.Version, c.setup.NATSVersion, c.setup.Revision, c.setup.GoVersion)
	if js := c.source.JetStreamFigures(); js != nil {
		c.collectJetStream(to, js)
	}
}
