//go:build unix

package cli_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// restartable is a server that comes back with its address and its data. It is a
// process of its own: this one starts others, and each of them holds the lock on
// the data for a moment.
type restartable struct {
	t    *testing.T
	cmd  *exec.Cmd
	url  string
	port string
	dir  string
}

func newRestartable(t *testing.T) *restartable {
	t.Helper()
	r := &restartable{t: t, port: "-1", dir: t.TempDir()}
	r.start()
	t.Cleanup(r.stop)
	return r
}

// start returns when the server is ready.
func (r *restartable) start() {
	r.t.Helper()
	r.cmd = exec.Command("tidings", "serve", "-a", "127.0.0.1", "-p", r.port, "-js", "-sd", r.dir)
	log, err := r.cmd.StderrPipe()
	if err == nil {
		err = r.cmd.Start()
	}
	if err != nil {
		r.t.Fatal(err)
	}
	var seen strings.Builder
	for lines := bufio.NewScanner(log); lines.Scan(); {
		seen.WriteString(lines.Text() + "\n")
		if _, address, found := strings.Cut(lines.Text(), "Listening for client connections address="); found {
			r.url = "nats://" + address
			_, r.port, _ = strings.Cut(address, ":")
		}
		if strings.Contains(lines.Text(), "Server is ready") {
			return
		}
	}
	r.t.Fatalf("the server does not start:\n%s", seen.String())
}

func (r *restartable) stop() {
	if r.cmd.ProcessState != nil {
		return // already
	}
	_ = r.cmd.Process.Signal(syscall.SIGTERM) // Wait says if it ended otherwise
	if err := r.cmd.Wait(); err != nil {
		r.t.Errorf("the server ended with %v", err)
	}
}

// use gives the server to f.
func (r *restartable) use(f func(*nats.Conn, jetstream.JetStream) error) {
	r.t.Helper()
	nc, err := nats.Connect(r.url)
	if err != nil {
		r.t.Fatal(err)
	}
	defer nc.Close()
	js, err := jetstream.New(nc)
	if err == nil {
		err = f(nc, js)
	}
	if err == nil {
		err = nc.Flush()
	}
	if err != nil {
		r.t.Fatal(err)
	}
}

// fill makes what the commands of these tests look at.
func (r *restartable) fill() {
	r.t.Helper()
	ctx := r.t.Context()
	r.use(func(_ *nats.Conn, js jetstream.JetStream) error {
		_, err1 := js.CreateStream(ctx, jetstream.StreamConfig{Name: "ORDERS", Subjects: []string{"orders.>"}})
		_, err2 := js.CreateStream(ctx, jetstream.StreamConfig{Name: "HITS", Subjects: []string{"hits.>"}, AllowMsgCounter: true, AllowDirect: true})
		_, err3 := js.CreateConsumer(ctx, "ORDERS", jetstream.ConsumerConfig{Durable: "pull", AckPolicy: jetstream.AckExplicitPolicy})
		_, err4 := js.CreatePushConsumer(ctx, "ORDERS", jetstream.ConsumerConfig{Durable: "push", AckPolicy: jetstream.AckExplicitPolicy, DeliverSubject: "to.push"})
		kv, err5 := js.CreateKeyValue(ctx, jetstream.KeyValueConfig{Bucket: "CONFIG", History: 5})
		files, err6 := js.CreateObjectStore(ctx, jetstream.ObjectStoreConfig{Bucket: "FILES"})
		if err := errors.Join(err1, err2, err3, err4, err5, err6); err != nil {
			return err
		}
		_, err1 = kv.PutString(ctx, "old", "value")
		_, err2 = files.PutString(ctx, "old", "value")
		_, err3 = js.PublishMsg(ctx, increment("hits.old"))
		return errors.Join(err1, err2, err3)
	})
}

func increment(subject string) *nats.Msg {
	return &nats.Msg{Subject: subject, Header: nats.Header{"Nats-Incr": {"1"}}}
}

// survivor is a command that goes on when its server is restarted.
type survivor struct {
	args   []string
	begins string // shown when it has begun
	// change makes the command show something; n is 1 before the restart and 2
	// after it.
	change func(ctx context.Context, nc *nats.Conn, js jetstream.JetStream, n int) error
	before string // shown of the first change; "": there is none
	after  string // shown of the second
	once   string // shown once in all; "": before and after, each
	ends   bool   // by itself
}

