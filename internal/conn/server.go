package conn

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/tidings-io/tidings/internal/auth"
	"github.com/tidings-io/tidings/internal/core"
	"github.com/tidings-io/tidings/internal/serverlog"
	"github.com/tidings-io/tidings/internal/transport"
	"github.com/tidings-io/tidings/internal/wire"
)

// Authenticator decides who may use the server.
type Authenticator interface {
	// Required tells whether a client must present something.
	Required() bool
	// Authenticate returns who the client is, or an error that only the log sees.
	Authenticate(auth.Request) (auth.Identity, error)
}

// Server owns the client connections. Safe for concurrent use.
type Server struct {
	cfg      Config
	accounts *core.Accounts
	gate     Authenticator // nil: everybody is let in
	log      *slog.Logger
	limiter  *serverlog.Limiter[string]
	lot      *transport.Lot
	closeLot sync.Once
	wheel    *wheel
	runners  *runners
	info     wire.ServerInfo
	infos    sync.Map // infoKind → *wire.InfoTemplate
	started  time.Time
	ctx      context.Context // ends with Close; for handshakes
	cancel   context.CancelFunc

	trace    atomic.Bool
	nextID   atomic.Uint64
	open     atomic.Int64
	total    atomic.Uint64
	lameDuck atomic.Bool
	rate     handshakeRate
	stats    stats

	serving sync.WaitGroup // who adds connections
	running sync.WaitGroup // goroutines of closing connections
	shards  [registryShards]registry
	closed  closedRing

	mu struct {
		sync.Mutex
		listeners []net.Listener
		draining  bool
		connected chan struct{} // closed when the last connection is gone; nil if nobody waits
	}
}

const registryShards = 32

type registry struct {
	mu    sync.Mutex
	conns map[uint64]*Conn
}

type stats struct {
	slowPending  atomic.Uint64
	slowDeadline atomic.Uint64
	stale        atomic.Uint64
	stalls       atomic.Uint64
	dropped      atomic.Uint64
	violations   atomic.Uint64
	authFailed   atomic.Uint64
}

// NewServer returns a server without listeners. gate may be nil.
func NewServer(cfg Config, accounts *core.Accounts, gate Authenticator, log *slog.Logger) (*Server, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	s := &Server{
		cfg: cfg, accounts: accounts, gate: gate, log: log,
		limiter: serverlog.NewLimiter[string](time.Second, 1024),
		wheel:   newWheel(),
		runners: newRunners(),
		started: time.Now(),
	}
	s.ctx, s.cancel = context.WithCancel(context.Background())
	s.trace.Store(cfg.Trace)
	if !cfg.Portable {
		lot, err := transport.NewLot()
		if err != nil {
			return nil, err
		}
		s.lot = lot
	}
	s.closed.size = cfg.MaxClosed
	for i := range s.shards {
		s.shards[i].conns = map[uint64]*Conn{}
	}
	s.info = s.baseInfo()
	go s.wheel.turnAround()
	return s, nil
}

// Serve accepts clients until the listener is closed. It closes the listener when
// the server closes.
func (s *Server) Serve(l net.Listener) error {
	s.mu.Lock()
	if s.mu.draining {
		s.mu.Unlock()
		return errors.Join(net.ErrClosed, l.Close())
	}
	s.mu.listeners = append(s.mu.listeners, l)
	s.serving.Add(1)
	s.mu.Unlock()
	defer s.serving.Done()
	pause := acceptPauseFirst
	for {
		nc, err := l.Accept()
		if err != nil {
			if errors.Is(err, net.ErrClosed) {
				return nil
			}
			s.log.Error("Accepting a client failed; trying again", "error", err, "pause", pause)
			if sleep(s.ctx, pause) != nil {
				return nil
			}
			pause = min(2*pause, acceptPauseLongest)
			continue
		}
		pause = acceptPauseFirst
		s.accept(nc)
	}
}

const (
	acceptPauseFirst   = 10 * time.Millisecond
	acceptPauseLongest = time.Second
)

func (s *Server) accept(nc net.Conn) {
	var sock transport.Socket
	tcp, ok := nc.(*net.TCPConn)
	if ok && !s.cfg.Portable {
		var err error
		if sock, err = transport.NewTCP(tcp, s.lot); err != nil {
			s.log.Error("Client socket could not be used", "error", err)
			_ = nc.Close()
			return
		}
	} else {
		sock = transport.NewPortable(nc)
	}
	s.adopt(sock)
}

// InProcess returns the client's end of a new connection inside this process.
func (s *Server) InProcess() (net.Conn, error) {
	s.mu.Lock()
	if s.mu.draining {
		s.mu.Unlock()
		return nil, errors.New("server is shutting down")
	}
	s.serving.Add(1)
	s.mu.Unlock()
	defer s.serving.Done()
	sock, client := transport.NewPipe()
	s.adopt(sock)
	return client, nil
}

