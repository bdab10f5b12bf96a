package bench

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nuid"

	"github.com/tidings-io/tidings/internal/client"
	"github.com/tidings-io/tidings/internal/jsapi"
)

// checkAck returns the error of an acknowledgement. It decodes only those that
// have one.
func checkAck(subject string, data []byte) error {
	if !bytes.Contains(data, []byte(`"error"`)) {
		return nil
	}
	var ack jsapi.PubAck
	if err := json.Unmarshal(data, &ack); err != nil {
		return &client.Error{What: fmt.Sprintf("publish to %q", subject), Reason: "what answered is no stream", Err: err, Way: "check --subject"}
	}
	if ack.Error == nil {
		return nil // only a name of a stream that has that word
	}
	return &client.Error{What: fmt.Sprintf("publish to %q", subject), Reason: ack.Error.Description, Err: ack.Error}
}

// explainStored explains why a message was not stored.
func explainStored(nc *nats.Conn, m *nats.Msg, err error) error {
	if errors.Is(err, nats.ErrNoResponders) {
		return &client.Error{
			Kind: client.NoResponders, What: fmt.Sprintf("publish to %q", m.Subject), Err: err,
			Reason: "no stream takes messages of that subject", Way: "check --stream and --subject",
		}
	}
	return publishError(nc, m, err)
}

// syncStorer waits for each acknowledgement. Its goroutine owns it.
type syncStorer struct {
	storeJob
	latency *recorder
	spent   span
	unacked int64
	acked   counter // read by the progress display
}

func (s *syncStorer) stored() int64 { return s.acked.Load() }

func (s *syncStorer) figures() storeFigures { return storeFigures{s.spent, s.latency, s.unacked} }

func (s *syncStorer) run(end *stopper) error {
	m := &nats.Msg{Subject: s.subject, Data: newPayload(s.size)}
	s.spent.start = time.Now()
	defer func() { s.spent.end = time.Now() }()
	for n := int64(0); (s.limit == 0 || n < s.limit) && !end.stopped.Load(); n++ {
		start := time.Now()
		stamp(m.Data, start)
		ack, err := s.nc.RequestMsg(m, s.timeout)
		if err == nil {
			err = checkAck(s.subject, ack.Data)
		}
		switch {
		case errors.Is(err, nats.ErrTimeout) && s.nc.IsConnected() && s.nc.LastError() == nil:
			s.unacked++
			continue
		case err != nil:
			return explainStored(s.nc, m, err)
		}
		s.latency.record(time.Since(start).Nanoseconds())
		s.spent.messages++
		s.spent.bytes += int64(s.size)
		s.acked.Store(s.spent.messages)
	}
	return nil
}

// batchStorer publishes atomic batches (ADR-50). Its goroutine owns it.
type batchStorer struct {
	storeJob
	batch   int
	latency *recorder
	spent   span
	unacked int64
	acked   counter // read by the progress display
}

func (s *batchStorer) stored() int64 { return s.acked.Load() }

func (s *batchStorer) figures() storeFigures { return storeFigures{s.spent, s.latency, s.unacked} }

func (s *batchStorer) run(end *stopper) error {
	payload := newPayload(s.size)
	s.spent.start = time.Now()
	defer func() { s.spent.end = time.Now() }()
	for n := int64(0); (s.limit == 0 || n < s.limit) && !end.stopped.Load(); {
		size := int64(s.batch)
		if s.limit > 0 {
			size = min(size, s.limit-n)
		}
		n += size
		start := time.Now()
		err := s.store(payload, int(size), start)
		switch {
		case errors.Is(err, nats.ErrTimeout) && s.nc.IsConnected() && s.nc.LastError() == nil:
			s.unacked += size
			continue
		case err != nil:
			return explainStored(s.nc, &nats.Msg{Subject: s.subject, Data: payload}, err)
		}
		s.latency.record(time.Since(start).Nanoseconds())
		s.spent.messages += size
		s.spent.bytes += size * int64(s.size)
		s.acked.Store(s.spent.messages)
	}
	return nil
}

// store publishes one batch and waits until it is committed.
func (s *batchStorer) store(payload []byte, size int, now time.Time) error {
	id := nuid.Next()
	for i := 1; ; i++ {
		stamp(payload, now)
		m := &nats.Msg{Subject: s.subject, Data: payload, Header: nats.Header{
			jsapi.HeaderBatchID: {id}, jsapi.HeaderBatchSeq: {strconv.Itoa(i)},
		}}
		if i < size {
			if err := s.nc.PublishMsg(m); err != nil {
				return err
			}
			continue
		}
		m.Header[jsapi.HeaderBatchCommit] = []string{jsapi.BatchCommit}
		ack, err := s.nc.RequestMsg(m, s.timeout)
		if err != nil {
			return err
		}
		return checkAck(s.subject, ack.Data)
	}
}

