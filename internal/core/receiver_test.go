package core_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/tidings-io/tidings/internal/core"
)

// inbox is a receiver in memory. It appends MSG lines as a client connection
// does, and takes what is flushed now as slices and now as chunks.
type inbox struct {
	t      *testing.T
	filter core.Permissions // not changed once subscribed
	relief <-chan struct{}

	mu        sync.Mutex
	random    *rand.Rand
	raw       []byte
	messages  int
	size      int
	exhausted []*core.Subscription
	closed    bool // nothing may come any more
}

func newInbox(t *testing.T) *inbox {
	return &inbox{t: t, random: rand.New(rand.NewPCG(1, 1))}
}

// Deliver implements core.Receiver.
func (x *inbox) Deliver(st *core.Stage, sub *core.Subscription, m *core.Message) {
	appendMessage(st, sub, m)
}

func appendMessage(st *core.Stage, sub *core.Subscription, m *core.Message) {
	head, sid, tail := m.Head[1:], sub.ID(), m.Tail
	if m.HeaderLen >= 0 {
		head = m.Head
	}
	refer := len(tail) >= core.ReferFrom && !m.Volatile
	n := len(head) + len(sid) + 1
	if !refer {
		n += len(tail)
	}
	k := st.Reserve(n)
	k.Bytes = append(append(append(k.Bytes, head...), sid...), ' ')
	if refer {
		st.Refer(tail)
		return
	}
	k.Bytes = append(k.Bytes, tail...)
}

// Flush implements core.Receiver.
func (x *inbox) Flush(st *core.Stage) {
	x.mu.Lock()
	defer x.mu.Unlock()
	all := bytes.Join(st.Vector(nil), nil)
	if len(all) != st.Len() {
		x.t.Errorf("stage of %d bytes says it has %d", len(all), st.Len())
	}
	if x.closed && len(all) > 0 {
		x.t.Errorf("after the end came %q", all)
	}
	x.messages += st.Messages
	x.size += st.Size
	if x.random.IntN(2) == 0 {
		x.raw = append(x.raw, all...)
		return
	}
	sent := x.random.IntN(len(all) + 1)
	x.raw = append(x.raw, all[:sent]...)
	st.Take(sent, func(c *core.Chunk) {
		x.raw = append(x.raw, c.Rest()...)
		c.Release()
	})
}

// Exhausted implements core.Receiver.
func (x *inbox) Exhausted(sub *core.Subscription) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.exhausted = append(x.exhausted, sub)
}

// Relief implements core.Receiver.
func (x *inbox) Relief(bool) <-chan struct{} { return x.relief }

// Filter implements core.Receiver.
func (x *inbox) Filter(*core.Subscription) core.Permissions { return x.filter }

// close makes it an error if anything comes from now on.
func (x *inbox) close() {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.closed = true
}

// delivery is one MSG that an inbox has.
type delivery struct{ subject, sid, payload string }

// got parses what has come so far.
func (x *inbox) got() []delivery {
	x.t.Helper()
	x.mu.Lock()
	defer x.mu.Unlock()
	var list []delivery
	rest := x.raw
	for len(rest) > 0 {
		line, after, ok := bytes.Cut(rest, []byte("\r\n"))
		f := strings.Fields(string(line))
		if !ok || len(f) < 4 || f[0] != "MSG" {
			x.t.Fatalf("what came is no MSG: %.100q", rest)
		}
		n, err := strconv.Atoi(f[len(f)-1])
		if err != nil || len(after) < n+2 || string(after[n:n+2]) != "\r\n" {
			x.t.Fatalf("what came has a bad payload: %.100q", rest)
		}
		list = append(list, delivery{f[1], f[2], string(after[:n])})
		rest = after[n+2:]
	}
	if x.messages != len(list) {
		x.t.Errorf("%d messages were counted and %d came", x.messages, len(list))
	}
	return list
}

// payloads is the payloads that have come so far, in order.
func (x *inbox) payloads() []string {
	x.t.Helper()
	var list []string
	for _, d := range x.got() {
		list = append(list, d.payload)
	}
	return list
}

// message is a publish as the parser hands it over.
func message(subject, payload string) *core.Message {
	tail := fmt.Appendf(nil, "%d\r\n%s\r\n", len(payload), payload)
	return &core.Message{
		Subject: []byte(subject), HeaderLen: -1, Tail: tail, Payload: tail[len(tail)-2-len(payload) : len(tail)-2],
	}
}

// subscribe makes a subscription of x in the global account.
func subscribe(as *core.Accounts, x core.Receiver, subject, queue, id string) *core.Subscription {
	s := core.NewSubscription(x, []byte(subject), []byte(queue), []byte(id))
	as.Global().Subscribe(s)
	return s
}

// publisher is a publisher in the global account that belongs to nobody else.
func publisher(t *testing.T, as *core.Accounts) *core.Publisher {
	p := as.Publisher(core.Sender{Self: newInbox(t), Account: as.Global(), Echo: true})
	t.Cleanup(p.Release)
	return p
}

// denials are permissions that deny some literal subjects.
type denials struct{ publish, deliver string }

func (d denials) MayPublish(subject string) bool   { return subject != d.publish }
func (d denials) MaySubscribe(string, string) bool { return true }
func (d denials) MayDeliver(subject string) bool   { return subject != d.deliver }
func (d denials) FiltersDeliveries(string) bool    { return d.deliver != "" }