func (s survivor) run(t *testing.T) {
	t.Helper()
	t.Run(strings.Join(s.args[:2], "_"), func(t *testing.T) {
		t.Parallel()
		r := newRestartable(t)
		r.fill()
		c := startTerminal(t, r.url, nil, s.args...)
		c.expect(s.begins)
		change := func(n int, want string) {
			t.Helper()
			r.use(func(nc *nats.Conn, js jetstream.JetStream) error { return s.change(t.Context(), nc, js, n) })
			c.expect(want)
		}
		if s.before != "" {
			change(1, s.before)
		}
		r.stop()
		c.expect("connection to "+r.url+" lost (", "), trying again")
		r.start()
		c.expect("connected again to " + r.url)
		change(2, s.after)
		if !s.ends {
			c.press(ctrlC)
		}
		c.ends(0)
		for _, text := range []string{s.once, "connected again", "trying again"} {
			if n := strings.Count(string(c.all), text); n != 1 {
				t.Errorf("%q is shown %d times:\n%s", text, n, c.all)
			}
		}
	})
}

func putValue(ctx context.Context, _ *nats.Conn, js jetstream.JetStream, n int) error {
	kv, err := js.KeyValue(ctx, "CONFIG")
	if err == nil {
		_, err = kv.PutString(ctx, "key", fmt.Sprint("value ", n))
	}
	return err
}

func putObject(ctx context.Context, _ *nats.Conn, js jetstream.JetStream, n int) error {
	files, err := js.ObjectStore(ctx, "FILES")
	if err == nil {
		_, err = files.PutString(ctx, fmt.Sprint("file ", n), "body")
	}
	return err
}

func count(ctx context.Context, _ *nats.Conn, js jetstream.JetStream, _ int) error {
	_, err := js.PublishMsg(ctx, increment("hits.new"))
	return err
}

func publish(subject string) func(context.Context, *nats.Conn, jetstream.JetStream, int) error {
	return func(_ context.Context, nc *nats.Conn, _ jetstream.JetStream, n int) error {
		return nc.Publish(subject, fmt.Append(nil, "body ", n))
	}
}

func TestCommandsOutliveARestartOfTheServer(t *testing.T) {
	t.Parallel()
	f := func(s survivor) { s.run(t) }
	f(survivor{[]string{"kv", "watch", "CONFIG"}, "put old: value", putValue, "put key: value 1", "put key: value 2", "old: value", false})
	f(survivor{[]string{"kv", "watch", "CONFIG", "--updates"}, "watching bucket", putValue, "", "put key: value 2", " put ", false})
	f(survivor{[]string{"kv", "watch", "CONFIG", "--from", "2"}, "watching bucket", putValue, "", "put key: value 2", " put ", false})
	f(survivor{[]string{"object", "watch", "FILES"}, "put old 5 B", putObject, "put file 1 4 B", "put file 2 4 B", "file 1", false})
	f(survivor{[]string{"object", "watch", "FILES", "--updates"}, "watching object bucket", putObject, "", "put file 2 4 B", " put ", false})
	f(survivor{[]string{"counter", "watch", "hits.>"}, "hits.old 1 1", count, "hits.new 1 1", "hits.new 2 1", "hits.new 1", false})
	f(survivor{[]string{"counter", "watch", "hits.>", "--updates"}, "watching counters", count, "", "hits.new 1 1", "hits.new", false})
	f(survivor{[]string{"sub", "orders.>"}, "subscribed to", publish("orders.new"), "body 1", "body 2", "body 1", false})
	f(survivor{[]string{"reply", "svc", "hello"}, "subscribed to", publish("svc"), "[#1] svc", "[#2] svc", "[#1] svc", false})
	f(survivor{[]string{"consumer", "subscribe", "ORDERS", "pull"}, "connected to", publish("orders.new"), "body 1", "body 2", "body 1", false})
	f(survivor{[]string{"consumer", "subscribe", "ORDERS", "push"}, "connected to", publish("orders.new"), "body 1", "body 2", "body 1", false})
	f(survivor{[]string{"consumer", "next", "ORDERS", "pull", "--count", "2", "--wait", "1m"}, "connected to", publish("orders.new"), "body 1", "body 2", "body 1", true})
	f(survivor{[]string{"stream", "watch", "ORDERS", "--json", "--interval", "100ms"}, `"messages":0`, publish("orders.new"), `"messages":1`, `"messages":2`, "trying", false})
	f(survivor{[]string{"consumer", "watch", "ORDERS", "pull", "--json", "--interval", "100ms"}, `"pending":0`, publish("orders.new"), `"pending":1`, `"pending":2`, "trying", false})
	f(survivor{[]string{"consumer", "graph", "ORDERS", "pull", "--interval", "100ms"}, "lag: 0 pending", publish("orders.new"), "lag: 1 pending", "lag: 2 pending", "trying", false})
}
