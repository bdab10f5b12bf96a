package stream

import (
	"testing"
	"time"

	"github.com/tidings-io/tidings/internal/jetstream/index"
)

// However many messages there are, their ages take a bounded number of spans, and
// no message goes before its age or much later.
func TestAgesAreBoundedAndExactEnough(t *testing.T) {
	t.Parallel()
	const greatest = int64(time.Hour)
	fine := greatest / spansMax
	var a ages
	var times []int64 // of the messages behind gone
	gone := uint64(0)
	now := int64(0)
	for seq := uint64(1); seq <= 300_000; seq++ {
		now += int64(40 * time.Millisecond)
		a.add(seq, now, greatest)
		times = append(times, now)
		for a.due(greatest) <= now {
			last := a.take()
			for ; gone < last; gone++ {
				age := now - times[0]
				times = times[1:]
				if age < greatest || age > greatest+fine+int64(40*time.Millisecond) {
					t.Fatalf("message %d goes at the age of %v", gone+1, time.Duration(age))
				}
			}
		}
		if len(a.spans) > spansMax+2 {
			t.Fatalf("%d spans", len(a.spans))
		}
	}
}

// A message that is replaced again and again does not leave timers behind.
func TestTimersOfMessagesThatAreGoneAreDropped(t *testing.T) {
	t.Parallel()
	x := index.New(1)
	var timers timers
	for seq := uint64(1); seq <= 100_000; seq++ {
		x.Append(seq, []byte("a"), 40, index.Place{File: 1})
		x.Remove(seq - 1)
		timers.add(int64(time.Hour), seq, x)
	}
	if len(timers) > 2048 {
		t.Errorf("%d timers for one message", len(timers))
	}
}
