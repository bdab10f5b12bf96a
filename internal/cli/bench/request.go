package bench

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/tidings-io/tidings/internal/cli/ui"
	"github.com/tidings-io/tidings/internal/client"
)

// RequestPlan describes the load of [Request].
type RequestPlan struct {
	Subject     string
	Clients     int           // connections that send requests
	Concurrency int           // requests under way per client
	Messages    int64         // end after so many requests together; 0 = no such end
	Duration    time.Duration // end after this time; 0 = no such end
	Size        int           // bytes of a request
	Serve       bool          // answer the requests, too, on a connection of its own
	ReplySize   int           // bytes of such an answer
}

// Validate reports what is wrong with the plan.
func (p RequestPlan) Validate() error {
	err := errors.Join(
		client.CheckPublishSubject(p.Subject),
		checkClients("clients", p.Clients, 1),
		checkClients("concurrency", p.Concurrency, 1),
		checkSize("size", p.Size),
		checkSize("reply-size", p.ReplySize),
		checkEnd(p.Messages, p.Duration))
	if err == nil && p.Clients*p.Concurrency > ClientsMax {
		err = fmt.Errorf("%d clients with %d requests each: at most %d requests at once", p.Clients, p.Concurrency, ClientsMax)
	}
	return err
}

// responderQueue is the queue group of responders that a load starts itself.
const responderQueue = "tidings-bench"

// requester sends one request after the other. Its goroutine owns it.
type requester struct {
	nc       *nats.Conn
	subject  string
	payload  []byte
	timeout  time.Duration
	limit    int64 // requests to send; 0 = until stopped
	latency  *recorder
	timeouts int64
	bytes    int64 // of answers
	span     span

	done counter // read by the progress display
}

// Request sends requests until the plan's end or ctx's. It blocks. With
// [ErrInterrupted] there is a result, too. A request nobody listens to ends the
// load with that error; a timeout is counted.
func Request(ctx context.Context, env Env, p RequestPlan) (*Result, error) {
	if p.Serve {
		responder, err := startResponder(ctx, env, p)
		if err != nil {
			return nil, err
		}
		defer responder.Close()
	}
	conns, err := env.dial(ctx, p.Clients)
	if err != nil {
		return nil, err
	}
	defer conns.close()
	requesters := newRequesters(p, conns, env.Timeout)
	end := newStopper(ctx, p.Duration)
	defer end.done()
	stop := env.Watch([]ui.Task{{Name: "request", Total: p.Messages, Done: func() (n int64) {
		for _, r := range requesters {
			n += r.done.Load()
		}
		return n
	}}})
	var all sync.WaitGroup
	for _, r := range requesters {
		all.Go(func() {
			if err := r.run(end); err != nil {
				end.fail(err)
			}
		})
	}
	all.Wait()
	why := end.err()
	stop()
	return requestResult(p, requesters), why
}

func startResponder(ctx context.Context, env Env, p RequestPlan) (*nats.Conn, error) {
	nc, err := env.Dial(ctx)
	if err != nil {
		return nil, err
	}
	answer := newPayload(p.ReplySize)
	_, err = nc.QueueSubscribe(p.Subject, responderQueue, func(m *nats.Msg) {
		_ = nc.Publish(m.Reply, answer) // a lost connection shows as missing answers
	})
	if err == nil {
		err = client.Flush(nc, env.Timeout)
	}
	if err != nil {
		nc.Close()
		return nil, client.Explain(fmt.Sprintf("subscribe to %q", p.Subject), err)
	}
	return nc, nil
}

func newRequesters(p RequestPlan, conns connections, timeout time.Duration) []*requester {
	n := int64(len(conns) * p.Concurrency)
	payload := newPayload(p.Size) // requests only read it
	var out []*requester
	for i := range n {
		r := &requester{
			nc: conns[i%int64(len(conns))], subject: p.Subject, payload: payload,
			timeout: timeout, limit: p.Messages / n, latency: newRecorder(),
		}
		if i < p.Messages%n {
			r.limit++
		}
		if p.Messages > 0 && r.limit == 0 {
			break // fewer requests than requesters
		}
		out = append(out, r)
	}
	return out
}

func (r *requester) run(end *stopper) error {
	r.span.start = time.Now()
	defer func() { r.span.end = time.Now() }()
	for n := int64(0); r.limit == 0 || n < r.limit; n++ {
		if end.stopped.Load() {
			return nil
		}
		start := time.Now()
		answer, err := r.nc.Request(r.subject, r.payload, r.timeout)
		switch {
		case errors.Is(err, nats.ErrTimeout) && r.nc.IsConnected() && r.nc.LastError() == nil:
			r.timeouts++
		case errors.Is(err, nats.ErrMaxPayload):
			return publishError(r.nc, &nats.Msg{Subject: r.subject, Data: r.payload}, err)
		case err != nil:
			return r.explain(err)
		default:
			r.latency.record(time.Since(start).Nanoseconds())
			r.span.messages++
			r.bytes += int64(len(answer.Data))
		}
		r.done.Store(n + 1)
	}
	return nil
}

// explain prefers what the server said to what the call saw.
func (r *requester) explain(err error) error {
	if last := r.nc.LastError(); last != nil && !errors.Is(err, nats.ErrNoResponders) {
		err = last
	}
	return client.Explain(fmt.Sprintf("request to %q", r.subject), err)
}

func requestResult(p RequestPlan, requesters []*requester) *Result {
	result := &Result{Load: "request", Subject: p.Subject, Size: p.Size}
	var spans []span
	var recorders []*recorder
	for _, r := range requesters {
		r.span.bytes = r.span.messages*int64(len(r.payload)) + r.bytes
		spans = append(spans, r.span)
		recorders = append(recorders, r.latency)
		result.Timeouts += r.timeouts
	}
	result.Request, result.Latency = newRate(spans), merge("from request to answer", recorders)
	result.Request.Clients = p.Clients
	return result
}
