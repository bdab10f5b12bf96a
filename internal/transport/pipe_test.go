package transport_test

import (
	"errors"
	"io"
	"net"
	"os"
	"testing"
	"time"

	"github.com/tidings-io/tidings/internal/transport"
)

// The client's end of a pipe is an ordinary net.Conn.
func TestPipeClientHasDeadlines(t *testing.T) {
	t.Parallel()
	s, c := transport.NewPipe()
	closeLater(t, s, c)
	read, written := make(chan error, 1), make(chan error, 1)
	go func() {
		_, err := c.Read(make([]byte, 10))
		read <- err
	}()
	go func() {
		_, err := c.Write(make([]byte, 1<<20))
		written <- err
	}()
	// A deadline that is set while somebody waits holds for him, too.
	if err := c.SetDeadline(time.Now().Add(time.Millisecond)); err != nil {
		t.Fatal(err)
	}
	for _, end := range []chan error{read, written} {
		if err := <-end; !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("a wait ended with %v, want the deadline", err)
		}
	}
	if err := c.SetDeadline(time.Unix(1, 0)); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("Read after the deadline: %v", err)
	}
	if _, err := c.Write([]byte("x")); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("Write after the deadline: %v", err)
	}
	// Later or no deadline makes it usable again.
	if err := errors.Join(c.SetReadDeadline(time.Now().Add(time.Hour)), c.SetWriteDeadline(time.Time{})); err != nil {
		t.Fatal(err)
	}
	if err := write(s, [][]byte{[]byte("hello")}); err != nil {
		t.Fatal(err)
	}
	b := make([]byte, 5)
	if _, err := io.ReadFull(c, b); string(b) != "hello" || err != nil {
		t.Errorf("Read = %q, %v", b, err)
	}
	if n, err := c.Read(nil); n != 0 || err != nil {
		t.Errorf("Read into nothing = %d, %v", n, err)
	}
}

func TestPipeClientSeesTheEnd(t *testing.T) {
	t.Parallel()
	s, c := transport.NewPipe()
	if err := write(s, [][]byte{[]byte("bye")}); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if b, err := io.ReadAll(c); string(b) != "bye" || err != nil {
		t.Errorf("the client read %q, %v", b, err)
	}
	if _, err := c.Write([]byte("x")); !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("Write to a closed server: %v", err)
	}
	if err := errors.Join(c.Close(), c.Close()); err != nil {
		t.Errorf("Close twice: %v", err)
	}
	if _, err := c.Read(make([]byte, 1)); !errors.Is(err, net.ErrClosed) {
		t.Errorf("Read after Close: %v", err)
	}
}

func TestPipeClientThatClosesEndsItsWaits(t *testing.T) {
	t.Parallel()
	s, c := transport.NewPipe()
	closeLater(t, s, c)
	read, written := make(chan error, 1), make(chan error, 1)
	go func() {
		_, err := c.Read(make([]byte, 10))
		read <- err
	}()
	go func() {
		_, err := c.Write(make([]byte, 1<<20))
		written <- err
	}()
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	if err := <-read; err == nil {
		t.Error("a Read that waits ends without error")
	}
	if err := <-written; err == nil {
		t.Error("a Write that waits ends without error")
	}
	// The server still gets what was written before.
	for {
		n, err := s.Fill(fixed(1<<16), true)
		if errors.Is(err, io.EOF) {
			break
		}
		if n == 0 || err != nil {
			t.Fatalf("Fill = %d, %v", n, err)
		}
	}
}

// Connections with empty reads, as of net.Pipe, do not end by them.
func TestEmptyReadIsNoEnd(t *testing.T) {
	t.Parallel()
	server, client := net.Pipe()
	s := transport.NewPortable(server)
	closeLater(t, s, client)
	go func() {
		for _, b := range []string{"", "", "x"} {
			if _, err := client.Write([]byte(b)); err != nil {
				t.Error(err)
			}
		}
	}()
	if n, err := s.Fill(fixed(10), true); n != 1 || err != nil {
		t.Errorf("Fill = %d, %v, want 1", n, err)
	}
}
