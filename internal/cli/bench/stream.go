package bench

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/tidings-io/tidings/internal/cli/ui"
	"github.com/tidings-io/tidings/internal/client"
)

// How a load publishes to a stream.
const (
	Async = "async" // many messages under way, each acknowledged
	Sync  = "sync"  // each message waits for the acknowledgement of the one before
	Batch = "batch" // atomic batches, each acknowledged as a whole
)

// StreamModes lists how a load can publish to a stream.
var StreamModes = []string{Async, Sync, Batch}

// BatchMax is the largest atomic batch that servers take.
const BatchMax = 1000

// StreamPlan describes the load of [Stream].
type StreamPlan struct {
	Store    StorePlan
	Subject  string // with Store.Name: one of the stream's subjects
	Mode     string // one of StreamModes
	Clients  int
	Messages int64         // end after so many together; 0 = no such end
	Duration time.Duration // end after this time; 0 = no such end
	Size     int           // bytes of a body
	Window   int           // async: messages under way per client
	Batch    int           // batch: messages of a batch
}

// Validate reports what is wrong with the plan.
func (p StreamPlan) Validate() error {
	err := errors.Join(
		p.Store.validate(),
		checkClients("clients", p.Clients, 1),
		checkSize("size", p.Size),
		checkEnd(p.Messages, p.Duration))
	switch {
	case err != nil:
		return err
	case !slices.Contains(StreamModes, p.Mode):
		return fmt.Errorf("mode %q: use one of %s", p.Mode, strings.Join(StreamModes, ", "))
	case (p.Store.Name == "") != (p.Subject == ""):
		return errors.New("stream and subject go together: name both, or neither to have a stream made for the load")
	case p.Window < 1 || p.Window > 1<<16:
		return fmt.Errorf("window %d: use a number from 1 to %d", p.Window, 1<<16)
	case p.Batch < 1 || p.Batch > BatchMax:
		return fmt.Errorf("batch %d: use a number from 1 to %d", p.Batch, BatchMax)
	case p.Subject != "":
		return client.CheckPublishSubject(p.Subject)
	}
	return nil
}

// storer publishes to a stream on one connection and waits for acknowledgements.
type storer interface {
	// run stores messages until its limit or the end.
	run(end *stopper) error
	// figures is what it did; read after run.
	figures() storeFigures
	// stored is how many messages were acknowledged; safe at any time.
	stored() int64
}

type storeFigures struct {
	span    span
	latency *recorder
	unacked int64
}

// storeJob is what every storer is told.
type storeJob struct {
	nc      *nats.Conn
	subject string
	next    func(i int64) string // of the i-th message, if each has its own subject; nil: all have subject
	limit   int64                // messages; 0 = until stopped
	size    int
	timeout time.Duration
}

// Stream publishes to a stream until the plan's end or ctx's, and until every
// message is acknowledged or nothing more is for env.Timeout. With
// [ErrInterrupted] there is a result, too. It blocks.
func Stream(ctx context.Context, env Env, p StreamPlan) (result *Result, err error) {
	conns, js, err := env.dialJetStream(ctx, p.Clients)
	if err != nil {
		return nil, err
	}
	defer conns.close()
	name, subject := p.Store.Name, p.Subject
	if name == "" {
		if name, subject, err = ownStream(ctx, js, p.Store, p.Mode == Batch); err != nil {
			return nil, err
		}
		defer removed(&err, p.Store.Keep, "stream "+name, func(ctx context.Context) error { return js.DeleteStream(ctx, name) })
	} else if _, err := js.Stream(ctx, name); err != nil {
		return nil, explainStore(fmt.Sprintf("stream %q", name), err)
	}
	storers, err := newStorers(p, conns, subject, env.Timeout)
	if err != nil {
		return nil, err
	}
	end := newStopper(ctx, p.Duration)
	defer end.done()
	stop := env.Watch([]ui.Task{{Name: "publish", Total: p.Messages, Done: func() int64 { return stored(storers) }}})
	runAll(end, storers)
	stop()
	result = &Result{Load: "stream", Stream: name, Subject: subject, Mode: p.Mode, Size: p.Size}
	result.Publish, result.Latency, result.Unacked = storeResult(storers, p.Mode)
	return result, end.err()
}

// ownStream makes a stream for a load.
func ownStream(ctx context.Context, js jetstream.JetStream, p StorePlan, batches bool) (name, subject string, err error) {
	name = ownName()
	// An interruption must not leave a stream behind of which nobody knows.
	_, err = js.CreateStream(context.WithoutCancel(ctx), jetstream.StreamConfig{
		Name: name, Subjects: []string{"tidings.bench." + name + ".>"}, Storage: p.storage(), Replicas: max(p.Replicas, 1),
		AllowAtomicPublish: batches, AllowDirect: true, Description: "made by tidings bench, removed after it",
	})
	return name, "tidings.bench." + name + ".load", explainStore("create a stream for the load", err)
}

// newStorers shares the messages among the connections.
func newStorers(p StreamPlan, conns connections, subject string, timeout time.Duration) ([]storer, error) {
	n := int64(len(conns))
	var out []storer
	for i, nc := range conns {
		job := storeJob{nc: nc, subject: subject, limit: p.Messages / n, size: p.Size, timeout: timeout}
		if int64(i) < p.Messages%n {
			job.limit++
		}
		if p.Messages > 0 && job.limit == 0 {
			break // fewer messages than clients
		}
		switch p.Mode {
		case Sync:
			out = append(out, &syncStorer{storeJob: job, latency: newRecorder()})
		case Batch:
			out = append(out, &batchStorer{storeJob: job, batch: p.Batch, latency: newRecorder()})
		default:
			s, err := newAsyncStorer(job, p.Window)
			if err != nil {
				return nil, err
			}
			out = append(out, s)
		}
	}
	return out, conns.flush(timeout)
}

func stored(storers []storer) (n int64) {
	for _, s := range storers {
		n += s.stored()
	}
	return n
}

// runner is a client of a load; a goroutine of its own runs it.
type runner interface{ run(end *stopper) error }

// runAll runs each client on a goroutine and returns when all have ended. The
// first error stops the others.
func runAll[R runner](end *stopper, clients []R) {
	done := make(chan struct{}, len(clients))
	for _, c := range clients {
		go func() {
			if err := c.run(end); err != nil {
				end.fail(err)
			}
			done <- struct{}{}
		}()
	}
	for range clients {
		<-done
	}
}

var ofStoring = map[string]string{
	Async: "from publish to acknowledgement",
	Sync:  "from publish to acknowledgement",
	Batch: "from the first message of a batch to the acknowledgement of all",
}

func storeResult(storers []storer, mode string) (*Rate, *Latency, int64) {
	var spans []span
	var recorders []*recorder
	unacked := int64(0)
	for _, s := range storers {
		f := s.figures()
		spans, recorders = append(spans, f.span), append(recorders, f.latency)
		unacked += f.unacked
	}
	return newRate(spans), merge(ofStoring[mode], recorders), unacked
}
