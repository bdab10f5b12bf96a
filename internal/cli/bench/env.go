package bench

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/tidings-io/tidings/internal/cli/ui"
	"github.com/tidings-io/tidings/internal/client"
)

// Limits of a load.
const (
	ClientsMax = 10_000
	SizeMax    = 64 << 20 // bytes of a body
)

// Env is what a load needs from its surroundings.
type Env struct {
	// Dial opens one more connection.
	Dial func(context.Context) (*nats.Conn, error)

	// Prefix is that of the JetStream API's subjects; "" is the usual one.
	Prefix string

	// Watch shows the tasks live and returns what ends that.
	Watch func([]ui.Task) (stop func())

	// Timeout is how long to wait for the server, and for messages that should
	// have come.
	Timeout time.Duration
}

// ErrInterrupted is returned, beside a result, when ctx ended the load.
var ErrInterrupted = errors.New("interrupted")

// pollInterval is how often the end of a load is looked for. Times come from
// the messages themselves, so it does not touch the figures.
const pollInterval = 10 * time.Millisecond

// connections are open connections, all of which are closed together.
type connections []*nats.Conn

// dial opens n connections or none.
func (e Env) dial(ctx context.Context, n int) (connections, error) {
	var all connections
	for range n {
		nc, err := e.Dial(ctx)
		if err != nil {
			all.close()
			return nil, err
		}
		all = append(all, nc)
	}
	return all, nil
}

func (c connections) close() {
	for _, nc := range c {
		nc.Close()
	}
}

// flush waits until the server has taken what every connection sent, such as
// its subscriptions.
func (c connections) flush(timeout time.Duration) error {
	for _, nc := range c {
		if err := client.Flush(nc, timeout); err != nil {
			return err
		}
	}
	return nil
}

// counter is a number one goroutine writes and others read. It fills a cache
// line, so that counting in one client does not slow another one down.
type counter struct {
	atomic.Int64
	_ [56]byte
}

// stopper ends loops: by ctx, by time, or by the first error.
type stopper struct {
	stopped atomic.Bool             // written once, read by the loops
	ended   <-chan struct{}         // closed when stopped
	cause   func() error            // why; nil before that
	fail    context.CancelCauseFunc // stops the loops with an error
	done    func()                  // releases timers; to be called once
}

func newStopper(ctx context.Context, d time.Duration) *stopper {
	s := &stopper{}
	inner, cancel := context.WithCancelCause(ctx)
	release := func() bool { return true }
	if d > 0 {
		timer := time.AfterFunc(d, func() { cancel(errTimeUp) })
		release = timer.Stop
	}
	s.ended, s.fail = inner.Done(), cancel
	s.cause = func() error { return context.Cause(inner) }
	unhook := context.AfterFunc(inner, func() { s.stopped.Store(true) })
	s.done = func() { release(); unhook(); cancel(nil) }
	return s
}

// finish ends the loops as if time were up.
func (s *stopper) finish() { s.fail(errTimeUp) }

var errTimeUp = errors.New("time is up")

// err says why the loops ended: nil if they came to their end or time was up.
func (s *stopper) err() error {
	cause := s.cause()
	switch {
	case cause == nil, errors.Is(cause, errTimeUp):
		return nil
	case errors.Is(cause, context.Canceled):
		return ErrInterrupted
	}
	return cause
}

// wait blocks until ready reports true, or the load was stopped, or ready's
// progress has stood still for patience (0: any time).
func (s *stopper) wait(patience time.Duration, progress func() int64, ready func() bool) {
	ticker := time.NewTicker(pollInterval)
	defer ticker.Stop()
	last, since := progress(), time.Now()
	for !ready() {
		select {
		case <-s.ended:
			return
		case now := <-ticker.C:
			if n := progress(); n != last {
				last, since = n, now
			}
			if patience > 0 && now.Sub(since) > patience {
				return
			}
		}
	}
}

func checkClients(what string, n, least int) error {
	if n < least || n > ClientsMax {
		return fmt.Errorf("%s %d: use a number from %d to %d", what, n, least, ClientsMax)
	}
	return nil
}

func checkSize(what string, size int) error {
	if size < 0 || size > SizeMax {
		return fmt.Errorf("%s %d: use a number of bytes from 0 to %d", what, size, SizeMax)
	}
	return nil
}

func checkEnd(messages int64, d time.Duration) error {
	switch {
	case messages < 0:
		return fmt.Errorf("messages %d: a number is not negative", messages)
	case d < 0:
		return fmt.Errorf("duration %s: a time is not negative", d)
	case messages == 0 && d == 0:
		return errors.New("neither a number of messages nor a duration is given; the load would have no end")
	}
	return nil
}
