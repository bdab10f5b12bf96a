package conn_test

import (
	"bufio"
	"io"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tidings-io/tidings/internal/auth"
	"github.com/tidings-io/tidings/internal/conn"
	"github.com/tidings-io/tidings/internal/wire"
)

// inBubble runs a test on a connection inside the process, with a clock of its
// own that moves when everybody waits. The server is portable there because
// waiting in the kernel would hold that clock.
func inBubble(t *testing.T, settings []setting, f func(t *testing.T, s *running, c net.Conn, lines <-chan string)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		s := newServer(t, append(settings, portable)...)
		c, err := s.InProcess()
		if err != nil {
			t.Fatal(err)
		}
		lines := make(chan string, 100)
		go func() {
			defer close(lines)
			for r := bufio.NewReader(c); ; {
				line, err := r.ReadString('\n')
				if err != nil {
					return
				}
				lines <- strings.TrimRight(line, "\r\n")
			}
		}()
		if line := <-lines; !strings.HasPrefix(line, "INFO ") {
			t.Fatalf("got %q, want INFO", line)
		}
		f(t, s, c, lines)
		c.Close()
		if err := s.Close(t.Context()); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
}

func say(t *testing.T, c net.Conn, text string) {
	t.Helper()
	if _, err := io.WriteString(c, text); err != nil {
		t.Fatal(err)
	}
}

// about checks a time that the wheel and its spreading may delay.
func about(t *testing.T, what string, got, want time.Duration) {
	t.Helper()
	if got < want || got > want+want/20+200*time.Millisecond {
		t.Errorf("%s after %v, want %v or a little later", what, got, want)
	}
}

func TestClientThatAnswersNoPingIsStale(t *testing.T) {
	t.Parallel()
	settings := []setting{configured(func(c *conn.Config) { c.PingInterval, c.PingMax = time.Minute, 2 })}
	inBubble(t, settings, func(t *testing.T, s *running, c net.Conn, lines <-chan string) {
		say(t, c, `CONNECT {"verbose":false}`+"\r\n")
		begun := time.Now()
		for i := range 2 {
			if line := <-lines; line != "PING" {
				t.Fatalf("got %q, want PING %d", line, i+1)
			}
			about(t, "a ping came", time.Since(begun), time.Duration(i+1)*time.Minute)
		}
		if line := <-lines; line != "-ERR 'Stale Connection'" {
			t.Errorf("got %q", line)
		}
		about(t, "the connection was stale", time.Since(begun), 3*time.Minute)
		for range lines { // until its end
		}
		c.Close()
		synctest.Wait()
		if closed := s.Closed(); len(closed) != 1 || closed[0].Reason != wire.StaleConnection {
			t.Errorf("closed: %+v", closed)
		}
		if n := s.Stats().Stale; n != 1 {
			t.Errorf("%d stale connections counted, want 1", n)
		}
	})
}

func TestClientThatAnswersPingsStays(t *testing.T) {
	t.Parallel()
	settings := []setting{configured(func(c *conn.Config) { c.PingInterval, c.PingMax = time.Minute, 1 })}
	inBubble(t, settings, func(t *testing.T, s *running, c net.Conn, lines <-chan string) {
		say(t, c, `CONNECT {"verbose":false}`+"\r\n")
		for range 100 {
			if line := <-lines; line != "PING" {
				t.Fatalf("got %q, want PING", line)
			}
			time.Sleep(10 * time.Millisecond) // of the bubble's time: the round trip
			say(t, c, "PONG\r\n")
		}
		synctest.Wait()
		if rtt := s.Connections()[0].RTT; rtt < 10*time.Millisecond || rtt > 11*time.Millisecond {
			t.Errorf("round trip %v, want 10ms", rtt)
		}
	})
}

func TestBusyClientIsNotAskedForSignsOfLife(t *testing.T) {
	t.Parallel()
	settings := []setting{configured(func(c *conn.Config) { c.PingInterval, c.PingMax = time.Minute, 1 })}
	inBubble(t, settings, func(t *testing.T, _ *running, c net.Conn, lines <-chan string) {
		say(t, c, `CONNECT {"verbose":false}`+"\r\n")
		for range 100 {
			time.Sleep(10 * time.Second) // of the bubble's time
			say(t, c, "PUB a 0\r\n\r\n")
		}
		synctest.Wait()
		if n := len(lines); n != 0 {
			t.Errorf("%d lines came, the first is %q", n, <-lines)
		}
	})
}

func TestRoundTripIsMeasuredSoonAfterTheFirstPing(t *testing.T) {
	t.Parallel()
	settings := []setting{configured(func(c *conn.Config) { c.NoFirstPing = false })}
	inBubble(t, settings, func(t *testing.T, s *running, c net.Conn, lines <-chan string) {
		begun := time.Now()
		say(t, c, `CONNECT {"verbose":false}`+"\r\nPING\r\n")
		if line := <-lines; line != "PONG" {
			t.Fatalf("got %q, want PONG", line)
		}
		if line := <-lines; line != "PING" {
			t.Fatalf("got %q, want PING", line)
		}
		if d := time.Since(begun); d < time.Second || d > 2200*time.Millisecond {
			t.Errorf("first ping after %v, want 1s to 2s", d)
		}
		time.Sleep(3 * time.Millisecond) // of the bubble's time
		say(t, c, "PONG\r\n")
		synctest.Wait()
		if rtt := s.Connections()[0].RTT; rtt < 3*time.Millisecond || rtt > 4*time.Millisecond {
			t.Errorf("round trip %v, want 3ms", rtt)
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		if n := len(lines); n != 0 {
			t.Errorf("%d lines came, the first is %q; want none until the ping interval", n, <-lines)
		}
	})
}

func TestClientHasLimitedTimeToAuthenticate(t *testing.T) {
	t.Parallel()
	settings := []setting{guarded(auth.Config{Token: "t"}), configured(func(c *conn.Config) { c.AuthTimeout = 3 * time.Second })}
	inBubble(t, settings, func(t *testing.T, s *running, c net.Conn, lines <-chan string) {
		begun := time.Now()
		say(t, c, `CONNECT {"auth_tok`)
		if line := <-lines; line != "-ERR 'Authentication Timeout'" {
			t.Fatalf("got %q", line)
		}
		about(t, "the time was over", time.Since(begun), 3*time.Second)
		for range lines {
		}
		c.Close()
		synctest.Wait()
		if closed := s.Closed(); len(closed) != 1 || closed[0].Reason != wire.AuthenticationTimeout {
			t.Errorf("closed: %+v", closed)
		}
	})
	inBubble(t, settings, func(t *testing.T, s *running, c net.Conn, lines <-chan string) {
		say(t, c, `CONNECT {"verbose":false,"auth_token":"t"}`+"\r\n")
		time.Sleep(time.Minute) // of the bubble's time
		say(t, c, "PING\r\n")
		if line := <-lines; line != "PONG" {
			t.Fatalf("got %q, want PONG", line)
		}
	})
}

func TestClientThatStaysAfterTheEndIsClosed(t *testing.T) {
	t.Parallel()
	inBubble(t, nil, func(t *testing.T, s *running, c net.Conn, lines <-chan string) {
		begun := time.Now()
		say(t, c, "NONSENSE\r\n")
		if line := <-lines; line != "-ERR 'Unknown Protocol Operation'" {
			t.Fatalf("got %q", line)
		}
		for len(s.Closed()) == 0 {
			time.Sleep(10 * time.Millisecond) // of the bubble's time
		}
		if d := time.Since(begun); d > time.Second {
			t.Errorf("closed after %v", d)
		}
	})
}
