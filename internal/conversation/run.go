package conversation

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"strings"
	"syscall"
	"time"
)

// DefaultTimeout is how long a [Runner] waits for one answer by default. It is
// above the longest silence the corpus provokes, a missed ping of the server.
const DefaultTimeout = 10 * time.Second

// Server is what a script talks to.
type Server struct {
	// Addr is the host:port of the client listener.
	Addr string
	// LameDuck and Stop ask the process to enter lame duck mode or to stop
	// gracefully and return at once. Nil where the runner has no hold of the
	// process; a script that needs them then fails and says so.
	LameDuck func() error
	Stop     func() error
}

// Runner runs cases against one server, one at a time.
type Runner struct {
	Server  Server
	Timeout time.Duration // for one answer; 0 = DefaultTimeout
	// Record gets, for each line ? or ??, the commands that belong there. Nil: such
	// lines fail.
	Record func(line int, command string)
}

// Run performs the commands of c until one fails. The error begins with
// file:line, shows what was wanted and what came, and ends with the recent
// lines of the connection. ctx ends dialling, and its deadline every wait.
func (r *Runner) Run(ctx context.Context, c Case) error {
	timeout := r.Timeout
	if timeout == 0 {
		timeout = DefaultTimeout
	}
	s := &session{
		ctx:     ctx,
		server:  r.Server,
		timeout: timeout,
		conns:   map[string]*conn{},
		vars:    map[string]string{},
		record:  r.Record,
	}
	defer s.closeAll()
	for _, st := range c.steps {
		s.line = st.line
		if err := st.action.perform(s); err != nil {
			return fmt.Errorf("%s:%d: %w", c.File, st.line, err)
		}
	}
	return nil
}

// session is one run of a case, owned by the goroutine that called Run.
type session struct {
	ctx     context.Context // of the Run this session lives in
	server  Server
	timeout time.Duration
	conns   map[string]*conn
	vars    map[string]string
	record  func(line int, command string)
	line    int // of the step that is performed
}

// conn finds an open connection by name.
func (s *session) conn(name string) (*conn, error) {
	c, ok := s.conns[name]
	if !ok {
		return nil, fmt.Errorf("no connection %s; open it with: open %s", name, name)
	}
	return c, nil
}

// deadline is when the wait that begins now ends.
func (s *session) deadline() time.Time {
	end := time.Now().Add(s.timeout)
	if limit, ok := s.ctx.Deadline(); ok && limit.Before(end) {
		return limit
	}
	return end
}

func (s *session) closeAll() {
	for _, c := range s.conns {
		c.close()
	}
}

func (a *openAction) perform(s *session) error {
	if _, ok := s.conns[a.conn]; ok {
		return fmt.Errorf("connection %s is open already", a.conn)
	}
	c, err := dial(s.ctx, a.conn, s.server.Addr, s.timeout)
	if err != nil {
		return err
	}
	s.conns[a.conn] = c
	if a.tls {
		return c.handshake(s.ctx, s.deadline())
	}
	return nil
}

func (a *refusedAction) perform(s *session) error {
	c, err := dial(s.ctx, a.conn, s.server.Addr, s.timeout)
	if err == nil {
		c.close()
		return fmt.Errorf("open %s refused: the server took the connection", a.conn)
	}
	if !errors.Is(err, syscall.ECONNREFUSED) {
		return err
	}
	return nil
}

// connectDefaults are the CONNECT fields of the connect command: those of a
// present-day client library.
var connectDefaults = map[string]any{
	"verbose": false, "pedantic": false, "headers": true, "no_responders": true, "protocol": 1,
}

func (a *connectAction) perform(s *session) error {
	if err := (&openAction{conn: a.conn}).perform(s); err != nil {
		return err
	}
	fields := maps.Clone(connectDefaults)
	maps.Copy(fields, a.options)
	body, err := json.Marshal(fields)
	if err != nil {
		return fmt.Errorf("connect %s: %w", a.conn, err)
	}
	s.conns[a.conn].send("CONNECT "+string(body)+"\r\n", nil, s.deadline())
	return (&syncAction{conn: a.conn}).perform(s)
}

func (a *closeAction) perform(s *session) error {
	c, err := s.conn(a.conn)
	if err != nil {
		return err
	}
	c.close()
	delete(s.conns, a.conn)
	return nil
}

func (a *upgradeAction) perform(s *session) error {
	c, err := s.conn(a.conn)
	if err != nil {
		return err
	}
	// The plain INFO comes before the handshake. If the script has not asked
	// for it yet, it stays for <info.
	if c.info == "" {
		if _, err := c.lines(1, keepAll, s.deadline()); err != nil {
			return c.mismatch("INFO before the TLS handshake", err.Error())
		}
	}
	return c.handshake(s.ctx, s.deadline())
}

func (a *shutAction) perform(s *session) error {
	c, err := s.conn(a.conn)
	if err != nil {
		return err
	}
	half, ok := c.raw.(interface{ CloseWrite() error })
	if !ok {
		return fmt.Errorf("connection %s has no half close", a.conn)
	}
	c.note("> (end of sending)")
	return half.CloseWrite()
}

func (a *sendAction) perform(s *session) error {
	c, err := s.conn(a.conn)
	if err != nil {
		return err
	}
	data, err := a.data(s.vars)
	if err != nil {
		return err
	}
	pieces := a.pieces
	if a.bytes {
		for i := 1; i < len(data); i++ {
			pieces = append(pieces, i)
		}
	}
	if len(pieces) > 0 && pieces[len(pieces)-1] >= len(data) {
		return fmt.Errorf("[pieces]: offset %d, but the text has %d bytes", pieces[len(pieces)-1], len(data))
	}
	c.send(data, pieces, s.deadline())
	return nil
}

// data is what goes to the wire in all.
func (a *sendAction) data(vars map[string]string) (string, error) {
	data, err := a.text.expand(vars)
	if err != nil {
		return "", err
	}
	if a.crlf {
		data += "\r\n"
	}
	if len(data)*a.repeat > textMaxBytes {
		return "", fmt.Errorf("[repeat %d]: more than %d bytes", a.repeat, textMaxBytes)
	}
	return strings.Repeat(data, a.repeat), nil
}

func (a *lameDuckAction) perform(s *session) error {
	if s.server.LameDuck == nil {
		return errors.New("server lame-duck: the runner has no hold of this server; run the script with one it starts itself")
	}
	return s.server.LameDuck()
}

func (a *stopAction) perform(s *session) error {
	if s.server.Stop == nil {
		return errors.New("server stop: the runner has no hold of this server; run the script with one it starts itself")
	}
	return s.server.Stop()
}

// tlsConfig accepts every certificate: a conversation is about the protocol
// inside, with a server the runner was pointed to.
func tlsConfig() *tls.Config {
	return &tls.Config{InsecureSkipVerify: true, MinVersion: tls.VersionTLS12} //nolint:gosec // see above
}
