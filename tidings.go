// Package tidings is a messaging server that speaks the NATS protocols, for use
// inside a Go program. Any NATS client connects to it: over TCP at
// [Server.ClientURL], or without a socket through [Server.InProcessConn], which
// is what nats.InProcessServer asks for.
//
//	server, err := tidings.New(tidings.Options{})
//	if err != nil { … }
//	if err := server.Start(); err != nil { … }
//	defer server.Close()
//	nc, err := nats.Connect(server.ClientURL())
//
// The zero Options listen on a free loopback port without authorization. What
// else a server can do is set in a configuration file (Options.ConfigFile), in
// the language and with the keys that nats-server has.
package tidings

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"

	"github.com/tidings-io/tidings/internal/auth"
	"github.com/tidings-io/tidings/internal/options"
	"github.com/tidings-io/tidings/internal/server"
)

// Version is the version of Tidings.
const Version = server.Version

// Options are how a server shall run. The zero value is usable.
type Options struct {
	// ConfigFile is a configuration file; the fields below override it. Empty:
	// none.
	ConfigFile string
	// Host is the address to listen on. Empty: that of the file, else
	// "127.0.0.1". Listening beyond loopback without authorization needs
	// Insecure.
	Host string
	// Port is the TCP port for clients. 0: that of the file, else a free one;
	// -1: a free one.
	Port int
	// NoListen opens no port: clients connect with InProcessConn only.
	NoListen bool
	// Name is the server's name, without blanks. Empty: that of the file, else
	// its id.
	Name string
	// User and Password, or Token, are what every client must present. Empty:
	// what the file says.
	User, Password, Token string
	// MaxPayload is the largest message in bytes. 0: that of the file, else 1 MiB.
	MaxPayload int
	// MaxConnections bounds the open connections. 0: that of the file, else
	// 65 536; -1: no limit.
	MaxConnections int
	// MonitorPort is the loopback port of the monitoring pages. 0: what the file
	// says, else none; -1: a free one.
	MonitorPort int
	// JetStream turns on the storage of messages, in StoreDir. False: what the
	// file says.
	JetStream bool
	// StoreDir is the directory of stored messages; it is made if need be and must
	// not be in use by another server. Empty: that of the file. JetStream needs
	// one of both.
	StoreDir string
	// MaxMemoryStore and MaxFileStore are how many bytes streams may have in memory
	// and on disk. 0: what the file says, else three quarters of what the machine
	// gives; -1: the latter.
	MaxMemoryStore, MaxFileStore int64
	// Insecure allows a port that everybody can reach without authorization.
	Insecure bool
	// Logger gets the server's log. Nil: nothing is logged.
	Logger *slog.Logger
}

// Server is a running server. Its methods are safe for concurrent use.
type Server struct{ inner *server.Server }

// New checks the options and assembles a server; nothing listens until Start.
// Errors name the option, or the place in the file, and what to do.
func New(o Options) (*Server, error) {
	full, err := o.load()
	if err != nil {
		return nil, err
	}
	inner, err := server.New(full, server.Setup{Log: o.Logger, NoListen: o.NoListen})
	if err != nil {
		return nil, err
	}
	return &Server{inner}, nil
}

func (o Options) load() (*options.Options, error) {
	flags := options.Flags{ConfigFile: o.ConfigFile, Insecure: o.Insecure}
	if o.StoreDir != "" {
		flags.StoreDir = &o.StoreDir
	}
	if o.JetStream {
		flags.JetStream = &o.JetStream
	}
	full, err := options.Load(flags)
	if err != nil {
		return nil, err
	}
	if o.JetStream && full.JetStream.StoreDirChosen {
		return nil, errors.New("JetStream needs a directory to store in; set StoreDir")
	}
	if o.MaxMemoryStore != 0 {
		full.JetStream.MaxMemory = o.MaxMemoryStore
	}
	if o.MaxFileStore != 0 {
		full.JetStream.MaxStore = o.MaxFileStore
	}
	if o.Host != "" {
		full.Server.Host = o.Host
		if ip := net.ParseIP(o.Host); !o.Insecure && o.Token == "" && o.User == "" && o.ConfigFile == "" && (ip == nil || !ip.IsLoopback()) && o.Host != "localhost" {
			return nil, fmt.Errorf("host %q can be reached by others and no authorization is set; set a user or token, or Insecure", o.Host)
		}
	}
	switch {
	case o.Port != 0:
		full.Server.Port = o.Port
	case o.ConfigFile == "":
		full.Server.Port = options.RandomPort
	}
	if o.Name != "" {
		full.Server.Name = o.Name
	}
	if o.MaxPayload != 0 {
		full.Limits.MaxPayload = o.MaxPayload
	}
	if o.MaxConnections != 0 {
		full.Limits.MaxConnections = o.MaxConnections
	}
	if o.MonitorPort != 0 {
		full.Monitor.Host, full.Monitor.HTTPPort = "127.0.0.1", o.MonitorPort
	}
	if o.User != "" || o.Password != "" || o.Token != "" {
		full.Auth = auth.Config{User: o.User, Password: auth.Secret(o.Password), Token: auth.Secret(o.Token)}
	}
	return full, full.Validate()
}

// Start opens the listeners. On an error nothing is left open.
func (s *Server) Start() error { return s.inner.Start() }

// ClientURL is where a client on this machine connects, empty with NoListen.
func (s *Server) ClientURL() string { return s.inner.ClientURL() }

// MonitorURL is the base of the monitoring pages, empty without them.
func (s *Server) MonitorURL() string { return s.inner.MonitorURL() }

// InProcessConn returns the client's end of a new connection within the process.
func (s *Server) InProcessConn() (net.Conn, error) { return s.inner.InProcessConn() }

// Drain stops accepting clients, delivers what is queued for them, closes their
// connections and stops the server. When ctx ends first, the rest is cut off and
// the error says how many connections that were.
func (s *Server) Drain(ctx context.Context) error { return s.inner.Drain(ctx) }

// Close stops the server; clients get two seconds to take what is queued.
func (s *Server) Close() error { return s.inner.Close() }

// ID is the server's id: an nkey made at the start.
func (s *Server) ID() string { return s.inner.ID() }
