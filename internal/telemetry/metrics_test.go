package telemetry_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus/testutil/promlint"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"github.com/tidings-io/tidings/internal/monitor"
	"github.com/tidings-io/tidings/internal/telemetry"
	"github.com/tidings-io/tidings/internal/vfs"
)

type fake struct {
	totals   monitor.Totals
	accounts []telemetry.Account
	pending  telemetry.Pending
	stored   *telemetry.JetStream
	streams  []telemetry.Stream
}

func (f *fake) Totals() monitor.Totals        { return f.totals }
func (f *fake) Accounts() []telemetry.Account { return slices.Clone(f.accounts) }
func (f *fake) Pending() telemetry.Pending    { return f.pending }

func (f *fake) JetStreamFigures() *telemetry.JetStream { return f.stored }

func (f *fake) Streams(streams, _ int) []telemetry.Stream {
	return f.streams[:min(streams, len(f.streams))]
}

var setup = telemetry.Setup{Version: "0.1.0", NATSVersion: "2.15.2", Revision: "abc", GoVersion: "go1.26", ConnsMax: 7, PendingLimit: 99}

// traffic is a server in which every figure has its own value.
func traffic() *fake {
	return &fake{
		totals: monitor.Totals{
			Connections: 1, Subscriptions: 2, TotalConnections: 3, SlowPending: 8, SlowDeadline: 9,
			Stale: 10, Stalls: 11, Dropped: 12, Violations: 13, AuthFailed: 14,
		},
		accounts: []telemetry.Account{{
			Name: "$G", Connections: 20, Subscriptions: 21, Received: telemetry.Traffic{Messages: 22, Bytes: 23},
			Sent: telemetry.Traffic{Messages: 24, Bytes: 25}, SlowConsumers: 26,
		}},
		pending: telemetry.Pending{Total: 30, Largest: 31},
		stored: &telemetry.JetStream{
			Accounts: []telemetry.JetStreamAccount{{
				Name: "$G", Memory: 40, Storage: 41, Messages: 42, Streams: 43, Consumers: 44, Requests: 45, FailedRequests: 46,
			}},
			MemoryLimit: 47, StorageLimit: 48, LogSize: 54, LogLimit: 55, Problems: 49, Disk: telemetry.NewDisk(vfs.NewMem()),
		},
		streams: []telemetry.Stream{
			{Account: "$G", Name: "S", Messages: 50, Bytes: 51, Consumers: []telemetry.Consumer{{Name: "C", Pending: 52, AckPending: 53}}},
			{Account: "\xff", Name: "S"},
		},
	}
}

// scrape asks for the metrics.
func scrape(t *testing.T, h http.Handler, accept string) string {
	t.Helper()
	r := httptest.NewRequest(http.MethodGet, "/metrics?streams=true", http.NoBody)
	r.Header.Set("Accept", accept)
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	if w.Code != http.StatusOK {
		t.Fatalf("status %d:\n%s", w.Code, w.Body)
	}
	return w.Body.String()
}

// families scrapes and parses.
func families(t *testing.T, h http.Handler) map[string]*dto.MetricFamily {
	t.Helper()
	parser := expfmt.NewTextParser(model.UTF8Validation)
	found, err := parser.TextToMetricFamilies(strings.NewReader(scrape(t, h, "")))
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func TestMetricsAreThoseOfTheList(t *testing.T) {
	t.Parallel()
	want, err := os.ReadFile(filepath.Join("testdata", "metrics.txt"))
	if err != nil {
		t.Fatal(err)
	}
	lines := []string{}
	for name, family := range families(t, telemetry.New(traffic(), setup)) {
		if !strings.HasPrefix(name, "tidings_") {
			continue
		}
		labels := []string{}
		for _, label := range family.GetMetric()[0].GetLabel() {
			labels = append(labels, label.GetName())
		}
		lines = append(lines, strings.TrimSpace(name+" "+strings.ToLower(family.GetType().String())+" "+strings.Join(labels, ",")))
	}
	slices.Sort(lines)
	if diff := cmp.Diff(strings.TrimSpace(string(want)), strings.Join(lines, "\n")); diff != "" {
		t.Errorf("names are stable; a new one goes to testdata/metrics.txt and docs/metrics.md (-list +scrape):\n%s", diff)
	}
}

func TestMetricsAreDocumented(t *testing.T) {
	t.Parallel()
	list, err := os.ReadFile(filepath.Join("testdata", "metrics.txt"))
	if err != nil {
		t.Fatal(err)
	}
	doc, err := os.ReadFile(filepath.Join("..", "..", "docs", "metrics.md"))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(list)) {
		words := append(strings.Fields(line), "")
		labels := ""
		if words[2] != "" {
			labels = "`" + strings.ReplaceAll(words[2], ",", "`, `") + "`"
		}
		row := strings.TrimSuffix(fmt.Sprintf("| `%s` | %s | %s", words[0], words[1], labels), " ")
		if !strings.Contains(string(doc), row) {
			t.Errorf("docs/metrics.md has no row that begins with %q", row)
		}
	}
	if got, want := strings.Count(string(doc), "\n| `tidings_"), strings.Count(string(list), "\n"); got != want {
		t.Errorf("docs/metrics.md has %d rows, want %d", got, want)
	}
}

