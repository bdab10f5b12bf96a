package bench

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/tidings-io/tidings/internal/cli/ui"
)

// KVPlan describes the load of [KV].
type KVPlan struct {
	Store       StorePlan
	Clients     int
	Concurrency int           // operations under way per client
	Messages    int64         // end after so many operations together; 0 = no such end
	Duration    time.Duration // end after this time; 0 = no such end
	Keys        int           // keys that are put and got, each put once before
	Size        int           // bytes of a value
	PutPercent  int           // of the operations; the others are gets
	History     int           // values kept of each key, of a bucket of its own
}

const (
	kvKeysMax    = 10_000_000
	kvHistoryMax = 64
)

// Validate reports what is wrong with the plan.
func (p KVPlan) Validate() error {
	err := errors.Join(
		p.Store.validate(),
		checkClients("clients", p.Clients, 1),
		checkClients("concurrency", p.Concurrency, 1),
		checkSize("size", p.Size),
		checkEnd(p.Messages, p.Duration))
	switch {
	case err != nil:
		return err
	case p.Clients*p.Concurrency > ClientsMax:
		return fmt.Errorf("%d clients with %d operations each: at most %d at once", p.Clients, p.Concurrency, ClientsMax)
	case p.Keys < 1 || p.Keys > kvKeysMax:
		return fmt.Errorf("keys %d: use a number from 1 to %d", p.Keys, kvKeysMax)
	case p.PutPercent < 0 || p.PutPercent > 100:
		return fmt.Errorf("put-percent %d: use a number from 0 to 100", p.PutPercent)
	case p.History < 1 || p.History > kvHistoryMax:
		return fmt.Errorf("history %d: use a number from 1 to %d", p.History, kvHistoryMax)
	}
	return nil
}

// kvKey is the name of a key of the load. With a bucket of the person's, no
// other keys are touched.
func kvKey(i int64) string { return "tidings-bench." + strconv.FormatInt(i, 10) }

// KV puts and gets keys of a bucket at random until the plan's end or ctx's. With
// [ErrInterrupted] there is a result, too. It blocks.
func KV(ctx context.Context, env Env, p KVPlan) (result *Result, err error) {
	conns, js, err := env.dialJetStream(ctx, p.Clients)
	if err != nil {
		return nil, err
	}
	defer conns.close()
	bucket := p.Store.Name
	if bucket == "" {
		bucket = ownName()
		_, err = js.CreateKeyValue(context.WithoutCancel(ctx), jetstream.KeyValueConfig{
			Bucket: bucket, History: uint8(p.History), Storage: p.Store.storage(), Replicas: max(p.Store.Replicas, 1),
			Description: "made by tidings bench, removed after it",
		})
		if err != nil {
			return nil, explainStore("create a bucket for the load", err)
		}
		defer removed(&err, p.Store.Keep, "bucket "+bucket, func(ctx context.Context) error { return js.DeleteKeyValue(ctx, bucket) })
	}
	users, err := newKVUsers(ctx, env, conns, bucket, p)
	if err != nil {
		return nil, err
	}
	prefix := "$KV." + bucket + "."
	if err := fill(ctx, env, conns[0], func(i int64) string { return prefix + kvKey(i) }, int64(p.Keys), p.Size); err != nil {
		return nil, err
	}
	end := newStopper(ctx, p.Duration)
	defer end.done()
	stop := env.Watch([]ui.Task{{Name: "put and get", Total: p.Messages, Done: func() (n int64) {
		for _, u := range users {
			n += u.done.Load()
		}
		return n
	}}})
	runAll(end, users)
	stop()
	return kvResult(bucket, p, users), end.err()
}

// kvUser does one operation after the other. Its goroutine owns it.
type kvUser struct {
	kv       jetstream.KeyValue
	plan     KVPlan
	limit    int64 // operations; 0 = until stopped
	timeout  time.Duration
	payload  []byte
	put, get kvSpan
	timeouts int64

	done counter // read by the progress display
}

// kvSpan is what one user did of one kind.
type kvSpan struct {
	span
	latency *recorder
}

func (s *kvSpan) add(start, end time.Time, bytes int) {
	if s.messages == 0 {
		s.start = start
	}
	s.end = end
	s.messages++
	s.bytes += int64(bytes)
	s.latency.record(end.Sub(start).Nanoseconds())
}

func newKVUsers(ctx context.Context, env Env, conns connections, bucket string, p KVPlan) ([]*kvUser, error) {
	n := int64(len(conns) * p.Concurrency)
	var out []*kvUser
	for i := range n {
		u := &kvUser{plan: p, limit: p.Messages / n, timeout: env.Timeout, payload: newPayload(p.Size)}
		u.put.latency, u.get.latency = newRecorder(), newRecorder()
		if i < p.Messages%n {
			u.limit++
		}
		if p.Messages > 0 && u.limit == 0 {
			break // fewer operations than users
		}
		js, err := env.jetStream(conns[i%int64(len(conns))])
		if err != nil {
			return nil, err
		}
		if u.kv, err = js.KeyValue(ctx, bucket); err != nil {
			return nil, explainStore(fmt.Sprintf("bucket %q", bucket), err)
		}
		out = append(out, u)
	}
	return out, nil
}

func (u *kvUser) run(end *stopper) error {
	ctx := context.Background() // an operation under way is brought to its end
	for n := int64(0); (u.limit == 0 || n < u.limit) && !end.stopped.Load(); n++ {
		key := kvKey(rand.Int64N(int64(u.plan.Keys)))
		err := u.one(ctx, key, rand.IntN(100) < u.plan.PutPercent)
		switch {
		case errors.Is(err, context.DeadlineExceeded):
			u.timeouts++
		case err != nil:
			return explainStore(fmt.Sprintf("key %q", key), err)
		}
		u.done.Store(n + 1)
	}
	return nil
}

func (u *kvUser) one(ctx context.Context, key string, put bool) error {
	start := time.Now()
	if put {
		stamp(u.payload, start)
		if _, err := u.kv.Put(ctx, key, u.payload); err != nil {
			return err
		}
		u.put.add(start, time.Now(), len(u.payload))
		return nil
	}
	e, err := u.kv.Get(ctx, key)
	if err != nil {
		return err
	}
	u.get.add(start, time.Now(), len(e.Value()))
	return nil
}

func kvResult(bucket string, p KVPlan, users []*kvUser) *Result {
	result := &Result{Load: "kv", Bucket: bucket, Size: p.Size}
	var puts, gets []span
	var putTimes, getTimes []*recorder
	for _, u := range users {
		puts, gets = append(puts, u.put.span), append(gets, u.get.span)
		putTimes, getTimes = append(putTimes, u.put.latency), append(getTimes, u.get.latency)
		result.Timeouts += u.timeouts
	}
	if p.PutPercent > 0 {
		result.Put, result.PutLatency = newRate(puts), merge("of a put", putTimes)
	}
	if p.PutPercent < 100 {
		result.Get, result.GetLatency = newRate(gets), merge("of a get", getTimes)
	}
	return result
}
