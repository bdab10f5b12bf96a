package conn

import (
	"math/rand/v2"
	"time"

	"github.com/tidings-io/tidings/internal/wire"
)

// rttAgain is how often the round trip is measured anew.
const rttAgain = time.Hour

// onTimer does what is due for the connection and returns when to come back; 0
// for never. It must not block.
func (c *Conn) onTimer(now time.Time) time.Duration {
	s := c.server
	if c.closing() {
		return 0
	}
	if c.has(flagEnding) {
		return c.endDue(now)
	}
	if c.awaitsAuth() {
		if wait := s.cfg.AuthTimeout - now.Sub(c.start); wait > 0 {
			return wait
		}
		c.send(wire.AppendErr(nil, wire.TextAuthenticationTimeout))
		c.finish(wire.AuthenticationTimeout, lingerTime)
		s.slowLog(c, "Client did not authenticate in time and was closed", 0)
		return 0
	}
	idle := now.Sub(time.Unix(0, c.active.Load()))
	next := s.cfg.PingInterval
	if c.has(flagHot) {
		if idle >= s.cfg.IdleAfter {
			c.sock.Nudge()
		}
		next = min(next, s.cfg.IdleAfter)
	}
	wait, stale := c.pingDue(now, idle)
	if stale {
		s.stats.stale.Add(1)
		c.send(wire.AppendErr(nil, wire.TextStale))
		c.finish(wire.StaleConnection, lingerTime)
		s.slowLog(c, "Stale client connection was closed: it answered no ping", 0)
		return 0
	}
	return max(min(next, wait), wheelTick)
}

// pingDue sends a ping if it is time and returns when the next one is, or that
// too many are unanswered.
func (c *Conn) pingDue(now time.Time, idle time.Duration) (wait time.Duration, stale bool) {
	s := c.server
	c.pings.Lock()
	firstDue := c.has(flagFirstPing) && c.pings.last.IsZero() && c.pings.sent.IsZero()
	if firstDue {
		if d := c.firstPing() - now.Sub(c.start); d > 0 {
			c.pings.Unlock()
			return d, false
		}
	} else {
		// Input counts as a sign of life as much as a pong does.
		quiet := min(idle, now.Sub(later(c.pings.sent, c.start)))
		again := !c.pings.last.IsZero() && now.Sub(c.pings.last) >= rttAgain
		if quiet < s.cfg.PingInterval && !again {
			c.pings.Unlock()
			return s.cfg.PingInterval - quiet, false
		}
		if idle < s.cfg.PingInterval {
			c.pings.open = 0
		}
		if c.pings.open >= s.cfg.PingMax {
			c.pings.Unlock()
			return 0, true
		}
	}
	c.pings.open++
	c.pings.sent = now
	c.pings.Unlock()
	c.send([]byte(wire.LinePing))
	return s.cfg.PingInterval, false
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// firstPing is when, after the start, the round trip is measured first: between
// one and two seconds, spread by the connection's number.
func (c *Conn) firstPing() time.Duration {
	return time.Second + time.Duration(c.id%16)*(time.Second/16)
}

// jitter spreads timers that would all be due at once.
func jitter(d time.Duration) time.Duration {
	if d < time.Second {
		return d
	}
	return d + time.Duration(rand.Int64N(int64(d/20)))
}
