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

// PublishPlan describes the load of [Publish].
type PublishPlan struct {
	Subject     string
	Clients     int           // connections that publish
	Messages    int64         // end after so many together; 0 = no such end
	Duration    time.Duration // end after this time; 0 = no such end
	Size        int           // bytes of a body
	Rate        float64       // messages per second of all clients together; 0 = no limit
	Batch       int64         // wait for the server after so many messages of a client; 0 = at the end
	Header      nats.Header   // sent with each message
	Subscribers int           // connections that receive everything, to measure delivery
	Queue       string        // queue group they join
	ProbeEvery  int64         // without subscribers: measure one message in so many; 0 = none
}

// Validate reports what is wrong with the plan.
func (p PublishPlan) Validate() error {
	err := errors.Join(
		client.CheckPublishSubject(p.Subject),
		checkClients("clients", p.Clients, 1),
		checkClients("subscribers", p.Subscribers, 0),
		checkSize("size", p.Size),
		checkEnd(p.Messages, p.Duration))
	switch {
	case err != nil:
		return err
	case p.Rate < 0:
		return fmt.Errorf("rate %g: a number of messages per second is not negative", p.Rate)
	case p.Batch < 0 || p.ProbeEvery < 0:
		return errors.New("batch and probe-every: a number of messages is not negative")
	case p.Queue != "" && p.Subscribers == 0:
		return errors.New("a queue group is given but no subscribers to join it")
	}
	return nil
}

// publisher publishes on one connection. Its goroutine owns it.
type publisher struct {
	plan    PublishPlan
	nc      *nats.Conn
	timeout time.Duration
	limit   int64 // messages to publish; 0 = until stopped
	pace    pacer
	payload []byte
	probe   *probe // nil: none
	span    span

	sent counter // read by the progress display
}

// Publish publishes until the plan's end or ctx's. It blocks, also until
// subscribers have what was published, or nothing more comes for env.Timeout.
// With [ErrInterrupted] there is a result, too.
func Publish(ctx context.Context, env Env, p PublishPlan) (*Result, error) {
	var group *subscribers
	if p.Subscribers > 0 {
		var err error
		if group, err = startSubscribers(ctx, env, p.Subject, p.Queue, p.Subscribers); err != nil {
			return nil, err
		}
		defer group.conns.close()
	}
	conns, err := env.dial(ctx, p.Clients)
	if err != nil {
		return nil, err
	}
	defer conns.close()
	publishers, err := newPublishers(p, conns, env.Timeout)
	if err != nil {
		return nil, err
	}
	end := newStopper(ctx, p.Duration)
	defer end.done()
	stop := env.Watch(publishTasks(p, publishers, group))
	runPublishers(publishers, end)
	why := end.err()
	result := &Result{Load: "pub", Subject: p.Subject, Size: p.Size}
	result.Publish, result.Latency = finishPublishers(publishers, env.Timeout)
	if group != nil {
		goal := group.expected(result.Publish.Messages)
		arrived := newStopper(ctx, 0)
		defer arrived.done()
		arrived.wait(env.Timeout, group.total, func() bool { return group.total() >= goal })
		result.Receive, result.Latency = group.finish(env.Timeout)
		result.Missing = max(0, goal-result.Receive.Messages)
	}
	stop()
	return result, why
}

// newPublishers shares the messages and the rate among the connections.
func newPublishers(p PublishPlan, conns connections, timeout time.Duration) ([]*publisher, error) {
	n := int64(len(conns))
	var out []*publisher
	for i, nc := range conns {
		w := &publisher{
			plan: p, nc: nc, timeout: timeout, payload: newPayload(p.Size),
			pace: pacer{perSecond: p.Rate / float64(n)}, limit: p.Messages / n,
		}
		if int64(i) < p.Messages%n {
			w.limit++
		}
		if p.Messages > 0 && w.limit == 0 {
			break // fewer messages than clients
		}
		if p.Subscribers == 0 && p.ProbeEvery > 0 {
			var err error
			if w.probe, err = newProbe(nc); err != nil {
				return nil, err
			}
		}
		out = append(out, w)
	}
	return out, conns.flush(timeout)
}

func publishTasks(p PublishPlan, publishers []*publisher, group *subscribers) []ui.Task {
	sent := func() (n int64) {
		for _, w := range publishers {
			n += w.sent.Load()
		}
		return n
	}
	tasks := []ui.Task{{Name: "publish", Total: p.Messages, Done: sent}}
	if group != nil {
		tasks = append(tasks, ui.Task{Name: "receive", Total: group.expected(p.Messages), Done: group.total})
	}
	return tasks
}

// runPublishers runs one goroutine per publisher and returns when all ended.
func runPublishers(publishers []*publisher, end *stopper) {
	var all sync.WaitGroup
	for _, w := range publishers {
		all.Go(func() {
			if err := w.run(end); err != nil {
				end.fail(err)
			}
		})
	}
	all.Wait()
}

func (w *publisher) run(end *stopper) (err error) {
	m := &nats.Msg{Subject: w.plan.Subject, Header: w.plan.Header, Data: w.payload}
	w.span.start = time.Now()
	w.pace.start = w.span.start
	n := int64(0)
	for ; w.limit == 0 || n < w.limit; n++ {
		w.pace.wait(n, end.stopped.Load)
		if end.stopped.Load() {
			break
		}
		if w.probe != nil && n%w.plan.ProbeEvery == 0 {
			if err := w.probe.send(w.nc); err != nil {
				return client.Explain("publish a probe", err)
			}
		}
		stamp(w.payload, time.Now())
		if m.Header == nil {
			err = w.nc.Publish(m.Subject, w.payload)
		} else {
			err = w.nc.PublishMsg(m)
		}
		if err != nil {
			return publishError(w.nc, m, err)
		}
		w.sent.Store(n + 1)
		if w.plan.Batch > 0 && (n+1)%w.plan.Batch == 0 {
			if err := client.Flush(w.nc, w.timeout); err != nil {
				return err
			}
		}
	}
	err = client.Flush(w.nc, w.timeout)
	w.span.end, w.span.messages, w.span.bytes = time.Now(), n, n*int64(len(w.payload))
	return err
}

func publishError(nc *nats.Conn, m *nats.Msg, err error) error {
	if errors.Is(err, nats.ErrMaxPayload) {
		size := m.Size() - len(m.Subject) // headers count, the subject does not
		return fmt.Errorf("a message of %d bytes is more than the %d the server takes; choose less with --size", size, nc.MaxPayload())
	}
	return client.Explain(fmt.Sprintf("publish to %q", m.Subject), err)
}

func finishPublishers(publishers []*publisher, timeout time.Duration) (*Rate, *Latency) {
	var spans []span
	var recorders []*recorder
	for _, w := range publishers {
		spans = append(spans, w.span)
		if w.probe == nil {
			continue
		}
		if r := w.probe.finish(timeout); r != nil {
			recorders = append(recorders, r)
		}
	}
	return newRate(spans), merge("of a probe from a publisher through the server back to it", recorders)
}
