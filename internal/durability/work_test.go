package durability

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/anishathalye/porcupine"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// told is what clients know after all rounds.
type told struct {
	mu        sync.Mutex
	sent      map[string]string            // stream of each id that was published
	stored    map[string]map[uint64]string // by stream: sequence and id of what was acknowledged
	acking    map[string]bool              // consumer and id: acknowledged, nobody knows whether it counts
	acked     map[string]bool              // consumer and id: confirmed
	expired   map[string]bool              // ids that were seen to be gone
	lastOf    map[string]uint64            // by stream: highest sequence that was seen
	confirmed atomic.Int64                 // answers, whatever they were
	problems  []error

	keys    map[string][]porcupine.Operation // of the round
	initial map[string]keyState
}

func newTold() *told {
	return &told{
		sent: map[string]string{}, stored: map[string]map[uint64]string{}, acking: map[string]bool{}, acked: map[string]bool{},
		expired: map[string]bool{}, lastOf: map[string]uint64{}, keys: map[string][]porcupine.Operation{}, initial: map[string]keyState{},
	}
}

func (d *told) problem(format string, args ...any) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.problems = append(d.problems, fmt.Errorf(format, args...))
}

func (d *told) note(f func()) {
	d.mu.Lock()
	defer d.mu.Unlock()
	f()
}

// wasStored notes that a publish was acknowledged.
func (d *told) wasStored(stream string, seq uint64, id string) {
	d.confirmed.Add(1)
	d.note(func() {
		if d.stored[stream] == nil {
			d.stored[stream] = map[uint64]string{}
		}
		if other, taken := d.stored[stream][seq]; taken && other != id {
			d.problems = append(d.problems, fmt.Errorf("stream %s: %d is %s, and was %s", stream, seq, id, other))
		}
		d.stored[stream][seq] = id
		d.lastOf[stream] = max(d.lastOf[stream], seq)
	})
}

// The streams and consumers of the test.
const (
	plain, jobs, news, ttl, hopeless, dead, keys = "PLAIN", "JOBS", "NEWS", "TTL", "HOPELESS", "DEAD", "KV_keys"
	ackWait                                      = 500 * time.Millisecond
)

func setUp(ctx context.Context, js jetstream.JetStream) error {
	var errs []error
	for _, cfg := range []jetstream.StreamConfig{
		{Name: plain, Subjects: []string{"plain.>"}},
		{Name: jobs, Subjects: []string{"jobs.>"}, Retention: jetstream.WorkQueuePolicy},
		{Name: news, Subjects: []string{"news.>"}, Retention: jetstream.InterestPolicy},
		{Name: ttl, Subjects: []string{"ttl.>"}, AllowMsgTTL: true},
		{Name: dead, Subjects: []string{"dead.>"}},
		{Name: hopeless, Subjects: []string{"hopeless.>"}},
	} {
		_, err := js.CreateStream(ctx, cfg)
		errs = append(errs, err)
	}
	for _, c := range [][2]string{{jobs, "worker"}, {news, "n1"}, {news, "n2"}, {hopeless, "h"}} {
		cfg := jetstream.ConsumerConfig{Durable: c[1], AckPolicy: jetstream.AckExplicitPolicy, AckWait: ackWait, MaxAckPending: 100_000}
		if c[0] == hopeless {
			cfg.MaxDeliver = 2
			cfg.Metadata = map[string]string{"tidings.dead-letter": "dead.h"}
		}
		_, err := js.CreateConsumer(ctx, c[0], cfg)
		errs = append(errs, err)
	}
	_, err := js.CreateKeyValue(ctx, jetstream.KeyValueConfig{Bucket: "keys", History: 5})
	return errors.Join(append(errs, err)...)
}

// client is one of those that work during a round.
type client struct {
	*told
	nc   *nats.Conn
	js   jetstream.JetStream
	rng  *rand.Rand
	name string // no other client of any round has it
	n    int
}

func (c *client) id(stream string) string {
	c.n++
	id := fmt.Sprintf("%s-%d", c.name, c.n)
	c.note(func() { c.sent[id] = stream })
	return id
}

// publish sends messages and waits for each answer, until the server is gone.
func (c *client) publish(ctx context.Context, stream, subject string, header nats.Header) {
	for ctx.Err() == nil && c.n < 3000 {
		id := c.id(stream)
		m := &nats.Msg{Subject: subject, Data: []byte(id), Header: header}
		ack, err := c.js.PublishMsg(ctx, m)
		if err != nil {
			return
		}
		c.wasStored(stream, ack.Sequence, id)
	}
}

