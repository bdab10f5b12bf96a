package client

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/tidings-io/tidings/internal/jsapi"
)

// Delivery is a message as a consumer delivered it.
type Delivery struct {
	*nats.Msg
	Place jsapi.AckSubject // which message it is and how often it was delivered
}

// Pull asks a consumer for messages and gives each to each, until request.Batch
// of them came, the request expired or ctx ended, also across a lost connection.
// It returns how many came; fewer than asked for is no error.
func (j *JetStream) Pull(ctx context.Context, stream, consumer string, request jsapi.PullRequest, each func(Delivery) error) (total int, err error) {
	until := time.Now().Add(request.Expires)
	err = j.Lasting(ctx, func(ctx context.Context) error {
		request.Expires = max(time.Until(until), time.Millisecond)
		n, err := j.pull(ctx, stream, consumer, request, each)
		total, request.Batch = total+n, request.Batch-n
		if request.Batch == 0 {
			return nil // what was lost after that is not missed
		}
		return err
	})
	return total, err
}

// pull is one request.
func (j *JetStream) pull(ctx context.Context, stream, consumer string, request jsapi.PullRequest, each func(Delivery) error) (int, error) {
	what := "pull from " + consumerNamed(stream, consumer)
	body, err := encode(request)
	if err != nil {
		return 0, err
	}
	sub, err := j.ask(jsapi.ConsumerMsgNext.Subject(j.prefix, stream, consumer), body)
	if err != nil {
		return 0, j.explain(what, err)
	}
	defer func() { _ = sub.Unsubscribe() }() // the connection may be closed already: then there is nothing to end
	wait := request.Expires + j.timeout
	for n := 0; ; {
		m, err := nextMessage(ctx, sub, wait)
		switch {
		case errors.Is(err, nats.ErrNoResponders):
			if _, known := j.Consumer(ctx, stream, consumer); known != nil {
				return n, known
			}
			return n, j.explain(what, err)
		case n > 0 && errors.Is(err, nats.ErrTimeout):
			return n, nil // as many as may be unacknowledged came: the server waits for acknowledgements
		case err != nil:
			return n, j.explain(what, err)
		}
		if m.Header.Get("Status")+" "+m.Header.Get("Description") == jsapi.StatusServerShutdown && len(m.Data) == 0 {
			return n, leaving(ctx)
		}
		if end, err := pullStatus(what, m); end || err != nil {
			return n, err
		} else if status := m.Header.Get("Status"); status != "" && len(m.Data) == 0 && m.Reply == "" {
			continue // a heartbeat
		}
		place, ok := jsapi.ParseAckSubject(m.Reply)
		if !ok {
			return n, &Error{What: what, Reason: fmt.Sprintf("a message came whose reply subject %q is no place to acknowledge", m.Reply)}
		}
		n++
		if err := each(Delivery{m, place}); err != nil || n >= request.Batch {
			return n, err
		}
	}
}

// pullStatus reports whether a message ends a pull, and whether with an error.
func pullStatus(what string, m *nats.Msg) (end bool, err error) {
	status := m.Header.Get("Status")
	if status == "" || len(m.Data) > 0 {
		return false, nil
	}
	reason := m.Header.Get("Description")
	switch status {
	case "100":
		return false, nil
	case "404", "408":
		return true, nil
	case "409":
		if reason == "Batch Completed" || reason == "Message Size Exceeds MaxBytes" {
			return true, nil
		}
	}
	return true, &Error{What: what, Reason: status + " " + reason, Way: pullWay(reason)}
}

func pullWay(reason string) string {
	switch reason {
	case "Consumer is push based":
		return "it sends its messages by itself; `tidings consumer subscribe` shows them"
	case jsapi.BadPullGroupMissing, jsapi.BadPullGroup:
		return "name one of the consumer's groups with --group"
	}
	return ""
}

// Confirm sends an acknowledgement and waits until the server has it, also
// across a lost connection.
func (j *JetStream) Confirm(ctx context.Context, d Delivery, payload string) error {
	what := fmt.Sprintf("acknowledge message %d of stream %q", d.Place.StreamSeq, d.Place.Stream)
	err := j.Lasting(ctx, func(ctx context.Context) error {
		_, err := Request(ctx, j.nc, &nats.Msg{Subject: d.Reply, Data: []byte(payload)}, j.timeout)
		return err
	})
	if err == nil {
		return nil
	}
	explained := Explain(what, err)
	if e, ok := errors.AsType[*Error](explained); ok {
		e.What = what
		if e.Kind == TimedOut || e.Kind == NoResponders {
			e.Way = "the server will deliver it again after the consumer's ack wait"
		}
	}
	return explained
}

// Store publishes a message that a stream must take, and returns where it is.
// The headers of m may say what is expected of the stream.
func (j *JetStream) Store(ctx context.Context, m *nats.Msg) (*jsapi.PubAck, error) {
	what := fmt.Sprintf("store a message of %q", m.Subject)
	answer, err := Request(ctx, j.nc, m, j.timeout)
	if err != nil {
		explained := Explain(what, err)
		if e, ok := errors.AsType[*Error](explained); ok {
			e.What = what
			if e.Kind == NoResponders {
				e.Reason, e.Way = "no stream takes that subject", "make one with `tidings stream create`"
			}
		}
		return nil, explained
	}
	var ack jsapi.PubAck
	err = readAnswer(what, answer.Data, &ack)
	return &ack, err
}
