package api

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/nats-io/nuid"

	"github.com/tidings-io/tidings/internal/core"
	"github.com/tidings-io/tidings/internal/jetstream/api/archive"
	"github.com/tidings-io/tidings/internal/jsapi"
	"github.com/tidings-io/tidings/internal/record"
	"github.com/tidings-io/tidings/internal/subject"
)

// Sizes of a snapshot, in bytes, and how long it waits for its client.
const (
	chunkDefault  = 128 << 10
	chunkMin      = 1 << 10
	chunkMax      = 1 << 20
	windowDefault = 8 << 20
	windowMax     = 32 << 20

	flowWait     = 5 * time.Second // for the answer to a chunk
	interestWait = 2 * time.Second // for a subscription to the deliver subject
)

var (
	errNoInterest = errors.New("nobody listens")
	errNoFlow     = errors.New("client does not answer")
)

func streamSnapshot(c *call) any {
	var r jsapi.StreamSnapshotResponse
	return c.answer(&r, &r.Response, func() *jsapi.Error {
		if c.blank() {
			return jsapi.ErrBadRequest.New()
		}
		var q jsapi.StreamSnapshotRequest
		if err := c.decode(&q); err != nil {
			return err
		}
		s, err := c.stream()
		if err != nil {
			return err
		}
		if !subject.ValidLiteral(q.DeliverSubject) || subject.HasWildcard(q.DeliverSubject) {
			return jsapi.ErrSnapshotDeliverSubjectInvalid.New()
		}
		info, err := s.Info(jsapi.StreamInfoRequest{})
		if err != nil {
			return err
		}
		if !c.desk.reserve() {
			return jsapi.ErrInsufficientResources.New()
		}
		info, cfg := told(info), s.Config()
		r.Config, r.State = &cfg, &info.State
		t := &snapshot{desk: c.desk, stream: s, info: info, ask: q, client: c.desk.clientOf(c.request)}
		c.then = func() { c.desk.server.work(t.run) }
		return nil
	})
}

// reserve takes one of the transfers that an account may have at a time.
func (d *desk) reserve() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.mu.transfers >= d.server.cfg.TransfersMax {
		return false
	}
	d.mu.transfers++
	return true
}

func (d *desk) unreserve() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.mu.transfers--
}

// snapshot is a stream on its way to a client. It belongs to its goroutine.
type snapshot struct {
	desk   *desk
	stream Stream
	info   *jsapi.StreamInfo
	ask    jsapi.StreamSnapshotRequest
	client jsapi.ClientInfo

	answerer *answerer // of the chunks
	reader   *answerer // of the messages
	record   []byte
}

// run sends the snapshot and what ends it.
func (t *snapshot) run() {
	defer t.desk.unreserve()
	t.answerer, t.reader = t.desk.answerer(), t.desk.answerer()
	defer t.desk.done(t.answerer)
	defer t.desk.done(t.reader)
	name, began := t.info.Config.Name, time.Now().UTC()
	cfg := &t.desk.server.cfg
	t.answerer.advise(jsapi.EventStreamSnapshotCreate.For(name), &jsapi.SnapshotCreated{
		Event: newEvent(jsapi.EventStreamSnapshotCreate), Stream: name, State: t.info.State,
		Client: t.client, Domain: cfg.Domain,
	})
	t.answerer.flush()
	w := newChunks(t)
	err := w.listen()
	if err == nil {
		err = t.write(w)
	}
	w.close(err)
	if err != nil {
		cfg.Log.Warn("Snapshot was broken off", "account", t.desk.core.Name(), "stream", name, "error", err)
	}
	t.answerer.advise(jsapi.EventStreamSnapshotComplete.For(name), &jsapi.SnapshotCompleted{
		Event: newEvent(jsapi.EventStreamSnapshotComplete), Stream: name, Start: began, End: time.Now().UTC(),
		Client: t.client, Domain: cfg.Domain,
	})
	t.answerer.flush()
}

