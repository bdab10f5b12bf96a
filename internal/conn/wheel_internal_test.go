package conn

import (
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"
)

// Every timer fires at its time, neither before nor more than two ticks after,
// whatever else is put in, hastened or removed meanwhile.
func TestWheelCallsEveryTimerInItsTime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const seed = 7
		r := rand.New(rand.NewPCG(seed, 0))
		w := newWheel()
		type promise struct{ from, to time.Time }
		promised := map[*Conn]promise{}
		fired := 0
		check := func() {
			now := time.Now()
			for _, c := range w.collect(w.tick(), nil) {
				p, ok := promised[c]
				if !ok {
					t.Fatalf("seed %d: a timer fired that was removed", seed)
				}
				if now.Before(p.from) {
					t.Fatalf("seed %d: a timer fired %v early", seed, p.from.Sub(now))
				}
				delete(promised, c)
				fired++
			}
			for _, p := range promised {
				if late := now.Sub(p.to); late > 2*wheelTick {
					t.Fatalf("seed %d: a timer is %v late", seed, late)
				}
			}
		}
		for range 20000 {
			switch d := time.Duration(r.Int64N(int64(10 * time.Minute))); r.IntN(6) {
			case 0, 1:
				c := &Conn{}
				if r.IntN(4) > 0 {
					d /= 500
				}
				w.hasten(c, d)
				promised[c] = promise{time.Now().Add(d), time.Now().Add(d)}
			case 2:
				for c, p := range promised {
					if at := time.Now().Add(d / 100); at.Before(p.from) {
						w.hasten(c, d/100)
						promised[c] = promise{at, p.to}
						if at.Before(p.to) {
							promised[c] = promise{at, at.Add(2 * wheelTick)}
						}
					}
					break
				}
			case 3:
				for c := range promised {
					w.remove(c)
					delete(promised, c)
					break
				}
			default:
				time.Sleep(time.Duration(r.Int64N(int64(200 * time.Millisecond))))
				check()
			}
		}
		for len(promised) > 0 {
			at := w.start.Add(time.Duration(w.sleepUntil()) * wheelTick)
			time.Sleep(time.Until(at))
			check()
		}
		if fired == 0 {
			t.Fatal("no timer fired")
		}
	})
}

// A wheel whose next timer is far away sleeps until about then.
func TestWheelSleepsWhileNothingIsDue(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWheel()
		w.hasten(&Conn{}, time.Minute)
		at := w.start.Add(time.Duration(w.sleepUntil()) * wheelTick)
		if d := time.Until(at); d < time.Minute-nearSlots*wheelTick {
			t.Fatalf("it wakes after %v for a timer of a minute", d)
		}
	})
}
