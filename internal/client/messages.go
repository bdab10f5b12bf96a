package client

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/tidings-io/tidings/internal/jsapi"
)

// StoredMessage is one message of a stream. What it holds belongs to the caller.
type StoredMessage struct {
	Stream  string
	Subject string
	Seq     uint64
	Time    time.Time
	Header  nats.Header
	Data    []byte
}

// Message returns one message of a stream: that with sequence which.Seq, the
// last one of which.LastBySubject, or the first one of which.NextBySubject at or
// after which.Seq.
//
// An error about a message that is not there is an ErrNoMessageFound for
// errors.Is.
func (j *JetStream) Message(ctx context.Context, stream string, which jsapi.MsgGetRequest) (StoredMessage, error) {
	var r jsapi.MsgGetResponse
	what := messageNamed(stream, which)
	if err := j.call(ctx, what, jsapi.StreamMsgGet, []string{stream}, which, &r); err != nil {
		return StoredMessage{}, err
	}
	if r.Message == nil {
		return StoredMessage{}, refusal(what, jsapi.ErrNoMessageFound.New())
	}
	m := StoredMessage{Stream: stream, Subject: r.Message.Subject, Seq: r.Message.Seq, Time: r.Message.Time, Data: r.Message.Data}
	if len(r.Message.Header) == 0 {
		return m, nil
	}
	var err error
	if m.Header, err = nats.DecodeHeadersMsg(r.Message.Header); err != nil {
		return m, &Error{What: what, Reason: "its header is not readable: " + err.Error(), Err: err}
	}
	return m, nil
}

func messageNamed(stream string, which jsapi.MsgGetRequest) string {
	switch {
	case which.LastBySubject != "":
		return fmt.Sprintf("last message of %q in stream %q", which.LastBySubject, stream)
	case which.NextBySubject != "":
		return fmt.Sprintf("message of %q at or after %d in stream %q", which.NextBySubject, which.Seq, stream)
	}
	return fmt.Sprintf("message %d of stream %q", which.Seq, stream)
}

// Pager reads a stream forward without a consumer, a page at a time.
type Pager struct {
	js     *JetStream
	stream string
	direct bool // the stream answers direct gets: a page is one request
	filter string
	next   uint64
	since  time.Time // of the first page; zero: from next on
}

// NewPager returns a pager over the messages of a stream whose subjects match
// filter (empty: all), from sequence seq on, or if since is not zero from the
// first message that is not older.
func (j *JetStream) NewPager(info *jsapi.StreamInfo, filter string, seq uint64, since time.Time) *Pager {
	if filter == "" {
		filter = ">"
	}
	return &Pager{
		js: j, stream: info.Config.Name, direct: info.Config.AllowDirect,
		filter: filter, next: max(seq, info.State.FirstSeq, 1), since: since,
	}
}

// Page returns up to limit more messages; none means the end of the stream.
func (p *Pager) Page(ctx context.Context, limit int) ([]StoredMessage, error) {
	if !p.since.IsZero() && !p.direct {
		if err := p.seek(ctx); err != nil {
			return nil, err
		}
	}
	var page []StoredMessage
	var err error
	if p.direct {
		page, err = p.batch(ctx, limit)
	} else {
		page, err = p.single(ctx, limit)
	}
	if len(page) > 0 {
		p.next, p.since = page[len(page)-1].Seq+1, time.Time{}
	}
	return page, err
}

// seek finds the first sequence whose message is not older than p.since, by
// halving: messages of a stream are in the order of their times.
func (p *Pager) seek(ctx context.Context) error {
	info, err := p.js.Stream(ctx, p.stream)
	if err != nil {
		return err
	}
	low, high := p.next, info.State.LastSeq+1 // the one sought is in [low, high]
	for low < high {
		middle := low + (high-low)/2
		m, err := p.js.Message(ctx, p.stream, jsapi.MsgGetRequest{Seq: middle, NextBySubject: ">"})
		switch {
		case errors.Is(err, jsapi.ErrNoMessageFound) || err == nil && m.Seq >= high:
			high = middle // nothing but holes from middle on
		case err != nil:
			return err
		case m.Time.Before(p.since):
			low = m.Seq + 1
		default:
			high = middle
		}
	}
	p.next, p.since = low, time.Time{}
	return nil
}

