package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/tidings-io/tidings/internal/client"
)

// jetStream is the connection of a command that works with what applications
// see of streams: values, objects, counters, schedules.
type jetStream struct {
	nc      *nats.Conn
	js      jetstream.JetStream
	api     *client.JetStream // configurations and states, with every field there is
	timeout time.Duration     // of one answer
}

// jetStream opens the connection of a command. The caller closes nc.
func (a *app) jetStream(ctx context.Context, o client.Options) (*jetStream, error) {
	if _, err := a.api.subject(); err != nil {
		return nil, err
	}
	nc, settings, err := a.connect(ctx, o)
	if err != nil {
		return nil, err
	}
	j, err := a.newJetStream(nc, settings.Timeout())
	if err != nil {
		nc.Close()
	}
	return j, err
}

func (a *app) newJetStream(nc *nats.Conn, timeout time.Duration) (*jetStream, error) {
	prefix, err := a.api.subject()
	if err != nil {
		return nil, err
	}
	js, err := jetstream.NewWithAPIPrefix(nc, prefix, jetstream.WithDefaultTimeout(timeout))
	if err != nil {
		return nil, client.Explain("use JetStream", err)
	}
	return &jetStream{nc: nc, js: js, timeout: timeout, api: client.NewJetStream(nc, prefix, timeout)}, nil
}

// explain puts an error of the client library into words: what was attempted,
// the reason, the way out.
func (j *jetStream) explain(what string, err error) error {
	var already *client.Error
	if err == nil || errors.As(err, &already) || errors.Is(err, errInterrupted) {
		return err
	}
	if errors.Is(err, context.Canceled) {
		return errInterrupted
	}
	timedOut := errors.Is(err, nats.ErrTimeout) || errors.Is(err, context.DeadlineExceeded) || errors.Is(err, jetstream.ErrAsyncPublishTimeout)
	if last := j.nc.LastError(); timedOut && last != nil {
		err = last // a request without permission gets no answer, only this
	} else if timedOut {
		err = errors.Join(nats.ErrTimeout, err)
	}
	if errors.Is(err, jetstream.ErrInvalidKey) {
		return usage(fmt.Errorf("%s: not a key; use letters, digits, '-', '_', '/', '=' and '.', without a dot at either end", what))
	}
	if e := knownError(err); e != nil {
		e.What, e.Err = what, err
		return e
	}
	var explained *client.Error
	if errors.As(client.Explain(what, err), &explained) && explained.Kind == client.Failed {
		if refused := refusalOf(err); refused != "" {
			explained.Reason = refused
		}
		explained.Reason = strings.TrimPrefix(explained.Reason, "nats: ")
	}
	return explained
}

// refusalOf is the server's own text of an error of the API.
func refusalOf(err error) string {
	var refused jetstream.JetStreamError
	if errors.As(err, &refused) && refused.APIError() != nil {
		return refused.APIError().Description
	}
	return ""
}

// knownErrors are the errors of the client library with a way out of their own.
var knownErrors = []struct {
	err         error
	kind        client.Kind
	reason, way string
}{
	{jetstream.ErrBucketNotFound, client.Failed, "there is no such bucket", "`tidings kv bucket list` and `tidings object bucket list` show those there are"},
	{jetstream.ErrKeyNotFound, client.Failed, "there is no such key", "`tidings kv keys` shows those there are, `tidings kv history` what became of one"},
	{jetstream.ErrKeyExists, client.Failed, "the key exists", "change it with `tidings kv put` or `tidings kv update`"},
	{jetstream.ErrObjectNotFound, client.Failed, "there is no such object", "`tidings object list` shows those there are"},
	{jetstream.ErrDigestMismatch, client.Failed, "what came is not what was stored: the digests differ", "put the object again from its origin"},
	{jetstream.ErrNoLinkToLink, client.Failed, "the target is a link itself", "link to the object it points to"},
	{jetstream.ErrNoLinkToDeleted, client.Failed, "the target was removed", "link to an object there is"},
	{jetstream.ErrObjectAlreadyExists, client.Failed, "an object of that name exists", "remove it first, or choose another name"},
	{jetstream.ErrCantGetBucket, client.Failed, "the name is a link to a whole bucket", "get an object from that bucket"},
	{jetstream.ErrStreamNotFound, client.Failed, "there is no such stream", "`tidings stream list` shows those there are"},
	{jetstream.ErrMsgNotFound, client.Failed, "there is no such message", ""},
	{jetstream.ErrJetStreamNotEnabledForAccount, client.Failed, "JetStream is not enabled for the account", "enable it for the account, or use a user of another one"},
	{jetstream.ErrJetStreamNotEnabled, client.NoResponders, "JetStream does not answer", noJetStreamWay},
	{jetstream.ErrNoStreamResponse, client.NoResponders, "no stream takes messages of that subject", "make one that does with `tidings stream create`"},
	{nats.ErrNoResponders, client.NoResponders, "JetStream does not answer", noJetStreamWay},
}

const noJetStreamWay = "switch it on in the server's configuration (jetstream: enabled) and for the account, or choose the right --domain"

func knownError(err error) *client.Error {
	for _, known := range knownErrors {
		if errors.Is(err, known.err) {
			return &client.Error{Kind: known.kind, Reason: known.reason, Way: known.way}
		}
	}
	return nil
}
