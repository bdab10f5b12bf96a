// Package testserver starts a real server for a test, in one line: on a free
// loopback port, with files in the test's temporary directory, stopped when the
// test ends.
//
//	s := testserver.Start(t)
//	nc, err := nats.Connect(s.URL)
//
// StartConfig takes the text of a configuration file. The server's log goes to
// the test's log if the test fails.
package testserver

import (
	"bytes"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/tidings-io/tidings/internal/options"
	"github.com/tidings-io/tidings/internal/server"
	"github.com/tidings-io/tidings/internal/serverlog"
)

// Server is a running server.
type Server struct {
	*server.Server
	URL string // for clients
	log *buffer
}

// Start starts a server with the defaults.
func Start(t testing.TB) *Server { return StartConfig(t, "") }

// StartConfig starts a server with the text of a configuration file. Unless the
// text says where to listen, it is a free loopback port.
func StartConfig(t testing.TB, text string) *Server { return start(t, text, server.Setup{}) }

// StartPortable is StartConfig for a server that uses only what every operating
// system has.
func StartPortable(t testing.TB, text string) *Server {
	return start(t, text, server.Setup{Portable: true})
}

func start(t testing.TB, text string, setup server.Setup) *Server {
	t.Helper()
	file := filepath.Join(t.TempDir(), "server.conf")
	if err := os.WriteFile(file, []byte("host: 127.0.0.1\nport: -1\n"+text), 0o600); err != nil {
		t.Fatal(err)
	}
	o, err := options.Load(options.Flags{ConfigFile: file})
	if err != nil {
		t.Fatal(err)
	}
	out := &buffer{}
	log, err := serverlog.Open(serverlog.Config{Debug: o.Log.Debug, Trace: o.Log.Trace, Stderr: out})
	if err != nil {
		t.Fatal(err)
	}
	setup.Log = log.Logger()
	s, err := server.New(o, setup)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Logf("closing the server: %v", err)
		}
		if t.Failed() {
			t.Logf("server log:\n%s", out.String())
		}
	})
	return &Server{Server: s, URL: s.ClientURL(), log: out}
}

// Log is what the server has logged so far.
func (s *Server) Log() string { return s.log.String() }

type buffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}
