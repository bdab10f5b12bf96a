package server_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/tidings-io/tidings/internal/testserver"
)

// withAccount is a server with account A, whose JetStream is as told.
func withAccount(t *testing.T, dir, js string) *testserver.Server {
	t.Helper()
	return testserver.StartConfig(t, fmt.Sprintf(
		"jetstream { store_dir: %q }\naccounts { A { users: [{user: a, password: a}], jetstream: %s } }", dir, js))
}

func asA(t *testing.T, s *testserver.Server) *nats.Conn {
	t.Helper()
	nc, err := nats.Connect(s.URL, nats.UserInfo("a", "a"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	return nc
}

func ordersOfA(t *testing.T, s *testserver.Server) {
	t.Helper()
	js, err := jetstream.New(asA(t, s))
	if err != nil {
		t.Fatal(err)
	}
	add(t.Context(), t, js, jetstream.StreamConfig{Name: "ORDERS", Subjects: []string{"orders"}})
	if _, err := js.Publish(t.Context(), "orders", make([]byte, 1000)); err != nil {
		t.Fatal(err)
	}
}

func TestLimitsOfAccountsHoldFromTheStart(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := withAccount(t, dir, "{ max_store: 2KB }")
	ordersOfA(t, s)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	answer, err := asA(t, withAccount(t, dir, "{ max_store: 2KB }")).Request("orders", make([]byte, 1500), 10*time.Second)
	if err != nil || !strings.Contains(string(answer.Data), `"err_code":10002`) {
		t.Errorf("publishing beyond the limit as the first thing: %s, %v", answer.Data, err)
	}
}

func TestStreamsOfAccountsWithoutJetStreamAreKeptAndNotServed(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := withAccount(t, dir, "enabled")
	ordersOfA(t, s)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = withAccount(t, dir, "disabled")
	if _, err := asA(t, s).Request("orders", nil, 10*time.Second); !errors.Is(err, nats.ErrNoResponders) {
		t.Errorf("publishing while JetStream is disabled: %v", err)
	}
	if !strings.Contains(s.Log(), "enable JetStream for it") {
		t.Error("the log does not say so")
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	js, err := jetstream.New(asA(t, withAccount(t, dir, "enabled")))
	if err != nil {
		t.Fatal(err)
	}
	stream, err := js.Stream(t.Context(), "ORDERS")
	if err != nil {
		t.Fatal(err)
	}
	if st := stream.CachedInfo().State; st.Msgs != 1 {
		t.Errorf("%d messages are left, want 1", st.Msgs)
	}
}

func TestWhatUpdatedStreamsReserveIsKnownAfterARestart(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := withAccount(t, dir, "{ max_store: 10MB }")
	js, err := jetstream.New(asA(t, s))
	if err != nil {
		t.Fatal(err)
	}
	cfg := jetstream.StreamConfig{Name: "S", Subjects: []string{"first"}, MaxBytes: 1000}
	add(t.Context(), t, js, cfg)
	cfg.Subjects, cfg.MaxBytes = []string{"second"}, 5000
	if _, err := js.UpdateStream(t.Context(), cfg); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	nc := asA(t, withAccount(t, dir, "{ max_store: 10MB }"))
	if js, err = jetstream.New(nc); err != nil {
		t.Fatal(err)
	}
	reserved := func(want string) {
		t.Helper()
		info, err := nc.Request("$JS.API.INFO", nil, 10*time.Second)
		if err != nil || !strings.Contains(string(info.Data), `"reserved_storage":`+want+",") {
			t.Errorf("account: %s, %v, want %s bytes reserved", info.Data, err, want)
		}
	}
	reserved("5000")
	add(t.Context(), t, js, jetstream.StreamConfig{Name: "T", Subjects: []string{"first"}})
	if _, err := js.CreateStream(t.Context(), jetstream.StreamConfig{Name: "U", Subjects: []string{"second"}}); err == nil {
		t.Error("two streams capture the same subject")
	}
	if err := js.DeleteStream(t.Context(), "S"); err != nil {
		t.Fatal(err)
	}
	reserved("0")
}
