package cli

import (
	"context"

	"github.com/nats-io/nats.go"

	"github.com/tidings-io/tidings/internal/cli/ui"
	"github.com/tidings-io/tidings/internal/client"
)

// resolve merges flags, environment and contexts.
func (a *app) resolve() (*client.Resolved, error) {
	store, err := a.store()
	if err != nil && a.global.context != "" {
		return nil, usage(err)
	}
	if err != nil { // no home directory: there can be no contexts
		store = nil
	}
	r, err := client.Resolve(client.Inputs{
		Flags: a.global.settings, Context: a.global.context, Getenv: a.getenv, Store: store,
	})
	return r, usage(err)
}

// connect opens the connection of a command and says on standard error which
// server and context are in use.
func (a *app) connect(ctx context.Context, o client.Options) (*nats.Conn, *client.Resolved, error) {
	r, err := a.resolve()
	if err != nil {
		return nil, nil, err
	}
	nc, err := a.dial(ctx, r, o)
	return nc, r, err
}

// dial opens one connection with settings that are resolved already.
func (a *app) dial(ctx context.Context, r *client.Resolved, o client.Options) (*nats.Conn, error) {
	o.Notify = func(text string) { a.note("%s", text) }
	nc, err := client.Dial(ctx, r, o)
	if err != nil {
		return nil, err
	}
	a.note("connected to %s (%s)", connectedTo(nc), r.Describe())
	return nc, nil
}

// connectedTo names the server as the person named it, without secrets.
func connectedTo(nc *nats.Conn) string {
	return ui.Printable(client.RedactURL(nc.ConnectedUrlRedacted()))
}
