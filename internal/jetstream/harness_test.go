package jetstream_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tidings-io/tidings/internal/core"
	"github.com/tidings-io/tidings/internal/jetstream"
	"github.com/tidings-io/tidings/internal/jetstream/index"
	"github.com/tidings-io/tidings/internal/jetstream/store"
	"github.com/tidings-io/tidings/internal/jsapi"
	"github.com/tidings-io/tidings/internal/record"
	"github.com/tidings-io/tidings/internal/vfs"
	"github.com/tidings-io/tidings/internal/wire"
)

// pass lets time go on in a synctest bubble.
func pass(d time.Duration) {
	time.Sleep(d) //nolint:forbidigo // in a synctest bubble this waits for nothing real
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// fault turns an absent *jsapi.Error into an absent error.
func fault(err *jsapi.Error) error {
	if err == nil {
		return nil
	}
	return err
}

// smallStore is a store that writes every kind of file within a short history.
func smallStore(fsys vfs.FS) store.Options {
	return store.Options{
		FS: fsys, Dir: "js", FileSize: 64 << 10, MaxFiles: 8, SegmentSize: 32 << 10,
		CheckpointBytes: 64 << 10, MoveRate: 1 << 50,
	}
}

// server is a node and a client of its global account.
type server struct {
	node    *jetstream.Node
	account *jetstream.Account
	client  *client
}

// start opens the store, recovers and serves.
func start(opts store.Options, log io.Writer, change ...func(*jetstream.Config)) (*server, error) {
	logger := slog.New(slog.NewTextHandler(log, nil))
	opts.Log = logger
	st, err := store.Open(opts)
	if err != nil {
		return nil, err
	}
	accounts := core.NewAccounts()
	cfg := jetstream.Config{
		Server: "s", ID: "S", Version: "2.12.0", MaxMemory: -1, MaxStorage: -1,
		Enabled: func(string) (jsapi.AccountLimits, bool) { return unlimited, true },
	}
	for _, f := range change {
		f(&cfg)
	}
	node, err := jetstream.Open(cfg, st, accounts, logger)
	if err != nil {
		return nil, err
	}
	node.Serve()
	return &server{node, node.Account(accounts.Global()), newClient(accounts)}, nil
}

var unlimited = jsapi.AccountLimits{
	MaxMemory: -1, MaxStorage: -1, MaxStreams: -1, MaxConsumers: -1, MaxAckPending: -1,
	MemoryMaxStreamBytes: -1, StorageMaxStreamBytes: -1,
}

// got is a message that a client has received.
type got struct {
	subject, reply, header, body string
}

// client publishes and has one inbox, whose messages go to whoever expects them.
type client struct {
	accounts *core.Accounts
	pub      *core.Publisher

	mu      sync.Mutex
	next    int
	waiting map[string]func(got)
}

const inbox = "_INBOX."

func newClient(accounts *core.Accounts) *client {
	c := &client{accounts: accounts, waiting: map[string]func(got){}}
	c.pub = accounts.Publisher(core.Sender{Self: c, Account: accounts.Global(), Echo: true})
	accounts.Global().Subscribe(core.NewSubscription(c, []byte(inbox+">"), nil, []byte("1")))
	return c
}

// expect returns a subject; f is called with each message on it, in the goroutine
// that sends it.
func (c *client) expect(f func(got)) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.next++
	subject := inbox + strconv.Itoa(c.next)
	c.waiting[subject] = f
	return subject
}

// listen calls f with each message on a subject that is no inbox.
func (c *client) listen(pattern string, f func(got)) {
	c.mu.Lock()
	c.waiting[pattern] = f
	c.mu.Unlock()
	c.accounts.Global().Subscribe(core.NewSubscription(listener{c, pattern}, []byte(pattern), nil, []byte("2")))
}

// listener is the receiver of one subscription.
type listener struct {
	*client
	pattern string
}

// Deliver implements [core.Receiver].
func (l listener) Deliver(_ *core.Stage, _ *core.Subscription, m *core.Message) {
	l.mu.Lock()
	f := l.waiting[l.pattern]
	l.mu.Unlock()
	f(got{subject: string(m.Subject), body: string(m.Payload[max(m.HeaderLen, 0):])})
}

