package client_test

import (
	"bufio"
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tidings-io/tidings/internal/client"
)

// answering returns the address of a listener that writes greeting to whoever
// connects, then reads up to the first PING if it has a farewell to write, and
// closes the connection.
func answering(t *testing.T, greeting, farewell string) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	t.Cleanup(func() {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
		<-done
	})
	go func() {
		defer close(done)
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			_, _ = conn.Write([]byte(greeting)) // the client may be gone already
			in := bufio.NewScanner(conn)
			for farewell != "" && in.Scan() {
				if in.Text() == "PING" {
					_, _ = conn.Write([]byte(farewell)) // likewise
					break
				}
			}
			_ = conn.Close()
		}
	}()
	return l.Addr().String()
}

// refusing returns an address nothing listens on.
func refusing(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	return address
}

func dial(ctx context.Context, t *testing.T, flags client.Settings) error {
	t.Helper()
	r, err := client.Resolve(client.Inputs{Flags: flags, Getenv: environment(nil)})
	if err != nil {
		t.Fatal(err)
	}
	nc, err := client.Dial(ctx, r, client.Options{})
	if err == nil {
		nc.Close()
		t.Fatalf("connected with %v", flags)
	}
	return err
}

func TestFailedConnectionsNameThingReasonAndWayOut(t *testing.T) {
	t.Parallel()
	f := func(flags client.Settings, kind client.Kind, want ...string) {
		t.Helper()
		err := dial(t.Context(), t, flags)
		var e *client.Error
		if !errors.As(err, &e) || e.Kind != kind {
			t.Errorf("%v: got %#v, want kind %d", flags, err, kind)
		}
		for _, part := range want {
			if !strings.Contains(err.Error(), part) {
				t.Errorf("got %q, want it to contain %q", err, part)
			}
		}
	}
	refused, garbage, hangup := refusing(t), answering(t, "HTTP/1.0 200 OK\r\n\r\n", ""), answering(t, "", "")
	f(client.Settings{client.Server: refused}, client.CannotConnect,
		"cannot connect to nats://"+refused, "connection refused", "tidings serve", "--server")
	f(client.Settings{client.Server: refused + "," + hangup}, client.CannotConnect, refused, hangup)
	f(client.Settings{client.Server: "nats://ann:geheim@" + hangup}, client.CannotConnect, "ann:********@"+hangup, "closed the connection")
	f(client.Settings{client.Server: garbage}, client.CannotConnect, "cannot connect to nats://"+garbage, "does not speak the protocol")
	f(client.Settings{client.Server: refused, client.Password: "x"}, client.Failed, "a password is given (flag --password) but no user", "--user")
	f(client.Settings{client.Server: refused, client.TLSKey: "x"}, client.Failed, "needs both --tls-certificate and --tls-key")
	missing := filepath.Join(t.TempDir(), "missing")
	f(client.Settings{client.Server: refused, client.Credentials: missing}, client.Failed, "cannot read credentials (flag --credentials)", missing)
	empty := filepath.Join(t.TempDir(), "empty")
	if err := os.WriteFile(empty, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	f(client.Settings{client.Server: refused, client.NKey: empty}, client.Failed, "holds no seed")
}

func TestRefusedCredentialsAreUnauthorized(t *testing.T) {
	t.Parallel()
	address := answering(t, "INFO {\"auth_required\":true,\"max_payload\":1024}\r\n", "-ERR 'Authorization Violation'\r\n")
	err := dial(t.Context(), t, client.Settings{client.Server: address, client.User: "ann", client.Password: "geheim"})
	var e *client.Error
	if !errors.As(err, &e) || e.Kind != client.Unauthorized {
		t.Fatalf("got %#v", err)
	}
	if text := err.Error(); !strings.Contains(text, "refused user ann (flag --user)") || strings.Contains(text, "geheim") {
		t.Errorf("got %q", text)
	}
}

func TestDialEndsWhenInterrupted(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := dial(ctx, t, client.Settings{client.Server: refusing(t)}); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}