// publishAsync sends messages without waiting.
func (c *client) publishAsync(ctx context.Context) {
	js, err := jetstream.New(c.nc, jetstream.WithPublishAsyncMaxPending(256))
	if err != nil {
		c.problem("%w", err)
		return
	}
	var futures sync.WaitGroup
	for ctx.Err() == nil && c.n < 20_000 {
		id := c.id(plain)
		f, err := js.PublishAsync("plain."+c.name, []byte(id))
		if err != nil {
			break
		}
		futures.Go(func() {
			select {
			case ack := <-f.Ok():
				c.wasStored(plain, ack.Sequence, id)
			case <-f.Err():
			case <-ctx.Done():
			}
		})
	}
	futures.Wait()
}

// compareAndSet works on a few keys that others work on, too.
func (c *client) compareAndSet(ctx context.Context, started time.Time) {
	kv, err := c.js.KeyValue(ctx, "keys")
	if err != nil {
		return
	}
	for ctx.Err() == nil {
		key := []string{"a", "b", "c"}[c.rng.IntN(3)]
		begin := time.Since(started).Nanoseconds()
		e, err := kv.Get(ctx, key)
		end := time.Since(started).Nanoseconds()
		state := keyState{}
		switch {
		case errors.Is(err, jetstream.ErrKeyNotFound):
		case err != nil:
			return
		default:
			state = keyState{string(e.Value()), e.Revision()}
		}
		c.operation(key, begin, end, keyInput{get: true}, keyOutput{known: true, value: state.value, revision: state.revision})
		if c.rng.IntN(3) == 0 {
			continue
		}
		if !c.set(ctx, kv, key, state.revision, started) {
			return
		}
	}
}

func (c *client) set(ctx context.Context, kv jetstream.KeyValue, key string, revision uint64, started time.Time) bool {
	in := keyInput{expected: revision, value: c.id(keys)}
	begin := time.Since(started).Nanoseconds()
	set, err := kv.Update(ctx, key, []byte(in.value), revision)
	end := time.Since(started).Nanoseconds()
	var api *jetstream.APIError
	switch {
	case err == nil:
		c.operation(key, begin, end, in, keyOutput{known: true, revision: set})
		c.wasStored(keys, set, in.value)
	case errors.As(err, &api) && api.ErrorCode == jetstream.JSErrCodeStreamWrongLastSequence:
		c.operation(key, begin, end, in, keyOutput{known: true, wrong: true})
	default:
		c.operation(key, begin, never, in, keyOutput{})
		return false
	}
	return true
}

func (c *client) operation(key string, begin, end int64, in keyInput, out keyOutput) {
	c.confirmed.Add(1)
	c.note(func() {
		c.keys[key] = append(c.keys[key], porcupine.Operation{Input: in, Output: out, Call: begin, Return: end})
	})
}

// consume takes messages and acknowledges them: every third waits for the
// confirmation, one in ten is left alone.
func (c *client) consume(ctx context.Context, stream, consumer string) {
	cons, err := c.js.Consumer(ctx, stream, consumer)
	if err != nil {
		return
	}
	for ctx.Err() == nil {
		batch, err := cons.Fetch(20, jetstream.FetchMaxWait(200*time.Millisecond))
		if err != nil {
			return
		}
		for m := range batch.Messages() {
			c.acknowledge(ctx, stream, consumer, m)
		}
		if batch.Error() != nil || c.nc.IsClosed() {
			return
		}
	}
}

func (c *client) acknowledge(ctx context.Context, stream, consumer string, m jetstream.Msg) {
	id, key := string(m.Data()), consumer+" "+string(m.Data())
	meta, err := m.Metadata()
	if err != nil {
		c.problem("%w", err)
		return
	}
	double := false
	c.note(func() {
		double = c.acked[key]
		c.lastOf[stream] = max(c.lastOf[stream], meta.Sequence.Stream)
	})
	if double {
		c.problem("stream %s: %s (%d) is delivered to %s after its acknowledgement was confirmed", stream, id, meta.Sequence.Stream, consumer)
	}
	what := c.rng.IntN(10)
	if what == 0 || stream == hopeless && what < 6 {
		return
	}
	c.note(func() { c.acking[key] = true })
	if what%3 != 0 {
		_ = m.Ack() // nobody knows whether it arrives
		return
	}
	if m.DoubleAck(ctx) == nil {
		c.confirmed.Add(1)
		c.note(func() { c.acked[key] = true })
	}
}