// send publishes a message; more may follow before flush.
func (c *client) send(subject, reply string, header []string, body string) {
	var h wire.Header
	for i := 0; i < len(header); i += 2 {
		h.Fields = append(h.Fields, wire.HeaderField{Key: []byte(header[i]), Value: []byte(header[i+1])})
	}
	var block []byte
	headerLen := -1
	if len(header) > 0 {
		block = h.Append(nil)
		headerLen = len(block)
	}
	tail := ""
	if reply != "" {
		tail = reply + " "
	}
	if headerLen >= 0 {
		tail += strconv.Itoa(headerLen) + " "
	}
	tail += strconv.Itoa(len(block)+len(body)) + "\r\n"
	from := len(tail)
	b := append(append([]byte(tail), block...), body...)
	to := len(b)
	b = append(b, "\r\n"...)
	m := core.Message{
		Subject: []byte(subject), Reply: []byte(reply), Payload: b[from:to], HeaderLen: headerLen,
		Tail: b, Volatile: true,
	}
	c.pub.Publish(&m)
}

func (c *client) flush() { c.pub.Flush() }

// Deliver implements [core.Receiver].
func (c *client) Deliver(_ *core.Stage, _ *core.Subscription, m *core.Message) {
	shown := m.Shown
	if shown == nil {
		shown = m.Subject
	}
	n := max(m.HeaderLen, 0)
	g := got{string(shown), string(m.Reply), string(m.Payload[:n]), string(m.Payload[n:])}
	c.mu.Lock()
	f := c.waiting[string(m.Subject)]
	c.mu.Unlock()
	if f != nil {
		f(g)
	}
}

// Flush, Exhausted, Relief and Filter implement [core.Receiver].
func (*client) Flush(*core.Stage)                          {}
func (*client) Exhausted(*core.Subscription)               {}
func (*client) Relief(bool) <-chan struct{}                { return nil }
func (*client) Filter(*core.Subscription) core.Permissions { return nil }
func (s *server) stream(name string) *jetstream.Stream     { return s.account.Stream(name) }
func (s *server) consumer(of, name string) *jetstream.Consumer {
	if st := s.stream(of); st != nil {
		return st.Consumer(name)
	}
	return nil
}

// message returns a message of a stream.
func message(st *jetstream.Stream, seq uint64) (record.Message, bool) {
	return find(st, func(x *index.Index) (index.Entry, bool) { return x.Get(seq) })
}

// lastMessage returns the last message on a subject.
func lastMessage(st *jetstream.Stream, subject string) (record.Message, bool) {
	return find(st, func(x *index.Index) (index.Entry, bool) {
		on, _ := x.Subject([]byte(subject))
		return x.Get(on.Last)
	})
}

func find(st *jetstream.Stream, look func(*index.Index) (index.Entry, bool)) (record.Message, bool) {
	for {
		var e index.Entry
		var ok bool
		if st.View(func(x *index.Index) { e, ok = look(x) }); !ok {
			return record.Message{}, false
		}
		b, err := st.Read(nil, e)
		if errors.Is(err, store.ErrMoved) {
			continue
		}
		if err != nil {
			return record.Message{}, false
		}
		m := record.View(b)
		m.Seq = e.Seq
		return m, true
	}
}

// publish sends one message and calls done with the answer.
func (s *server) publish(subject string, header []string, body string, done func(jsapi.PubAck)) {
	reply := s.client.expect(func(g got) {
		var ack jsapi.PubAck
		if err := json.Unmarshal([]byte(g.body), &ack); err != nil {
			ack.Error = &jsapi.Error{Description: fmt.Sprintf("%q: %v", g.body, err)}
		}
		done(ack)
	})
	s.client.send(subject, reply, header, body)
}

// pull asks a consumer for messages; f gets each.
func (s *server) pull(stream, consumer string, batch int, expires time.Duration, f func(got)) {
	req := jsapi.PullRequest{Batch: batch, Expires: expires, NoWait: expires == 0}
	body, err := json.Marshal(req)
	if err != nil {
		panic(err)
	}
	reply := s.client.expect(func(g got) {
		if strings.HasPrefix(g.reply, "$JS.ACK.") {
			f(g)
		}
	})
	s.client.send("$JS.API.CONSUMER.MSG.NEXT."+stream+"."+consumer, reply, nil, string(body))
	s.client.flush()
}

// ack acknowledges a delivery; done, if it is given, is called with the answer.
func (s *server) ack(to, what string, done func()) {
	reply := ""
	if done != nil {
		reply = s.client.expect(func(got) { done() })
	}
	s.client.send(to, reply, nil, what)
	s.client.flush()
}

func (s *server) createStream(cfg jsapi.StreamConfig) error {
	_, _, err := s.account.CreateStream(cfg, false)
	return fault(err)
}

func (s *server) createConsumer(stream string, cfg jsapi.ConsumerConfig) error {
	st := s.stream(stream)
	if st == nil {
		return jsapi.ErrStreamNotFound.New()
	}
	_, _, err := st.CreateConsumer(&jsapi.ConsumerCreateRequest{Stream: stream, Config: cfg})
	return fault(err)
}
