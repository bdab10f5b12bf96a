package cli

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/tidings-io/tidings/internal/client"
)

// watched makes no error of an interruption: that is how a watch is ended.
func watched(err error) error {
	if errors.Is(err, errInterrupted) || errors.Is(err, context.Canceled) {
		return nil
	}
	return err
}

// once returns a note that is made at the first call only.
func (a *app) once(format string, args ...any) func() {
	return sync.OnceFunc(func() { a.note(format, args...) })
}

// take gives what comes over a channel to handle until it says that it is done
// or fails, the connection is closed, or ctx ends, which is an interruption.
// With patience above 0, nothing for so long is a timeout.
func take[T any](ctx context.Context, j *jetStream, what string, updates <-chan T, patience time.Duration, handle func(T) (done bool, err error)) error {
	closed := j.nc.StatusChanged(nats.CLOSED)
	var late <-chan time.Time
	timer := time.NewTimer(patience)
	defer timer.Stop()
	if patience > 0 {
		late = timer.C
	}
	for {
		select {
		case update, open := <-updates:
			if !open {
				return j.explain(what, errors.Join(nats.ErrConnectionClosed, j.nc.LastError()))
			}
			if done, err := handle(update); done || err != nil {
				return err
			}
			if patience > 0 {
				timer.Reset(patience)
			}
		case <-late:
			return j.explain(what, nats.ErrTimeout)
		case <-closed:
			return client.Explain(what, errors.Join(nats.ErrConnectionClosed, j.nc.LastError()))
		case <-ctx.Done():
			return errInterrupted
		}
	}
}
