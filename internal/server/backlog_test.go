package server_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/tidings-io/tidings/internal/testserver"
)

// dialRaw connects, sends lines of the protocol and reads nothing.
func dialRaw(t *testing.T, addr string, lines ...string) net.Conn {
	t.Helper()
	nc, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = nc.Close() })
	if _, err := io.WriteString(nc, connectLine+strings.Join(lines, "\r\n")+"\r\nPING\r\n"); err != nil {
		t.Fatal(err)
	}
	return nc
}

// A client that stops reading is given no more than it can be kept for, and holds
// nobody up: what it does not take stays in the stream until it does.
func TestStuckClientsHoldNoOtherConsumerUpAndMissNothing(t *testing.T) {
	t.Parallel()
	s := testserver.StartConfig(t, storing(t.TempDir())+"max_pending: 1MB\nwrite_deadline: \"1h\"\n")
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	js, err := jetstream.New(connect(t, s.URL))
	if err != nil {
		t.Fatal(err)
	}
	st := add(ctx, t, js, jetstream.StreamConfig{Name: "S", Subjects: []string{"s"}})
	for _, cfg := range []jetstream.ConsumerConfig{
		{Durable: "pull", AckPolicy: jetstream.AckNonePolicy}, {Durable: "good", AckPolicy: jetstream.AckNonePolicy},
	} {
		if _, err := st.CreateConsumer(ctx, cfg); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := js.CreatePushConsumer(ctx, "S", jetstream.ConsumerConfig{Durable: "push", DeliverSubject: "stuck.push", AckPolicy: jetstream.AckNonePolicy}); err != nil {
		t.Fatal(err)
	}
	stuck := map[string]net.Conn{
		"push": dialRaw(t, s.Addr().String(), "SUB stuck.push 1"),
		"pull": dialRaw(t, s.Addr().String(), "SUB stuck.pull 1", fmt.Sprintf("PUB $JS.API.CONSUMER.MSG.NEXT.S.pull stuck.pull 5\r\n%d", manyMessages)),
	}
	body := []byte(strings.Repeat("x", 1000))
	for range manyMessages {
		if _, err := js.PublishAsync("s", body); err != nil {
			t.Fatal(err)
		}
	}
	select {
	case <-js.PublishAsyncComplete():
	case <-ctx.Done():
		t.Fatal("messages are not stored")
	}
	good, err := st.Consumer(ctx, "good")
	if err != nil {
		t.Fatal(err)
	}
	for n := 0; n < manyMessages; {
		batch, err := good.Fetch(1000, jetstream.FetchMaxWait(time.Minute))
		if err != nil {
			t.Fatal(err)
		}
		for range batch.Messages() {
			n++
		}
		if batch.Error() != nil {
			t.Fatalf("after %d messages: %v", n, batch.Error())
		}
	}
	for name, nc := range stuck {
		r := bufio.NewReader(nc)
		n := 0
		for n < manyMessages {
			line, err := r.ReadString('\n')
			if err != nil {
				t.Fatalf("%s: after %d messages: %v", name, n, err)
			}
			if strings.HasPrefix(line, "MSG s 1 $JS.ACK.S."+name) {
				n++
			}
		}
	}
}
