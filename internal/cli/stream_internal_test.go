package cli

import (
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/nats-io/nats.go"

	"github.com/tidings-io/tidings/internal/client"
	"github.com/tidings-io/tidings/internal/jsapi"
)

func TestSequencesAreShownAsRanges(t *testing.T) {
	t.Parallel()
	f := func(want string, seqs ...uint64) {
		t.Helper()
		if got := sequenceRanges(seqs); got != want {
			t.Errorf("%v: got %q, want %q", seqs, got, want)
		}
	}
	f("")
	f("5", 5)
	f("1-3, 7", 3, 1, 2, 7)
	f("1, 3, 5, 7, 9, 11, 13, 15, 17, 19, and 2 more ranges", 1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23)
}

func TestGaugesTurnCountersIntoRates(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	var g gauge
	f := func(after time.Duration, counter uint64, want float64) {
		t.Helper()
		at = at.Add(after)
		g.look(at, counter, counter)
		if g.rate != want {
			t.Errorf("at %d: got %v a second, want %v", counter, g.rate, want)
		}
	}
	f(0, 100, 0) // one look has no rate
	f(2*time.Second, 300, 100)
	f(time.Second, 300, 0)
	f(time.Second, 5, 0) // made anew
	f(time.Second, 10, 5)
	if want := []float64{100, 0, 0, 5}; !slices.Equal(g.rates, want) {
		t.Errorf("rates: got %v, want %v", g.rates, want)
	}
	for range 2 * historyMax {
		g.look(at, 0, 0)
	}
	if len(g.lags) != historyMax {
		t.Errorf("%d looks are kept, want %d", len(g.lags), historyMax)
	}
}

func TestAllConditionsOfFindMustHold(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 3, 10, 0, 0, 0, 0, time.UTC)
	s := &jsapi.StreamInfo{Created: now.Add(-48 * time.Hour)}
	s.Config.Mirror = &jsapi.StreamSource{Name: "A"}
	s.Cluster = &jsapi.ClusterInfo{Name: "c", Leader: "l"}
	s.State.Lost = &jsapi.LostMessages{Msgs: []uint64{1}}
	f := func(want bool, flags findFlags) {
		t.Helper()
		conditions, err := flags.conditions(now)
		if err != nil {
			t.Fatal(err)
		}
		if got := holds(conditions, s); got != want {
			t.Errorf("%+v: got %v", flags, got)
		}
	}
	f(true, findFlags{})
	f(true, findFlags{empty: true, noConsumers: true, mirror: true, lost: true, leader: "l", cluster: "c", replicas: 1})
	f(true, findFlags{idle: "2d", older: "1d", storage: "file", retention: "limits"})
	f(false, findFlags{empty: true, sealed: true})
	f(false, findFlags{idle: "3d"})
	f(false, findFlags{sourced: true})
	f(false, findFlags{messages: 1})
	f(false, findFlags{storage: "memory"})
}

func TestViewShowsWhatTheServerCannotFilter(t *testing.T) {
	t.Parallel()
	m := &client.StoredMessage{Data: []byte("a refund"), Header: nats.Header{"Customer": {"16", "17"}}}
	f := func(want bool, flags viewFlags) {
		t.Helper()
		if got := flags.wanted(m); got != want {
			t.Errorf("%+v: got %v", flags, got)
		}
	}
	f(true, viewFlags{})
	f(true, viewFlags{contains: "refund", header: "Customer=17"})
	f(true, viewFlags{header: "Customer"})
	f(false, viewFlags{header: "Customer=1"})
	f(false, viewFlags{header: "Other"})
	f(false, viewFlags{contains: "paid"})
}

func TestRevivedMessagesAreStoredOnceInTheirStream(t *testing.T) {
	t.Parallel()
	dead := &client.StoredMessage{
		Stream: "DEAD", Seq: 7, Time: time.Unix(0, 5), Data: []byte("x"),
		Header: nats.Header{
			deadSubject: {"orders.new"}, deadStream: {"ORDERS"}, deadPrefix + "Deliveries": {"5"},
			"Kind": {"a", "b"}, jsapi.HeaderMsgID: {"first"}, jsapi.HeaderExpectedLastSeq: {"3"},
		},
	}
	want := &nats.Msg{Subject: "orders.new", Data: []byte("x"), Header: nats.Header{
		"Kind": {"a", "b"}, jsapi.HeaderMsgID: {"tidings-redrive.DEAD.7.5"}, jsapi.HeaderExpectedStream: {"ORDERS"},
	}}
	got := revived(dead, "ORDERS")
	if got.Subject != want.Subject || string(got.Data) != "x" {
		t.Errorf("got %q %q", got.Subject, got.Data)
	}
	if diff := cmp.Diff(want.Header, got.Header); diff != "" {
		t.Error(diff)
	}
}

func TestGapsAreRunsOfTheSameKind(t *testing.T) {
	t.Parallel()
	info := &jsapi.StreamInfo{
		Config: jsapi.StreamConfig{Name: "S"},
		State:  jsapi.StreamState{Deleted: []uint64{9, 3, 4, 6}, Lost: &jsapi.LostMessages{Msgs: []uint64{5, 6}}},
	}
	want := []gap{{"S", 3, 4, 2, whyRemoved}, {"S", 5, 6, 2, whyLost}, {"S", 9, 9, 1, whyRemoved}}
	if diff := cmp.Diff(want, gapsOf(info)); diff != "" {
		t.Error(diff)
	}
	if gaps := gapsOf(&jsapi.StreamInfo{}); gaps != nil {
		t.Errorf("got %v", gaps)
	}
}
