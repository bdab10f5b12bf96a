package serverlog

import (
	"errors"
	"io"
	"log/slog"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
)

// output is where finished lines go: stderr, a file or a syslog.
type output interface {
	// write takes one line. line ends with a newline; line[text:] is the part
	// after pid, time and level. line must not be kept.
	write(level slog.Level, line []byte, text int) error
	// reopen opens the output's file anew; a no-op for those without one.
	reopen() error
	// close flushes and releases; write must not be called afterwards.
	close() error
}

// Log owns the outputs of a server's log. Make one with [Open].
type Log struct {
	// immutable after Open
	pid      string // "[4711] "
	hideTime bool
	utc      bool
	outputs  []output
	fallback *stream // stderr: for lines an output did not take

	// written by SetVerbosity
	debug atomic.Bool
	trace atomic.Bool

	// free holds buffers between lines. A channel keeps them for sure, where a
	// sync.Pool may forget them; when it is empty a line allocates its own.
	free chan *[]byte

	mu struct {
		sync.RWMutex // held shared while a line is written: Close waits for it
		closed       bool
	}
}

// freeBuffers is how many formatting buffers are kept: more lines than this are
// rarely formatted at the same moment.
const freeBuffers = 8

// Open validates cfg and opens its outputs. It blocks on the file system and, for
// a syslog, on connecting to it. The errors name the setting, the reason and
// what to do.
func Open(cfg Config) (*Log, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	stderr := cfg.Stderr
	if stderr == nil {
		stderr = os.Stderr
	}
	l := &Log{
		pid:      "[" + strconv.Itoa(os.Getpid()) + "] ",
		hideTime: cfg.HideTime,
		utc:      cfg.UTC,
		fallback: &stream{w: stderr},
		free:     make(chan *[]byte, freeBuffers),
	}
	l.SetVerbosity(cfg.Debug, cfg.Trace)
	if err := l.openOutputs(cfg); err != nil {
		return nil, errors.Join(err, l.Close())
	}
	return l, nil
}

func (l *Log) openOutputs(cfg Config) error {
	if cfg.File != "" {
		f, err := openFile(cfg.File, cfg.FileSizeLimit, cfg.FileMaxNum, l.formatNotice, l.inZone)
		if err != nil {
			return err
		}
		l.outputs = append(l.outputs, f)
	}
	if cfg.Syslog {
		s, err := openSyslog("", "", l.fallback)
		if err != nil {
			return err
		}
		l.outputs = append(l.outputs, s)
	}
	if cfg.RemoteSyslog != "" {
		network, address, err := remoteAddress(cfg.RemoteSyslog)
		if err != nil {
			return err
		}
		s, err := openSyslog(network, address, l.fallback)
		if err != nil {
			return err
		}
		l.outputs = append(l.outputs, s)
	}
	if len(l.outputs) == 0 {
		l.outputs = append(l.outputs, l.fallback)
	}
	return nil
}

// Handler returns a handler that writes to l.
func (l *Log) Handler() slog.Handler { return &handler{log: l} }

// Logger returns a logger that writes to l.
func (l *Log) Logger() *slog.Logger { return slog.New(l.Handler()) }

// SetVerbosity switches DBG and TRC lines on or off, from the next line on.
func (l *Log) SetVerbosity(debug, trace bool) {
	l.debug.Store(debug)
	l.trace.Store(trace)
}

// Enabled reports whether lines of a level are written: trace and debug if they
// are switched on, anything else always.
func (l *Log) Enabled(level slog.Level) bool {
	switch {
	case level < slog.LevelDebug:
		return l.trace.Load()
	case level < slog.LevelInfo:
		return l.debug.Load()
	default:
		return true
	}
}

// Reopen opens the log file anew under its configured path, for log rotation by
// another program that has renamed it. If that fails the old file stays in use
// and the error says why. Without a file it does nothing.
func (l *Log) Reopen() error {
	l.mu.RLock()
	defer l.mu.RUnlock()
	if l.mu.closed {
		return os.ErrClosed
	}
	var errs []error
	for _, o := range l.outputs {
		errs = append(errs, o.reopen())
	}
	return errors.Join(errs...)
}

// Close writes what is queued, for at most two seconds for each syslog, and
// closes the outputs. Lines logged meanwhile and afterwards go to stderr. A
// second call does nothing.
func (l *Log) Close() error {
	l.mu.Lock()
	closed := l.mu.closed
	l.mu.closed = true
	l.mu.Unlock()
	if closed {
		return nil
	}
	// Nobody is inside write any more, and nobody comes.
	var errs []error
	for _, o := range l.outputs {
		errs = append(errs, o.close())
	}
	return errors.Join(errs...)
}

// write hands one line to every output. A line that one of them does not take
// goes to stderr, once.
func (l *Log) write(level slog.Level, line []byte, text int) error {
	l.mu.RLock()
	defer l.mu.RUnlock()
	if l.mu.closed {
		return l.fallback.write(level, line, text)
	}
	var failed error
	for _, o := range l.outputs {
		if err := o.write(level, line, text); err != nil {
			failed = errors.Join(failed, err)
		}
	}
	if failed == nil || l.outputs[0] == output(l.fallback) {
		return failed
	}
	return errors.Join(failed, l.fallback.write(level, line, text))
}

func (l *Log) getBuffer() *[]byte {
	select {
	case buf := <-l.free:
		return buf
	default:
		buf := make([]byte, 0, 512)
		return &buf
	}
}

func (l *Log) putBuffer(buf *[]byte) {
	if cap(*buf) > 4<<10 {
		return // one long line must not hold its memory for ever
	}
	select {
	case l.free <- buf:
	default:
	}
}

// inZone returns t in the zone lines are printed in.
func (l *Log) inZone(t time.Time) time.Time {
	if l.utc {
		return t.UTC()
	}
	return t.Local()
}

// formatNotice formats a line of the log about itself, for an output that has
// something to say in its own file.
func (l *Log) formatNotice(level slog.Level, text string, attrs ...slog.Attr) []byte {
	r := slog.NewRecord(time.Now(), level, text, 0)
	r.AddAttrs(attrs...)
	line, _ := (&handler{log: l}).appendRecord(nil, r)
	return line
}

// stream writes lines to stderr, or what stands for it.
type stream struct {
	mu sync.Mutex // one line at a time: w need not be safe for concurrent use
	w  io.Writer
}

func (s *stream) write(_ slog.Level, line []byte, _ int) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, err := s.w.Write(line)
	return err
}

func (*stream) reopen() error { return nil }

// close leaves the writer open: the process, or the test, owns it.
func (*stream) close() error { return nil }