func TestMetricsHaveTheirValues(t *testing.T) {
	t.Parallel()
	text := scrape(t, telemetry.New(traffic(), setup), "")
	for _, line := range []string{
		`tidings_account_slow_consumers_total{account="$G"} 26`,
		`tidings_authentication_failures_total 14`,
		`tidings_build_info{go_version="go1.26",nats_version="2.15.2",revision="abc",version="0.1.0"} 1`,
		`tidings_connection_pending_bytes_max 31`,
		`tidings_connection_pending_limit_bytes 99`,
		`tidings_connections{account="$G"} 20`,
		`tidings_connections_limit 7`,
		`tidings_connections_opened_total 3`,
		`tidings_jetstream_api_errors_total{account="$G"} 46`,
		`tidings_jetstream_api_requests_total{account="$G"} 45`,
		`tidings_jetstream_consumer_ack_pending{account="$G",consumer="C",stream="S"} 53`,
		`tidings_jetstream_consumer_pending{account="$G",consumer="C",stream="S"} 52`,
		`tidings_jetstream_consumers{account="$G"} 44`,
		`tidings_jetstream_stream_bytes{account="$G",stream="S"} 51`,
		`tidings_jetstream_stream_messages{account="$G",stream="S"} 50`,
		`tidings_jetstream_memory_bytes{account="$G"} 40`,
		`tidings_jetstream_memory_limit_bytes 47`,
		`tidings_jetstream_messages{account="$G"} 42`,
		`tidings_jetstream_log_bytes 54`,
		`tidings_jetstream_log_limit_bytes 55`,
		`tidings_jetstream_problems 49`,
		`tidings_jetstream_storage_bytes{account="$G"} 41`,
		`tidings_jetstream_storage_limit_bytes 48`,
		`tidings_jetstream_streams{account="$G"} 43`,
		`tidings_messages_dropped_total 12`,
		`tidings_messages_received_total{account="$G"} 22`,
		`tidings_messages_sent_total{account="$G"} 24`,
		`tidings_pending_bytes 30`,
		`tidings_permission_violations_total 13`,
		`tidings_publisher_stalls_total 11`,
		`tidings_received_bytes_total{account="$G"} 23`,
		`tidings_sent_bytes_total{account="$G"} 25`,
		`tidings_slow_consumers_total{reason="pending_bytes"} 8`,
		`tidings_slow_consumers_total{reason="write_deadline"} 9`,
		`tidings_stale_connections_total 10`,
		`tidings_subscriptions{account="$G"} 21`,
	} {
		if !strings.Contains(text, "\n"+line+"\n") {
			t.Errorf("no line %s", line)
		}
	}
	for _, name := range []string{"go_goroutines", "process_start_time_seconds"} {
		if !strings.Contains(text, "\n"+name+" ") {
			t.Errorf("no figure %s of the Go runtime and the process", name)
		}
	}
}

func TestMetricsKeepTheConventionsOfPrometheus(t *testing.T) {
	t.Parallel()
	problems, err := promlint.New(strings.NewReader(scrape(t, telemetry.New(traffic(), setup), ""))).Lint()
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		t.Errorf("%s: %s", p.Metric, p.Text)
	}
}

