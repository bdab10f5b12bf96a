package server_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/tidings-io/tidings/internal/monitor"
	"github.com/tidings-io/tidings/internal/testserver"
)

// storing is the configuration of a server that stores messages below dir.
func storing(dir string) string {
	return withMonitor + fmt.Sprintf("jetstream { store_dir: %q, max_mem: 1MB, max_file: 10GB, domain: hub }\n", dir)
}

func TestStoredMessagesAreShown(t *testing.T) {
	t.Parallel()
	s := testserver.StartConfig(t, storing(t.TempDir()))
	js, err := jetstream.New(connect(t, s.URL))
	if err != nil {
		t.Fatal(err)
	}
	ctx := t.Context()
	for _, cfg := range []jetstream.StreamConfig{
		{Name: "ORDERS", Subjects: []string{"orders.>"}, MaxBytes: 1000},
		{Name: "FAST", Subjects: []string{"fast"}, Storage: jetstream.MemoryStorage},
	} {
		if _, err := js.CreateStream(ctx, cfg); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := js.CreateConsumer(ctx, "ORDERS", jetstream.ConsumerConfig{Durable: "WORK"}); err != nil {
		t.Fatal(err)
	}
	for _, subject := range []string{"orders.1", "orders.2", "fast"} {
		if _, err := js.Publish(ctx, subject, []byte("text")); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := js.Stream(ctx, "NONE"); err == nil {
		t.Fatal("a stream that is not there was found")
	}

	z := page[monitor.Jsz](t, s, "/jsz?consumers=1&config=1&raft=1")
	if z.Disabled || z.Accounts != 1 || z.Streams != 2 || z.StreamsLeader != 2 || z.Consumers != 1 || z.Messages != 3 ||
		z.Bytes != z.Memory+z.Storage || z.Memory == 0 || z.Storage == 0 || z.ReservedStorage != 1000 || z.API.Errors != 1 || z.API.Total < 4 {
		t.Errorf("/jsz: %+v", z)
	}
	if z.Config.MaxMemory != 1<<20 || z.Config.MaxStorage != 10<<30 || z.Config.Domain != "hub" || !z.Config.SyncAlways || !z.Config.Strict || z.Config.StoreDir == "" {
		t.Errorf("/jsz: configuration %+v", z.Config)
	}
	if len(z.AccountDetails) != 1 || len(z.AccountDetails[0].Streams) != 2 {
		t.Fatalf("/jsz: accounts %+v, want $G with two streams", z.AccountDetails)
	}
	orders := z.AccountDetails[0].Streams[1]
	if orders.Name != "ORDERS" || orders.Config == nil || orders.Config.MaxBytes != 1000 || orders.State.Msgs != 2 ||
		len(orders.Consumers) != 1 || orders.Consumers[0].Name != "WORK" || orders.Consumers[0].NumPending != 2 {
		t.Errorf("/jsz: stream %+v", orders)
	}
	if v := page[monitor.Varz](t, s, "/varz"); v.JetStream.Config == nil || v.JetStream.Stats == nil || v.JetStream.Stats.Storage != z.Storage {
		t.Errorf("/varz: JetStream %+v", v.JetStream)
	}
	if a := page[monitor.Accountz](t, s, "/accountz?acc=$G"); a.Detail == nil || !a.Detail.JetStream || a.Detail.Clients != 1 {
		t.Errorf("/accountz: %+v", a.Detail)
	}
	for options, want := range map[string]int{
		"": 200, "?js-enabled-only=1": 200, "?account=$G&stream=ORDERS&consumer=WORK": 200,
		"?account=A": 404, "?account=$G&stream=NONE": 404, "?account=$G&stream=ORDERS&consumer=NONE": 404,
	} {
		if status, body := fetch(t, s, "/healthz"+options); status != want {
			t.Errorf("/healthz%s: status %d %s, want %d", options, status, body, want)
		}
	}
	_, metrics := fetch(t, s, "/metrics?streams=1")
	for _, line := range []string{
		`tidings_jetstream_streams{account="$G"} 2`, `tidings_jetstream_consumers{account="$G"} 1`,
		`tidings_jetstream_messages{account="$G"} 3`, `tidings_jetstream_api_errors_total{account="$G"} 1`,
		`tidings_jetstream_stream_messages{account="$G",stream="ORDERS"} 2`,
		`tidings_jetstream_consumer_pending{account="$G",consumer="WORK",stream="ORDERS"} 2`,
		`tidings_jetstream_storage_limit_bytes 1.073741824e+10`, `tidings_jetstream_problems 0`,
		`tidings_jetstream_log_bytes 6.7108864e+07`, `tidings_jetstream_log_limit_bytes 1.207959552e+09`,
		fmt.Sprintf(`tidings_jetstream_storage_bytes{account="$G"} %d`, z.Storage),
	} {
		if !strings.Contains(string(metrics), "\n"+line+"\n") {
			t.Errorf("/metrics has no line %s", line)
		}
	}
}

func TestAccountsWithoutJetStreamStoreNothing(t *testing.T) {
	t.Parallel()
	s := testserver.StartConfig(t, storing(t.TempDir())+`accounts {
		A { users: [{user: a, password: b}], jetstream { max_mem: 1KB, max_streams: 1 } }
		B { users: [{user: b, password: b}] }
	}`)
	z := page[monitor.Jsz](t, s, "/jsz?accounts=1")
	if len(z.AccountDetails) != 1 || z.AccountDetails[0].Name != "A" || z.AccountDetails[0].ReservedMemory != 1024 {
		t.Errorf("/jsz: accounts %+v, want A with 1024 bytes of memory", z.AccountDetails)
	}
	for name, want := range map[string]bool{"A": true, "B": false} {
		if a := page[monitor.Accountz](t, s, "/accountz?acc="+name); a.Detail == nil || a.Detail.JetStream != want {
			t.Errorf("/accountz: %s: %+v, want JetStream %v", name, a.Detail, want)
		}
	}
	if status, _ := fetch(t, s, "/healthz?account=B"); status != http.StatusNotFound {
		t.Errorf("/healthz of an account without JetStream: status %d, want 404", status)
	}
}

func TestPagesWithoutJetStreamSaySo(t *testing.T) {
	t.Parallel()
	s := testserver.StartConfig(t, withMonitor)
	if z := page[monitor.Jsz](t, s, "/jsz?accounts=1"); !z.Disabled || z.AccountDetails != nil {
		t.Errorf("/jsz: %+v, want it disabled", z)
	}
	if _, metrics := fetch(t, s, "/metrics"); strings.Contains(string(metrics), "tidings_jetstream_") {
		t.Error("/metrics has figures of JetStream")
	}
}
