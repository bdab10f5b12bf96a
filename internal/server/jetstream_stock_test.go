package server_test

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/tidings-io/tidings/internal/testserver"
)

// stock is a stock client of a server that stores messages.
func stock(t *testing.T) (context.Context, *nats.Conn, jetstream.JetStream) {
	t.Helper()
	nc := connect(t, testserver.StartConfig(t, storing(t.TempDir())).URL)
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	return t.Context(), nc, js
}

func add(ctx context.Context, t *testing.T, js jetstream.JetStream, cfg jetstream.StreamConfig) jetstream.Stream {
	t.Helper()
	s, err := js.CreateStream(ctx, cfg)
	if err != nil {
		t.Fatalf("stream %s: %v", cfg.Name, err)
	}
	return s
}

// read returns the next n messages of a stream, as they come.
func read(ctx context.Context, t *testing.T, s jetstream.Stream, n int) []jetstream.Msg {
	t.Helper()
	c, err := s.OrderedConsumer(ctx, jetstream.OrderedConsumerConfig{})
	if err != nil {
		t.Fatal(err)
	}
	var list []jetstream.Msg
	for range n {
		m, err := c.Next(jetstream.FetchMaxWait(20 * time.Second))
		if err != nil {
			t.Fatalf("after %d messages: %v", len(list), err)
		}
		list = append(list, m)
	}
	return list
}

func TestStockClientDelaysAMessage(t *testing.T) {
	t.Parallel()
	ctx, _, js := stock(t)
	s := add(ctx, t, js, jetstream.StreamConfig{
		Name: "JOBS", Subjects: []string{"jobs.>"}, Metadata: map[string]string{"tidings.delay": "true"},
	})
	late := nats.NewMsg("jobs.mail")
	late.Data = []byte("late")
	late.Header.Set("Tidings-Delay", "700ms")
	began := time.Now()
	ack, err := js.PublishMsg(ctx, late)
	if err != nil || ack.Sequence != 0 || ack.Stream != "JOBS" {
		t.Fatalf("acknowledgement %+v, error %v", ack, err)
	}
	if _, err := js.Publish(ctx, "jobs.mail", []byte("early")); err != nil {
		t.Fatal(err)
	}
	list := read(ctx, t, s, 2)
	if string(list[0].Data()) != "early" || string(list[1].Data()) != "late" || time.Since(began) < 700*time.Millisecond {
		t.Errorf("got %q and %q", list[0].Data(), list[1].Data())
	}
	if h := list[1].Headers(); h.Get("Tidings-Delay") != "" || h.Get("Tidings-Published") == "" {
		t.Errorf("headers %v", h)
	}
	late.Header.Set("Tidings-Delay", "whenever")
	if _, err := js.PublishMsg(ctx, late); err == nil {
		t.Error("a delay that is none is taken")
	}
}

func TestStockClientFindsItsDeadLetters(t *testing.T) {
	t.Parallel()
	ctx, _, js := stock(t)
	s := add(ctx, t, js, jetstream.StreamConfig{Name: "ORDERS", Subjects: []string{"orders.>"}})
	cfg := jetstream.ConsumerConfig{
		Durable: "billing", AckPolicy: jetstream.AckExplicitPolicy, MaxDeliver: 1, AckWait: 200 * time.Millisecond,
		Metadata: map[string]string{"tidings.dead-letter": "dead.billing"},
	}
	var refused *jetstream.APIError
	if _, err := s.CreateConsumer(ctx, cfg); !errors.As(err, &refused) {
		t.Fatalf("dead letters without a stream: error %v", err)
	}
	dead := add(ctx, t, js, jetstream.StreamConfig{Name: "DEAD", Subjects: []string{"dead.>"}})
	c, err := s.CreateConsumer(ctx, cfg)
	if err != nil {
		t.Fatal(err)
	}
	for i := range 2 {
		if _, err := js.Publish(ctx, fmt.Sprint("orders.", i), []byte("x")); err != nil {
			t.Fatal(err)
		}
	}
	batch, err := c.Fetch(2)
	if err != nil {
		t.Fatal(err)
	}
	first := true
	for m := range batch.Messages() {
		if first { // the other one is given up for want of an answer
			if err := m.TermWithReason("no such customer"); err != nil {
				t.Fatal(err)
			}
		}
		first = false
	}
	reasons := map[string]string{}
	for _, m := range read(ctx, t, dead, 2) {
		reasons[m.Headers().Get("Tidings-Dead-Letter-Subject")] = m.Headers().Get("Tidings-Dead-Letter-Reason") + " " + m.Headers().Get("Tidings-Dead-Letter-Detail")
	}
	if reasons["orders.0"] != "terminated no such customer" || reasons["orders.1"] != "max_deliveries " {
		t.Errorf("dead letters %q", reasons)
	}
}

