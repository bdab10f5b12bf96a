//go:build unix

package cli_test

import (
	"errors"
	"fmt"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/tidings-io/tidings/internal/testserver"
)

// Keys that a person presses.
const (
	ctrlC = "\x03"
	ctrlD = "\x04"
	esc   = "\x1b"
	up    = "\x1b[A"
)

// dialogServer starts a server with JetStream and returns its address and a
// client of it.
func dialogServer(t *testing.T) (string, jetstream.JetStream) {
	t.Helper()
	s := testserver.StartConfig(t, fmt.Sprintf("jetstream { store_dir: %q }", t.TempDir()))
	nc, err := nats.Connect(s.URL)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	return s.URL, js
}

func streamNamed(t *testing.T, js jetstream.JetStream, name string) jetstream.StreamConfig {
	t.Helper()
	s, err := js.Stream(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	return s.CachedInfo().Config
}

func makeStream(t *testing.T, js jetstream.JetStream, name string) {
	t.Helper()
	_, err := js.CreateStream(t.Context(), jetstream.StreamConfig{Name: name, Subjects: []string{strings.ToLower(name) + ".>"}})
	if err != nil {
		t.Fatal(err)
	}
}

func TestGuideMakesAStreamOfAnswers(t *testing.T) {
	t.Parallel()
	url, js := dialogServer(t)
	makeStream(t, js, "OLD")
	c := startTerminal(t, url, nil, "stream", "add")
	c.answer("name of the stream: ", "A.B")
	c.answer(`stream name "A.B": use a name without`, "OLD")
	c.expect("stream OLD exists; choose another name, or change it with `tidings stream edit OLD`")
	c.answer("name of the stream: ", "JOBS")
	c.answer("subjects: ", "")
	c.answer("a stream needs at least one", "jobs..new")
	c.expect("subjects: ", "jobs..new")
	c.answer("subjects: ", "jobs.*, more.>")
	c.answer("storage [file]: ", "mem\t") // completed
	c.answer("retention [limits]: ", "sometimes")
	c.expect(`"sometimes" is not one of limits, interest, workqueue`)
	c.answers(
		"retention [limits]: ", "workqueue", "discard [old]: ", "new", "max messages [unlimited]: ", "lots",
		`"lots" is not a whole number`, "1000", "max messages per subject [unlimited]: ", "",
		"max bytes [unlimited]: ", "10MiB", "max age [unlimited]: ", "30d", "max message size [unlimited]: ", "",
		"duplicate window [2m]: ", "60d",
	)
	c.expect("duplicate window: ", "window", "duplicate window [2m]: ")
	c.press("\r")
	c.answers(
		"deny delete [no]: ", "y", "deny purge [no]: ", "", "allow rollup [no]: ", "", "replicas [1]: ", "",
		"tidings stream create JOBS --subjects 'jobs.*,more.>' --storage memory --retention workqueue --discard new "+
			"--max-messages 1000 --max-bytes 10MiB --max-age 30d --deny-delete", "",
	)
	if out := c.ends(0); !strings.Contains(out, "stream JOBS is created") {
		t.Errorf("got %q", out)
	}
	got := streamNamed(t, js, "JOBS")
	if fmt.Sprint(got.Subjects) != "[jobs.* more.>]" || got.Storage != jetstream.MemoryStorage || got.Retention != jetstream.WorkQueuePolicy ||
		got.Discard != jetstream.DiscardNew || got.MaxMsgs != 1000 || got.MaxBytes != 10<<20 || got.MaxAge != 30*24*time.Hour ||
		got.Duplicates != 2*time.Minute || !got.DenyDelete || got.DenyPurge {
		t.Errorf("got %+v", got)
	}
}

func TestGuideMakesAConsumerOfAStreamThatIsPicked(t *testing.T) {
	t.Parallel()
	url, js := dialogServer(t)
	makeStream(t, js, "ORDERS")
	makeStream(t, js, "OTHERS")
	c := startTerminal(t, url, nil, "consumer", "create")
	c.expect("Which stream?", "  ORDERS", "  OTHERS")
	c.answer("stream: ", "NONE")
	c.expect(`there is no stream "NONE"`)
	c.answers(
		"stream: ", "ORD\t", "name of the consumer: ", "billing", "filter [all subjects]: ", "orders.new",
		"deliver [all]: ", "yesterday",
	)
	c.expect(`"yesterday" is none of all, new,`, "deliver [all]: ")
	c.press(up) // brings back the answer before
	c.expect("yesterday")
	c.press(strings.Repeat("\x7f", len("yesterday")) + "new\r")
	c.answers(
		"ack [explicit]: ", "", "ack wait [30s]: ", "1", `ack wait: "1" is not a time`, "1m", "max deliver [unlimited]: ", "5", "dead letter [none]: ", "", "max ack pending [1000]: ", "",
	)
	c.answer("deliver subject [none]: ", "")
	c.answer("create it? [Y/n] ", "perhaps")
	c.answer("answer y or n", "y")
	c.ends(0)
	got, err := js.Consumer(t.Context(), "ORDERS", "billing")
	if err != nil {
		t.Fatal(err)
	}
	config := got.CachedInfo().Config
	if config.FilterSubject != "orders.new" || config.DeliverPolicy != jetstream.DeliverNewPolicy || config.AckWait != time.Minute ||
		config.MaxDeliver != 5 || config.Durable != "billing" {
		t.Errorf("got %+v", config)
	}
}

func TestGuideMakesBuckets(t *testing.T) {
	t.Parallel()
	url, js := dialogServer(t)
	c := startTerminal(t, url, nil, "kv", "bucket", "create")
	c.answers(
		"name of the key-value bucket: ", "A B", `bucket "A B": a name has`, "CONFIG", "description [none]: ", "of the machines",
		"storage [file]: ", "", "history [1]: ", "65", "use a number from 1 to 64", "5", "ttl [unlimited]: ", "1h", "max bytes [unlimited]: ", "",
		"max value size [unlimited]: ", "64KiB", "replicas [1]: ", "", "create it? [Y/n] ", "",
	)
	c.ends(0)
	kv, err := js.KeyValue(t.Context(), "CONFIG")
	if err != nil {
		t.Fatal(err)
	}
	status, err := kv.Status(t.Context())
	if err != nil || status.History() != 5 || status.TTL() != time.Hour {
		t.Errorf("got %+v, %v", status, err)
	}
	c = startTerminal(t, url, nil, "object", "bucket", "create", "FILES")
	c.answers(
		"description [none]: ", "", "storage [file]: ", "", "ttl [unlimited]: ", "", "max bytes [unlimited]: ", "1GiB",
		"replicas [1]: ", "", "tidings object bucket create FILES --max-bytes 1GiB", "",
	)
	c.ends(0)
	if _, err := js.ObjectStore(t.Context(), "FILES"); err != nil {
		t.Error(err)
	}
}

func TestDialogsCanBeEndedAtAnyQuestion(t *testing.T) {
	t.Parallel()
	url, js := dialogServer(t)
	makeStream(t, js, "ORDERS")
	f := func(end func(*terminal), answers []string, args ...string) {
		t.Helper()
		c := startTerminal(t, url, nil, args...)
		c.answers(answers[:len(answers)-1]...)
		c.expect(answers[len(answers)-1])
		end(c)
		if out := c.ends(130); !strings.Contains(out, "nothing was done") {
			t.Errorf("%v: got %q", args, out)
		}
	}
	press := func(keys string) func(*terminal) { return func(c *terminal) { c.press(keys) } }
	terminated := func(c *terminal) { _ = c.cmd.Process.Signal(syscall.SIGTERM) }
	for _, end := range []func(*terminal){press(ctrlC), press(esc), press(ctrlD), press("half an answer" + esc), terminated} {
		f(end, []string{"name of the stream: "}, "stream", "create")
		f(end, []string{"name of the stream: ", "NEW", "subjects: ", "new.>", "storage [file]: "}, "stream", "create")
		f(end, []string{"name of the consumer: ", "new", "filter [all subjects]: "}, "consumer", "create", "ORDERS")
		f(end, []string{"description [none]: "}, "kv", "bucket", "create", "NEW")
		f(end, []string{"name of the object bucket: ", "NEW", "description [none]: "}, "object", "bucket", "create")
		f(end, []string{"remove stream ORDERS with its 0 messages and 0 consumers? [y/N] "}, "stream", "remove", "ORDERS")
	}
	f(press("n\r"), []string{"remove stream ORDERS with its 0 messages and 0 consumers? [y/N] "}, "stream", "remove", "ORDERS")
	names := js.StreamNames(t.Context())
	for name := range names.Name() {
		if name != "ORDERS" {
			t.Errorf("%s was made", name)
		}
	}
	if info, err := js.Stream(t.Context(), "ORDERS"); err != nil || info.CachedInfo().State.Consumers != 0 {
		t.Errorf("got %v", err)
	}
}

func TestMissingNamesCanBePicked(t *testing.T) {
	t.Parallel()
	url, js := dialogServer(t)
	c := startTerminal(t, url, nil, "stream", "info")
	if out := c.ends(1); !strings.Contains(out, "there are no streams; make one with `tidings stream create`") {
		t.Errorf("got %q", out)
	}
	makeStream(t, js, "ORDERS")
	makeStream(t, js, "OTHERS")
	if _, err := js.CreateConsumer(t.Context(), "ORDERS", jetstream.ConsumerConfig{Durable: "billing"}); err != nil {
		t.Fatal(err)
	}
	c = startTerminal(t, url, nil, "consumer", "info")
	c.answers("stream: ", "ORDERS", "consumer [billing]: ", "")
	if out := c.ends(0); !strings.Contains(out, "consumer billing of stream ORDERS") {
		t.Errorf("got %q", out)
	}
	c = startTerminal(t, url, nil, "consumer", "remove", "ORDERS")
	c.answers("consumer [billing]: ", "biling", `there is no consumer "biling"`, "billing", "? [y/N] ", "y")
	c.ends(0)
	c = startTerminal(t, url, nil, "stream", "purge")
	c.expect("stream: ")
	c.press(esc)
	c.ends(130)
}

func TestEditsAreShownAndAskedAbout(t *testing.T) {
	t.Parallel()
	url, js := dialogServer(t)
	makeStream(t, js, "ORDERS")
	c := startTerminal(t, url, nil, "stream", "edit", "ORDERS", "--max-age", "1h")
	c.answer("change stream ORDERS? [y/N] ", "no")
	c.ends(130)
	if got := streamNamed(t, js, "ORDERS").MaxAge; got != 0 {
		t.Errorf("changed to %s", got)
	}
	c = startTerminal(t, url, nil, "stream", "edit", "ORDERS", "--max-age", "1h")
	c.expect("- max age: unlimited", "+ max age: 1h")
	c.answer("change stream ORDERS? [y/N] ", "y")
	c.ends(0)
	if got := streamNamed(t, js, "ORDERS").MaxAge; got != time.Hour {
		t.Errorf("changed to %s", got)
	}
	editor := []string{"EDITOR=sed -i.old s/max_age:.1h/max_age:2h/;s/max_age:2h/max_age:\\x20\\x32h/"}
	c = startTerminal(t, url, editor, "stream", "edit", "ORDERS")
	c.expect("- max age: 1h", "+ max age: 2h")
	c.answer("change stream ORDERS? [y/N] ", "y")
	c.ends(0)
	if got := streamNamed(t, js, "ORDERS").MaxAge; got != 2*time.Hour {
		t.Errorf("changed to %s", got)
	}
}

func TestRemovalsAreAskedAbout(t *testing.T) {
	t.Parallel()
	url, js := dialogServer(t)
	makeStream(t, js, "ORDERS")
	c := startTerminal(t, url, nil, "stream", "remove", "ORDERS")
	c.answer("remove stream ORDERS with its 0 messages and 0 consumers? [y/N] ", "")
	c.ends(130)
	streamNamed(t, js, "ORDERS")
	c = startTerminal(t, url, nil, "stream", "remove", "ORDERS")
	c.answer("? [y/N] ", "yes")
	c.ends(0)
	if _, err := js.Stream(t.Context(), "ORDERS"); !errors.Is(err, jetstream.ErrStreamNotFound) {
		t.Errorf("got %v", err)
	}
}

func TestSecretsAreNotShown(t *testing.T) {
	t.Parallel()
	args := []string{"context", "add", "prod", "--server", "nats://127.0.0.1:1", "--user", "ann", "--ask-password"}
	c := startTerminal(t, "", nil, args...)
	c.answer("password: ", "geheim")
	if out := c.ends(0); strings.Contains(out, "geheim") || !strings.Contains(out, "context prod is saved") {
		t.Errorf("got %q", out)
	}
	c = startTerminal(t, "", nil, args...)
	c.expect("password: ")
	c.press("geh" + ctrlC)
	if out := c.ends(130); strings.Contains(out, "geh") || strings.Contains(out, "is saved") {
		t.Errorf("got %q", out)
	}
}

func TestTypedBodiesCanBeGivenUp(t *testing.T) {
	t.Parallel()
	url, _ := dialogServer(t)
	c := startTerminal(t, url, nil, "pub", "orders.new")
	c.expect("type the body, end it with Ctrl-D")
	c.press("one coffee\n" + ctrlC)
	if out := c.ends(130); strings.Contains(out, "published") {
		t.Errorf("got %q", out)
	}
	c = startTerminal(t, url, nil, "pub", "orders.new")
	c.expect("type the body, end it with Ctrl-D")
	c.press("one coffee\n" + ctrlD)
	if out := c.ends(0); !strings.Contains(out, `published 1 message to "orders.new", 11 B`) {
		t.Errorf("got %q", out)
	}
}
