package server_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/tidings-io/tidings/internal/monitor"
	"github.com/tidings-io/tidings/internal/testserver"
)

const withMonitor = "http: 127.0.0.1:-1\n"

// fetch asks the monitoring listener for a page.
func fetch(t testing.TB, s *testserver.Server, path string) (status int, body []byte) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, strings.TrimSuffix(s.MonitorURL(), "/")+path, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	client := http.Client{Transport: &http.Transport{
		TLSClientConfig:   &tls.Config{InsecureSkipVerify: true}, // made by the test
		DisableKeepAlives: true,
	}}
	res, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	body, err = io.ReadAll(res.Body)
	if err := errors.Join(err, res.Body.Close()); err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, body
}

// page asks for a page and decodes it.
func page[T any](t testing.TB, s *testserver.Server, path string) *T {
	t.Helper()
	status, body := fetch(t, s, path)
	v := new(T)
	if err := json.Unmarshal(body, v); err != nil || status != http.StatusOK {
		t.Fatalf("%s: status %d, %v\n%s", path, status, err, body)
	}
	return v
}

// connect connects a client and disconnects it at the end.
func connect(t testing.TB, url string, opts ...nats.Option) *nats.Conn {
	t.Helper()
	nc, err := nats.Connect(url, opts...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	return nc
}

// must is for calls that have nothing to do with what is tested.
func must[T any](v T, err error) func(testing.TB) T {
	return func(t testing.TB) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func flush(t testing.TB, conns ...*nats.Conn) {
	t.Helper()
	for _, nc := range conns {
		if err := nc.Flush(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestVarzShowsWhatClientsDid(t *testing.T) {
	t.Parallel()
	s := testserver.StartConfig(t, withMonitor+`
server_name: one
server_tags: [a, b]
server_metadata: {rack: "7"}
max_subscriptions: 50
max_payload: 2MB
ping_interval: 30s
`)
	before := page[monitor.Varz](t, s, "/varz")
	a, b := connect(t, s.URL), connect(t, s.URL)
	sub := must(a.SubscribeSync("orders.*"))(t)
	flush(t, a)
	if err := b.Publish("orders.1", []byte("hello")); err != nil {
		t.Fatal(err)
	}
	flush(t, b)
	must(sub.NextMsg(10 * time.Second))(t)
	v := page[monitor.Varz](t, s, "/varz")

	f := func(name string, got, want any) {
		t.Helper()
		if fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("%s is %v, want %v", name, got, want)
		}
	}
	f("connections before", before.Connections, 0)
	f("server_id", v.ServerID, s.ID())
	f("server_name", v.ServerName, "one")
	f("tags", v.Tags, []string{"a", "b"})
	f("metadata", v.Metadata, map[string]string{"rack": "7"})
	f("host", v.Host, "127.0.0.1")
	f("port", v.Port, s.Addr().(*net.TCPAddr).Port)
	f("http_host", v.HTTPHost, "127.0.0.1")
	f("http_base_path", v.HTTPBasePath, "")
	if want := ":" + strconv.Itoa(v.HTTPPort); !strings.Contains(s.MonitorURL(), want) {
		t.Errorf("http_port is %d, pages are at %s", v.HTTPPort, s.MonitorURL())
	}
	f("max_connections", v.MaxConnections, 65536)
	f("max_subscriptions", v.MaxSubscriptions, 50)
	f("max_payload", v.MaxPayload, 2<<20)
	f("max_pending", v.MaxPending, 64<<20)
	f("max_control_line", v.MaxControlLine, 4096)
	f("ping_interval", v.PingInterval, 30*time.Second)
	f("auth_timeout", v.AuthTimeout, 2)
	f("tls_timeout", v.TLSTimeout, 2)
	f("write_timeout", v.WriteTimeout, "")
	f("auth_required", v.AuthRequired, false)
	f("connections", v.Connections, 2)
	f("total_connections", v.TotalConnections, 2)
	f("subscriptions", v.Subscriptions, 1)
	f("in_msgs", v.InMsgs, 1)
	f("in_bytes", v.InBytes, 5)
	f("in_client_msgs", v.InClientMsgs, 1)
	f("out_msgs", v.OutMsgs, 1)
	f("out_client_bytes", v.OutClientBytes, 5)
	f("slow_consumers", v.SlowConsumers, 0)
	f("http_req_stats", v.HTTPRequests, map[string]int{"/varz": 2})
	f("config_load_time", v.ConfigLoadTime, v.Start)
	if !strings.HasPrefix(v.ConfigDigest, "sha256:") {
		t.Errorf("config_digest is %q", v.ConfigDigest)
	}
	if v.Mem <= 0 || v.Cores <= 0 || v.MaxProcs <= 0 || v.Start.IsZero() || v.Now.Before(v.Start) {
		t.Errorf("mem %d, cores %d, gomaxprocs %d, start %v, now %v", v.Mem, v.Cores, v.MaxProcs, v.Start, v.Now)
	}
}

func TestConnzShowsOpenAndClosedConnections(t *testing.T) {
	t.Parallel()
	s := testserver.StartConfig(t, withMonitor+`
accounts {
  A { users: [{user: ann, password: secret}] }
  B { users: [{user: bob, password: secret}] }
}
`)
	ann := connect(t, s.URL, nats.UserInfo("ann", "secret"), nats.Name("app"))
	must(ann.SubscribeSync("orders.*"))(t)
	must(ann.QueueSubscribeSync("work", "workers"))(t)
	closed := make(chan struct{})
	bob := connect(t, s.URL, nats.UserInfo("bob", "secret"), nats.ClosedHandler(func(*nats.Conn) { close(closed) }))
	must(bob.SubscribeSync("orders.new"))(t)
	if err := ann.Publish("orders.1", []byte("hello")); err != nil {
		t.Fatal(err)
	}
	flush(t, ann, bob)

	all := page[monitor.Connz](t, s, "/connz?auth=1&subs=detail")
	if all.Total != 2 || len(all.Connections) != 2 {
		t.Fatalf("%d connections of %d, want 2 of 2", len(all.Connections), all.Total)
	}
	c := all.Connections[0]
	id := must(ann.GetClientID())(t)
	if c.ID != id || c.Name != "app" || c.Lang != "go" || c.Version != nats.Version || c.Kind != "Client" || c.Type != "nats" {
		t.Errorf("connection %+v, want number %d of the Go client named app", c, id)
	}
	if c.AuthorizedUser != "ann" || c.Account != "A" || c.IP != "127.0.0.1" || c.Subscriptions != 2 || c.InMsgs != 1 || c.InBytes != 5 || c.OutMsgs != 1 {
		t.Errorf("connection %+v, want that of ann in A with 2 subscriptions and 1 message in and out", c)
	}
	slices.SortFunc(c.Details, func(a, b monitor.SubscriptionInfo) int { return strings.Compare(a.Subject, b.Subject) })
	if len(c.Details) != 2 || c.Details[0].Subject != "orders.*" || c.Details[0].Msgs != 1 || c.Details[1].Queue != "workers" || c.Details[1].Conn != id {
		t.Errorf("subscriptions %+v", c.Details)
	}
	for options, want := range map[string]int{
		"acc=A": 1, "acc=C": 0, "user=bob": 1, "filter_subject=orders.new": 2, "filter_subject=orders.old": 1,
		fmt.Sprint("cid=", id): 1, "state=closed": 0, "state=any": 2,
	} {
		if got := page[monitor.Connz](t, s, "/connz?"+options).NumConnections; got != want {
			t.Errorf("/connz?%s: %d connections, want %d", options, got, want)
		}
	}

	bob.Close()
	<-closed
	gone := awaitClosed(t, s)
	if gone.Reason != "Client Closed" || gone.Stop.IsZero() || gone.Subscriptions != 1 || gone.AuthorizedUser != "bob" {
		t.Errorf("closed connection %+v", gone)
	}
	if got := page[monitor.Connz](t, s, "/connz?state=any").Total; got != 2 {
		t.Errorf("state=any: %d connections, want 2", got)
	}
}

// awaitClosed returns the one closed connection once the server has noticed. Each
// look is a request of its own; there is no event to wait for.
func awaitClosed(t *testing.T, s *testserver.Server) monitor.ConnectionInfo {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	for {
		list := page[monitor.Connz](t, s, "/connz?state=closed&sort=stop&auth=1").Connections
		if len(list) == 1 {
			return list[0]
		}
		if ctx.Err() != nil {
			t.Fatalf("%d closed connections, want 1", len(list))
		}
	}
}

func TestSubszFindsWhoGetsASubject(t *testing.T) {
	t.Parallel()
	s := testserver.StartConfig(t, withMonitor)
	nc := connect(t, s.URL)
	for i := range 5 {
		must(nc.SubscribeSync(fmt.Sprintf("orders.%d", i)))(t)
	}
	must(nc.SubscribeSync("orders.>"))(t)
	flush(t, nc)
	v := page[monitor.Subsz](t, s, "/subsz?subs=1&test=orders.3")
	if v.NumSubscriptions != 6 || v.Total != 2 || len(v.Subscriptions) != 2 {
		t.Errorf("%d subscriptions, %d match, %d listed; want 6, 2, 2", v.NumSubscriptions, v.Total, len(v.Subscriptions))
	}
	for _, sub := range v.Subscriptions {
		if sub.Account != "$G" || sub.Subject != "orders.3" && sub.Subject != "orders.>" {
			t.Errorf("listed %+v", sub)
		}
	}
	if v := page[monitor.Subsz](t, s, "/subscriptionsz?subs=1&limit=4&offset=4"); len(v.Subscriptions) != 2 || v.Total != 6 {
		t.Errorf("the second page has %d of %d subscriptions, want 2 of 6", len(v.Subscriptions), v.Total)
	}
}

func TestPagesAreServedBelowTheBasePath(t *testing.T) {
	t.Parallel()
	s := testserver.StartConfig(t, withMonitor+"http_base_path: /nats/\nclient_advertise: \"example.com:99\"\n")
	v := page[monitor.Varz](t, s, "/varz")
	if v.HTTPBasePath != "/nats" || v.Host != "example.com" || v.Port != 99 {
		t.Errorf("http_base_path %q, host %q, port %d; want /nats, example.com, 99", v.HTTPBasePath, v.Host, v.Port)
	}
	status, body := fetch(t, s, "")
	if status != http.StatusOK || !strings.Contains(string(body), `href="/nats/metrics"`) {
		t.Errorf("index: status %d\n%s", status, body)
	}
	if status, body := fetch(t, s, "/healthz"); status != http.StatusOK || string(body) != `{"status":"ok"}` {
		t.Errorf("healthz: status %d, %s", status, body)
	}
	if status, body := fetch(t, s, "/connz?sort=name"); status != http.StatusBadRequest {
		t.Errorf("unknown order: status %d, %s", status, body)
	}
}

func TestMetricsFollowTheTraffic(t *testing.T) {
	t.Parallel()
	s := testserver.StartConfig(t, withMonitor+`
authorization {
  users: [{user: ann, password: secret, permissions: {publish: "orders.>"}}]
}
`)
	nc := connect(t, s.URL, nats.UserInfo("ann", "secret"), nats.ErrorHandler(func(*nats.Conn, *nats.Subscription, error) {}))
	for range 2 {
		must(nc.SubscribeSync("orders.*"))(t)
	}
	for _, subject := range []string{"orders.1", "orders.2", "forbidden"} {
		if err := nc.Publish(subject, []byte("hello")); err != nil {
			t.Fatal(err)
		}
	}
	flush(t, nc)
	if other, err := nats.Connect(s.URL, nats.UserInfo("ann", "wrong")); err == nil {
		other.Close()
		t.Fatal("a wrong password was accepted")
	}
	awaitClosed(t, s) // the server says no before it has put the connection away
	_, body := fetch(t, s, "/metrics")
	for _, line := range []string{
		`tidings_connections{account="$G"} 1`,
		`tidings_subscriptions{account="$G"} 2`,
		`tidings_messages_received_total{account="$G"} 2`,
		`tidings_received_bytes_total{account="$G"} 10`,
		`tidings_messages_sent_total{account="$G"} 4`,
		`tidings_sent_bytes_total{account="$G"} 20`,
		`tidings_permission_violations_total 1`,
		`tidings_authentication_failures_total 1`,
		`tidings_connections_opened_total 2`,
		`tidings_connections_limit 65536`,
		`tidings_connection_pending_limit_bytes 6.7108864e+07`,
		`tidings_pending_bytes 0`,
	} {
		if !strings.Contains(string(body), "\n"+line+"\n") {
			t.Errorf("no line %s in\n%s", line, grep(string(body), "tidings_"))
		}
	}
}

func grep(text, prefix string) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		if strings.HasPrefix(line, prefix) {
			b.WriteString(line)
		}
	}
	return b.String()
}

func TestPagesShowTLS(t *testing.T) {
	t.Parallel()
	end := time.Now().Add(48 * time.Hour).UTC().Truncate(time.Second)
	cert, key := certificate(t, end)
	s := testserver.StartConfig(t, fmt.Sprintf("https: 127.0.0.1:-1\ntls { cert_file: %q, key_file: %q, timeout: 3 }\n", cert, key))
	connect(t, s.URL, nats.RootCAs(cert))
	v := page[monitor.Varz](t, s, "/varz")
	if !v.TLSRequired || v.TLSVerify || v.TLSTimeout != 3 || !v.TLSCertNotAfter.Equal(end) || v.HTTPSPort == 0 || v.HTTPPort != 0 {
		t.Errorf("tls_required %v, tls_verify %v, tls_timeout %v, tls_cert_not_after %v, https_port %d, http_port %d",
			v.TLSRequired, v.TLSVerify, v.TLSTimeout, v.TLSCertNotAfter, v.HTTPSPort, v.HTTPPort)
	}
	list := page[monitor.Connz](t, s, "/connz").Connections
	if len(list) != 1 || list[0].TLSVersion != "1.3" || !strings.HasPrefix(list[0].TLSCipher, "TLS_") {
		t.Errorf("connections %+v", list)
	}
}

// certificate makes a certificate for 127.0.0.1 that signs itself.
func certificate(t *testing.T, end time.Time) (certFile, keyFile string) {
	t.Helper()
	key := must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))(t)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test"},
		NotBefore: end.Add(-72 * time.Hour), NotAfter: end, IsCA: true, BasicConstraintsValid: true,
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	der := must(x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key))(t)
	keyDER := must(x509.MarshalPKCS8PrivateKey(key))(t)
	write := func(name, kind string, der []byte) string {
		path := filepath.Join(t.TempDir(), name)
		if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	return write("cert.pem", "CERTIFICATE", der), write("key.pem", "PRIVATE KEY", keyDER)
}
