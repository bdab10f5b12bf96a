package client

import (
	"context"
	"errors"
	"time"

	"github.com/nats-io/nats.go"
)

// errLost ends what is under way when the connection is lost.
var errLost = errors.New("the connection was lost")

// shutdownPatience is how long a server that says it ends may take to do so,
// before it is asked again.
const shutdownPatience = 2 * time.Second

// Lasting runs step, and again each time the connection is lost under it and
// made again. The context of step ends when the connection is lost. With a
// connection that is not made again ([Options].KeepTrying) that is an error.
// What step waits for must be asked for anew by the next run.
func (j *JetStream) Lasting(ctx context.Context, step func(context.Context) error) error {
	for {
		err := j.untilLost(ctx, step)
		if err == nil || ctx.Err() != nil || !errors.Is(err, errLost) {
			return err
		}
		if err := j.back(ctx); err != nil {
			return err
		}
	}
}

// untilLost runs step. Its error is errLost if the connection was lost
// meanwhile.
func (j *JetStream) untilLost(ctx context.Context, step func(context.Context) error) error {
	lost := j.nc.StatusChanged(nats.DISCONNECTED, nats.RECONNECTING, nats.CLOSED)
	if !j.nc.IsConnected() {
		j.nc.RemoveStatusListener(lost)
		return errLost
	}
	limited, cancel := context.WithCancelCause(ctx)
	done := make(chan struct{})
	go func() { // ends with untilLost
		defer close(done)
		if _, open := <-lost; open {
			cancel(errLost)
		}
	}()
	err := step(limited)
	j.nc.RemoveStatusListener(lost) // closes it, after what it still holds
	<-done
	if err != nil && errors.Is(context.Cause(limited), errLost) {
		err = errLost
	}
	cancel(nil)
	return err
}

// back waits until the connection is there again.
func (j *JetStream) back(ctx context.Context) error {
	changed := j.nc.StatusChanged(nats.CONNECTED, nats.CLOSED)
	defer j.nc.RemoveStatusListener(changed)
	for !j.nc.IsConnected() {
		if j.nc.IsClosed() {
			return Explain("connection", errors.Join(nats.ErrConnectionClosed, j.nc.LastError()))
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return Explain("connection", ctx.Err())
		}
	}
	return nil
}

// leaving waits until a server that said that it ends has closed the connection,
// for a while.
func leaving(ctx context.Context) error {
	limited, cancel := context.WithTimeout(ctx, shutdownPatience)
	defer cancel()
	<-limited.Done()
	return errLost
}
