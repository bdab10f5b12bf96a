package conn_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/tidings-io/tidings/internal/auth"
	"github.com/tidings-io/tidings/internal/conn"
	"github.com/tidings-io/tidings/internal/core"
)

// running is a server of client connections on a loopback port, without what is
// around it in a process.
type running struct {
	*conn.Server
	t        testing.TB
	addr     string
	accounts *core.Accounts
	log      *logBuffer
	served   chan struct{} // closed when Serve has returned
}

// setting changes what a server is started with.
type setting func(*setup)

type setup struct {
	conn.Config
	gate func(*core.Accounts) conn.Authenticator
}

func portable(s *setup) { s.Portable = true }

func configured(f func(*conn.Config)) setting { return func(s *setup) { f(&s.Config) } }

func guarded(cfg auth.Config) setting {
	return func(s *setup) {
		s.gate = func(as *core.Accounts) conn.Authenticator {
			g, err := auth.New(cfg, as)
			if err != nil {
				panic(err)
			}
			return g
		}
	}
}

func gate(a conn.Authenticator) setting {
	return func(s *setup) { s.gate = func(*core.Accounts) conn.Authenticator { return a } }
}

// newServer returns a server that does not listen.
func newServer(t testing.TB, settings ...setting) *running {
	t.Helper()
	su := &setup{Config: conn.DefaultConfig()}
	su.Name, su.ID, su.NoFirstPing = "test", "TEST", true
	for _, f := range settings {
		f(su)
	}
	s := &running{t: t, accounts: core.NewAccounts(), log: &logBuffer{}, served: make(chan struct{})}
	var a conn.Authenticator
	if su.gate != nil {
		a = su.gate(s.accounts)
	}
	log := slog.New(slog.NewTextHandler(s.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	var err error
	if s.Server, err = conn.NewServer(su.Config, s.accounts, a, log); err != nil {
		t.Fatal(err)
	}
	return s
}

// start returns a server that listens and is closed with the test.
func start(t testing.TB, settings ...setting) *running {
	t.Helper()
	s := newServer(t, settings...)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s.addr = l.Addr().String()
	go func() {
		defer close(s.served)
		if err := s.Serve(l); err != nil && !errors.Is(err, net.ErrClosed) {
			t.Errorf("Serve: %v", err)
		}
	}()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 100*time.Millisecond)
		defer cancel()
		_ = s.Close(ctx) // clients that a test left are cut off
		<-s.served
		if t.Failed() {
			t.Logf("server log:\n%.20000s", s.log.String())
		}
	})
	return s
}

// nats connects a real client.
func (s *running) nats(options ...nats.Option) *nats.Conn {
	s.t.Helper()
	options = append([]nats.Option{nats.NoReconnect(), nats.Timeout(20 * time.Second)}, options...)
	nc, err := nats.Connect("nats://"+s.addr, options...)
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(nc.Close)
	return nc
}

// gone waits until connection id is closed and returns what is kept of it.
func (s *running) gone(id uint64) conn.Snapshot {
	s.t.Helper()
	var found conn.Snapshot
	eventually(s.t, "the connection is closed", func() bool {
		for _, sn := range s.Closed() {
			if sn.ID == id {
				found = sn
				return true
			}
		}
		return false
	})
	return found
}

// open returns the snapshot of an open connection.
func (s *running) open(id uint64) (conn.Snapshot, bool) {
	for _, sn := range s.Connections() {
		if sn.ID == id {
			return sn, true
		}
	}
	return conn.Snapshot{}, false
}

// logs waits for a log line with all of the texts.
func (s *running) logs(texts ...string) {
	s.t.Helper()
	eventually(s.t, "a log line with "+strings.Join(texts, " and "), func() bool { return s.log.count(texts...) > 0 })
}

type logBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// count is the number of lines with all of the texts.
func (l *logBuffer) count(texts ...string) int {
	n := 0
lines:
	for line := range strings.Lines(l.String()) {
		for _, text := range texts {
			if !strings.Contains(line, text) {
				continue lines
			}
		}
		n++
	}
	return n
}

// bothKinds runs a test on a server with all that the system offers, and on a
// portable one.
func bothKinds(t *testing.T, f func(t *testing.T, kind setting)) {
	t.Run("native", func(t *testing.T) { t.Parallel(); f(t, func(*setup) {}) })
	t.Run("portable", func(t *testing.T) { t.Parallel(); f(t, portable) })
}
