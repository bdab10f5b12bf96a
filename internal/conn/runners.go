package conn

import (
	"sync/atomic"
	"time"
)

const (
	// runnersMost is how many goroutines wait for a connection to run, and
	// runnersWait for how long.
	runnersMost = 32
	runnersWait = time.Second
)

// runners runs connections. A few goroutines that are done wait for the next
// connection: their stacks have grown to what one needs, which a new one would do
// again, at a tenth of the cost of a connect.
type runners struct {
	next chan job
	idle atomic.Int32
	done chan struct{} // closed: nobody waits any more
}

// job is what a goroutine does of a connection: all of it, or from its being woken.
type job struct {
	c     *Conn
	begin bool
	info  bool // send INFO first
}

func newRunners() *runners {
	return &runners{next: make(chan job), done: make(chan struct{})}
}

// run returns at once.
func (r *runners) run(j job) {
	select {
	case r.next <- j:
	default:
		go r.loop(j)
	}
}

func (r *runners) loop(j job) {
	wait := time.NewTimer(runnersWait)
	defer wait.Stop()
	for {
		j.do()
		if r.idle.Add(1) > runnersMost {
			r.idle.Add(-1)
			return
		}
		wait.Reset(runnersWait)
		select {
		case j = <-r.next:
			r.idle.Add(-1)
		case <-wait.C:
			r.idle.Add(-1)
			return
		case <-r.done:
			return
		}
	}
}

// stop ends those who wait. No connection is left.
func (r *runners) stop() { close(r.done) }

func (j job) do() {
	if j.begin {
		j.c.begin(j.info)
	} else {
		j.c.run()
	}
}
