package bench

import "time"

// pacer keeps one publisher at a rate. It lets messages go in small bursts, of
// what is due after a sleep, because no clock wakes a goroutine every few
// microseconds.
type pacer struct {
	perSecond float64 // 0: no limit
	start     time.Time
	due       int64 // messages that may have been sent by now
}

const paceSleep = time.Millisecond

// wait blocks until message number n (from 0) is due or stopped reports true.
// What was published before is sent meanwhile by the connection's own goroutine.
func (p *pacer) wait(n int64, stopped func() bool) {
	if p.perSecond == 0 || n < p.due {
		return
	}
	for {
		elapsed := time.Since(p.start)
		p.due = int64(elapsed.Seconds()*p.perSecond) + 1
		if n < p.due || stopped() {
			return
		}
		next := time.Duration(float64(n) / p.perSecond * float64(time.Second))
		time.Sleep(min(max(next-elapsed, paceSleep), 100*time.Millisecond))
	}
}
