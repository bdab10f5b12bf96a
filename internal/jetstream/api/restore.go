package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/nats-io/nuid"

	"github.com/tidings-io/tidings/internal/core"
	"github.com/tidings-io/tidings/internal/jetstream/api/archive"
	"github.com/tidings-io/tidings/internal/jsapi"
)

const (
	// chunkWait is how long a restore waits for the next chunk.
	chunkWait = 30 * time.Second
	// waitingMax bounds the chunks that a client sends without waiting for answers,
	// in bytes.
	waitingMax = 64 << 20
)

var (
	errStalled  = errors.New("no chunk came for 30 seconds")
	errNoReply  = errors.New("a chunk came without a reply subject: each chunk must have one")
	errTooFast  = errors.New("too many chunks were sent without waiting for answers")
	errShutdown = errors.New("server is shutting down")
)

func streamRestore(c *call) any {
	var r jsapi.StreamRestoreResponse
	return c.answer(&r, &r.Response, func() *jsapi.Error {
		if c.blank() {
			return jsapi.ErrBadRequest.New()
		}
		var q jsapi.StreamRestoreRequest
		if err := c.decode(&q); err != nil {
			return err
		}
		if q.Config.Name != c.api.Stream {
			return jsapi.ErrStreamMismatch.New()
		}
		if err := validName(&q.Config); err != nil {
			return err
		}
		if c.account.Stream(q.Config.Name) != nil {
			return jsapi.ErrStreamNameExistRestoreFailed.New()
		}
		if !c.desk.reserve() {
			return jsapi.ErrInsufficientResources.New()
		}
		into, err := c.account.Restore(q.Config, time.Now().UTC())
		if err != nil {
			c.desk.unreserve()
			return err
		}
		t := newRestore(c, into, q.Config.Name)
		r.DeliverSubject = t.chunks.sub.Subject()
		c.then = func() { c.desk.server.work(t.run) }
		return nil
	})
}

// restore is a stream on its way from a client. It belongs to its goroutine.
type restore struct {
	desk   *desk
	name   string
	client jsapi.ClientInfo
	into   Restore
	chunks *arrivals
}

func newRestore(c *call, into Restore, name string) *restore {
	in := &arrivals{ctx: c.desk.server.ctx, wake: make(chan struct{}, 1)}
	in.sub = subscribe(c.desk.core, in, "$JS.SNAPSHOT.RESTORE."+name+"."+nuid.Next(), "")
	return &restore{desk: c.desk, name: name, client: c.desk.clientOf(c.request), into: into, chunks: in}
}

// run takes the archive and answers its end with the stream.
func (t *restore) run() {
	defer t.desk.unreserve()
	defer t.into.Abort()
	defer t.desk.core.Unsubscribe(t.chunks.sub)
	a := t.desk.answerer()
	defer t.desk.done(a)
	t.chunks.a = a
	cfg, began := &t.desk.server.cfg, time.Now().UTC()
	a.advise(jsapi.EventStreamRestoreCreate.For(t.name), &jsapi.RestoreCreated{
		Event: newEvent(jsapi.EventStreamRestoreCreate), Stream: t.name, Client: t.client, Domain: cfg.Domain,
	})
	a.flush()

	err := t.read()
	if err != nil {
		cfg.Log.Warn("Restore failed", "account", t.desk.core.Name(), "stream", t.name, "error", err)
	}
	t.finish(err)
	a.advise(jsapi.EventStreamRestoreComplete.For(t.name), &jsapi.RestoreCompleted{
		Event: newEvent(jsapi.EventStreamRestoreComplete), Stream: t.name, Start: began, End: time.Now().UTC(),
		Bytes: t.chunks.total, Client: t.client, Domain: cfg.Domain,
	})
	a.flush()
}

// read stores what is in the archive.
func (t *restore) read() error {
	end, err := archive.Read(t.chunks, t)
	if err != nil {
		return fmt.Errorf("restore: %w", err)
	}
	if len(end.Lost) > 0 {
		t.desk.server.cfg.Log.Warn("Backup lacks messages that could not be read when it was made",
			"account", t.desk.core.Name(), "stream", t.name, "messages", len(end.Lost))
	}
	if err := t.into.Skip(end.LastSeq); err != nil {
		return fmt.Errorf("restore: %w", err)
	}
	return nil
}

// finish commits the stream and answers, or says to every further chunk what is
// the matter.
func (t *restore) finish(err error) {
	r := jsapi.StreamCreateResponse{Response: jsapi.NewResponse(jsapi.StreamCreate)}
	if err == nil {
		var info *jsapi.StreamInfo
		if info, r.Error = t.into.Commit(); r.Error == nil {
			r.StreamInfo = t.desk.server.changed(info)
		}
	} else {
		r.Error = restoreError(err)
	}
	body, jsonErr := json.Marshal(&r)
	if jsonErr != nil {
		t.desk.server.cfg.Log.Error("Answer does not marshal", "stream", t.name, "error", jsonErr)
		return
	}
	t.chunks.refuse(body)
}

