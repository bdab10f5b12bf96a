package monitor_test

import (
	"crypto/tls"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/tidings-io/tidings/internal/monitor"
)

// fake is a Source with what a test puts in.
type fake struct {
	server monitor.Server
	totals monitor.Totals
	open   []monitor.Connection
	closed []monitor.Connection
	subs   map[uint64][]monitor.Subscription
	accs   []monitor.Account
	js     *fakeJetStream
}

func (f *fake) Server() monitor.Server { return f.server }
func (f *fake) Totals() monitor.Totals { return f.totals }

func (f *fake) AccountList() []monitor.Account { return f.accs }

func (f *fake) JetStream() monitor.JetStream {
	if f.js == nil {
		return nil
	}
	return f.js
}

func (f *fake) Connections(state monitor.State) []monitor.Connection {
	var list []monitor.Connection
	if state != monitor.Closed {
		list = append(list, f.open...)
	}
	if state != monitor.Open {
		list = append(list, f.closed...)
	}
	return list
}

func (f *fake) Subscriptions(id uint64) []monitor.Subscription { return f.subs[id] }

func (f *fake) EachSubscription(each func(*monitor.Subscription) bool) {
	for _, c := range f.open {
		for _, s := range f.subs[c.ID] {
			if !each(&s) {
				return
			}
		}
	}
}

// crowd is n connections with two subscriptions each.
func crowd(n int) *fake {
	f := &fake{subs: map[uint64][]monitor.Subscription{}}
	start := time.Date(2026, 1, 2, 3, 4, 5, 678901234, time.UTC)
	for i := range n {
		id := uint64(i + 1)
		f.open = append(f.open, monitor.Connection{
			ID: id, Kind: "Client", Type: "nats", IP: "10.11.12.13", Port: 20000 + i,
			Start: start.Add(time.Duration(i) * time.Millisecond), LastActivity: start.Add(time.Duration(i) * time.Second),
			RTT: 1234567, InMsgs: uint64(i * 7919 % 100_000), OutMsgs: uint64(i), InBytes: uint64(i * 1000), OutBytes: uint64(i * 7919 % 1_000_003),
			Subscriptions: 2, Name: fmt.Sprintf("worker-%d", i), Lang: "go", Version: "1.55.0",
			TLSVersion: tls.VersionTLS13, TLSCipher: tls.TLS_AES_128_GCM_SHA256, User: "worker", Account: "ORDERS",
		})
		f.subs[id] = []monitor.Subscription{
			{Account: "ORDERS", Subject: fmt.Sprintf("orders.%d.*", i), ID: "1", Conn: id, Msgs: int64(i)},
			{Account: "ORDERS", Subject: "work.>", Queue: "workers", ID: "2", Conn: id, Msgs: int64(2 * i)},
		}
	}
	return f
}

var moment = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

// get asks for a page.
func get(h http.Handler, path string) *httptest.ResponseRecorder {
	return serve(h, httptest.NewRequest(http.MethodGet, path, http.NoBody))
}

func serve(h http.Handler, r *http.Request) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

// decode reads a JSON answer.
func decode(t testing.TB, w *httptest.ResponseRecorder) map[string]any {
	t.Helper()
	var v map[string]any
	if err := json.Unmarshal(w.Body.Bytes(), &v); err != nil {
		t.Fatalf("status %d: %v\n%s", w.Code, err, w.Body)
	}
	return v
}
