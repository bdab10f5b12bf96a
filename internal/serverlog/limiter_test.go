package serverlog_test

import (
	"context"
	"log/slog"
	"math/rand/v2"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tidings-io/tidings/internal/serverlog"
)

// sleep moves the clock of the bubble it is called in.
func sleep(d time.Duration) {
	time.Sleep(d) //nolint:forbidigo // in a synctest bubble this waits for nothing real
}

func TestLimiterLetsOneLineThroughPerKeyAndInterval(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := serverlog.NewLimiter[string](time.Second, 10)
		f := func(key string, wantOK bool, wantSuppressed uint64) {
			t.Helper()
			if ok, n := l.Allow(key, time.Now()); ok != wantOK || n != wantSuppressed {
				t.Errorf("%s: got %v, %d, want %v, %d", key, ok, n, wantOK, wantSuppressed)
			}
		}
		f("a", true, 0)
		f("a", false, 0)
		f("b", true, 0)
		sleep(time.Second - time.Nanosecond)
		f("a", false, 0)
		sleep(time.Nanosecond)
		f("a", true, 2)
		f("a", false, 0)
		sleep(time.Hour)
		f("a", true, 1)
		f("b", true, 0)
	})
}

func TestLimiterLogsHowManyLinesWereHeldBack(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		log, rec := open(t, serverlog.Config{HideTime: true})
		l := serverlog.NewLimiter[uint64](time.Second, 10)
		slow := func() {
			l.Log(context.Background(), log.Logger(), slog.LevelWarn, 17, time.Now(), "slow consumer", slog.Int("cid", 17))
		}
		for range 4 {
			slow()
		}
		sleep(time.Second)
		slow()
		want := []string{
			pid() + "[WRN] slow consumer cid=17\n",
			pid() + "[WRN] slow consumer cid=17 suppressed=3\n",
		}
		if diff := cmp.Diff(want, rec.writes); diff != "" {
			t.Errorf("written (-want +got):\n%s", diff)
		}
	})
}

func TestLimiterOverItsBoundSharesOneInterval(t *testing.T) {
	t.Parallel()
	now := time.Unix(0, 0)
	l := serverlog.NewLimiter[int](time.Second, 2)
	f := func(key int, wantOK bool, wantSuppressed uint64) {
		t.Helper()
		if ok, n := l.Allow(key, now); ok != wantOK || n != wantSuppressed {
			t.Errorf("%d: got %v, %d, want %v, %d", key, ok, n, wantOK, wantSuppressed)
		}
	}
	f(1, true, 0)
	f(2, true, 0)
	f(3, true, 0) // no room: the first of the crowd
	f(4, false, 0)
	f(5, false, 0)
	f(1, false, 0)
	now = now.Add(time.Second)
	f(6, true, 3) // keys 1 and 2 are forgotten: tells of 1, and of the crowd's 4 and 5
	if got := l.Held(); got != 0 {
		t.Errorf("held: got %d, want 0", got)
	}
}

// The sum of lines let through, told as held back and still held is the number
// of lines asked about, whatever the order of keys and times.
func TestLimiterLosesNoLine(t *testing.T) {
	t.Parallel()
	const room = 8
	f := func(keys int) {
		t.Helper()
		seed := rand.Uint64()
		rnd := rand.New(rand.NewPCG(seed, 0))
		now := time.Unix(0, 0)
		l := serverlog.NewLimiter[int](time.Second, room)
		var asked, passed, told uint64
		last := map[int]time.Time{} // when a key last passed
		for range 20000 {
			now = now.Add(time.Duration(rnd.Int64N(int64(200*time.Millisecond))) - time.Millisecond)
			key := rnd.IntN(keys)
			asked++
			ok, n := l.Allow(key, now)
			if ok {
				passed++
				told += n
				if before, again := last[key]; again && now.Sub(before) < time.Second && keys <= room {
					t.Fatalf("seed %d: key %d passed twice within %v", seed, key, now.Sub(before))
				}
				last[key] = now
			} else if n != 0 {
				t.Fatalf("seed %d: held back and told of %d at once", seed, n)
			}
			if passed+told+l.Held() != asked {
				t.Fatalf("seed %d: %d passed + %d told + %d held != %d asked", seed, passed, told, l.Held(), asked)
			}
		}
	}
	f(1)
	f(room)
	f(room + 1)
	f(5 * room)
}

func TestLimiterIsSafeForConcurrentUse(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := serverlog.NewLimiter[int](time.Second, 4)
		passed := make(chan int)
		for range 4 {
			go func() {
				n := 0
				for key := range 100 {
					if ok, _ := l.Allow(key%6, time.Now()); ok {
						n++
					}
				}
				passed <- n
			}()
		}
		sum := 0
		for range 4 {
			sum += <-passed
		}
		if sum != 5 { // four keys with room, one for all the others
			t.Errorf("got %d lines through, want 5", sum)
		}
		if got := l.Held(); got != 395 {
			t.Errorf("held: got %d, want 395", got)
		}
	})
}

func ExampleLimiter() {
	logger := slog.New(slog.NewTextHandler(os.Stdout, &slog.HandlerOptions{
		ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
			if a.Key == slog.TimeKey {
				return slog.Attr{}
			}
			return a
		},
	}))
	slow := serverlog.NewLimiter[string](time.Minute, 100)
	now := time.Now()
	for range 3 {
		slow.Log(context.Background(), logger, slog.LevelWarn, "$G", now, "slow consumer", slog.String("account", "$G"))
	}
	slow.Log(context.Background(), logger, slog.LevelWarn, "$G", now.Add(time.Minute), "slow consumer", slog.String("account", "$G"))
	// Output:
	// level=WARN msg="slow consumer" account=$G
	// level=WARN msg="slow consumer" account=$G suppressed=2
}

func BenchmarkLine(b *testing.B) {
	log, err := serverlog.Open(serverlog.Config{File: os.DevNull})
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = log.Close() }() // the null device has nothing to lose
	logger, ctx, subject := log.Logger(), context.Background(), strings.Repeat("a", 30)
	b.ReportAllocs()
	for b.Loop() {
		logger.LogAttrs(ctx, slog.LevelInfo, "slow consumer", slog.Uint64("cid", 17), slog.String("subject", subject))
	}
}
