package transport_test

import (
	"bytes"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"testing"

	"github.com/tidings-io/tidings/internal/transport"
)

// What a socket does without blocking rests on this: crypto/tls keeps a partial
// record and stays usable when the connection below has a temporary error.
func TestTLSSurvivesTemporaryErrorsBetweenAnyTwoBytes(t *testing.T) {
	t.Parallel()
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		server, client := loopback(t)
		below := &stutter{Conn: server}
		closeLater(t, transport.NewPortable(below), client)
		tc := tls.Client(client, &tls.Config{InsecureSkipVerify: true, MinVersion: version, MaxVersion: version})
		ts := tls.Server(below, serverTLS())
		want := randomBytes(100_000, 1)
		sent := make(chan error, 1)
		go func() {
			_, err := tc.Write(want)
			sent <- errors.Join(err, tc.Close())
		}()
		if err := ts.HandshakeContext(t.Context()); err != nil {
			t.Fatal(err)
		}
		below.on = true
		var got []byte
		errs := 0
		b := make([]byte, 4096)
		for {
			n, err := ts.Read(b)
			got = append(got, b[:n]...)
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				errs++
				if !errors.Is(err, errLater) {
					t.Fatalf("version %x: after %d bytes: %v", version, len(got), err)
				}
			}
		}
		if !bytes.Equal(got, want) || errs < len(want)/2 { // the handshake's last read takes some
			t.Errorf("version %x: read %d bytes of %d with %d temporary errors", version, len(got), len(want), errs)
		}
		if err := <-sent; err != nil {
			t.Error(err)
		}
	}
}

// stutter returns single bytes, with a temporary error before each.
type stutter struct {
	net.Conn
	on, odd bool
}

var errLater net.Error = laterError{}

type laterError struct{}

func (laterError) Error() string   { return "later" }
func (laterError) Timeout() bool   { return true }
func (laterError) Temporary() bool { return true }

func (s *stutter) Read(b []byte) (int, error) {
	if !s.on {
		return s.Conn.Read(b)
	}
	if s.odd = !s.odd; s.odd {
		return 0, errLater
	}
	return s.Conn.Read(b[:1])
}

// slowly returns a connection whose bytes reach the server one at a time.
func slowly(t *testing.T) (server *net.TCPConn, client net.Conn) {
	t.Helper()
	server, exit := loopback(t)
	entrance, client := loopback(t)
	copied := make(chan struct{}, 2)
	go func() {
		defer func() { copied <- struct{}{} }()
		b := make([]byte, 1)
		for {
			if _, err := entrance.Read(b); err != nil {
				_ = exit.CloseWrite() // the server's end may be closed already
				return
			}
			if _, err := exit.Write(b); err != nil {
				return
			}
		}
	}()
	go func() {
		defer func() { copied <- struct{}{} }()
		_, _ = io.Copy(entrance, exit) // ends when either end is closed
	}()
	t.Cleanup(func() {
		_, _ = entrance.Close(), exit.Close() // ends the copies
		<-copied
		<-copied
	})
	return server, client
}

// The handshake and the data come byte by byte, and the end behind them.
func TestBytesThatComeOneByOneArrive(t *testing.T) {
	t.Parallel()
	for _, k := range kinds {
		if k.base == "pipe" {
			continue
		}
		t.Run(k.name, func(t *testing.T) {
			t.Parallel()
			server, client := slowly(t)
			s, c := k.wrap(t, server, client)
			want := randomBytes(20_000, 1)
			go func() {
				if _, err := c.Write(want); err != nil {
					t.Error(err)
				}
				if err := c.Close(); err != nil {
					t.Error(err)
				}
			}()
			got, err := read(s, fixed(1000), 1<<20)
			if !bytes.Equal(got, want) || !errors.Is(err, io.EOF) {
				t.Errorf("read %d bytes, %v; as sent: %v", len(got), err, bytes.Equal(got, want))
			}
		})
	}
}

// What was read of a handshake before the upgrade belongs to it, and a nudge
// that came too late to interrupt that read does no harm.
func TestHandshakeTakesWhatWasReadBefore(t *testing.T) {
	t.Parallel()
	for _, k := range kinds {
		if k.version == 0 {
			continue
		}
		t.Run(k.name, func(t *testing.T) {
			t.Parallel()
			server, client := loopback(t)
			s := k.socket(t, server)
			closeLater(t, s, client)
			tc := tls.Client(client, &tls.Config{InsecureSkipVerify: true, MaxVersion: k.version})
			sent := make(chan error, 1)
			go func() {
				_, err := tc.Write([]byte("hello"))
				sent <- err
			}()
			seen, err := read(s, fixed(1), 1)
			if err != nil {
				t.Fatal(err)
			}
			s.Nudge()
			e, err := transport.UpgradeTLS(t.Context(), s, serverTLS(), seen)
			if err != nil {
				t.Fatal(err)
			}
			if got, err := read(e, fixed(100), 5); string(got) != "hello" || err != nil {
				t.Errorf("read %q, %v", got, err)
			}
			if err := <-sent; err != nil {
				t.Error(err)
			}
		})
	}
}
