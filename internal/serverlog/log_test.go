package serverlog_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"regexp"
	"strings"
	"sync"
	"testing"
	"testing/slogtest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tidings-io/tidings/internal/serverlog"
)

// recorder keeps each Write apart.
type recorder struct {
	mu     sync.Mutex
	writes []string
}

func (r *recorder) Write(p []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.writes = append(r.writes, string(p))
	return len(p), nil
}

// open opens a log whose stderr is recorded.
func open(t *testing.T, cfg serverlog.Config) (*serverlog.Log, *recorder) {
	t.Helper()
	rec := &recorder{}
	cfg.Stderr = rec
	l, err := serverlog.Open(cfg)
	if err != nil {
		t.Fatalf("open: %v", err)
	}
	t.Cleanup(func() { _ = l.Close() }) // tests that care about its error call it themselves
	return l, rec
}

func pid() string { return fmt.Sprintf("[%d] ", os.Getpid()) }

func TestLineHasPidTimeLevelAndText(t *testing.T) {
	t.Parallel()
	l, rec := open(t, serverlog.Config{})
	l.Logger().Info("listening", "addr", "127.0.0.1:4222", "tls", true)
	want := regexp.MustCompile(`^\[\d+\] \d{4}/\d\d/\d\d \d\d:\d\d:\d\d\.\d{6} \[INF\] listening addr=127\.0\.0\.1:4222 tls=true\n$`)
	if len(rec.writes) != 1 || !want.MatchString(rec.writes[0]) {
		t.Errorf("got %q, want one write matching %s", rec.writes, want)
	}
}

func TestEachLevelHasItsMark(t *testing.T) {
	t.Parallel()
	l, rec := open(t, serverlog.Config{HideTime: true, Debug: true, Trace: true})
	f := func(level slog.Level, mark string) {
		t.Helper()
		rec.writes = nil
		l.Logger().Log(context.Background(), level, "x")
		if got, want := strings.Join(rec.writes, ""), pid()+mark+" x\n"; got != want {
			t.Errorf("level %d: got %q, want %q", level, got, want)
		}
	}
	f(serverlog.LevelTrace, "[TRC]")
	f(slog.LevelDebug, "[DBG]")
	f(slog.LevelInfo, "[INF]")
	f(slog.LevelInfo+1, "[INF]")
	f(slog.LevelWarn, "[WRN]")
	f(slog.LevelError, "[ERR]")
	f(serverlog.LevelFatal, "[FTL]")
}

func TestDebugAndTraceAreSwitchedApart(t *testing.T) {
	t.Parallel()
	l, rec := open(t, serverlog.Config{HideTime: true})
	f := func(debug, trace bool, want string) {
		t.Helper()
		rec.writes = nil
		l.SetVerbosity(debug, trace)
		logger := l.Logger()
		logger.Log(context.Background(), serverlog.LevelTrace, "t")
		logger.Debug("d")
		logger.Info("i")
		got := strings.ReplaceAll(strings.Join(rec.writes, ""), pid(), "")
		if got != want {
			t.Errorf("debug %v trace %v: got %q, want %q", debug, trace, got, want)
		}
	}
	f(false, false, "[INF] i\n")
	f(true, false, "[DBG] d\n[INF] i\n")
	f(false, true, "[TRC] t\n[INF] i\n")
	f(true, true, "[TRC] t\n[DBG] d\n[INF] i\n")
}

func TestTimesAreInTheChosenZone(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 11, 20, 23, 52, 54, 625244000, time.FixedZone("", 2*3600))
	l, rec := open(t, serverlog.Config{UTC: true})
	if err := l.Handler().Handle(context.Background(), slog.NewRecord(at, slog.LevelInfo, "x", 0)); err != nil {
		t.Fatal(err)
	}
	if got, want := rec.writes[0], pid()+"2026/11/20 21:52:54.625244 [INF] x\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

type secret string

func (secret) LogValue() slog.Value { return slog.StringValue("[REDACTED]") }

type panics struct{}

func (panics) String() string { panic("no") }

