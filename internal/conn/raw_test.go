package conn_test

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/tidings-io/tidings/internal/wire"
)

// raw is a client that says exactly what the test says.
type raw struct {
	t    testing.TB
	conn net.Conn
	r    *bufio.Reader
	info wire.ServerInfo
}

// patience bounds waits that only end early when something is broken.
const patience = 30 * time.Second

const plainConnect = `CONNECT {"verbose":false,"pedantic":false,"headers":true,"no_responders":true,"protocol":1}` + "\r\n"

// dial connects without waiting for INFO.
func (s *running) dial() *raw {
	s.t.Helper()
	nc, err := net.Dial("tcp", s.addr)
	if err != nil {
		s.t.Fatal(err)
	}
	return rawOn(s.t, nc)
}

func rawOn(t testing.TB, nc net.Conn) *raw {
	c := &raw{t: t, conn: nc, r: bufio.NewReaderSize(nc, 4096)}
	t.Cleanup(c.close)
	return c
}

// greeted connects and reads INFO.
func (s *running) greeted() *raw {
	s.t.Helper()
	c := s.dial()
	c.readInfo()
	return c
}

// raw connects, reads INFO and introduces itself.
func (s *running) raw() *raw {
	s.t.Helper()
	c := s.greeted()
	c.send(plainConnect)
	c.sync()
	return c
}

func (c *raw) close() { _ = c.conn.Close() }

func (c *raw) send(text string) {
	c.t.Helper()
	_ = c.conn.SetWriteDeadline(time.Now().Add(patience))
	if _, err := io.WriteString(c.conn, text); err != nil {
		c.t.Fatalf("sending %.60q: %v", text, err)
	}
}

func (c *raw) sendf(format string, args ...any) {
	c.t.Helper()
	c.send(fmt.Sprintf(format, args...))
}

// line reads a line, without its end.
func (c *raw) line() (string, error) {
	_ = c.conn.SetReadDeadline(time.Now().Add(patience))
	s, err := c.r.ReadString('\n')
	return strings.TrimRight(s, "\r\n"), err
}

func (c *raw) readInfo() {
	c.t.Helper()
	line, err := c.line()
	if err != nil {
		c.t.Fatalf("reading INFO: %v (%q)", err, line)
	}
	text, ok := strings.CutPrefix(line, "INFO ")
	if !ok {
		c.t.Fatalf("got %q, want INFO", line)
	}
	if err := json.Unmarshal([]byte(text), &c.info); err != nil {
		c.t.Fatal(err)
	}
}

// answer reads the next line that is not INFO.
func (c *raw) answer() (string, error) {
	for {
		line, err := c.line()
		if err != nil || !strings.HasPrefix(line, "INFO ") {
			return line, err
		}
	}
}

// expect reads a line that must be want; INFO in between is skipped.
func (c *raw) expect(want string) {
	c.t.Helper()
	for {
		line, err := c.line()
		if strings.HasPrefix(line, "INFO ") && want != "INFO" {
			continue
		}
		if err != nil || line != want {
			c.t.Fatalf("got %.200q, %v; want %q", line, err, want)
		}
		return
	}
}

// sync waits until the server has handled everything sent before; deliveries in
// between are thrown away.
func (c *raw) sync() {
	c.t.Helper()
	c.send("PING\r\n")
	c.until("PONG", nil)
}

// delivery is a message as it was delivered.
type delivery struct {
	subject, sid, reply string
	payload             string
}

// until reads up to the line want; deliveries go to f, which may be nil.
func (c *raw) until(want string, f func(delivery)) {
	c.t.Helper()
	for {
		line, d, err := c.next()
		if err != nil {
			c.t.Fatalf("waiting for %q: %v (%.200q)", want, err, line)
		}
		switch {
		case line == want:
			return
		case d != nil && f != nil:
			f(*d)
		case d == nil && strings.HasPrefix(line, "-ERR"):
			c.t.Fatalf("waiting for %q: got %q", want, line)
		}
	}
}

// next reads a line or a delivery.
func (c *raw) next() (line string, d *delivery, err error) {
	if line, err = c.line(); err != nil {
		return line, nil, err
	}
	f := strings.Fields(line)
	if len(f) < 4 || (f[0] != "MSG" && f[0] != "HMSG") {
		return line, nil, nil
	}
	size, err := strconv.Atoi(f[len(f)-1])
	if err != nil {
		return line, nil, err
	}
	body := make([]byte, size+2)
	if _, err := io.ReadFull(c.r, body); err != nil {
		return line, nil, err
	}
	if string(body[size:]) != "\r\n" {
		return line, nil, fmt.Errorf("payload of %q is not followed by CRLF", line)
	}
	d = &delivery{subject: f[1], sid: f[2], payload: string(body[:size])}
	if rest := len(f) - 4; f[0] == "MSG" && rest == 1 || f[0] == "HMSG" && rest == 2 {
		d.reply = f[3]
	}
	return line, d, nil
}

// collect reads deliveries until the server ends the connection; it calls
// then after each hundred.
func (c *raw) collect(then func()) (list []delivery, err error) {
	for {
		if len(list)%100 == 99 {
			then()
		}
		_, d, err := c.next()
		if errors.Is(err, io.EOF) {
			return list, nil
		}
		if err != nil {
			return list, err
		}
		if d != nil {
			list = append(list, *d)
		}
	}
}

// refused expects an -ERR with text, and then the end.
func (c *raw) refused(text string) {
	c.t.Helper()
	for {
		line, d, err := c.next()
		if err != nil {
			c.t.Fatalf("waiting for -ERR %q: %v", text, err)
		}
		if line == "-ERR '"+text+"'" {
			break
		}
		if d == nil && strings.HasPrefix(line, "-ERR") {
			c.t.Fatalf("got %q, want -ERR %q", line, text)
		}
	}
	c.ended()
}

// ended expects that the server closes the connection.
func (c *raw) ended() {
	c.t.Helper()
	for {
		line, _, err := c.next()
		if err == nil {
			if strings.HasPrefix(line, "-ERR") {
				c.t.Fatalf("got %q, want the end of the connection", line)
			}
			continue
		}
		var timeout net.Error
		if errors.As(err, &timeout) && timeout.Timeout() {
			c.t.Fatal("server did not close the connection")
		}
		return
	}
}

// dialPlain connects and returns the connection alone.
func (s *running) dialPlain() net.Conn {
	s.t.Helper()
	nc, err := net.Dial("tcp", s.addr)
	if err != nil {
		s.t.Fatal(err)
	}
	return nc
}

// readByHand reads what is there, without a buffer that lives on.
func (c *raw) readByHand() {
	c.t.Helper()
	var b [2048]byte
	_ = c.conn.SetReadDeadline(time.Now().Add(patience))
	if _, err := c.conn.Read(b[:]); err != nil {
		c.t.Fatal(err)
	}
}

// settled waits until no connection is being served.
func (s *running) settled() {
	last, same := -1, 0
	within(func() bool {
		if n := runtime.NumGoroutine(); n == last {
			same++
		} else {
			last, same = n, 0
		}
		return same > 200
	})
}
