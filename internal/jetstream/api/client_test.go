package api_test

import (
	"bytes"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/tidings-io/tidings/internal/core"
	"github.com/tidings-io/tidings/internal/jetstream/api"
)

// delivery is a message that a client got.
type delivery struct{ subject, reply, header, body string }

// client publishes and receives in an account, like a connection.
type client struct {
	t        testing.TB
	accounts *core.Accounts
	account  *core.Account
	pub      *core.Publisher
	inbox    int

	mu   sync.Mutex
	subs map[string]chan delivery // by id
}

func newClient(t testing.TB, accounts *core.Accounts, account *core.Account) *client {
	c := &client{t: t, accounts: accounts, account: account, subs: map[string]chan delivery{}}
	c.pub = accounts.Publisher(core.Sender{Self: c, Account: account, Echo: true})
	return c
}

// Deliver implements [core.Receiver]: it is called by whoever publishes.
func (c *client) Deliver(_ *core.Stage, sub *core.Subscription, m *core.Message) {
	d := delivery{subject: string(m.Subject), reply: string(m.Reply), body: string(m.Payload)}
	if m.HeaderLen >= 0 {
		d.header, d.body = string(m.Payload[:m.HeaderLen]), string(m.Payload[m.HeaderLen:])
	}
	total, _, _ := bytes.Cut(m.Tail, []byte("\r\n"))
	if !bytes.HasSuffix(total, strconv.AppendInt(nil, int64(len(m.Payload)), 10)) {
		c.t.Errorf("message says %q, its payload has %d bytes", total, len(m.Payload))
	}
	c.mu.Lock()
	ch := c.subs[sub.ID()]
	c.mu.Unlock()
	if ch != nil {
		ch <- d
	}
}

func (*client) Flush(*core.Stage)                          {}
func (*client) Exhausted(*core.Subscription)               {}
func (*client) Relief(bool) <-chan struct{}                { return nil }
func (*client) Filter(*core.Subscription) core.Permissions { return nil }

// subscribe returns what is published on subject.
func (c *client) subscribe(subject string) <-chan delivery {
	ch := make(chan delivery, 4096)
	c.inbox++
	id := strconv.Itoa(c.inbox)
	c.mu.Lock()
	c.subs[id] = ch
	c.mu.Unlock()
	c.account.Subscribe(core.NewSubscription(c, []byte(subject), nil, []byte(id)))
	return ch
}

// publish sends a message. header is without version line and empty line.
func (c *client) publish(subject, reply, header, body string) core.Outcome {
	payload, headerLen := body, -1
	if header != "" {
		block := "NATS/1.0\r\n" + header + "\r\n\r\n"
		payload, headerLen = block+body, len(block)
	}
	n := c.pub.Publish(&core.Message{
		Subject: []byte(subject), Reply: []byte(reply), Payload: []byte(payload), HeaderLen: headerLen,
		Tail: []byte(payload),
	})
	c.pub.Flush()
	return n
}

// request returns the first answer.
func (c *client) request(subject, body string) delivery {
	c.t.Helper()
	return <-c.ask(subject, "", body)
}

// ask sends a request and returns its answers.
func (c *client) ask(subject, header, body string) <-chan delivery {
	c.t.Helper()
	c.inbox++
	inbox := "_INBOX." + strconv.Itoa(c.inbox)
	answers := c.subscribe(inbox)
	if c.publish(subject, inbox, header, body) == core.NoInterest {
		c.t.Fatalf("nobody takes %s", subject)
	}
	return answers
}

// fixture is a server with one account.
type fixture struct {
	*client
	server  *api.Server
	node    *memoryNode
	streams *memoryAccount
}

func start(t testing.TB, change func(*api.Config)) *fixture {
	t.Helper()
	accounts := core.NewAccounts()
	account := accounts.Get("A")
	node := newMemoryNode(account)
	cfg := api.Config{Accounts: accounts, Server: "ref"}
	if change != nil {
		change(&cfg)
	}
	s := api.New(cfg, node)
	t.Cleanup(s.Close)
	s.Serve(account)
	return &fixture{client: newClient(t, accounts, account), server: s, node: node, streams: node.accounts[account]}
}

// create makes a stream that answers direct gets if its configuration says so.
func (f *fixture) create(body string) *memoryStream {
	f.t.Helper()
	_, name, _ := strings.Cut(body, `"name":"`)
	name, _, _ = strings.Cut(name, `"`)
	if d := f.request("$JS.API.STREAM.CREATE."+name, body); strings.Contains(d.body, `"error"`) {
		f.t.Fatalf("create: %s", d.body)
	}
	s := f.streams.stream(name)
	f.server.Register(f.account, s)
	return s
}
