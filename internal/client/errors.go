package client

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"syscall"
	"time"

	"github.com/nats-io/nats.go"
)

// Kind classifies an [Error]; commands turn it into their exit code.
type Kind int

// The kinds of [Error].
const (
	Failed        Kind = iota // anything else
	CannotConnect             // no server could be reached or spoken to
	Unauthorized              // the server refused the user, or the user lacks a permission
	TimedOut                  // nothing came in time
	NoResponders              // nobody listens on the subject of a request
)

// Error is what a person reads: the thing, the reason, the way out.
type Error struct {
	Kind   Kind
	What   string // what was attempted, such as "cannot connect to nats://127.0.0.1:4222"
	Reason string // may be empty
	Way    string // what to do about it; may be empty
	Err    error  // the cause, for errors.Is
}

func (e *Error) Error() string {
	text := e.What
	if e.Reason != "" {
		text += ": " + e.Reason
	}
	if e.Way != "" {
		text += "; " + e.Way
	}
	return text
}

func (e *Error) Unwrap() error { return e.Err }

// connectError explains why no connection came about. cause is what the client
// library said, refusals what the dialer saw, one error per address.
func connectError(r *Resolved, cause error, refusals []error) error {
	servers := r.Servers()
	for i, s := range servers {
		servers[i] = RedactURL(s)
	}
	e := &Error{Kind: CannotConnect, Err: cause, What: "cannot connect to " + strings.Join(servers, ", ")}
	if source := r.Value(Server).Source; source != "default" {
		e.What += " (" + r.Describe() + ")"
	}
	if errors.Is(cause, nats.ErrNoServers) && len(refusals) > 0 {
		e.Reason, e.Way = reasonAndWay(refusals[0], r.Timeout())
		if len(refusals) > 1 {
			e.Reason = joinReasons(refusals, r.Timeout())
		}
		return e
	}
	if isAuthError(cause) {
		e.Kind = Unauthorized
		e.Reason = "the server refused " + r.identity()
		e.Way = "give --user and --password, --token, --credentials or --nkey, or choose a context with --context"
		return e
	}
	e.Reason, e.Way = reasonAndWay(cause, r.Timeout())
	if notTLS := (tls.RecordHeaderError{}); r.tlsFirst() && errors.As(cause, &notTLS) {
		e.Reason, e.Way = "the server does not start TLS at once", "leave --tls-first out"
	}
	return e
}

// identity names who tried to connect, without secrets.
func (r *Resolved) identity() string {
	for _, name := range []Name{Credentials, NKey, User} {
		if v := r.Value(name); v.Text != "" {
			return fmt.Sprintf("%s %s (%s)", name, v.Text, v.Source)
		}
	}
	if v := r.Value(Token); v.Text != "" {
		return "the token (" + v.Source + ")"
	}
	if hasUserInfo(r.Text(Server)) {
		return "the user in the server's URL (" + r.Value(Server).Source + ")"
	}
	return "a connection without credentials"
}

func isAuthError(err error) bool {
	for _, target := range []error{nats.ErrAuthorization, nats.ErrAuthExpired, nats.ErrAuthRevoked, nats.ErrAccountAuthExpired} {
		if errors.Is(err, target) {
			return true
		}
	}
	text := strings.ToLower(err.Error())
	return strings.Contains(text, "authorization violation") || strings.Contains(text, "authentication")
}

// reasonAndWay puts a network error into words.
func reasonAndWay(err error, timeout time.Duration) (reason, way string) {
	var (
		dns       *net.DNSError
		authority x509.UnknownAuthorityError
		hostname  x509.HostnameError
		notTLS    tls.RecordHeaderError
		netError  net.Error
	)
	const check = "check that --server names a server of this kind"
	switch {
	case errors.Is(err, context.Canceled):
		return "interrupted", ""
	case errors.Is(err, syscall.ECONNREFUSED):
		return "connection refused", "start a server with `tidings serve` or choose one with --server"
	case errors.As(err, &dns):
		return "host " + dns.Name + " not found", "check its name or choose another server with --server"
	case errors.As(err, &authority):
		return "the server's certificate is signed by an unknown authority", "name the authority's certificate with --tls-ca"
	case errors.As(err, &hostname):
		return "the server's certificate is for another host: " + hostname.Error(), "use a name the certificate contains"
	case errors.As(err, &notTLS):
		return "the server does not speak TLS here", "use nats:// instead of tls://, or another port"
	case errors.Is(err, nats.ErrSecureConnWanted):
		return "the server does not offer TLS", "use nats:// instead of tls:// and leave --tls-* flags out"
	case errors.Is(err, nats.ErrSecureConnRequired):
		return "the server requires TLS", "name its authority's certificate with --tls-ca"
	case errors.Is(err, nats.ErrNoInfoReceived):
		return "what answers there does not speak the protocol", check
	case errors.Is(err, io.EOF) || errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE):
		return "the server closed the connection", check + " and whether it requires TLS"
	case errors.Is(err, nats.ErrTimeout) || errors.As(err, &netError) && netError.Timeout():
		return "no answer within " + timeout.String(), "check the address, or wait longer with --timeout"
	}
	return strings.TrimPrefix(err.Error(), "nats: "), ""
}

func joinReasons(refusals []error, timeout time.Duration) string {
	var parts []string
	for _, err := range refusals {
		reason, _ := reasonAndWay(err, timeout)
		if op, ok := errors.AsType[*dialError](err); ok {
			reason = op.address + ": " + reason
		}
		parts = append(parts, reason)
	}
	return strings.Join(parts, ", ")
}

// Explain turns an error of an open connection into an [*Error]. what says
// what was attempted. A nil error and one that is an [*Error] stay.
func Explain(what string, err error) error {
	var already *Error
	if err == nil || errors.As(err, &already) {
		return err
	}
	e := &Error{Kind: Failed, What: what, Err: err}
	switch {
	case errors.Is(err, nats.ErrPermissionViolation):
		e.Kind = Unauthorized
		e.Reason = permissionReason(err)
		e.Way = "use a user who may do that (--user, --credentials or --context)"
	case isAuthError(err):
		e.Kind, e.Reason = Unauthorized, strings.TrimPrefix(err.Error(), "nats: ")
	case errors.Is(err, nats.ErrNoResponders):
		e.Kind, e.Reason = NoResponders, "no responders"
		e.Way = "nothing subscribes to that subject; start what should answer, or check the subject"
	case errors.Is(err, nats.ErrTimeout), errors.Is(err, context.DeadlineExceeded):
		e.Kind, e.Reason = TimedOut, "no answer in time"
		e.Way = "wait longer with --timeout"
	case errors.Is(err, context.Canceled):
		e.Reason = "interrupted"
	case errors.Is(err, nats.ErrConnectionClosed), errors.Is(err, io.EOF):
		e.Kind, e.Reason = CannotConnect, "the server closed the connection"
	default:
		e.Reason = strings.TrimPrefix(err.Error(), "nats: ")
	}
	return e
}

// permissionReason extracts the server's words about a missing permission.
func permissionReason(err error) string {
	text := err.Error()
	if i := strings.LastIndex(text, "Permissions Violation for "); i >= 0 {
		return "no permission for " + lowerFirst(strings.TrimPrefix(text[i:], "Permissions Violation for "))
	}
	return strings.TrimPrefix(text, "nats: ")
}

func lowerFirst(text string) string {
	if text == "" {
		return text
	}
	return strings.ToLower(text[:1]) + text[1:]
}