// adopt makes a connection of a socket and starts it.
func (s *Server) adopt(sock transport.Socket) {
	now := time.Now()
	c := &Conn{server: s, id: s.nextID.Add(1), start: now, addr: sock.RemoteAddr(), sock: sock, base: sock, batch: vectorMax}
	c.wakeFn = c.wake
	c.options, c.account = &anonymous, s.accounts.Global()
	c.active.Store(now.UnixNano())
	c.used.Store(now.UnixNano())
	c.shown.Store(s.nobody())
	if !c.admit() {
		_ = sock.Close() // the panic is what there is to report
		return
	}
	secure := s.cfg.TLS != nil && !sock.InProcess()
	c.set(flagHandshake, secure)
	if !s.register(c) {
		c.reject(wire.TextMaxConnections)
		return
	}
	c.account.Connections.Add(1)
	c.account.TotalConns.Add(1)
	if s.log.Enabled(s.ctx, slog.LevelDebug) {
		s.log.Debug("Client connection created", "cid", c.id, "remote", c.remote().String())
	}
	if secure {
		go c.secure()
		return
	}
	s.runners.run(job{c: c, begin: true, info: true})
}

// admit lets a connection in that need not say who it is. It returns false after
// a panic of the gate.
func (c *Conn) admit() (ok bool) {
	defer func() {
		if x := recover(); x != nil {
			c.logPanic(x)
			ok = false
		}
	}()
	gate := c.server.gate
	if gate != nil && gate.Required() {
		return true
	}
	c.admitted = true
	c.set(flagAdmitted, true)
	if gate == nil {
		return true
	}
	id, err := gate.Authenticate(auth.Request{Connect: wire.DefaultConnect(), RemoteAddr: c.addr, InProcess: c.base.InProcess()})
	if err != nil {
		c.admitted = false
		c.set(flagAdmitted, false)
		return true
	}
	c.account, c.perms = id.Account, id.Permissions
	c.set(flagFilters, id.Permissions != nil)
	if id.Account != c.server.accounts.Global() || id.User != "" || id.Permissions != nil {
		c.shown.Store(&identity{user: id.User, account: id.Account, perms: id.Permissions})
	}
	return true
}

// begin sends INFO, if asked to, and reads until the connection parks or ends.
func (c *Conn) begin(info bool) {
	defer func() {
		if x := recover(); x != nil {
			c.panicked(x)
		}
	}()
	s := c.server
	if info {
		c.send(s.greeting(c))
	}
	first := s.cfg.PingInterval
	if !c.admitted {
		first = s.cfg.AuthTimeout
	}
	s.wheel.hasten(c, jitter(first))
	if c.closing() {
		return
	}
	// Not parked: the client is about to speak, and what came with the end of a TLS
	// handshake is in the session already.
	c.run()
}

var anonymous = wire.DefaultConnect()

// nobody is what is shown of a connection that has said nothing.
func (s *Server) nobody() *identity { return &identity{account: s.accounts.Global()} }

// reject refuses a connection that was never registered.
func (c *Conn) reject(text string) {
	s := c.server
	s.slowLog(c, text+": connection refused", 0)
	c.flags.Or(flagClosed)
	_, _ = c.sock.WriteWait([][]byte{wire.AppendErr(nil, text)}, time.Now().Add(time.Second)) // best effort
	c.sock.CloseWrite()
	_ = c.sock.Close()
}

// register adds the connection unless there are too many.
func (s *Server) register(c *Conn) bool {
	n := s.open.Add(1)
	if s.cfg.MaxConns > 0 && n > int64(s.cfg.MaxConns) {
		s.open.Add(-1)
		return false
	}
	s.total.Add(1)
	r := &s.shards[c.id%registryShards]
	r.mu.Lock()
	r.conns[c.id] = c
	r.mu.Unlock()
	return true
}

// forget takes a closed connection out of the registry and remembers it.
func (s *Server) forget(c *Conn, reason wire.Reason, subs int) {
	r := &s.shards[c.id%registryShards]
	r.mu.Lock()
	delete(r.conns, c.id)
	r.mu.Unlock()
	if reason == wire.AuthenticationFailure || reason == wire.AuthenticationTimeout {
		s.stats.authFailed.Add(1)
	}
	s.closed.add(c.snapshotClosed(reason, subs))
	if s.open.Add(-1) == 0 {
		s.mu.Lock()
		if s.mu.connected != nil {
			close(s.mu.connected)
			s.mu.connected = nil
		}
		s.mu.Unlock()
	}
}