// write writes the archive. The consumers are taken as they are at the beginning,
// the messages up to the one that is the last when all before are sent: so nothing
// that a consumer waits for is missing because it was published meanwhile, and no
// subject because its message was replaced.
func (t *snapshot) write(w *chunks) error {
	var consumers []ConsumerState
	if !t.ask.NoConsumers {
		consumers = t.stream.ConsumerStates()
	}
	st := &t.info.State
	a, err := archive.NewWriter(w, archive.Head{
		Config: t.stream.Config(), Created: t.info.Created,
		Messages: st.Msgs, Bytes: st.Bytes, FirstSeq: st.FirstSeq, LastSeq: st.LastSeq,
	})
	if err != nil {
		return fmt.Errorf("snapshot: %w", err)
	}
	end, err := t.messages(a)
	if err != nil {
		return err
	}
	a.Last(end.LastSeq)
	for _, d := range end.Delayed {
		if err := a.Delayed(d.Due, d.Record); err != nil {
			return fmt.Errorf("delayed message: %w", err)
		}
	}
	for _, c := range consumers {
		if err := a.Consumer(asArchived(c)); err != nil {
			return fmt.Errorf("consumer %q: %w", c.Name, err)
		}
	}
	if err := a.Close(); err != nil {
		return fmt.Errorf("snapshot: %w", err)
	}
	return w.flush()
}

func asArchived(c ConsumerState) archive.Consumer {
	return archive.Consumer{Name: c.Name, Created: c.Created, Config: c.Config, State: c.State}
}

// extraMost bounds the messages of a snapshot that were published after it had
// begun: so many, and twice as many as there were at the beginning.
const extraMost = 1_000_000

// messages writes the messages, up to a moment at which there are no more. It is
// given up if they are published faster than they are sent.
func (t *snapshot) messages(a *archive.Writer) (SnapshotEnd, error) {
	left := 3*t.info.State.Msgs + extraMost
	for seq := uint64(1); left > 0; left-- {
		m, err := t.next(seq)
		failed := t.reader.look.entry.Seq // if it cannot be read
		switch {
		case errors.Is(err, errNotFound):
			if end, ok := t.stream.SnapshotEnd(seq - 1); ok {
				return end, nil
			}
			continue
		case err != nil && t.ask.CheckMsgs:
			return SnapshotEnd{}, fmt.Errorf("message %d: %w", failed, err)
		case err != nil:
			t.desk.server.cfg.Log.Error("Message cannot be read and is not in the snapshot",
				"account", t.desk.core.Name(), "stream", t.info.Config.Name, "sequence", failed, "error", err)
			a.Lost(failed)
			seq = failed + 1
			continue
		}
		t.record = record.Build(t.record[:0], &m)
		if err := a.Message(t.record); err != nil {
			return SnapshotEnd{}, fmt.Errorf("message %d: %w", m.Seq, err)
		}
		seq = m.Seq + 1
	}
	return SnapshotEnd{}, errNoEnd
}

var errNoEnd = errors.New("messages are published faster than they are sent: try again when there are fewer")

// next returns the first message from a sequence on.
func (t *snapshot) next(seq uint64) (record.Message, error) {
	look := &t.reader.look
	look.reset()
	look.by, look.seq = byNext, seq
	return t.reader.find(t.stream)
}

// chunks is the io.Writer that sends an archive in pieces. The client answers each
// full piece; so many bytes may be without an answer.
type chunks struct {
	ctx    context.Context //nolint:containedctx // ends with the transfer
	a      *answerer
	to     []byte
	size   int
	window int

	sub  *core.Subscription
	acks string // begins the reply subjects
	wake chan struct{}
	back atomic.Int64 // bytes answered; written by receivers

	buffer []byte
	sent   int64 // bytes that need an answer
	n      int
}

func newChunks(t *snapshot) *chunks {
	size := t.ask.ChunkSize
	if size <= 0 {
		size = chunkDefault
	}
	size = min(max(size, chunkMin), chunkMax)
	window := t.ask.WindowSize
	if window <= 0 {
		window = windowDefault
	}
	c := &chunks{
		ctx: t.desk.server.ctx, a: t.answerer, to: []byte(t.ask.DeliverSubject),
		size: size, window: min(max(window, size), windowMax),
		acks: "$JS.SNAPSHOT.ACK." + t.info.Config.Name + "." + nuid.Next() + ".",
		wake: make(chan struct{}, 1),
	}
	c.sub = subscribe(t.desk.core, c, c.acks+">", "")
	return c
}

