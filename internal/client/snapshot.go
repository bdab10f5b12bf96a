package client

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/nats-io/nats.go"

	"github.com/tidings-io/tidings/internal/jsapi"
)

const (
	// restoreChunk is how much of a snapshot one message carries to the server.
	restoreChunk = 128 << 10
	// restoreWindow is how many of these may be on their way at once.
	restoreWindow = 32
)

// Snapshot asks for a snapshot of a stream, gives its configuration and state
// to begin, and then writes the archive, a tar file compressed with S2, to w as
// it comes.
func (j *JetStream) Snapshot(ctx context.Context, stream string, request jsapi.StreamSnapshotRequest, begin func(*jsapi.StreamRestoreRequest), w io.Writer) error {
	what := fmt.Sprintf("back up stream %q", stream)
	inbox := j.nc.NewRespInbox()
	sub, err := j.nc.SubscribeSync(inbox)
	if err != nil {
		return Explain(what, err)
	}
	defer func() { _ = sub.Unsubscribe() }() // the connection may be closed already: then there is nothing to end
	if err := sub.SetPendingLimits(-1, -1); err != nil {
		return Explain(what, err) // the server's window bounds what can wait here
	}
	request.DeliverSubject = inbox
	var r jsapi.StreamSnapshotResponse
	if err := j.call(ctx, what, jsapi.StreamSnapshot, []string{stream}, request, &r); err != nil {
		return err
	}
	if r.Config == nil || r.State == nil {
		return &Error{What: what, Reason: "the answer has no configuration or no state"}
	}
	begin(&jsapi.StreamRestoreRequest{Config: *r.Config, State: *r.State})
	for {
		m, err := nextMessage(ctx, sub, j.timeout)
		if err != nil {
			return j.explain(what, err)
		}
		if len(m.Data) == 0 {
			return snapshotEnd(what, m)
		}
		if _, err := w.Write(m.Data); err != nil {
			return fmt.Errorf("%s: %w", what, err)
		}
		if m.Reply == "" {
			continue // not every chunk asks for more
		}
		if err := m.Respond(nil); err != nil {
			return Explain(what, err)
		}
	}
}

// snapshotEnd tells a snapshot that is complete from one the server gave up.
func snapshotEnd(what string, m *nats.Msg) error {
	switch status := m.Header.Get("Status"); status {
	case "", "204":
		return nil
	default:
		return &Error{What: what, Reason: "the server gave up: " + status + " " + m.Header.Get("Description")}
	}
}

// Restore makes a stream of a snapshot that r reads.
func (j *JetStream) Restore(ctx context.Context, request *jsapi.StreamRestoreRequest, r io.Reader) (*jsapi.StreamInfo, error) {
	name := request.Config.Name
	what := fmt.Sprintf("restore stream %q", name)
	var begun jsapi.StreamRestoreResponse
	if err := j.call(ctx, what, jsapi.StreamRestore, []string{name}, request, &begun); err != nil {
		return nil, err
	}
	upload := &upload{js: j, what: what, subject: begun.DeliverSubject, inbox: j.nc.NewRespInbox()}
	var err error
	if upload.sub, err = j.nc.SubscribeSync(upload.inbox); err != nil {
		return nil, Explain(what, err)
	}
	defer func() { _ = upload.sub.Unsubscribe() }() // the connection may be closed already: then there is nothing to end
	if err := upload.copy(ctx, r); err != nil {
		return nil, err
	}
	return upload.finish(ctx)
}

// upload is a snapshot on its way to the server.
type upload struct {
	js      *JetStream
	what    string
	subject string
	inbox   string
	sub     *nats.Subscription
	waiting int // chunks without an answer
}

// copy sends all of r.
func (u *upload) copy(ctx context.Context, r io.Reader) error {
	chunk := make([]byte, min(restoreChunk, u.js.nc.MaxPayload()))
	for {
		n, err := io.ReadFull(r, chunk)
		if n > 0 {
			if err := u.send(ctx, chunk[:n]); err != nil {
				return err
			}
		}
		switch {
		case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
			return nil
		case err != nil:
			return fmt.Errorf("%s: read the archive: %w", u.what, err)
		}
	}
}

func (u *upload) send(ctx context.Context, chunk []byte) error {
	if u.waiting == restoreWindow {
		if err := u.settle(ctx); err != nil {
			return err
		}
	}
	u.waiting++
	return Explain(u.what, u.js.nc.PublishRequest(u.subject, u.inbox, chunk))
}

// settle takes the answer to one chunk; only a refusal has a body.
func (u *upload) settle(ctx context.Context) error {
	m, err := nextMessage(ctx, u.sub, u.js.timeout)
	if err != nil {
		return u.js.explain(u.what, err)
	}
	u.waiting--
	if len(m.Data) > 0 {
		return readAnswer(u.what, m.Data, nil)
	}
	return nil
}

// finish tells the server that all is there and waits for the stream.
func (u *upload) finish(ctx context.Context) (*jsapi.StreamInfo, error) {
	for u.waiting > 0 {
		if err := u.settle(ctx); err != nil {
			return nil, err
		}
	}
	if err := u.js.nc.PublishRequest(u.subject, u.inbox, nil); err != nil {
		return nil, Explain(u.what, err)
	}
	m, err := nextMessage(ctx, u.sub, u.js.timeout)
	if err != nil {
		return nil, u.js.explain(u.what, err)
	}
	var r jsapi.StreamCreateResponse
	err = readAnswer(u.what, m.Data, &r)
	return r.StreamInfo, err
}
