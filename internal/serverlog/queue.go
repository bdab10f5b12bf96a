package serverlog

import (
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"
)

const (
	// queueLines is how many lines wait for an output that can block. With short
	// lines that is about 200 KiB; it rides out a reconnect of a second or so.
	queueLines = 1024
	// queueClose is how long closing waits for the queue to empty.
	queueClose = 2 * time.Second
)

// sender delivers one line, without its newline, and may block.
type sender interface {
	send(level slog.Level, text string) error
	close() error
}

// queue stands before an output that can block for as long as a network does. It
// hands lines to one goroutine; when full it drops and counts, and says so.
type queue struct {
	// immutable after newQueue
	to       sender
	fallback *stream
	lines    chan queuedLine // closed by close
	done     chan struct{}   // closed when writeLoop ends

	dropped atomic.Uint64 // added by write, taken by writeLoop
}

type queuedLine struct {
	level slog.Level
	line  []byte
	text  int
}

// newQueue starts one goroutine, which ends after close.
func newQueue(to sender, fallback *stream) *queue {
	q := &queue{
		to:       to,
		fallback: fallback,
		lines:    make(chan queuedLine, queueLines),
		done:     make(chan struct{}),
	}
	go q.writeLoop()
	return q
}

func (q *queue) write(level slog.Level, line []byte, text int) error {
	select {
	case q.lines <- queuedLine{level: level, line: append([]byte(nil), line...), text: text}:
	default:
		q.dropped.Add(1)
	}
	return nil
}

func (q *queue) writeLoop() {
	defer close(q.done)
	for l := range q.lines {
		q.announceDropped()
		text := string(l.line[l.text : len(l.line)-1])
		if err := q.to.send(l.level, text); err != nil {
			// The line is not lost; the error says why it is here.
			_ = q.fallback.write(l.level, fmt.Appendf(nil, "%s syslog_error=%q\n", l.line[:len(l.line)-1], err), l.text)
		}
	}
	q.announceDropped()
}

// announceDropped tells the output how many lines it has missed, before the next
// line it gets.
func (q *queue) announceDropped() {
	n := q.dropped.Swap(0)
	if n == 0 {
		return
	}
	text := fmt.Sprintf("syslog too slow: lines dropped count=%d", n)
	if q.to.send(slog.LevelWarn, text) != nil {
		// Where the lines themselves would have gone.
		_ = q.fallback.write(slog.LevelWarn, []byte(text+"\n"), 0)
	}
}

func (*queue) reopen() error { return nil }

func (q *queue) close() error {
	close(q.lines)
	giveUp := time.NewTimer(queueClose)
	defer giveUp.Stop()
	select {
	case <-q.done:
		return q.to.close()
	case <-giveUp.C:
		// The sender is stuck in the network: closing it would block as well.
		return errors.New("syslog: gave up after 2s with lines unsent")
	}
}