// Deliver implements [core.Receiver]: the reply subject says how many bytes are
// answered.
func (c *chunks) Deliver(_ *core.Stage, _ *core.Subscription, m *core.Message) {
	size, _, _ := strings.Cut(strings.TrimPrefix(string(m.Subject), c.acks), ".")
	n, err := strconv.Atoi(size)
	if err != nil || n <= 0 || n > c.size {
		return
	}
	c.back.Add(int64(n))
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

// Flush, Exhausted, Relief and Filter implement [core.Receiver].
func (*chunks) Flush(*core.Stage)                          {}
func (*chunks) Exhausted(*core.Subscription)               {}
func (*chunks) Relief(bool) <-chan struct{}                { return nil }
func (*chunks) Filter(*core.Subscription) core.Permissions { return nil }

// Write implements [io.Writer].
func (c *chunks) Write(p []byte) (int, error) {
	total := len(p)
	for len(p) > 0 {
		n := min(c.size-len(c.buffer), len(p))
		c.buffer, p = append(c.buffer, p[:n]...), p[n:]
		if len(c.buffer) < c.size {
			break
		}
		if err := c.full(); err != nil {
			return total - len(p), err
		}
	}
	return total, nil
}

// full sends a full chunk when the window lets it through.
func (c *chunks) full() error {
	if c.ctx.Err() != nil {
		return errShutdown
	}
	if err := c.room(); err != nil {
		return err
	}
	c.n++
	reply := fmt.Sprintf("%s%d.%d", c.acks, c.size, c.n)
	c.sent += int64(c.size)
	return c.send([]byte(reply))
}

// room waits until the window has room for a chunk.
func (c *chunks) room() error {
	var timeout <-chan time.Time
	for c.sent-c.back.Load()+int64(c.size) > int64(c.window) {
		if timeout == nil {
			timer := time.NewTimer(flowWait)
			defer timer.Stop()
			timeout = timer.C
		}
		select {
		case <-c.wake:
		case <-timeout:
			return errNoFlow
		case <-c.ctx.Done():
			return errShutdown
		}
	}
	return nil
}

// flush sends what is left.
func (c *chunks) flush() error {
	if len(c.buffer) == 0 {
		return nil
	}
	return c.send(nil)
}

// listen waits a while for somebody who subscribes to the very subject: clients do
// so when they have the answer to their request. The wildcard under which they wait
// for answers matches before that, and would have the beginning.
func (c *chunks) listen() error {
	account := c.a.desk.core
	changed := make(chan struct{}, 1)
	stop := account.Watch(string(c.to), func() {
		select {
		case changed <- struct{}{}:
		default:
		}
	})
	defer stop()
	timer := time.NewTimer(interestWait)
	defer timer.Stop()
	for !account.Subscribed(c.to) {
		select {
		case <-changed:
		case <-timer.C:
			return nil // whoever is there gets it
		case <-c.ctx.Done():
			return errShutdown
		}
	}
	return nil
}

// send sends the buffer.
func (c *chunks) send(reply []byte) error {
	n := c.a.send(c.to, reply, nil, c.buffer)
	c.a.flush()
	if n == 0 {
		return errNoInterest
	}
	c.buffer = c.buffer[:0]
	return nil
}

// close says how the transfer ended.
func (c *chunks) close(err error) {
	c.a.desk.core.Unsubscribe(c.sub)
	status := "204"
	switch {
	case err == nil:
	case errors.Is(err, errNoInterest):
		status = jsapi.StatusNoInterest
	case errors.Is(err, errNoFlow):
		status = jsapi.StatusNoFlowResponse
	default:
		status = jsapi.StatusInternal + err.Error()
	}
	c.a.status(c.to, status)
	c.a.flush()
}