func TestMetricsCanBeReadAsOpenMetrics(t *testing.T) {
	t.Parallel()
	text := scrape(t, telemetry.New(traffic(), setup), "application/openmetrics-text; version=1.0.0")
	if !strings.HasSuffix(text, "# EOF\n") {
		t.Error("the answer does not end with # EOF")
	}
	// In OpenMetrics a counter's family has no _total: it must not meet a gauge.
	seen := map[string]bool{}
	for line := range strings.Lines(text) {
		name, found := strings.CutPrefix(line, "# TYPE ")
		if !found || !strings.HasPrefix(name, "tidings_") {
			continue
		}
		name, _, _ = strings.Cut(name, " ")
		if seen[name] {
			t.Errorf("%s has two types", name)
		}
		seen[name] = true
	}
	if !seen["tidings_connections"] || !seen["tidings_connections_opened"] {
		t.Error("families are missing")
	}
}

func TestAccountsBeyondTheLimitAreSummed(t *testing.T) {
	t.Parallel()
	source := &fake{stored: &telemetry.JetStream{}}
	for i := range 150 {
		source.accounts = append(source.accounts, telemetry.Account{Name: fmt.Sprintf("B%03d", i), Connections: 1})
		source.stored.Accounts = append(source.stored.Accounts, telemetry.JetStreamAccount{Name: fmt.Sprintf("B%03d", i), Streams: 2})
	}
	source.accounts = append(source.accounts, telemetry.Account{Name: "other", Connections: 1000}, telemetry.Account{Name: "\xff", Connections: 2000})
	h := telemetry.New(source, setup)
	byAccount := func() map[string]float64 {
		values := map[string]float64{}
		for _, m := range families(t, h)["tidings_connections"].GetMetric() {
			values[m.GetLabel()[0].GetValue()] = m.GetGauge().GetValue()
		}
		return values
	}
	first := byAccount()
	if len(first) != 101 || first["other"] != 3050 || first["B099"] != 1 {
		t.Errorf("%d series, other %v, B099 %v; want 101, 3050, 1", len(first), first["other"], first["B099"])
	}
	stored := families(t, h)["tidings_jetstream_streams"].GetMetric()
	if last := stored[len(stored)-1]; len(stored) != 101 || last.GetLabel()[0].GetValue() != "other" || last.GetGauge().GetValue() != 100 {
		t.Errorf("%d series of streams, the last one %v; want 101, with 100 streams of the other accounts", len(stored), last)
	}
	// An account that comes first by name does not take the series of another.
	source.accounts = slices.Insert(source.accounts, 0, telemetry.Account{Name: "A", Connections: 5})
	second := byAccount()
	if _, shown := second["A"]; shown || second["other"] != 3055 || second["B099"] != 1 {
		t.Errorf("after another account: A shown %v, other %v, B099 %v; want false, 3055, 1", shown, second["other"], second["B099"])
	}
}

func TestStreamsAreShownToThoseWhoAsk(t *testing.T) {
	t.Parallel()
	h := telemetry.New(traffic(), setup)
	f := func(options string, status int, shown bool) {
		t.Helper()
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/metrics"+options, http.NoBody))
		if got := strings.Contains(w.Body.String(), "\ntidings_jetstream_stream_messages{"); w.Code != status || got != shown {
			t.Errorf("%s: status %d, streams shown: %v; want %d, %v", options, w.Code, got, status, shown)
		}
	}
	f("", 200, false)
	f("?streams=false", 200, false)
	f("?streams=1", 200, true)
	f("?streams=all", 400, false)
}

func TestConnectionsWithoutLimitShowNone(t *testing.T) {
	t.Parallel()
	open := setup
	open.ConnsMax = -1
	if text := scrape(t, telemetry.New(traffic(), open), ""); strings.Contains(text, "\ntidings_connections_limit") {
		t.Error("a limit is shown")
	}
}

func TestScrapesAreCompressedForThoseWhoAsk(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(telemetry.New(traffic(), setup))
	t.Cleanup(server.Close)
	res, err := server.Client().Get(server.URL) // asks for gzip by itself
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(res.Body)
	if err := errors.Join(err, res.Body.Close()); err != nil || !res.Uncompressed || !strings.Contains(string(text), "tidings_build_info") {
		t.Errorf("compressed %v, error %v", res.Uncompressed, err)
	}
}