func restoreError(err error) *jsapi.Error {
	if known, ok := errors.AsType[*jsapi.Error](err); ok {
		return known
	}
	return jsapi.ErrStreamRestore.New(err)
}

// Head implements [archive.Target]. The stream's configuration is that of the
// request, which may differ.
func (*restore) Head(*archive.Head) error { return nil }

// Message implements [archive.Target].
func (t *restore) Message(rec []byte) error { return t.into.Add(rec) }

// Delayed implements [archive.Target].
func (t *restore) Delayed(due int64, rec []byte) error { return t.into.Delayed(due, rec) }

// Consumer implements [archive.Target].
func (t *restore) Consumer(c *archive.Consumer) error {
	return t.into.Consumer(ConsumerState{Name: c.Name, Created: c.Created, Config: c.Config, State: c.State})
}

// arrivals is the io.Reader of the chunks that a client sends; it answers each when
// it is taken. An empty chunk is the end.
type arrivals struct {
	ctx context.Context //nolint:containedctx // ends with the transfer
	sub *core.Subscription

	// of the restore's goroutine
	a       *answerer
	rest    []byte // of the chunk taken last
	total   int64
	end     []byte // where the answer to the end goes
	ended   bool
	failure error // of the transfer itself: there is nobody to answer

	wake chan struct{}
	mu   struct {
		sync.Mutex
		waiting []arrival
		bytes   int
		tooFast bool
	}
}

type arrival struct{ reply, body []byte }

// Deliver implements [core.Receiver].
func (*arrivals) Deliver(st *core.Stage, _ *core.Subscription, m *core.Message) { stage(st, m) }

// Flush implements [core.Receiver].
func (r *arrivals) Flush(st *core.Stage) {
	r.mu.Lock()
	for _, b := range st.Vector(nil) {
		for len(b) > 0 {
			var s staged
			s, b = unstage(b)
			if r.mu.bytes+len(s.body) > waitingMax {
				r.mu.tooFast = true
				break
			}
			own := s.own()
			r.mu.bytes += len(own.body)
			r.mu.waiting = append(r.mu.waiting, arrival{own.reply, own.body})
		}
	}
	r.mu.Unlock()
	select {
	case r.wake <- struct{}{}:
	default:
	}
}

// Exhausted, Relief and Filter implement [core.Receiver].
func (*arrivals) Exhausted(*core.Subscription)               {}
func (*arrivals) Relief(bool) <-chan struct{}                { return nil }
func (*arrivals) Filter(*core.Subscription) core.Permissions { return nil }

// Read implements [io.Reader].
func (r *arrivals) Read(p []byte) (int, error) {
	for len(r.rest) == 0 {
		c, err := r.next()
		if err != nil {
			return 0, err
		}
		r.total += int64(len(c.body))
		r.rest = c.body
		r.a.send(c.reply, nil, nil, nil)
		r.a.flush()
	}
	n := copy(p, r.rest)
	r.rest = r.rest[n:]
	return n, nil
}

// next returns the next chunk, io.EOF for the end.
func (r *arrivals) next() (arrival, error) {
	if r.ended {
		return arrival{}, io.EOF
	}
	if r.failure != nil {
		return arrival{}, r.failure
	}
	c, err := r.wait()
	switch {
	case err != nil:
		r.failure = err
		return arrival{}, err
	case len(c.reply) == 0:
		r.failure = errNoReply
		return arrival{}, errNoReply
	case len(c.body) == 0:
		r.ended, r.end = true, c.reply
		return arrival{}, io.EOF
	}
	return c, nil
}

// wait returns the oldest chunk that waits.
func (r *arrivals) wait() (arrival, error) {
	timer := time.NewTimer(chunkWait)
	defer timer.Stop()
	for {
		if c, ok, err := r.take(); ok || err != nil {
			return c, err
		}
		select {
		case <-r.wake:
		case <-timer.C:
			return arrival{}, errStalled
		case <-r.ctx.Done():
			return arrival{}, errShutdown
		}
	}
}

func (r *arrivals) take() (c arrival, ok bool, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.mu.waiting) == 0 {
		if r.mu.tooFast {
			return arrival{}, false, errTooFast
		}
		return arrival{}, false, nil
	}
	c = r.mu.waiting[0]
	r.mu.waiting[0] = arrival{}
	r.mu.waiting = r.mu.waiting[1:]
	r.mu.bytes -= len(c.body)
	return c, true, nil
}

// refuse answers what still comes, up to the end, with body.
func (r *arrivals) refuse(body []byte) {
	for {
		c, err := r.next()
		if errors.Is(err, io.EOF) {
			r.a.send(r.end, nil, nil, body)
		}
		if err != nil {
			return
		}
		r.a.send(c.reply, nil, nil, body)
		r.a.flush()
	}
}
