package cli

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/tidings-io/tidings/internal/cli/ui"
	"github.com/tidings-io/tidings/internal/client"
)

// receiveBacklog is how many messages may wait here. When it is full, further
// ones are dropped by the client library, which is reported.
const receiveBacklog = 16384

// receiver is a connection that takes the messages of some subjects in the
// order in which they arrive. One goroutine, that of [receiver.run], handles
// them.
type receiver struct {
	app      *app
	nc       *nats.Conn
	settings *client.Resolved

	subs     []*nats.Subscription
	messages chan *nats.Msg // filled by the client library
	failures chan error     // the first error that belongs to no call
}

// receiveOptions says what to take and when to end. The zero value of count and
// idle means: no end of that kind.
type receiveOptions struct {
	subjects []string
	queue    string
	count    int           // end after so many messages
	idle     time.Duration // end when nothing came for so long
}

var errIdle = errors.New("nothing came")

// receive connects, subscribes and gives each message to handle, numbered from
// 1, until the end o describes, an interruption (which is no error: that is how
// such a command is ended), or an error. It returns how many were handled.
func (a *app) receive(ctx context.Context, o receiveOptions, handle func(*receiver, int, *nats.Msg) error) (int, error) {
	r := &receiver{app: a, messages: make(chan *nats.Msg, receiveBacklog), failures: make(chan error, 1)}
	var err error
	r.nc, r.settings, err = a.connect(ctx, client.Options{KeepTrying: true, Failed: r.failed})
	if err != nil {
		return 0, err
	}
	defer r.nc.Close()
	if err := r.subscribe(o); err != nil {
		return 0, err
	}
	n, err := r.run(ctx, o, handle)
	r.reportDropped()
	if errors.Is(err, context.Canceled) || errors.Is(err, errInterrupted) {
		err = nil
	}
	if flushed := r.flush(); err == nil {
		err = flushed
	}
	return n, err
}

// failed keeps the first error that ends the command and reports others.
func (r *receiver) failed(err error) {
	if exitCode(err) != exitUnauthorized {
		r.app.warn(err.Error())
		return
	}
	select {
	case r.failures <- err:
	default:
	}
}

func (r *receiver) subscribe(o receiveOptions) error {
	for _, subject := range o.subjects {
		sub, err := r.nc.ChanQueueSubscribe(subject, o.queue, r.messages)
		if err != nil {
			return client.Explain(fmt.Sprintf("subscribe to %q", subject), err)
		}
		r.subs = append(r.subs, sub)
	}
	// With a limit known to the server, messages of a queue group that come
	// after it go to another member instead of being lost here.
	if len(r.subs) == 1 && o.count > 0 {
		if err := r.subs[0].AutoUnsubscribe(o.count); err != nil {
			return client.Explain("limit the subscription", err)
		}
	}
	if err := client.Flush(r.nc, r.settings.Timeout()); err != nil {
		return err
	}
	for _, subject := range o.subjects {
		group := ""
		if o.queue != "" {
			group = fmt.Sprintf(" in queue group %q", o.queue)
		}
		r.app.note("subscribed to %q%s", ui.Printable(subject), ui.Printable(group))
	}
	return nil
}

func (r *receiver) run(ctx context.Context, o receiveOptions, handle func(*receiver, int, *nats.Msg) error) (n int, err error) {
	closed := r.nc.StatusChanged(nats.CLOSED)
	var idle <-chan time.Time
	var timer *time.Timer
	if o.idle > 0 {
		timer = time.NewTimer(o.idle)
		defer timer.Stop()
		idle = timer.C
	}
	for o.count == 0 || n < o.count {
		select {
		case m := <-r.messages:
			n++
			if err := handle(r, n, m); err != nil {
				return n, err
			}
			if timer != nil {
				timer.Reset(o.idle)
			}
		case <-idle:
			return n, errIdle
		case err := <-r.failures:
			return n, err
		case <-closed:
			return n, client.Explain("receive", errors.Join(nats.ErrConnectionClosed, r.nc.LastError()))
		case <-ctx.Done():
			return n, ctx.Err()
		}
	}
	return n, nil
}

// flush sends what was published while handling before the connection closes.
func (r *receiver) flush() error {
	if !r.nc.IsConnected() {
		return nil
	}
	return client.Explain("flush", r.nc.FlushTimeout(r.settings.Timeout()))
}

func (r *receiver) reportDropped() {
	total := 0
	for _, sub := range r.subs {
		if dropped, err := sub.Dropped(); err == nil { // an ended subscription has no count
			total += dropped
		}
	}
	if total > 0 {
		r.app.warn(fmt.Sprintf("%d messages were dropped here because they came faster than they could be shown", total))
	}
}
