package serverlog

import (
	"container/list"
	"context"
	"log/slog"
	"slices"
	"sync"
	"time"
)

// Limiter lets one line for each key through in an interval and counts the rest,
// for lines that a fault would repeat thousands of times a second, such as those
// about slow consumers. It has no goroutine and no clock: the caller says when
// now is. Its memory is bounded by the number of keys. Safe for concurrent use.
//
// No line disappears: at any moment lines let through + told as held back +
// [Limiter.Held] = lines asked about.
type Limiter[K comparable] struct {
	// immutable after NewLimiter
	interval time.Duration
	maxKeys  int

	mu struct {
		sync.Mutex
		windows map[K]*list.Element // at most maxKeys
		byStart *list.List          // of *window[K], oldest first
		crowd   window[K]           // shared by keys that found no room
		orphans uint64              // held back by windows since forgotten
		held    uint64              // held back and not told yet, orphans included
	}
}

// window is the interval that began with a key's last line.
type window[K comparable] struct {
	key   K
	start time.Time // zero: no line yet
	held  uint64    // lines held back since
}

// NewLimiter returns a limiter that lets one line for each key through in an
// interval. It remembers at most maxKeys keys (at least 1); further keys share
// one interval until there is room again, so a key may get one line more than its
// due when that happens.
func NewLimiter[K comparable](interval time.Duration, maxKeys int) *Limiter[K] {
	l := &Limiter[K]{interval: interval, maxKeys: max(1, maxKeys)}
	l.mu.windows = make(map[K]*list.Element)
	l.mu.byStart = list.New()
	return l
}

// Allow reports whether a line for key may be written at now, and if so how many
// lines were held back that no earlier line has told of: those for the same key,
// or, when key is new, those for keys that were forgotten or found no room.
func (l *Limiter[K]) Allow(key K, now time.Time) (ok bool, suppressed uint64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if e, known := l.mu.windows[key]; known {
		w := e.Value.(*window[K])
		if l.runsLocked(w, now) {
			return l.holdLocked(w)
		}
		l.mu.byStart.MoveToBack(e)
		return l.openLocked(w, now)
	}
	l.forgetLocked(now)
	if len(l.mu.windows) >= l.maxKeys {
		if l.runsLocked(&l.mu.crowd, now) {
			return l.holdLocked(&l.mu.crowd)
		}
		l.adoptOrphansLocked(&l.mu.crowd)
		return l.openLocked(&l.mu.crowd, now)
	}
	w := &window[K]{key: key}
	l.mu.windows[key] = l.mu.byStart.PushBack(w)
	l.adoptOrphansLocked(w)
	return l.openLocked(w, now)
}

// Log writes a line through logger if Allow lets it, with a suppressed attribute
// if lines were held back before it.
func (l *Limiter[K]) Log(ctx context.Context, logger *slog.Logger, level slog.Level, key K, now time.Time, text string, attrs ...slog.Attr) {
	if !logger.Enabled(ctx, level) {
		return
	}
	ok, suppressed := l.Allow(key, now)
	if !ok {
		return
	}
	if suppressed > 0 {
		attrs = append(slices.Clip(attrs), slog.Uint64("suppressed", suppressed))
	}
	logger.LogAttrs(ctx, level, text, attrs...) //nolint:sloglint // text is the constant of the caller
}

// Held returns how many lines were held back and not told of yet, for a last line
// when the server stops.
func (l *Limiter[K]) Held() uint64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.mu.held
}

// runsLocked needs l.mu. A clock that went backwards does not end a window.
func (l *Limiter[K]) runsLocked(w *window[K], now time.Time) bool {
	return !w.start.IsZero() && now.Sub(w.start) < l.interval
}

// holdLocked needs l.mu.
func (l *Limiter[K]) holdLocked(w *window[K]) (bool, uint64) {
	w.held++
	l.mu.held++
	return false, 0
}

// openLocked needs l.mu. It starts a window with the line that is let through.
func (l *Limiter[K]) openLocked(w *window[K], now time.Time) (bool, uint64) {
	suppressed := w.held
	l.mu.held -= suppressed
	w.start, w.held = now, 0
	return true, suppressed
}

// adoptOrphansLocked needs l.mu. The line of w will tell of what nobody else can.
func (l *Limiter[K]) adoptOrphansLocked(w *window[K]) {
	w.held += l.mu.orphans
	l.mu.orphans = 0
}

// forgetLocked needs l.mu. It forgets keys whose window has ended: those without
// held lines always, the others only when their room is needed. At most two a
// call, so that no caller pays for all. The crowd is forgotten when there is
// room, as its keys get windows of their own then.
func (l *Limiter[K]) forgetLocked(now time.Time) {
	for range 2 {
		e := l.mu.byStart.Front()
		if e == nil {
			break
		}
		w := e.Value.(*window[K])
		if l.runsLocked(w, now) || (w.held > 0 && len(l.mu.windows) < l.maxKeys) {
			break
		}
		l.mu.orphans += w.held
		l.mu.byStart.Remove(e)
		delete(l.mu.windows, w.key)
	}
	if len(l.mu.windows) < l.maxKeys && !l.runsLocked(&l.mu.crowd, now) {
		l.mu.orphans += l.mu.crowd.held
		l.mu.crowd.held = 0
	}
}
