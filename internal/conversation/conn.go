package conversation

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// drainFrom is the size from which a write also reads, so that a server that
// answers while it is being written to never blocks both sides.
const drainFrom = 16 << 10

var (
	errClosed  = errors.New("the server closed the connection")
	errTimeout = errors.New("nothing in time")
)

// line is one line received, without its CRLF.
type line struct {
	text    string
	payload bool // part of the headers or payload of a message
}

// conn is one connection of a session and owned by it.
type conn struct {
	name    string
	raw     net.Conn
	in      []byte   // received, not yet split into lines
	pending []line   // split, not yet taken by an expectation
	ended   error    // errClosed once the server has closed
	info    string   // JSON of the last INFO
	inbox   string   // reply subject of the last call
	calls   int      // calls so far
	history []string // recent lines of both directions, for errors
}

func dial(ctx context.Context, name, addr string, timeout time.Duration) (*conn, error) {
	raw, err := (&net.Dialer{Timeout: timeout}).DialContext(ctx, "tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", name, err)
	}
	return &conn{name: name, raw: raw}, nil
}

// leaveTimeout bounds the wait for a server to notice that a connection ended.
const leaveTimeout = 2 * time.Second

// close ends the connection and waits until the server has closed it too, so that
// its subscriptions are gone for what the script does next.
func (c *conn) close() {
	half, ok := c.raw.(interface{ CloseWrite() error })
	if ok && half.CloseWrite() == nil && c.raw.SetReadDeadline(time.Now().Add(leaveTimeout)) == nil {
		_, _ = io.Copy(io.Discard, c.raw) // ends with the server's end, however it comes
	}
	_ = c.raw.Close() // nothing is expected of it any more
}

// handshake turns the connection into a TLS one.
func (c *conn) handshake(ctx context.Context, deadline time.Time) error {
	ctx, cancel := context.WithDeadline(ctx, deadline)
	defer cancel()
	secure := tls.Client(c.raw, tlsConfig())
	if err := secure.HandshakeContext(ctx); err != nil {
		return fmt.Errorf("%s: TLS handshake: %w", c.name, err)
	}
	c.raw = secure
	c.note("> (TLS handshake)")
	return nil
}

// send writes data in pieces that end at the given offsets. A failed write is
// no error here: the server may have closed on purpose, and what it said
// before is for the next expectation to judge.
func (c *conn) send(data string, offsets []int, deadline time.Time) {
	c.note("> " + data)
	_ = c.raw.SetDeadline(deadline) // fails only on a closed connection, as the write does
	if len(data) >= drainFrom {
		c.sendAndDrain(data)
		return
	}
	from := 0
	for _, to := range append(offsets, len(data)) {
		if _, err := io.WriteString(c.raw, data[from:to]); err != nil {
			return
		}
		from = to
	}
}

// sendAndDrain writes data while it takes in what the server sends.
func (c *conn) sendAndDrain(data string) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		_, _ = io.WriteString(c.raw, data)    // see send
		_ = c.raw.SetReadDeadline(time.Now()) // ends the reads below
	}()
	for c.fill() == nil {
		continue
	}
	<-done
}

// fill reads once into in.
func (c *conn) fill() error {
	if c.ended != nil {
		return c.ended
	}
	var chunk [32 << 10]byte
	n, err := c.raw.Read(chunk[:])
	c.in = append(c.in, chunk[:n]...)
	switch {
	case err == nil, n > 0 && errors.Is(err, os.ErrDeadlineExceeded):
		return nil
	case errors.Is(err, os.ErrDeadlineExceeded):
		return errTimeout
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, syscall.ECONNRESET), isAlert(err):
		c.ended = errClosed
	default:
		c.ended = err
	}
	return c.ended
}

// isAlert tells whether the other side ended TLS with a fatal alert.
func isAlert(err error) bool {
	var op *net.OpError
	return errors.As(err, &op) && op.Op == "remote error"
}

// lines returns the next n lines that skip does not pass over, without taking
// them. With an error it returns as many as came before it.
func (c *conn) lines(n int, skip func(line) bool, deadline time.Time) ([]line, error) {
	_ = c.raw.SetReadDeadline(deadline) // fails only on a closed connection, as the read does
	for checked := 0; ; {
		for checked < n && checked < len(c.pending) {
			if !skip(c.pending[checked]) {
				checked++
				continue
			}
			c.took("~ ", c.pending[checked])
			c.pending = append(c.pending[:checked:checked], c.pending[checked+1:]...)
		}
		if checked == n {
			return c.pending[:n], nil
		}
		if c.split() {
			continue
		}
		if err := c.fill(); err != nil && !c.split() {
			return c.pending, err
		}
	}
}

// take removes the first n lines.
func (c *conn) take(n int) {
	for _, l := range c.pending[:n] {
		c.took("< ", l)
	}
	c.pending = c.pending[n:]
}

// took notes a line that is done with.
func (c *conn) took(mark string, l line) {
	c.note(mark + l.text)
	if info, ok := strings.CutPrefix(l.text, "INFO "); ok && !l.payload {
		c.info = info
	}
}

// split moves one control line, with its payload, from in to pending. False if
// in holds no whole one.
func (c *conn) split() bool {
	control, rest, ok := bytes.Cut(c.in, []byte("\r\n"))
	if !ok {
		if c.ended == nil || len(c.in) == 0 {
			return false
		}
		// The server closed in the middle of a line: show what there is.
		c.pending = append(c.pending, line{text: string(c.in)})
		c.in = nil
		return true
	}
	size, message := payloadSize(string(control))
	if !message {
		c.pending = append(c.pending, line{text: string(control)})
		c.in = rest
		return true
	}
	if len(rest) < size+2 {
		return false
	}
	c.pending = append(c.pending, line{text: string(control)})
	for part := range strings.SplitSeq(string(rest[:size]), "\r\n") {
		c.pending = append(c.pending, line{text: part, payload: true})
	}
	if end := rest[size : size+2]; string(end) != "\r\n" {
		c.pending = append(c.pending, line{text: fmt.Sprintf("(%q instead of CRLF after %d bytes of payload)", end, size), payload: true})
	}
	c.in = rest[size+2:]
	return true
}

// payloadSize tells how many bytes follow a control line of the server.
func payloadSize(control string) (size int, message bool) {
	if !strings.HasPrefix(control, "MSG ") && !strings.HasPrefix(control, "HMSG ") {
		return 0, false
	}
	size, err := strconv.Atoi(control[strings.LastIndexByte(control, ' ')+1:])
	return size, err == nil && size >= 0
}
