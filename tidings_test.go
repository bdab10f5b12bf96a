package tidings_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/tidings-io/tidings"
)

func start(t *testing.T, o tidings.Options) *tidings.Server {
	t.Helper()
	s, err := tidings.New(o)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func TestServerBeyondLoopbackWithoutAuthorizationIsRefused(t *testing.T) {
	t.Parallel()
	_, err := tidings.New(tidings.Options{Host: "0.0.0.0"})
	if err == nil || !strings.Contains(err.Error(), "0.0.0.0") {
		t.Fatalf("New with host 0.0.0.0 and no authorization: %v, want an error that names it", err)
	}
	if _, err := tidings.New(tidings.Options{Host: "0.0.0.0", Insecure: true}); err != nil {
		t.Fatalf("New with Insecure: %v", err)
	}
}

func TestJetStreamNeedsADirectory(t *testing.T) {
	t.Parallel()
	_, err := tidings.New(tidings.Options{JetStream: true})
	if err == nil || !strings.Contains(err.Error(), "StoreDir") {
		t.Fatalf("New with JetStream and no directory: %v, want an error that names StoreDir", err)
	}
	_, err = tidings.New(tidings.Options{JetStream: true, StoreDir: t.TempDir(), MaxFileStore: -2})
	if err == nil || !strings.Contains(err.Error(), "max_file") {
		t.Fatalf("New with a size below -1: %v, want an error that names it", err)
	}
}

func TestStoredMessagesSurviveARestart(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	open := func() (*tidings.Server, jetstream.JetStream) {
		s := start(t, tidings.Options{JetStream: true, StoreDir: dir, NoListen: true, MaxFileStore: 1 << 30})
		nc, err := nats.Connect("", nats.InProcessServer(s))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(nc.Close)
		js, err := jetstream.New(nc)
		if err != nil {
			t.Fatal(err)
		}
		return s, js
	}
	first, js := open()
	if _, err := js.CreateStream(t.Context(), jetstream.StreamConfig{Name: "S", Subjects: []string{"s"}}); err != nil {
		t.Fatal(err)
	}
	if _, err := js.Publish(t.Context(), "s", []byte("kept")); err != nil {
		t.Fatal(err)
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	_, js = open()
	stream, err := js.Stream(t.Context(), "S")
	if err != nil {
		t.Fatal(err)
	}
	m, err := stream.GetMsg(t.Context(), 1)
	if err != nil || string(m.Data) != "kept" {
		t.Fatalf("after a restart: %v, %v; want the message", m, err)
	}
}

func TestServerAsksForTheTokenInOptions(t *testing.T) {
	t.Parallel()
	s := start(t, tidings.Options{Token: "s3cr3t"})
	if nc, err := nats.Connect(s.ClientURL()); err == nil {
		nc.Close()
		t.Fatal("a client without the token was let in")
	}
	nc, err := nats.Connect(s.ClientURL(), nats.Token("s3cr3t"))
	if err != nil {
		t.Fatal(err)
	}
	nc.Close()
}

func TestDrainDeliversWhatWasAccepted(t *testing.T) {
	t.Parallel()
	s := start(t, tidings.Options{})
	subscriber, err := nats.Connect(s.ClientURL(), nats.NoReconnect())
	if err != nil {
		t.Fatal(err)
	}
	defer subscriber.Close()
	const n = 10000
	got := make(chan *nats.Msg, n)
	if _, err := subscriber.ChanSubscribe("x", got); err != nil {
		t.Fatal(err)
	}
	if err := subscriber.Flush(); err != nil {
		t.Fatal(err)
	}
	publisher, err := nats.Connect(s.ClientURL(), nats.NoReconnect())
	if err != nil {
		t.Fatal(err)
	}
	defer publisher.Close()
	for range n {
		if err := publisher.Publish("x", []byte("payload")); err != nil {
			t.Fatal(err)
		}
	}
	if err := publisher.Flush(); err != nil {
		t.Fatal(err)
	}
	if err := s.Drain(context.Background()); err != nil {
		t.Fatal(err)
	}
	for i := range n {
		select {
		case <-got:
		case <-time.After(10 * time.Second):
			t.Fatalf("%d of %d messages that were accepted before Drain arrived", i, n)
		}
	}
}

func TestStartTwiceIsAnError(t *testing.T) {
	t.Parallel()
	s := start(t, tidings.Options{})
	if err := s.Start(); err == nil {
		t.Fatal("the second Start succeeded")
	}
}

func TestCloseTwiceIsHarmless(t *testing.T) {
	t.Parallel()
	s := start(t, tidings.Options{})
	for range 2 {
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
}
