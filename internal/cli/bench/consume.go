package bench

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/tidings-io/tidings/internal/cli/ui"
	"github.com/tidings-io/tidings/internal/client"
)

// How a load consumes a stream.
const (
	Pull    = "pull"    // all clients share a pull consumer and acknowledge each message
	NoAck   = "no-ack"  // the same without acknowledgements
	Ordered = "ordered" // each client has a push consumer of its own that keeps the order
)

// ConsumeModes lists how a load can consume a stream.
var ConsumeModes = []string{Pull, NoAck, Ordered}

// ConsumePlan describes the load of [Consume].
type ConsumePlan struct {
	Store    StorePlan
	Mode     string // one of ConsumeModes
	Clients  int
	Messages int64         // consume so many; of a stream of its own: store so many first. 0 = all there are
	Duration time.Duration // end after this time; 0 = no such end
	Size     int           // bytes of a body that is stored first
	Batch    int           // pull: messages asked for at once
}

// Validate reports what is wrong with the plan.
func (p ConsumePlan) Validate() error {
	err := errors.Join(
		p.Store.validate(),
		checkClients("clients", p.Clients, 1),
		checkSize("size", p.Size))
	switch {
	case err != nil:
		return err
	case !slices.Contains(ConsumeModes, p.Mode):
		return fmt.Errorf("mode %q: use one of %s", p.Mode, strings.Join(ConsumeModes, ", "))
	case p.Messages < 0 || p.Duration < 0:
		return errors.New("messages and duration: they are not negative")
	case p.Messages == 0 && p.Store.Name == "":
		return errors.New("messages 0: say how many to store and consume")
	case p.Batch < 1 || p.Batch > 1<<16:
		return fmt.Errorf("batch %d: use a number from 1 to %d", p.Batch, 1<<16)
	}
	return nil
}

// consumer takes messages on one connection. Its goroutine owns it.
type consumer struct {
	take    func() (bytes int, err error) // one message, acknowledged
	stop    func()                        // makes take fail soon; from any goroutine
	latency *recorder
	spent   span

	done  counter       // read by the progress display
	total *atomic.Int64 // of all clients that share the messages
	goal  int64         // of total
}

// Consume consumes a stream until the plan's end or ctx's, or nothing more comes
// for env.Timeout. With [ErrInterrupted] there is a result, too. It blocks.
func Consume(ctx context.Context, env Env, p ConsumePlan) (result *Result, err error) {
	conns, js, err := env.dialJetStream(ctx, p.Clients)
	if err != nil {
		return nil, err
	}
	defer conns.close()
	name, err := consumeStore(ctx, env, js, conns[0], p)
	if err != nil {
		return nil, err
	}
	if p.Store.Name == "" {
		defer removed(&err, p.Store.Keep, "stream "+name, func(ctx context.Context) error { return js.DeleteStream(ctx, name) })
	}
	goal, err := messagesOf(ctx, js, name, p.Messages)
	if err != nil {
		return nil, err
	}
	consumers, remove, err := startConsumers(ctx, env, conns, name, goal, p)
	if err != nil {
		return nil, err
	}
	defer remove()
	result, err = consume(ctx, env, p, consumers, goal)
	result.Stream = name
	return result, err
}

// consumeStore returns the stream to consume: the person's, or one made and
// filled for the load.
func consumeStore(ctx context.Context, env Env, js jetstream.JetStream, nc *nats.Conn, p ConsumePlan) (string, error) {
	if p.Store.Name != "" {
		return p.Store.Name, nil
	}
	name, subject, err := ownStream(ctx, js, p.Store, false)
	if err != nil {
		return "", err
	}
	if err = fill(ctx, env, nc, func(int64) string { return subject }, p.Messages, p.Size); err != nil {
		removed(&err, p.Store.Keep, "stream "+name, func(ctx context.Context) error { return js.DeleteStream(ctx, name) })
	}
	return name, err
}

// fillWindow is how many messages are under way while a store is filled.
const fillWindow = 512

// fill stores n messages; subject says on which the i-th goes.
func fill(ctx context.Context, env Env, nc *nats.Conn, subject func(i int64) string, n int64, size int) error {
	s, err := newAsyncStorer(storeJob{nc: nc, next: subject, limit: n, size: size, timeout: env.Timeout}, fillWindow)
	if err != nil {
		return err
	}
	end := newStopper(ctx, 0)
	defer end.done()
	stop := env.Watch([]ui.Task{{Name: "fill", Total: n, Done: s.stored}})
	err = s.run(end)
	stop()
	if why := end.err(); err == nil {
		err = why
	}
	if f := s.figures(); err == nil && f.unacked > 0 {
		err = &client.Error{Kind: client.TimedOut, What: "fill the store", Reason: fmt.Sprintf("%d messages were not acknowledged in time", f.unacked), Way: "wait longer with --timeout"}
	}
	return err
}

// messagesOf returns how many messages to consume.
func messagesOf(ctx context.Context, js jetstream.JetStream, stream string, asked int64) (int64, error) {
	s, err := js.Stream(ctx, stream)
	if err != nil {
		return 0, explainStore(fmt.Sprintf("stream %q", stream), err)
	}
	there := int64(s.CachedInfo().State.Msgs)
	if there == 0 {
		return 0, fmt.Errorf("stream %q is empty; store messages first, or leave its name out", stream)
	}
	if asked == 0 {
		return there, nil
	}
	return min(asked, there), nil
}

