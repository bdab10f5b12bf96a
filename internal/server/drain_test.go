package server_test

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/tidings-io/tidings/internal/testserver"
)

const connectLine = `CONNECT {"verbose":false,"pedantic":false,"protocol":0}` + "\r\n"

// lateReader subscribes to everything and reads nothing until it is asked to.
type lateReader struct {
	conn net.Conn
	r    *bufio.Reader
}

func subscribeLate(t *testing.T, addr string) *lateReader {
	t.Helper()
	nc, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = nc.Close() })
	l := &lateReader{nc, bufio.NewReader(nc)}
	if _, err := io.WriteString(nc, connectLine+"SUB > 1\r\nPING\r\n"); err != nil {
		t.Fatal(err)
	}
	for {
		line, err := l.r.ReadString('\n')
		if err != nil {
			t.Fatal(err)
		}
		if line == "PONG\r\n" {
			return l
		}
	}
}

// messages reads to the end and returns the number of messages on "a".
func (l *lateReader) messages() (n int, err error) {
	for {
		line, err := l.r.ReadString('\n')
		if errors.Is(err, io.EOF) {
			return n, l.conn.Close()
		}
		if err != nil {
			return n, err
		}
		if strings.HasPrefix(line, "MSG a ") {
			n++
		}
	}
}

// publishMany publishes on "a" and returns when the server has confirmed it.
func publishMany(t *testing.T, url string, messages int) *nats.Conn {
	t.Helper()
	nc, err := nats.Connect(url, nats.NoReconnect())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	body := []byte(strings.Repeat("x", 1000))
	for range messages {
		if err := nc.Publish("a", body); err != nil {
			t.Fatal(err)
		}
	}
	if err := nc.FlushTimeout(time.Minute); err != nil {
		t.Fatal(err)
	}
	return nc
}

const manyMessages = 15_000 // 15 MB: more than the sockets hold

func TestDrainDeliversWhatWasConfirmed(t *testing.T) {
	t.Parallel()
	s := testserver.StartConfig(t, "no_fast_producer_stall: true\n")
	sub := subscribeLate(t, s.Addr().String())
	publishMany(t, s.URL, manyMessages)
	drained := make(chan error, 1)
	go func() { drained <- s.Drain(t.Context()) }()
	if n, err := sub.messages(); err != nil || n != manyMessages {
		t.Errorf("got %d messages, %v; want %d", n, err, manyMessages)
	}
	if err := <-drained; err != nil {
		t.Errorf("Drain: %v", err)
	}
	<-s.Done()
	if _, err := s.InProcessConn(); err == nil {
		t.Error("a connection was taken after the end")
	}
}

func TestSIGTERMDeliversWhatWasConfirmed(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "windows" {
		t.Log("this system has no SIGTERM")
		return
	}
	binary := filepath.Join(t.TempDir(), "tidings")
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", binary, "github.com/tidings-io/tidings/cmd/tidings").CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	conf := filepath.Join(t.TempDir(), "server.conf")
	if err := os.WriteFile(conf, []byte("listen: \"127.0.0.1:-1\"\nno_fast_producer_stall: true\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), binary, "serve", "-c", conf)
	log, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	addr, rest := "", make(chan string, 1)
	lines := bufio.NewScanner(log)
	for addr == "" && lines.Scan() {
		if line := lines.Text(); strings.Contains(line, "Listening for client connections") {
			_, addr, _ = strings.Cut(line, "address=")
		}
	}
	if addr == "" {
		t.Fatalf("the server did not say where it listens: %v", cmd.Wait())
	}
	go func() {
		var b strings.Builder
		for lines.Scan() {
			fmt.Fprintln(&b, lines.Text())
		}
		rest <- b.String()
	}()
	sub := subscribeLate(t, addr)
	publishMany(t, "nats://"+addr, manyMessages)
	if err := cmd.Process.Signal(terminate); err != nil {
		t.Fatal(err)
	}
	n, err := sub.messages()
	if err != nil || n != manyMessages {
		t.Errorf("got %d messages, %v; want %d", n, err, manyMessages)
	}
	text := <-rest
	if err := cmd.Wait(); err != nil {
		t.Errorf("the server ended with %v\n%s", err, text)
	}
}

// It is not parallel because it counts the goroutines of the process.
func TestServersLeaveNothingBehind(t *testing.T) {
	count := func() {
		s := testserver.Start(t)
		nc := publishMany(t, s.URL, 10)
		inside, err := s.InProcessConn()
		if err != nil {
			t.Fatal(err)
		}
		nc.Close()
		_ = inside.Close()
		if err := s.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	}
	count()
	before := runtime.NumGoroutine()
	for range 5 {
		count()
	}
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for limit := time.Now().Add(20 * time.Second); runtime.NumGoroutine() > before; <-tick.C {
		if time.Now().After(limit) {
			buf := make([]byte, 1<<20)
			t.Fatalf("%d goroutines, before %d\n%s", runtime.NumGoroutine(), before, buf[:runtime.Stack(buf, true)])
		}
	}
}
