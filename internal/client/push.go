package client

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/tidings-io/tidings/internal/jsapi"
)

// errEnough ends a Listen without an error.
var errEnough = errors.New("enough")

// ErrIdle is returned by a Listen to which nothing came for as long as it was to
// wait.
var ErrIdle = errors.New("nothing came")

// Enough is returned by a function that takes deliveries to end them.
func Enough() error { return errEnough }

// Listen takes what a push consumer sends and gives each message to each, until
// that returns an error ([Enough] is none), nothing came for idle (0: however
// long), or ctx ends, also across a lost connection. Heartbeats and flow control
// are answered here; they are no messages.
//
// Errors: [ErrIdle], or of type [*Error], also if the consumer is gone when the
// connection is back.
func (j *JetStream) Listen(ctx context.Context, info *jsapi.ConsumerInfo, idle time.Duration, each func(Delivery) error) error {
	what := "listen to " + consumerNamed(info.Stream, info.Name)
	sub, err := j.nc.QueueSubscribeSync(info.Config.DeliverSubject, info.Config.DeliverGroup)
	if err == nil {
		err = refused(j.nc, j.timeout)
	}
	if err != nil {
		return Explain(what, err)
	}
	defer func() { _ = sub.Unsubscribe() }() // the connection may be closed already: then there is nothing to end
	first := true
	return j.Lasting(ctx, func(ctx context.Context) error {
		if !first {
			if _, err := j.Consumer(ctx, info.Stream, info.Name); err != nil {
				return err
			}
		}
		first = false
		return j.listen(ctx, what, sub, idle, each)
	})
}

func (j *JetStream) listen(ctx context.Context, what string, sub *nats.Subscription, idle time.Duration, each func(Delivery) error) error {
	last := time.Now()
	for {
		m, err := nextWithin(ctx, sub, last, idle)
		if errors.Is(err, ErrIdle) {
			return err
		}
		if err != nil {
			return Explain(what, err)
		}
		if m.Header.Get("Status") != "" && len(m.Data) == 0 {
			if err := flowControl(j.nc, m); err != nil {
				return Explain(what, err)
			}
			continue
		}
		place, ok := jsapi.ParseAckSubject(m.Reply)
		if !ok {
			return &Error{What: what, Reason: fmt.Sprintf("a message came whose reply subject %q is no place to acknowledge", m.Reply)}
		}
		if err := each(Delivery{m, place}); err != nil {
			if errors.Is(err, errEnough) {
				return nil
			}
			return err
		}
		last = time.Now()
	}
}

// nextWithin returns the next message of sub if it comes within idle after last.
func nextWithin(ctx context.Context, sub *nats.Subscription, last time.Time, idle time.Duration) (*nats.Msg, error) {
	limited, cancel := ctx, context.CancelFunc(func() {})
	if idle > 0 {
		limited, cancel = context.WithDeadline(ctx, last.Add(idle))
	}
	defer cancel()
	m, err := sub.NextMsgWithContext(limited)
	if err != nil && errors.Is(context.Cause(ctx), errLost) {
		return arrived(sub, err)
	}
	if err != nil && ctx.Err() == nil && limited.Err() != nil {
		return nil, ErrIdle
	}
	return m, err
}

// flowControl answers a status message that waits for an answer.
func flowControl(nc *nats.Conn, m *nats.Msg) error {
	if m.Reply != "" {
		return m.Respond(nil)
	}
	if stalled := m.Header.Get(jsapi.HeaderConsumerStalled); stalled != "" {
		return nc.Publish(stalled, nil)
	}
	return nil
}