// single reads message after message.
func (p *Pager) single(ctx context.Context, limit int) (page []StoredMessage, err error) {
	for seq := p.next; len(page) < limit; {
		m, err := p.js.Message(ctx, p.stream, jsapi.MsgGetRequest{Seq: seq, NextBySubject: p.filter})
		if errors.Is(err, jsapi.ErrNoMessageFound) {
			return page, nil
		}
		if err != nil {
			return page, err
		}
		page = append(page, m)
		seq = m.Seq + 1
	}
	return page, nil
}

// batch reads a page with one request.
func (p *Pager) batch(ctx context.Context, limit int) (page []StoredMessage, err error) {
	request := jsapi.MsgGetRequest{Seq: p.next, NextBySubject: p.filter, Batch: limit}
	if !p.since.IsZero() {
		request.Seq, request.StartTime = 0, &p.since
	}
	what := fmt.Sprintf("messages of stream %q", p.stream)
	body, err := encode(request)
	if err != nil {
		return nil, err
	}
	sub, err := p.js.ask(jsapi.DirectGet.Subject(p.js.prefix, p.stream), body)
	if err != nil {
		return nil, p.js.explain(what, err)
	}
	defer func() { _ = sub.Unsubscribe() }() // the connection may be closed already: then there is nothing to end
	for {
		m, err := nextMessage(ctx, sub, p.js.timeout)
		if err != nil {
			return page, p.js.explain(what, err)
		}
		switch status := m.Header.Get("Status"); status {
		case "":
		case "204", "404":
			return page, nil
		default:
			return page, &Error{What: what, Reason: status + " " + m.Header.Get("Description")}
		}
		stored, err := fromDirect(m)
		if err != nil {
			return page, &Error{What: what, Reason: err.Error(), Err: err}
		}
		page = append(page, stored)
	}
}

// ask publishes a request whose answers come one by one to the subscription.
func (j *JetStream) ask(subject string, body []byte) (*nats.Subscription, error) {
	inbox := j.nc.NewRespInbox()
	sub, err := j.nc.SubscribeSync(inbox)
	if err != nil {
		return nil, err
	}
	err = j.nc.PublishMsg(&nats.Msg{Subject: subject, Reply: inbox, Data: body})
	if err == nil {
		err = refused(j.nc, j.timeout)
	}
	if err != nil {
		return nil, errors.Join(err, sub.Unsubscribe())
	}
	return sub, nil
}

// fromDirect takes the message out of an answer to a direct get, which tells in
// headers of its own what it is.
func fromDirect(m *nats.Msg) (StoredMessage, error) {
	seq, err := strconv.ParseUint(m.Header.Get(jsapi.HeaderSequence), 10, 64)
	if err != nil {
		return StoredMessage{}, fmt.Errorf("answer without a sequence: %w", err)
	}
	at, err := time.Parse(time.RFC3339Nano, m.Header.Get(jsapi.HeaderTimestamp))
	if err != nil {
		return StoredMessage{}, fmt.Errorf("answer without a time: %w", err)
	}
	stored := StoredMessage{
		Stream: m.Header.Get(jsapi.HeaderStream), Subject: m.Header.Get(jsapi.HeaderSubject),
		Seq: seq, Time: at, Header: m.Header, Data: m.Data,
	}
	for _, name := range []string{
		jsapi.HeaderStream, jsapi.HeaderSubject, jsapi.HeaderSequence, jsapi.HeaderTimestamp,
		jsapi.HeaderNumPending, jsapi.HeaderLastSequence, jsapi.HeaderUpToSequence,
	} {
		m.Header.Del(name)
	}
	return stored, nil
}
