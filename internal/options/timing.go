package options

import (
	"time"

	"github.com/tidings-io/tidings/internal/conf"
)

// minLameDuck is the shortest time a server may take to send clients away.
const minLameDuck = 30 * time.Second

// longAuthTimeout is the longest auth timeout without a warning.
const longAuthTimeout = time.Minute

// WriteTimeout is what happens to a connection whose write deadline passes.
type WriteTimeout string

// The policies of WriteTimeout.
const (
	// WriteTimeoutDefault closes clients and retries on links between servers.
	WriteTimeoutDefault WriteTimeout = "default"
	// WriteTimeoutClose closes the connection.
	WriteTimeoutClose WriteTimeout = "close"
	// WriteTimeoutRetry keeps the connection and writes on.
	WriteTimeoutRetry WriteTimeout = "retry"
)

// Timing is how long the server waits for what.
type Timing struct {
	// PingInterval is the time between pings to a connection. Default 2m. Live.
	PingInterval time.Duration
	// PingMax is how many pings may stay unanswered. Default 2. Live.
	PingMax int
	// WriteDeadline is how long one write to a connection may take. Default
	// 10s. Live.
	WriteDeadline time.Duration
	// WriteTimeout is what happens when it takes longer.
	WriteTimeout WriteTimeout
	// NoFastProducerStall keeps publishers from waiting for slow consumers. Live.
	NoFastProducerStall bool
	// LameDuckDuration is the time over which a server that is to stop closes
	// its connections, at least 30s. Default 2m.
	LameDuckDuration time.Duration
	// LameDuckGracePeriod is the time before the first is closed, shorter than
	// LameDuckDuration. Default 10s.
	LameDuckGracePeriod time.Duration
	// AuthTimeout is how long a client may take to authenticate. Default 2s,
	// with TLS its timeout and 1s. Live.
	AuthTimeout time.Duration
}

func defaultTiming() Timing {
	return Timing{
		PingInterval:        2 * time.Minute,
		PingMax:             2,
		WriteDeadline:       10 * time.Second,
		WriteTimeout:        WriteTimeoutDefault,
		LameDuckDuration:    2 * time.Minute,
		LameDuckGracePeriod: 10 * time.Second,
		AuthTimeout:         2 * time.Second,
	}
}

func (l *loader) readTiming(s *conf.Section) {
	t := &l.options.Timing
	readDuration(s, &t.PingInterval, (*conf.Section).Duration, "ping_interval")
	readLimit(s, &t.PingMax, "ping_max")
	readDuration(s, &t.WriteDeadline, (*conf.Section).Duration, "write_deadline")
	if e := s.Entry("write_timeout"); e != nil {
		var policy string
		if s.Text(&policy, "write_timeout") {
			t.WriteTimeout = WriteTimeout(policy)
			l.places["write_timeout"] = e.Value.Pos
		}
	}
	s.Bool(&t.NoFastProducerStall, "no_fast_producer_stall")
	readDuration(s, &t.LameDuckDuration, (*conf.Section).DurationText, "lame_duck_duration")
	readDuration(s, &t.LameDuckGracePeriod, (*conf.Section).DurationText, "lame_duck_grace_period")
	l.note(s, "lame_duck_duration")
	l.note(s, "lame_duck_grace_period")
}

// readDuration reads a duration that is not negative; 0 leaves the default.
func readDuration(s *conf.Section, dst *time.Duration, read func(*conf.Section, *time.Duration, ...string) bool, name string) {
	var d time.Duration
	if !read(s, &d, name) {
		return
	}
	if d < 0 {
		s.Failf(s.Entry(name), "is %v but cannot be negative", d)
		return
	}
	if d > 0 {
		*dst = d
	}
}

// readSeconds reads a number of seconds or a duration as text; 0 leaves the
// default.
func readSeconds(s *conf.Section, dst *time.Duration, e *conf.Entry) bool {
	var d time.Duration
	if seconds, err := e.Value.Float(); err == nil {
		if seconds < 0 || seconds > 1e9 {
			s.Failf(e, "is %v seconds but must be from 0 to 1e9", seconds)
			return false
		}
		d = time.Duration(seconds * float64(time.Second))
	} else if e.Value.Kind != conf.KindText {
		s.Failf(e, "is %s but must be a number of seconds or a duration such as \"2s\"", e.Value.Kind)
		return false
	} else if d, err = e.Value.Duration(); err != nil {
		s.Fail(e, err)
		return false
	}
	if d < 0 {
		s.Failf(e, "is %v but cannot be negative", d)
		return false
	}
	if d == 0 {
		return false
	}
	*dst = d
	return true
}

func (l *loader) checkTiming() {
	t := &l.options.Timing
	for _, wait := range []struct {
		name string
		time time.Duration
	}{
		{"ping_interval", t.PingInterval},
		{"write_deadline", t.WriteDeadline},
		{"lame_duck_grace_period", t.LameDuckGracePeriod},
		{"authorization timeout", t.AuthTimeout},
	} {
		if wait.time <= 0 {
			l.report.Errorf(l.at(wait.name), "%s is %v but must be more than 0", wait.name, wait.time)
		}
	}
	if t.PingMax < 1 {
		l.report.Errorf(conf.Pos{}, "ping_max is %d but must be at least 1", t.PingMax)
	}
	switch t.WriteTimeout {
	case WriteTimeoutDefault, WriteTimeoutClose, WriteTimeoutRetry:
	default:
		l.report.Errorf(l.at("write_timeout"), "write_timeout %q is unknown; write \"default\", \"close\" or \"retry\"", t.WriteTimeout)
	}
	if t.LameDuckDuration < minLameDuck {
		l.report.Errorf(l.at("lame_duck_duration"), "lame_duck_duration is %v but must be at least %v", t.LameDuckDuration, minLameDuck)
	}
	if t.LameDuckGracePeriod >= t.LameDuckDuration {
		l.report.Errorf(l.at("lame_duck_grace_period"), "lame_duck_grace_period (%v) must be shorter than lame_duck_duration (%v)", t.LameDuckGracePeriod, t.LameDuckDuration)
	}
}