func startConsumers(ctx context.Context, env Env, conns connections, stream string, goal int64, p ConsumePlan) ([]*consumer, func(), error) {
	if p.Mode == Ordered {
		return startOrdered(env, conns, stream, goal)
	}
	js, err := env.jetStream(conns[0])
	if err != nil {
		return nil, nil, err
	}
	config := jetstream.ConsumerConfig{
		Name: ownName(), AckPolicy: jetstream.AckExplicitPolicy, DeliverPolicy: jetstream.DeliverAllPolicy,
		MaxAckPending: max(1000, 2*p.Batch*len(conns)), InactiveThreshold: time.Minute, MemoryStorage: p.Store.Memory,
	}
	if p.Mode == NoAck {
		config.AckPolicy, config.MaxAckPending = jetstream.AckNonePolicy, 0
	}
	if _, err := js.CreateConsumer(ctx, stream, config); err != nil {
		return nil, nil, explainStore("create a consumer for the load", err)
	}
	remove := func() {
		var ignored error // it goes by itself after a minute
		removed(&ignored, false, "consumer", func(ctx context.Context) error { return js.DeleteConsumer(ctx, stream, config.Name) })
	}
	total := &atomic.Int64{}
	var out []*consumer
	for _, nc := range conns {
		c, err := newPuller(ctx, env, nc, stream, config, p)
		if err != nil {
			remove()
			return nil, nil, err
		}
		c.total, c.goal = total, goal
		out = append(out, c)
	}
	return out, remove, nil
}

func newPuller(ctx context.Context, env Env, nc *nats.Conn, stream string, config jetstream.ConsumerConfig, p ConsumePlan) (*consumer, error) {
	js, err := env.jetStream(nc)
	if err != nil {
		return nil, err
	}
	shared, err := js.Consumer(ctx, stream, config.Name)
	if err != nil {
		return nil, explainStore("use the consumer of the load", err)
	}
	messages, err := shared.Messages(jetstream.PullMaxMessages(p.Batch))
	if err != nil {
		return nil, explainStore("pull messages", err)
	}
	take := func() (int, error) {
		m, err := messages.Next()
		if err != nil {
			return 0, err
		}
		if config.AckPolicy == jetstream.AckExplicitPolicy {
			err = m.Ack()
		}
		return len(m.Data()), err
	}
	return &consumer{take: take, stop: messages.Stop, latency: newRecorder()}, nil
}

// startOrdered gives each connection an ordered push consumer of its own.
func startOrdered(env Env, conns connections, stream string, goal int64) ([]*consumer, func(), error) {
	var out []*consumer
	for _, nc := range conns {
		options := []nats.JSOpt{nats.MaxWait(env.Timeout)}
		if env.Prefix != "" {
			options = append(options, nats.APIPrefix(env.Prefix))
		}
		js, err := nc.JetStream(options...)
		if err != nil {
			return nil, nil, client.Explain("use JetStream", err)
		}
		sub, err := js.SubscribeSync("", nats.BindStream(stream), nats.OrderedConsumer())
		if err == nil {
			err = sub.SetPendingLimits(pendingMessages, pendingBytes)
		}
		if err != nil {
			return nil, nil, client.Explain("create a consumer for the load", err)
		}
		take := func() (int, error) {
			m, err := sub.NextMsg(env.Timeout)
			if err != nil {
				return 0, err
			}
			return len(m.Data), nil
		}
		stop := func() { _ = sub.Unsubscribe() } // fails only if the connection is closed, which ends it too
		out = append(out, &consumer{take: take, stop: stop, latency: newRecorder(), total: &atomic.Int64{}, goal: goal})
	}
	return out, func() {}, nil
}

func consume(ctx context.Context, env Env, p ConsumePlan, consumers []*consumer, goal int64) (*Result, error) {
	if p.Mode == Ordered {
		goal *= int64(len(consumers))
	}
	end := newStopper(ctx, p.Duration)
	defer end.done()
	total := func() (n int64) {
		for _, c := range consumers {
			n += c.done.Load()
		}
		return n
	}
	stop := env.Watch([]ui.Task{{Name: "consume", Total: goal, Done: total}})
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		runAll(end, consumers)
	}()
	end.wait(env.Timeout, total, func() bool { return total() >= goal })
	end.finish() // those who still wait for a message get none
	<-ended
	stop()
	result := &Result{Load: "consume", Mode: p.Mode, Size: p.Size}
	if p.Store.Name != "" {
		result.Size = 0
	}
	var spans []span
	var recorders []*recorder
	for _, c := range consumers {
		spans, recorders = append(spans, c.spent), append(recorders, c.latency)
	}
	result.Receive = newRate(spans)
	result.Latency = merge("from asking for the next message to having it", recorders)
	why := end.err()
	if why == nil && p.Duration == 0 {
		result.Missing = max(0, goal-result.Receive.Messages)
	}
	return result, why
}

// run takes messages until all of the load are taken, or the end.
func (c *consumer) run(end *stopper) error {
	finished := make(chan struct{})
	defer close(finished)
	go func() { // ends with run
		select {
		case <-end.ended:
		case <-finished:
		}
		c.stop()
	}()
	for c.total.Load() < c.goal && !end.stopped.Load() {
		asked := time.Now()
		bytes, err := c.take()
		now := time.Now()
		if err != nil {
			return c.ended(err, end)
		}
		if c.spent.messages == 0 {
			c.spent.start = asked
		}
		c.latency.record(now.Sub(asked).Nanoseconds())
		c.spent.messages++
		c.spent.bytes += int64(bytes)
		c.spent.end = now
		c.done.Store(c.spent.messages)
		c.total.Add(1)
	}
	return nil
}

// ended tells errors from the ordinary ends of a client: it was stopped, others
// have taken the rest, or nothing comes any more.
func (c *consumer) ended(err error, end *stopper) error {
	if end.stopped.Load() || c.total.Load() >= c.goal {
		return nil
	}
	if errors.Is(err, nats.ErrTimeout) {
		return nil
	}
	return explainStore("consume", err)
}
