package client

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
)

// Options says how a connection behaves.
type Options struct {
	// KeepTrying reconnects for as long as it takes when the connection is lost;
	// otherwise losing it ends the connection.
	KeepTrying bool

	// Notify is told of connections lost and made again, in words. It is called
	// on a goroutine of the connection. Nil: nobody is told.
	Notify func(text string)

	// Failed is told of errors that belong to no call, such as a subscription
	// without permission or messages dropped here. Each is explained already.
	// It is called on a goroutine of the connection. Nil: nobody is told.
	Failed func(error)
}

// Dial connects to the first server of r that answers, in the order given. It
// blocks until then, for at most r's timeout per server, or until ctx ends.
// Errors are of type [*Error].
func Dial(ctx context.Context, r *Resolved, o Options) (*nats.Conn, error) {
	d := &dialer{ctx: ctx, timeout: r.Timeout()}
	opts, err := natsOptions(r, o)
	if err != nil {
		return nil, err
	}
	opts = append(opts, nats.SetCustomDialer(d))
	nc, err := nats.Connect(strings.Join(r.Servers(), ","), opts...)
	if err != nil {
		return nil, connectError(r, err, d.takeErrors())
	}
	d.connected()
	return nc, nil
}

func natsOptions(r *Resolved, o Options) ([]nats.Option, error) {
	opts := []nats.Option{
		nats.Name(r.Text(ConnectionName)),
		nats.Timeout(r.Timeout()),
		nats.DontRandomize(),
		nats.SkipHostLookup(), // our dialer resolves, so that it can say what failed
		nats.CustomInboxPrefix(r.Text(InboxPrefix)),
		nats.PermissionErrOnSubscribe(true),
		nats.ErrorHandler(asyncErrors(o)),
	}
	if o.KeepTrying {
		opts = append(opts, nats.MaxReconnects(-1), nats.ReconnectWait(time.Second))
	} else {
		opts = append(opts, nats.NoReconnect())
	}
	if o.Notify != nil && o.KeepTrying {
		opts = append(opts, tellOfLosses(o.Notify)...)
	}
	auth, err := authOptions(r)
	if err != nil {
		return nil, err
	}
	secure, err := tlsOptions(r)
	return append(append(opts, auth...), secure...), err
}

// tellOfLosses tells which server was lost and which one came after it. The
// library calls the handlers one after the other.
func tellOfLosses(notify func(string)) []nats.Option {
	server := ""
	connected := func(nc *nats.Conn) {
		if url := nc.ConnectedUrlRedacted(); url != "" { // else it is lost again
			server = RedactURL(url)
		}
	}
	return []nats.Option{
		nats.ConnectHandler(connected),
		nats.DisconnectErrHandler(func(_ *nats.Conn, err error) {
			if err != nil {
				notify(fmt.Sprintf("connection to %s lost (%s), trying again", server, lossReason(err)))
			}
		}),
		nats.ReconnectHandler(func(nc *nats.Conn) {
			connected(nc)
			notify("connected again to " + server)
		}),
	}
}

func lossReason(err error) string {
	if errors.Is(err, io.EOF) {
		return "the server closed it"
	}
	return strings.TrimPrefix(err.Error(), "nats: ")
}

func asyncErrors(o Options) nats.ErrHandler {
	return func(_ *nats.Conn, sub *nats.Subscription, err error) {
		if o.Failed == nil {
			return
		}
		what := "connection"
		if sub != nil {
			what = fmt.Sprintf("subscription %q", sub.Subject)
		}
		o.Failed(Explain(what, err))
	}
}

func authOptions(r *Resolved) ([]nats.Option, error) {
	var opts []nats.Option
	if user := r.Text(User); user != "" {
		opts = append(opts, nats.UserInfo(user, r.Text(Password)))
	} else if v := r.Value(Password); v.Text != "" {
		return nil, &Error{
			What: "a password is given (" + v.Source + ") but no user", Way: "name the user with --user",
		}
	}
	if token := r.Text(Token); token != "" {
		opts = append(opts, nats.Token(token))
	}
	if v := r.Value(Credentials); v.Text != "" {
		path, err := readable(v, Credentials)
		if err != nil {
			return nil, err
		}
		opts = append(opts, nats.UserCredentials(path))
	}
	if v := r.Value(NKey); v.Text != "" {
		path, err := readable(v, NKey)
		if err != nil {
			return nil, err
		}
		sign, err := nats.NkeyOptionFromSeed(path)
		if err != nil {
			return nil, &Error{
				What: "nkey " + path + " (" + v.Source + ") holds no seed", Err: err,
				Way: "name a file that contains a line starting with SU",
			}
		}
		opts = append(opts, sign)
	}
	return opts, nil
}

func tlsOptions(r *Resolved) ([]nats.Option, error) {
	var opts []nats.Option
	cert, key := r.Value(TLSCertificate), r.Value(TLSKey)
	switch {
	case cert.Text != "" && key.Text != "":
		certPath, err := readable(cert, TLSCertificate)
		if err != nil {
			return nil, err
		}
		keyPath, err := readable(key, TLSKey)
		if err != nil {
			return nil, err
		}
		opts = append(opts, nats.ClientCert(certPath, keyPath))
	case cert.Text != "" || key.Text != "":
		return nil, &Error{What: "a client certificate needs both --tls-certificate and --tls-key", Way: "give the other one too"}
	}
	if ca := r.Value(TLSCA); ca.Text != "" {
		path, err := readable(ca, TLSCA)
		if err != nil {
			return nil, err
		}
		opts = append(opts, nats.RootCAs(path))
	}
	if r.tlsFirst() {
		opts = append(opts, nats.TLSHandshakeFirst())
	}
	return opts, nil
}

// readable returns the path with ~/ expanded if the file can be opened.
func readable(v Value, name Name) (string, error) {
	path := v.Text
	if rest, ok := strings.CutPrefix(path, "~/"); ok {
		home, err := os.UserHomeDir()
		if err != nil {
			return "", &Error{What: fmt.Sprintf("%s %s (%s)", name, path, v.Source), Reason: err.Error(), Err: err}
		}
		path = filepath.Join(home, rest)
	}
	f, err := os.Open(path)
	if err != nil {
		return "", &Error{
			What: fmt.Sprintf("cannot read %s (%s)", name, v.Source), Reason: err.Error(), Err: err,
			Way: "check the file's name and permissions",
		}
	}
	return path, f.Close()
}

// dialer opens the TCP connections and remembers why one failed: the client
// library reports refused connections only as "no servers available". It holds
// a context because the library's interface passes none.
type dialer struct {
	timeout time.Duration

	mu   sync.Mutex
	ctx  context.Context // ends the first connect only; nil afterwards
	errs []error
}

type dialError struct {
	address string
	err     error
}

func (e *dialError) Error() string { return e.address + ": " + e.err.Error() }
func (e *dialError) Unwrap() error { return e.err }

// Dial implements [nats.CustomDialer].
func (d *dialer) Dial(network, address string) (net.Conn, error) {
	d.mu.Lock()
	ctx := d.ctx
	d.mu.Unlock()
	if ctx == nil {
		ctx = context.Background()
	}
	nd := net.Dialer{Timeout: d.timeout}
	conn, err := nd.DialContext(ctx, network, address)
	if err == nil {
		return conn, nil
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.ctx != nil {
		d.errs = append(d.errs, &dialError{address, err})
	}
	return nil, err
}

// connected ends the phase in which errors are collected and ctx counts.
func (d *dialer) connected() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.ctx, d.errs = nil, nil
}

func (d *dialer) takeErrors() []error {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.errs
}
