package serverlog

import (
	"bytes"
	"errors"
	"log/slog"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// fakeSender records what it is sent; it blocks while blocked is open.
type fakeSender struct {
	blocked chan struct{}
	err     error
	sent    []string
	closed  bool
}

func (f *fakeSender) send(_ slog.Level, text string) error {
	<-f.blocked
	if f.err != nil {
		return f.err
	}
	f.sent = append(f.sent, text)
	return nil
}

func (f *fakeSender) close() error {
	f.closed = true
	return nil
}

func mustWrite(t *testing.T, q *queue, line string) {
	t.Helper()
	if err := q.write(slog.LevelInfo, []byte("[1] [INF] "+line+"\n"), len("[1] [INF] ")); err != nil {
		t.Fatal(err)
	}
}

func TestSlowSyslogDropsOverTheBoundAndSaysSo(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		to := &fakeSender{blocked: make(chan struct{})}
		q := newQueue(to, &stream{w: &bytes.Buffer{}})
		mustWrite(t, q, "first")
		synctest.Wait() // the goroutine holds it
		for i := range queueLines + 5 {
			mustWrite(t, q, strconv.Itoa(i))
		}
		close(to.blocked)
		if err := q.close(); err != nil {
			t.Fatal(err)
		}
		want := []string{"first", "syslog too slow: lines dropped count=5", "0", "1"}
		for i, text := range want {
			if to.sent[i] != text {
				t.Errorf("line %d: got %q, want %q", i, to.sent[i], text)
			}
		}
		if got := len(to.sent); got != queueLines+2 {
			t.Errorf("got %d lines sent, want %d", got, queueLines+2)
		}
		if !to.closed {
			t.Error("the sender was not closed")
		}
	})
}

func TestFailedSyslogLineGoesToStderr(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var stderr bytes.Buffer
		to := &fakeSender{blocked: make(chan struct{}), err: errors.New("no route")}
		close(to.blocked)
		q := newQueue(to, &stream{w: &stderr})
		mustWrite(t, q, "lost")
		if err := q.close(); err != nil {
			t.Fatal(err)
		}
		if got, want := stderr.String(), "[1] [INF] lost syslog_error=\"no route\"\n"; got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	})
}

func TestClosingGivesUpOnAStuckSyslog(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		to := &fakeSender{blocked: make(chan struct{})}
		q := newQueue(to, &stream{w: &bytes.Buffer{}})
		mustWrite(t, q, "stuck")
		start := time.Now() // of the bubble's clock
		err := q.close()
		if err == nil || !strings.Contains(err.Error(), "gave up") {
			t.Errorf("got %v, want an error that says it gave up", err)
		}
		if got := time.Since(start); got != queueClose {
			t.Errorf("got %v, want %v", got, queueClose)
		}
		close(to.blocked)
		<-q.done
	})
}
