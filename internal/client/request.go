package client

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
)

// Flush waits until the server has taken everything published so far, for at
// most timeout. Because a server refuses in order, a message it refused before
// that is reported here.
func Flush(nc *nats.Conn, timeout time.Duration) error {
	if err := nc.FlushTimeout(timeout); err != nil {
		if last := nc.LastError(); last != nil && errors.Is(err, nats.ErrConnectionClosed) {
			err = last
		}
		return Explain("flush", err)
	}
	if err := nc.LastError(); err != nil {
		return Explain("the server refused", err)
	}
	return nil
}

// Request sends m and returns the first answer. It blocks until then, until
// timeout has passed or ctx ends.
func Request(ctx context.Context, nc *nats.Conn, m *nats.Msg, timeout time.Duration) (answer *nats.Msg, err error) {
	err = RequestMany(ctx, nc, m, 1, timeout, timeout, func(m *nats.Msg) { answer = m })
	return answer, err
}

// RequestMany sends m and gives each answer to each, until limit answers came
// (0: no limit), or nothing came for gap, or timeout passed before the first
// one, or ctx ended. No answer at all is an error; fewer than limit too.
func RequestMany(ctx context.Context, nc *nats.Conn, m *nats.Msg, limit int, timeout, gap time.Duration, each func(*nats.Msg)) error {
	inbox := nc.NewRespInbox()
	sub, err := nc.SubscribeSync(inbox)
	if err != nil {
		return Explain("subscribe to the inbox", err)
	}
	defer func() { _ = sub.Unsubscribe() }() // the connection may be closed already: then there is nothing to end
	m.Reply = inbox
	err = nc.PublishMsg(m)
	if err == nil {
		err = refused(nc, timeout)
	}
	if err != nil {
		return explainRequest(m.Subject, timeout, err)
	}
	wait, got := timeout, 0
	for limit == 0 || got < limit {
		answer, err := nextMessage(ctx, sub, wait)
		switch {
		case err != nil && got > 0 && limit == 0 && errors.Is(err, nats.ErrTimeout):
			return nil
		case err != nil && got > 0:
			return &Error{
				Kind: TimedOut, Err: err, What: fmt.Sprintf("request to %q", m.Subject),
				Reason: fmt.Sprintf("%d of %d answers came within %s of each other", got, limit, gap),
				Way:    "wait longer with --reply-timeout",
			}
		case err != nil:
			return explainRequest(m.Subject, timeout, err)
		}
		each(answer)
		got++
		wait = gap
	}
	return nil
}

// refused returns the server's refusal of what was just published or subscribed
// to, nil if there was none. Without it, a request without permission would wait
// for an answer in vain: the server refuses before it answers the flush.
func refused(nc *nats.Conn, timeout time.Duration) error {
	if err := nc.FlushTimeout(timeout); err != nil {
		return err
	}
	if last := nc.LastError(); errors.Is(last, nats.ErrPermissionViolation) {
		return last
	}
	return nil
}

// nextMessage returns the next message of sub. "No responders" and the time
// having passed (as [nats.ErrTimeout]) are errors.
func nextMessage(ctx context.Context, sub *nats.Subscription, wait time.Duration) (*nats.Msg, error) {
	limited, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	m, err := sub.NextMsgWithContext(limited)
	if err != nil && errors.Is(context.Cause(ctx), errLost) {
		m, err = arrived(sub, err)
	}
	switch {
	case err != nil && ctx.Err() == nil && limited.Err() != nil:
		return nil, nats.ErrTimeout
	case err != nil:
		return nil, err
	case len(m.Data) == 0 && m.Header.Get("Status") == "503":
		return nil, nats.ErrNoResponders
	}
	return m, nil
}

// arrived returns a message of sub that came before the connection was lost,
// otherwise err.
func arrived(sub *nats.Subscription, err error) (*nats.Msg, error) {
	if m, none := sub.NextMsg(0); none == nil {
		return m, nil
	}
	return nil, err
}

func explainRequest(subject string, timeout time.Duration, err error) error {
	explained := Explain(fmt.Sprintf("request to %q", subject), err)
	var e *Error
	if errors.As(explained, &e) && e.Kind == TimedOut {
		e.Reason = "no answer within " + timeout.String()
	}
	return explained
}