// asyncStorer keeps a window of messages under way. A message's place in the
// window is the last token of its reply subject.
type asyncStorer struct {
	storeJob
	inbox   string // ends with a dot
	sub     *nats.Subscription
	ended   chan struct{} // closed when the subscription has handled its last message
	free    chan int      // places of the window that are not in use
	replies []string      // by place

	sentAt []atomic.Int64 // by place; written by run before the message is sent

	acked counter // written by the subscription's goroutine

	// owned by the subscription's goroutine until ended
	latency *recorder
	last    time.Time
	failed  atomic.Pointer[error] // the first refusal

	// owned by run
	start time.Time
	sent  int64
}

func newAsyncStorer(job storeJob, window int) (*asyncStorer, error) {
	s := &asyncStorer{
		storeJob: job, inbox: job.nc.NewInbox() + ".", free: make(chan int, window),
		ended: make(chan struct{}), replies: make([]string, window), sentAt: make([]atomic.Int64, window), latency: newRecorder(),
	}
	for i := range window {
		s.free <- i
		s.replies[i] = s.inbox + strconv.Itoa(i)
	}
	var err error
	s.sub, err = job.nc.Subscribe(s.inbox+"*", s.onAck)
	if err == nil {
		s.sub.SetClosedHandler(func(string) { close(s.ended) })
		err = s.sub.SetPendingLimits(-1, -1)
	}
	return s, client.Explain("subscribe to acknowledgements", err)
}

func (s *asyncStorer) stored() int64 { return s.acked.Load() }

// onAck runs on the subscription's goroutine.
func (s *asyncStorer) onAck(m *nats.Msg) {
	place, err := strconv.Atoi(strings.TrimPrefix(m.Subject, s.inbox))
	if err != nil || place < 0 || place >= len(s.replies) {
		return // no answer to a message of ours
	}
	now := time.Now()
	if m.Header.Get("Status") == "503" {
		err = nats.ErrNoResponders
	} else {
		err = checkAck(s.subject, m.Data)
	}
	if err != nil {
		s.failed.CompareAndSwap(nil, &err)
	} else {
		s.latency.record(now.UnixNano() - s.sentAt[place].Load())
		s.last = now
		s.acked.Store(s.acked.Load() + 1)
	}
	s.free <- place // there is room: each place is out once
}

func (s *asyncStorer) run(end *stopper) error {
	m := &nats.Msg{Subject: s.subject, Data: newPayload(s.size)}
	s.start = time.Now()
	patience := time.NewTimer(s.timeout)
	defer patience.Stop()
	for (s.limit == 0 || s.sent < s.limit) && !end.stopped.Load() {
		place, ok := s.place(end, patience)
		if !ok {
			break
		}
		if err := s.failed.Load(); err != nil {
			return explainStored(s.nc, m, *err)
		}
		now := time.Now()
		s.sentAt[place].Store(now.UnixNano())
		stamp(m.Data, now)
		m.Reply = s.replies[place]
		if s.next != nil {
			m.Subject = s.next(s.sent)
		}
		if err := s.nc.PublishMsg(m); err != nil {
			return explainStored(s.nc, m, err)
		}
		s.sent++
	}
	return s.drain(m)
}

// place returns a free place of the window, or false if none came free in time.
func (s *asyncStorer) place(end *stopper, patience *time.Timer) (int, bool) {
	select {
	case place := <-s.free:
		return place, true
	default:
	}
	patience.Reset(s.timeout)
	select {
	case place := <-s.free:
		return place, true
	case <-patience.C:
	case <-end.ended:
	}
	return 0, false
}

// drain waits until all places are free again, that is everything under way is
// acknowledged, or nothing comes for the timeout.
func (s *asyncStorer) drain(m *nats.Msg) error {
	patience := time.NewTimer(s.timeout)
	defer patience.Stop()
	outstanding := min(s.sent, int64(cap(s.free)))
	for s.acked.Load() < s.sent && s.failed.Load() == nil && outstanding > 0 {
		select {
		case <-s.free:
			patience.Reset(s.timeout)
		case <-patience.C:
			outstanding = 0
		}
	}
	if err := s.failed.Load(); err != nil {
		return explainStored(s.nc, m, *err)
	}
	return nil
}

func (s *asyncStorer) figures() storeFigures {
	_ = s.sub.Unsubscribe() // fails only if the connection is closed, which ends it too
	<-s.ended
	n := s.acked.Load()
	return storeFigures{
		span:    span{messages: n, bytes: n * int64(s.size), start: s.start, end: s.last},
		latency: s.latency, unacked: s.sent - n,
	}
}
