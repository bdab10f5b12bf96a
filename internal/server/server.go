package server

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"strconv"
	"sync"
	"time"

	"github.com/nats-io/nkeys"

	"github.com/tidings-io/tidings/internal/auth"
	"github.com/tidings-io/tidings/internal/conn"
	"github.com/tidings-io/tidings/internal/core"
	"github.com/tidings-io/tidings/internal/options"
)

// closeTimeout is how long Close waits for clients to take what is queued.
const closeTimeout = 2 * time.Second

// drainTimeout is how long Drain waits for that.
const drainTimeout = 30 * time.Second

// Server is one server. Its methods are safe for concurrent use.
type Server struct {
	options  *options.Options
	log      *slog.Logger
	id, name string
	accounts *core.Accounts
	conns    *conn.Server
	js       jetStream
	noListen bool

	stopOnce sync.Once
	stopErr  error
	stopped  chan struct{}
	serving  sync.WaitGroup
	endRest  context.CancelFunc // set by Start

	mu struct {
		sync.Mutex
		client  net.Listener
		monitor *monitorListener
		prof    *profListener
		files   []string // to remove at the end
		started bool
	}
}

// Setup is what New needs besides the options.
type Setup struct {
	Log *slog.Logger
	// NoListen opens no client listener: only connections inside the process.
	NoListen bool
	// Portable uses only what every operating system has.
	Portable bool
	// NoFirstPing leaves out the early ping that measures the round trip.
	NoFirstPing bool
}

// New assembles a server; nothing listens yet.
func New(o *options.Options, setup Setup) (*Server, error) {
	id, err := newID()
	if err != nil {
		return nil, err
	}
	s := &Server{options: o, log: setup.Log, id: id, name: o.Server.Name, noListen: setup.NoListen, stopped: make(chan struct{})}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	if s.name == "" {
		s.name = id
	}
	s.accounts = core.NewAccounts()
	s.accounts.SetRemembering(!o.Limits.DisableSublistCache)
	gate, err := auth.New(o.Auth, s.accounts)
	if err != nil {
		return nil, fmt.Errorf("authorization: %w", err)
	}
	cfg, err := s.connConfig(setup)
	if err != nil {
		return nil, err
	}
	if s.conns, err = conn.NewServer(cfg, s.accounts, gate, s.log); err != nil {
		return nil, err
	}
	return s, nil
}

// newID returns a server id: the public part of a key made for the occasion.
func newID() (string, error) {
	kp, err := nkeys.CreateServer()
	if err != nil {
		return "", fmt.Errorf("server id: %w", err)
	}
	return kp.PublicKey()
}

func (s *Server) connConfig(setup Setup) (conn.Config, error) {
	o, cfg := s.options, conn.DefaultConfig()
	curve, err := nkeys.CreateCurveKeys()
	if err != nil {
		return cfg, fmt.Errorf("curve key: %w", err)
	}
	if cfg.XKey, err = curve.PublicKey(); err != nil {
		return cfg, fmt.Errorf("curve key: %w", err)
	}
	cfg.Name, cfg.ID, cfg.Version, cfg.Tidings, cfg.GitCommit = s.name, s.id, NATSVersion, Version, Commit()
	cfg.APILevel = apiLevel
	cfg.JetStream, cfg.Domain = o.JetStream.Enabled, o.JetStream.Domain
	cfg.Host, cfg.Port = o.Server.Host, max(o.Server.Port, 0)
	if o.Server.ClientAdvertise != "" {
		host, port, err := net.SplitHostPort(o.Server.ClientAdvertise)
		if err != nil {
			host, port = o.Server.ClientAdvertise, strconv.Itoa(o.Server.Port)
		}
		cfg.Host = host
		if cfg.Port, err = strconv.Atoi(port); err != nil {
			return cfg, fmt.Errorf("client_advertise %q: port is not a number; write host:port", o.Server.ClientAdvertise)
		}
	}
	l, t := o.Limits, o.Timing
	cfg.MaxPayload, cfg.MaxControl, cfg.MaxPending = l.MaxPayload, l.MaxControlLine, int(l.MaxPending)
	cfg.MaxConns, cfg.MaxSubs, cfg.MaxSubTokens = l.MaxConnections, l.MaxSubscriptions, l.MaxSubscriptionTokens
	cfg.MaxClosed, cfg.NoHeaders = l.MaxClosedClients, l.NoHeaderSupport
	cfg.NoStall, cfg.RetryWrites = t.NoFastProducerStall, t.WriteTimeout == options.WriteTimeoutRetry
	cfg.PingInterval, cfg.PingMax, cfg.WriteDeadline, cfg.AuthTimeout = t.PingInterval, t.PingMax, t.WriteDeadline, t.AuthTimeout
	cfg.TraceHeaders, cfg.TraceMax = o.Log.TraceHeaders, o.Log.MaxTracedMsgLen
	cfg.Trace, cfg.Portable, cfg.NoFirstPing = o.Log.Trace, setup.Portable, setup.NoFirstPing
	if o.TLS != nil {
		config, err := o.TLS.Config()
		if err != nil {
			return cfg, fmt.Errorf("tls: %w", err)
		}
		config.DynamicRecordSizingDisabled = true // throughput; a batch is large from the start
		cfg.TLS = &conn.TLSConfig{
			Config: config, Timeout: o.TLS.Timeout, AllowPlain: o.TLS.AllowNonTLS,
			First: o.TLS.HandshakeFirst, FirstFallback: o.TLS.FirstFallback, Rate: o.TLS.ConnectionRateLimit,
		}
	}
	return cfg, nil
}