func TestValuesAreOneWordEach(t *testing.T) {
	t.Parallel()
	l, rec := open(t, serverlog.Config{HideTime: true})
	f := func(value any, want string) {
		t.Helper()
		rec.writes = nil
		l.Logger().Info("x", "k", value)
		if got := strings.TrimPrefix(rec.writes[0], pid()+"[INF] x "); got != "k="+want+"\n" {
			t.Errorf("%v: got %q, want %q", value, got, "k="+want+"\n")
		}
	}
	f("plain", "plain")
	f("", `""`)
	f("two words", `"two words"`)
	f("a=b", `"a=b"`)
	f(`q"q`, `"q\"q"`)
	f("line\n[4711] [INF] forged", `"line\n[4711] [INF] forged"`)
	f("\x1b[31m", `"\x1b[31m"`)
	f("caffè", "caffè")
	f("bad\xff", `"bad\xff"`)
	f("\u202e", `"\u202e"`)
	f(-7, "-7")
	f(uint64(1<<63), "9223372036854775808")
	f(0.5, "0.5")
	f(1500*time.Millisecond, "1.5s")
	f(time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), "2026-01-02T03:04:05Z")
	f(errors.New("no such file"), `"no such file"`)
	f([]byte("a b"), `"a b"`)
	f([]int{1, 2}, `"[1 2]"`)
	f(nil, "<nil>")
	f(secret("hunter2"), "[REDACTED]")
	f(panics{}, `"%!v(PANIC=String method: no)"`)
}

func TestTextCannotForgeALine(t *testing.T) {
	t.Parallel()
	l, rec := open(t, serverlog.Config{HideTime: true})
	l.Logger().Info("a = \"b\"\r\n[1] [INF] forged\x00\xfe é")
	want := []string{pid() + `[INF] a = "b"\r\n[1] [INF] forged\x00\xfe é` + "\n"}
	if diff := cmp.Diff(want, rec.writes); diff != "" {
		t.Errorf("written (-want +got):\n%s", diff)
	}
}

func TestLongLinesAreCut(t *testing.T) {
	t.Parallel()
	l, rec := open(t, serverlog.Config{})
	f := func(text, value string) {
		t.Helper()
		rec.writes = nil
		l.Logger().Info(text, "k", value)
		got := rec.writes[0]
		if len(got) > 32<<10 || !strings.HasSuffix(got, " [cut]\n") {
			t.Errorf("got %d bytes ending in %q, want at most 32 KiB ending in [cut]", len(got), got[len(got)-20:])
		}
	}
	f(strings.Repeat("é", 1<<20), "")
	f("x", strings.Repeat("\x00", 1<<20))
}

func TestGroupsAndAttrsKeepTheirPrefix(t *testing.T) {
	t.Parallel()
	l, rec := open(t, serverlog.Config{HideTime: true})
	logger := l.Logger().With("a", 1).WithGroup("g").With("b", 2)
	logger.Info("x", slog.Group("h", "c", 3), "d", 4)
	logger.Info("y")
	want := []string{
		pid() + "[INF] x a=1 g.b=2 g.h.c=3 g.d=4\n",
		pid() + "[INF] y a=1 g.b=2\n",
	}
	if diff := cmp.Diff(want, rec.writes); diff != "" {
		t.Errorf("written (-want +got):\n%s", diff)
	}
}

func TestHandlerKeepsTheContractOfSlog(t *testing.T) {
	t.Parallel()
	l, rec := open(t, serverlog.Config{})
	err := slogtest.TestHandler(l.Handler(), func() []map[string]any {
		var parsed []map[string]any
		for _, line := range rec.writes {
			parsed = append(parsed, parseLine(t, line))
		}
		return parsed
	})
	if err != nil {
		t.Error(err)
	}
}

var lineForm = regexp.MustCompile(`^\[\d+\] (\d{4}/\S+ \S+ )?\[([A-Z]{3})\] (\w+)((?: \S+=\S+)*)\n$`)

// parseLine turns a line into the nested map slogtest expects.
func parseLine(t *testing.T, line string) map[string]any {
	t.Helper()
	m := lineForm.FindStringSubmatch(line)
	if m == nil {
		t.Fatalf("line %q does not match %s", line, lineForm)
	}
	fields := map[string]any{slog.LevelKey: m[2], slog.MessageKey: m[3]}
	if m[1] != "" {
		fields[slog.TimeKey] = m[1]
	}
	for word := range strings.FieldsSeq(m[4]) {
		key, value, _ := strings.Cut(word, "=")
		path := strings.Split(key, ".")
		in := fields
		for _, group := range path[:len(path)-1] {
			if in[group] == nil {
				in[group] = map[string]any{}
			}
			in = in[group].(map[string]any)
		}
		in[path[len(path)-1]] = value
	}
	return fields
}