// conns returns the open connections, in no order.
func (s *Server) conns() []*Conn {
	list := make([]*Conn, 0, s.open.Load()+8)
	for i := range s.shards {
		r := &s.shards[i]
		r.mu.Lock()
		for _, c := range r.conns {
			list = append(list, c)
		}
		r.mu.Unlock()
	}
	return list
}

// slowLog logs a warning about a connection at most once a second for each text.
func (s *Server) slowLog(c *Conn, text string, pending int) {
	id := c.shown.Load()
	s.limiter.Log(s.ctx, s.log, slog.LevelWarn, text, time.Now(), text,
		slog.Uint64("cid", c.id), slog.String("remote", c.remote().String()), slog.String("name", id.name),
		slog.String("account", id.account.Name()), slog.Int("pending_bytes", pending))
}

func (s *Server) baseInfo() wire.ServerInfo {
	i := wire.ServerInfo{
		ServerID: s.cfg.ID, ServerName: s.cfg.Name, Version: s.cfg.Version, Proto: 1,
		GitCommit: s.cfg.GitCommit, GoVersion: goVersion, Host: s.cfg.Host, Port: s.cfg.Port,
		Headers: !s.cfg.NoHeaders, MaxPayload: s.cfg.MaxPayload, ConnectURLs: s.cfg.ConnectURLs,
		APILevel: s.cfg.APILevel, XKey: s.cfg.XKey, Tidings: s.cfg.Tidings,
	}
	if s.cfg.JetStream {
		i.JetStream, i.Domain = true, s.cfg.Domain
	}
	i.AuthRequired = s.gate != nil && s.gate.Required()
	if t := s.cfg.TLS; t != nil {
		i.TLSRequired, i.TLSAvailable = !t.AllowPlain, t.AllowPlain
		i.TLSVerify = t.verifies()
	}
	return i
}

// LameDuck tells clients that the server is going away, stops accepting, and
// closes the connections one by one over the duration, after the grace period.
func (s *Server) LameDuck(ctx context.Context, grace, duration time.Duration) error {
	s.stopAccepting()
	s.lameDuck.Store(true)
	for _, c := range s.conns() {
		if c.has(flagInfo) {
			c.send(s.infoLameDuck(c))
		}
	}
	if err := sleep(ctx, grace); err != nil {
		return err
	}
	list := s.conns()
	rand.Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
	if len(list) > 0 {
		pause := duration / time.Duration(len(list))
		for _, c := range list {
			c.finish(wire.ServerShutdown, s.cfg.WriteDeadline)
			if err := sleep(ctx, pause); err != nil {
				return err
			}
		}
	}
	return s.Close(ctx)
}

func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// stopAccepting closes the listeners.
func (s *Server) stopAccepting() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.mu.draining = true
	for _, l := range s.mu.listeners {
		_ = l.Close() // nothing depends on it any more
	}
	s.mu.listeners = nil
}

// Close stops accepting, writes out what is queued for each client and closes
// the connections. Whatever a client has had a PONG for reaches all who should
// get it. Close returns when all connections are gone, or after it cut off those
// that remained when ctx ended, with an error if they had not taken everything.
func (s *Server) Close(ctx context.Context) error {
	s.stopAccepting()
	s.serving.Wait()
	conns := s.conns()
	for _, c := range conns {
		c.set(flagEnding, true)
	}
	s.accounts.Departed() // batches that may still be answered with a PONG
	for _, c := range conns {
		c.finish(wire.ServerShutdown, s.cfg.WriteDeadline)
	}
	err := s.waitGone(ctx)
	if err != nil {
		err = s.cutOff(err)
		_ = s.waitGone(context.Background())
	}
	s.cancel()
	s.wheel.stop()
	s.running.Wait()
	s.closeLot.Do(func() {
		err = errors.Join(err, s.lot.Close())
		s.runners.stop()
	})
	return err
}

// cutOff closes the connections that remain. It returns an error if some of them
// had not taken everything.
func (s *Server) cutOff(why error) error {
	behind := 0
	for _, c := range s.conns() {
		if !c.ended() {
			behind++
		}
		c.close(wire.ServerShutdown)
	}
	if behind == 0 {
		return nil
	}
	return fmt.Errorf("%d connections were cut off before they took all their messages: %w", behind, why)
}

// waitGone waits until no connection is open.
func (s *Server) waitGone(ctx context.Context) error {
	s.mu.Lock()
	if s.open.Load() == 0 {
		s.mu.Unlock()
		return nil
	}
	if s.mu.connected == nil {
		s.mu.connected = make(chan struct{})
	}
	gone := s.mu.connected
	s.mu.Unlock()
	select {
	case <-gone:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// SetTrace turns the logging of single operations on or off.
func (s *Server) SetTrace(on bool) { s.trace.Store(on) }