func TestStockClientReadsFromAMirror(t *testing.T) {
	t.Parallel()
	ctx, nc, js := stock(t)
	add(ctx, t, js, jetstream.StreamConfig{Name: "O", Subjects: []string{"o.>"}, AllowDirect: true, MaxMsgsPerSubject: 5})
	for i := range 3 {
		if _, err := js.Publish(ctx, "o.x", fmt.Append(nil, i)); err != nil {
			t.Fatal(err)
		}
	}
	mirror := add(ctx, t, js, jetstream.StreamConfig{Name: "M", Mirror: &jetstream.StreamSource{Name: "O"}, MirrorDirect: true, AllowDirect: true})
	if list := read(ctx, t, mirror, 3); string(list[2].Data()) != "2" {
		t.Errorf("the third is %q", list[2].Data())
	}
	if m, err := mirror.GetLastMsgForSubject(ctx, "o.x"); err != nil || m.Sequence != 3 {
		t.Errorf("last message %+v, error %v", m, err)
	}
	// A mirror with mirror_direct answers for its origin.
	answers := map[string]bool{}
	for range 200 {
		m, err := nc.Request("$JS.API.DIRECT.GET.O.o.x", nil, 5*time.Second)
		if err != nil || string(m.Data) != "2" {
			t.Fatalf("direct get: %v, error %v", m, err)
		}
		answers[m.Header.Get("Nats-Stream")] = true
	}
	if len(answers) != 2 {
		t.Errorf("answers came from %v, want both streams", answers)
	}
}

func TestStockClientSourcesAWorkQueue(t *testing.T) {
	t.Parallel()
	ctx, _, js := stock(t)
	queue := add(ctx, t, js, jetstream.StreamConfig{Name: "W", Subjects: []string{"w.>"}, Retention: jetstream.WorkQueuePolicy})
	all := add(ctx, t, js, jetstream.StreamConfig{Name: "ALL", Sources: []*jetstream.StreamSource{{Name: "W"}}})
	for i := range 20 {
		if _, err := js.Publish(ctx, "w.x", fmt.Append(nil, i)); err != nil {
			t.Fatal(err)
		}
	}
	for i, m := range read(ctx, t, all, 20) {
		if string(m.Data()) != strconv.Itoa(i) {
			t.Fatalf("message %d is %q", i, m.Data())
		}
	}
	deadline := time.Now().Add(20 * time.Second)
	for { // the acknowledgement comes with a heartbeat
		info, err := queue.Info(ctx)
		if err != nil {
			t.Fatal(err)
		}
		if info.State.Msgs == 0 {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%d messages are left in the work queue", info.State.Msgs)
		}
	}
}

func TestDeletedStreamsUseNothing(t *testing.T) {
	t.Parallel()
	ctx, nc, js := stock(t)
	s := add(ctx, t, js, jetstream.StreamConfig{Name: "S", Subjects: []string{"s.>"}, MaxAge: time.Hour})
	if _, err := s.CreateConsumer(ctx, jetstream.ConsumerConfig{Durable: "C"}); err != nil {
		t.Fatal(err)
	}
	for range 10 {
		if _, err := js.Publish(ctx, "s.1", make([]byte, 1000)); err != nil {
			t.Fatal(err)
		}
	}
	usage := func() uint64 {
		info, err := js.AccountInfo(ctx)
		if err != nil {
			t.Fatal(err)
		}
		return info.Store
	}
	if got := usage(); got < 10_000 {
		t.Errorf("the account uses %d bytes with 10 messages of 1000 in it", got)
	}
	if err := js.DeleteStream(ctx, "S"); err != nil {
		t.Fatal(err)
	}
	// An acknowledgement and a pull that were on their way reach what is left.
	if err := errors.Join(nc.Publish("$JS.ACK.S.C.1.1.1.1.0", nil), nc.Flush()); err != nil {
		t.Fatal(err)
	}
	if got := usage(); got != 0 {
		t.Errorf("the account uses %d bytes after its stream is gone", got)
	}
}