func TestConcurrentLinesAreOneWriteEach(t *testing.T) {
	t.Parallel()
	const writers, lines = 8, 200
	l, rec := open(t, serverlog.Config{HideTime: true})
	var wg sync.WaitGroup
	for w := range writers {
		wg.Go(func() {
			logger := l.Logger().With("writer", w)
			for i := range lines {
				logger.Info("line", "i", i)
				l.SetVerbosity(i%2 == 0, false)
			}
		})
	}
	wg.Wait()
	next := make([]int, writers)
	for _, got := range rec.writes {
		var w, i int
		if _, err := fmt.Sscanf(got, pid()+"[INF] line writer=%d i=%d\n", &w, &i); err != nil {
			t.Fatalf("write %q: %v", got, err)
		}
		if i != next[w] {
			t.Fatalf("writer %d: got line %d, want %d", w, i, next[w])
		}
		next[w]++
	}
	if len(rec.writes) != writers*lines {
		t.Errorf("got %d lines, want %d", len(rec.writes), writers*lines)
	}
}

func TestLinesAfterCloseGoToStderr(t *testing.T) {
	t.Parallel()
	l, rec := open(t, serverlog.Config{HideTime: true, File: t.TempDir() + "/x.log"})
	for range 2 {
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
	}
	l.Logger().Info("late")
	if diff := cmp.Diff([]string{pid() + "[INF] late\n"}, rec.writes); diff != "" {
		t.Errorf("stderr (-want +got):\n%s", diff)
	}
	if err := l.Reopen(); !errors.Is(err, os.ErrClosed) {
		t.Errorf("reopen after close: got %v, want %v", err, os.ErrClosed)
	}
}

func TestPlainValuesAreLoggedWithoutAllocation(t *testing.T) {
	l, err := serverlog.Open(serverlog.Config{File: os.DevNull})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }() // the null device has nothing to lose
	logger, ctx, d := l.Logger().With("account", "$G"), context.Background(), 1500*time.Millisecond
	n := testing.AllocsPerRun(200, func() {
		logger.LogAttrs(ctx, slog.LevelWarn, "slow consumer",
			slog.Uint64("cid", 17), slog.String("subject", "orders.new"), slog.Duration("rtt", d), slog.Bool("tls", true))
	})
	if n != 0 {
		t.Errorf("got %v allocations a line, want 0", n)
	}
}

func TestConfigErrorsNameSettingReasonAndWayOut(t *testing.T) {
	t.Parallel()
	f := func(cfg serverlog.Config, want string) {
		t.Helper()
		_, err := serverlog.Open(cfg)
		if err == nil || err.Error() != want {
			t.Errorf("got %v, want %s", err, want)
		}
	}
	f(serverlog.Config{FileSizeLimit: -1}, "logfile_size_limit -1: negative; write a number of bytes, or 0 for no rotation")
	f(serverlog.Config{FileMaxNum: -2}, "logfile_max_num -2: negative; write how many files to keep, or 0 for all")
	f(serverlog.Config{File: "/nowhere/x.log"}, "log_file: open /nowhere/x.log: no such file or directory; create the directory first")
	const wayOut = "write udp://HOST:PORT, tcp://HOST:PORT or unix:///PATH"
	f(serverlog.Config{RemoteSyslog: "foo://h:1"}, `remote_syslog "foo://h:1": unknown network "foo"; `+wayOut)
	f(serverlog.Config{RemoteSyslog: "udp://"}, `remote_syslog "udp://": no host; `+wayOut)
	f(serverlog.Config{RemoteSyslog: "unix://"}, `remote_syslog "unix://": no path; `+wayOut)
	f(serverlog.Config{RemoteSyslog: "udp://h:x"}, `remote_syslog "udp://h:x": not a URL; `+wayOut)
}

func FuzzOneEventIsOneLine(f *testing.F) {
	f.Add("text", "key", "value")
	f.Add("a\nb", "k k", "\r\n\x00\x1b")
	f.Add("\xff\u2028", "", "\"")
	f.Fuzz(func(t *testing.T, text, key, value string) {
		var buf bytes.Buffer
		l, err := serverlog.Open(serverlog.Config{HideTime: true, Stderr: &buf})
		if err != nil {
			t.Fatal(err)
		}
		l.Logger().WithGroup(key).With(key, value).Info(text, key, value, "b", []byte(value))
		line := buf.String()
		if !strings.HasSuffix(line, "\n") || len(line) > 32<<10 {
			t.Fatalf("line of %d bytes ends in %q", len(line), line[max(0, len(line)-10):])
		}
		for i, r := range line[:len(line)-1] {
			if r < ' ' || r == 0x7f || r == 0xfffd && !strings.Contains(text+key+value, "\ufffd") {
				t.Fatalf("byte %d: %q in %q", i, r, line)
			}
		}
	})
}