// Start opens the listeners and begins to serve. On an error nothing is left
// open.
func (s *Server) Start() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.mu.started {
		return errors.New("server was started before")
	}
	s.mu.started = true
	if err := s.startLocked(); err != nil {
		return errors.Join(err, s.closeListenersLocked(), s.stopJetStream())
	}
	return nil
}

func (s *Server) startLocked() (err error) {
	s.banner()
	if err := s.startJetStream(); err != nil {
		return err
	}
	if err := s.startMonitorLocked(); err != nil {
		return err
	}
	if err := s.startProfLocked(); err != nil {
		return err
	}
	if !s.noListen {
		if err := s.listenLocked(); err != nil {
			return err
		}
	}
	if err := s.writeFilesLocked(); err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(context.Background())
	s.endRest = cancel
	s.serving.Go(func() { newRest(s.accounts).run(ctx) })
	s.log.Info("Server is ready")
	if l := s.mu.client; l != nil {
		s.serving.Go(func() {
			if err := s.conns.Serve(l); err != nil {
				s.log.Error("Client listener failed", "error", err)
			}
		})
	}
	return nil
}

func (s *Server) listenLocked() error {
	o := s.options.Server
	l, err := listen(o.Host, o.Port)
	if err != nil {
		return fmt.Errorf("client listener: %w", err)
	}
	s.mu.client = l
	addr, _ := netip.ParseAddrPort(l.Addr().String())
	if o.ClientAdvertise == "" {
		s.conns.Announce(o.Host, int(addr.Port()))
	}
	s.log.Info("Listening for client connections", "address", l.Addr().String())
	if addr.Addr().IsLoopback() && s.options.ConfigFile == "" {
		s.log.Info("Only programs on this machine can connect; use --addr 0.0.0.0 with authorization to open it to others")
	}
	return nil
}

// listen opens a TCP listener; port options.RandomPort takes a free one.
func listen(host string, port int) (net.Listener, error) {
	lc := net.ListenConfig{KeepAlive: -1} // the protocol has pings of its own
	return lc.Listen(context.Background(), "tcp", net.JoinHostPort(host, strconv.Itoa(max(port, 0))))
}

// Addr is the client listener's address, nil without one.
func (s *Server) Addr() net.Addr {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.mu.client == nil {
		return nil
	}
	return s.mu.client.Addr()
}

// ClientURL is a URL that a client on this machine can connect to, empty without
// a listener.
func (s *Server) ClientURL() string {
	a, ok := s.Addr().(*net.TCPAddr)
	if !ok {
		return ""
	}
	host := a.IP.String()
	if a.IP.IsUnspecified() {
		host = "127.0.0.1"
	}
	scheme := "nats://"
	if s.options.TLS != nil {
		scheme = "tls://"
	}
	return scheme + net.JoinHostPort(host, strconv.Itoa(a.Port))
}

// InProcessConn returns the client's end of a new connection in this process, as
// nats.InProcessServer wants it.
func (s *Server) InProcessConn() (net.Conn, error) { return s.conns.InProcess() }

// ID is the server's id, a public key made at the start.
func (s *Server) ID() string { return s.id }

// Name is the server's name.
func (s *Server) Name() string { return s.name }

// Close stops the server and gives clients a short time to take what is queued
// for them.
func (s *Server) Close() error {
	ctx, cancel := context.WithTimeout(context.Background(), closeTimeout)
	defer cancel()
	return s.stop(ctx, s.conns.Close)
}

// Drain stops accepting, writes out all that is queued for clients, and closes.
// When ctx ends, clients that did not take theirs are cut off and the error says
// how many.
func (s *Server) Drain(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, drainTimeout)
	defer cancel()
	s.log.Info("Draining: no new connections, queued messages are delivered")
	return s.stop(ctx, s.conns.Close)
}

// LameDuck tells clients to go elsewhere and closes their connections one by one
// over the configured duration.
func (s *Server) LameDuck(ctx context.Context) error {
	t := s.options.Timing
	s.log.Info("Entering lame duck mode: no new connections, clients are asked to leave",
		"grace", t.LameDuckGracePeriod.String(), "duration", t.LameDuckDuration.String())
	return s.stop(ctx, func(ctx context.Context) error {
		return s.conns.LameDuck(ctx, t.LameDuckGracePeriod, t.LameDuckDuration)
	})
}

// stop runs end once and then closes everything.
func (s *Server) stop(ctx context.Context, end func(context.Context) error) error {
	s.stopOnce.Do(func() {
		s.leaveJetStream()
		if s.endRest != nil {
			s.endRest()
		}
		err := end(ctx)
		if errors.Is(err, context.Canceled) {
			cut, cancel := context.WithTimeout(context.Background(), closeTimeout)
			defer cancel()
			err = s.conns.Close(cut)
		}
		s.mu.Lock()
		err = errors.Join(err, s.closeListenersLocked())
		s.mu.Unlock()
		s.serving.Wait()
		err = errors.Join(err, s.stopJetStream())
		s.stopErr = err
		s.log.Info("Server stopped")
		close(s.stopped)
	})
	<-s.stopped
	return s.stopErr
}

// Done is closed when the server has stopped.
func (s *Server) Done() <-chan struct{} { return s.stopped }
