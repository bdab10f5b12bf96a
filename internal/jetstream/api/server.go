package api

import (
	"context"
	"sync"
	"sync/atomic"

	"github.com/tidings-io/tidings/internal/core"
)

// Server serves the API for the accounts of a server. Use [New]. Safe for
// concurrent use.
type Server struct {
	// immutable after New
	cfg  Config
	node Node
	ctx  context.Context // ends transfers
	stop context.CancelFunc

	cache *recordCache
	doors atomic.Uint64 // numbers given to doors; written by register

	working sync.WaitGroup // queues and transfers that run

	mu struct {
		sync.Mutex
		desks  map[*core.Account]*desk
		closed bool
	}
}

// New returns a server that serves no account yet.
func New(cfg Config, node Node) *Server {
	cfg.fill()
	s := &Server{cfg: cfg, node: node, cache: newRecordCache()}
	s.ctx, s.stop = context.WithCancel(context.Background())
	s.mu.desks = map[*core.Account]*desk{}
	return s
}

// Serve begins to answer requests of an account, whether JetStream is enabled for
// it or not: what is not enabled says so. Serving it twice changes nothing.
func (s *Server) Serve(a *core.Account) {
	if d := s.desk(a); d != nil {
		d.open()
	}
}

// desk returns the desk of the account, nil after Close.
func (s *Server) desk(a *core.Account) *desk {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.mu.closed {
		return nil
	}
	d := s.mu.desks[a]
	if d == nil {
		d = newDesk(s, a)
		s.mu.desks[a] = d
	}
	return d
}

// Register makes the stream answer direct gets, if its configuration allows that,
// and stop if it does not. It is called for each stream, after it was created and
// each time its configuration has changed.
func (s *Server) Register(a *core.Account, stream Stream) {
	if d := s.desk(a); d != nil {
		d.register(stream)
	}
}

// Unregister makes a stream that is no more stop to answer direct gets.
func (s *Server) Unregister(a *core.Account, name string) {
	if d := s.desk(a); d != nil {
		d.unregister(name)
	}
}

// Close takes no more requests and waits until those that wait are answered.
// Transfers are broken off. It may be called twice.
func (s *Server) Close() {
	s.mu.Lock()
	desks := s.mu.desks
	s.mu.desks = nil
	s.mu.closed = true
	s.mu.Unlock()
	for _, d := range desks {
		d.close()
	}
	s.cfg.Accounts.Departed()
	s.stop()
	s.working.Wait()
}

// work runs f in a goroutine that Close waits for.
func (s *Server) work(f func()) { s.working.Go(f) }
