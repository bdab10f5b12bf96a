package bench

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/nats-io/nuid"

	"github.com/tidings-io/tidings/internal/client"
)

// StorePlan says where a load on streams stores its messages: in a stream or
// bucket of the person's, or in one of its own, made before and removed after.
type StorePlan struct {
	Name     string // of a stream or bucket there is; "" makes one
	Memory   bool   // kept in memory
	Replicas int    // 0 is one
	Keep     bool   // do not remove it after
}

func (p StorePlan) validate() error {
	switch {
	case p.Replicas < 0 || p.Replicas > 5:
		return fmt.Errorf("replicas %d: use a number from 1 to 5", p.Replicas)
	case p.Name != "" && (p.Memory || p.Replicas > 1 || p.Keep):
		return fmt.Errorf("%q is there already: storage, replicas and keep are for a store of the load's own", p.Name)
	}
	return nil
}

func (p StorePlan) storage() jetstream.StorageType {
	if p.Memory {
		return jetstream.MemoryStorage
	}
	return jetstream.FileStorage
}

// ownName is a name that nobody has.
func ownName() string { return "TIDINGS_BENCH_" + nuid.Next()[:8] }

// jetStream returns the client library's way to streams.
func (e Env) jetStream(nc *nats.Conn) (jetstream.JetStream, error) {
	prefix := e.Prefix
	if prefix == "" {
		prefix = jetstream.DefaultAPIPrefix
	}
	js, err := jetstream.NewWithAPIPrefix(nc, prefix, jetstream.WithDefaultTimeout(e.Timeout))
	return js, explainStore("use JetStream", err)
}

// dialJetStream opens n connections and uses JetStream on the first. The caller
// closes them.
func (e Env) dialJetStream(ctx context.Context, n int) (connections, jetstream.JetStream, error) {
	conns, err := e.dial(ctx, n)
	if err != nil {
		return nil, nil, err
	}
	js, err := e.jetStream(conns[0])
	if err != nil {
		conns.close()
	}
	return conns, js, err
}

// explainStore puts an error of the client library into words.
func explainStore(what string, err error) error {
	var already *client.Error
	if err == nil || errors.As(err, &already) {
		return err
	}
	e := &client.Error{What: what, Err: err}
	var refused jetstream.JetStreamError
	switch {
	case errors.Is(err, jetstream.ErrJetStreamNotEnabled), errors.Is(err, nats.ErrNoResponders):
		e.Kind, e.Reason = client.NoResponders, "JetStream does not answer"
		e.Way = "switch it on in the server's configuration (jetstream: enabled) and for the account"
	case errors.Is(err, jetstream.ErrStreamNotFound), errors.Is(err, jetstream.ErrBucketNotFound):
		e.Reason, e.Way = "there is no such store", "leave its name out, and one is made for the load"
	case errors.As(err, &refused) && refused.APIError() != nil:
		e.Reason = refused.APIError().Description
	default:
		return client.Explain(what, err)
	}
	return e
}

// removeTimeout is how long the removal of a load's own store may take, also
// when the load was interrupted.
const removeTimeout = 10 * time.Second

// removed runs remove unless keep, and joins its error.
func removed(err *error, keep bool, what string, remove func(context.Context) error) {
	if keep {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), removeTimeout)
	defer cancel()
	if failed := explainStore("remove "+what, remove(ctx)); failed != nil && *err == nil {
		*err = failed
	}
}
