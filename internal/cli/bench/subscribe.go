package bench

import (
	"context"
	"errors"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/tidings-io/tidings/internal/cli/ui"
	"github.com/tidings-io/tidings/internal/client"
)

// SubscribePlan describes the load of [Subscribe].
type SubscribePlan struct {
	Subject  string
	Queue    string        // queue group all clients join; "" = each gets every message
	Clients  int           // connections, one subscription each
	Messages int64         // end after so many per client (with Queue: together); 0 = no such end
	Duration time.Duration // end after this time; 0 = no such end
}

// Validate reports what is wrong with the plan.
func (p SubscribePlan) Validate() error {
	return errors.Join(
		client.CheckSubscribeSubject(p.Subject),
		checkClients("clients", p.Clients, 1),
		checkEnd(p.Messages, p.Duration))
}

// Pending limits of a subscriber: a million messages or 512 MiB may wait in the
// client library; what comes beyond is dropped there and so is missing.
const (
	pendingMessages = 1 << 20
	pendingBytes    = 512 << 20
)

// subscriber receives on one connection.
type subscriber struct {
	received counter // written by the subscription's goroutine
	bytes    counter // likewise

	// owned by the subscription's goroutine until its connection is closed
	latency     *recorder
	first, last time.Time
}

// onMessage counts one message. It runs on the subscription's goroutine.
func (s *subscriber) onMessage(m *nats.Msg) {
	now := time.Now()
	if s.first.IsZero() {
		s.first = now
	}
	s.last = now
	if sent, ok := stampOf(m.Data); ok {
		s.latency.record(now.UnixNano() - sent)
	}
	s.bytes.Store(s.bytes.Load() + int64(len(m.Data)))
	s.received.Store(s.received.Load() + 1)
}

// subscribers are all subscribers of one load.
type subscribers struct {
	queue   string
	conns   connections
	members []*subscriber
	ended   []chan struct{} // closed when a subscription's goroutine has handled its last message
	subs    []*nats.Subscription
}

// startSubscribers returns when the server has taken all subscriptions.
func startSubscribers(ctx context.Context, env Env, subject, queue string, n int) (*subscribers, error) {
	conns, err := env.dial(ctx, n)
	if err != nil {
		return nil, err
	}
	g := &subscribers{queue: queue, conns: conns}
	for _, nc := range conns {
		if err := g.add(nc, subject); err != nil {
			conns.close()
			return nil, err
		}
	}
	if err := conns.flush(env.Timeout); err != nil {
		conns.close()
		return nil, err
	}
	return g, nil
}

func (g *subscribers) add(nc *nats.Conn, subject string) error {
	s := &subscriber{latency: newRecorder()}
	sub, err := nc.QueueSubscribe(subject, g.queue, s.onMessage)
	if err != nil {
		return client.Explain("subscribe", err)
	}
	if err := sub.SetPendingLimits(pendingMessages, pendingBytes); err != nil {
		return client.Explain("subscribe", err)
	}
	ended := make(chan struct{})
	sub.SetClosedHandler(func(string) { close(ended) })
	g.members, g.subs, g.ended = append(g.members, s), append(g.subs, sub), append(g.ended, ended)
	return nil
}

// total returns how many messages all have received.
func (g *subscribers) total() (n int64) {
	for _, s := range g.members {
		n += s.received.Load()
	}
	return n
}

// expected returns how many messages all will receive of n published ones.
func (g *subscribers) expected(n int64) int64 {
	if g.queue != "" {
		return n
	}
	return n * int64(len(g.members))
}

// finish ends the subscriptions and returns their figures. Afterwards no
// callback runs.
func (g *subscribers) finish(timeout time.Duration) (*Rate, *Latency) {
	for _, sub := range g.subs {
		_ = sub.Unsubscribe() // fails only if the connection is closed, which ends it too
	}
	g.conns.close()
	deadline := time.After(timeout)
	var spans []span
	var recorders []*recorder
	for i, s := range g.members {
		select {
		case <-g.ended[i]:
			spans = append(spans, span{s.received.Load(), s.bytes.Load(), s.first, s.last})
			recorders = append(recorders, s.latency)
		case <-deadline: // still busy with its backlog: its histogram cannot be read
			return newRate(spans), merge(ofDelivery, recorders)
		}
	}
	return newRate(spans), merge(ofDelivery, recorders)
}

const ofDelivery = "from publish to receive"

// Subscribe receives messages until the plan's end or ctx's. It blocks. With
// [ErrInterrupted] there is a result, too.
func Subscribe(ctx context.Context, env Env, p SubscribePlan) (*Result, error) {
	g, err := startSubscribers(ctx, env, p.Subject, p.Queue, p.Clients)
	if err != nil {
		return nil, err
	}
	end := newStopper(ctx, p.Duration)
	defer end.done()
	goal := g.expected(p.Messages)
	stop := env.Watch([]ui.Task{{Name: "receive", Total: goal, Done: g.total}})
	end.wait(0, g.total, func() bool { return goal > 0 && g.total() >= goal })
	why := end.err()
	stop()
	result := &Result{Load: "sub", Subject: p.Subject}
	result.Receive, result.Latency = g.finish(env.Timeout)
	return result, why
}
