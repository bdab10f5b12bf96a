package jetstream

import (
	"sync"

	"github.com/tidings-io/tidings/internal/core"
)

// work is one thing for a turn to do.
type work struct {
	kind  workKind
	entry *entry      // applied: durable, or refused
	chunk *core.Chunk // acks, pulls, flow: requests as doors stage them
	do    func()      // call: runs under the stream's lock
}

type workKind uint8

const (
	workEntry workKind = iota
	workAcks
	workPulls
	workFlow
	workCall
	workTick
	workCool
)

// inbox is what a stream has to do. running is true from the moment somebody is
// to run the turn until it finds nothing more.
type inbox struct {
	mu      sync.Mutex
	work    []work
	spare   []work
	running bool
}

// put adds w and reports whether the caller must see to a turn.
func (b *inbox) put(w work) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.work = append(b.work, w)
	if b.running {
		return false
	}
	b.running = true
	return true
}

// take returns all work, or marks the inbox idle when there is none.
func (b *inbox) take(more bool) ([]work, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.work) == 0 && !more {
		b.running = false
		return nil, false
	}
	w := b.work
	b.work, b.spare = b.spare[:0], nil
	return w, true
}

// rest marks the inbox idle if there is nothing to do, and reports whether.
func (b *inbox) rest(more bool) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.work) > 0 || more {
		return false
	}
	b.running = false
	return true
}

// inboxKeep is the number of slots that an inbox keeps for the next turn.
const inboxKeep = 64

// give returns the slice of a take.
func (b *inbox) give(w []work) {
	clear(w)
	if cap(w) > inboxKeep {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.work == nil {
		b.work = w[:0]
	} else {
		b.spare = w[:0]
	}
}

// pool runs turns for those who must not be held up by them. It has a goroutine
// only while there is something to run.
type pool struct {
	limit int
	mu    struct {
		sync.Mutex
		idle    sync.Cond
		queue   []*Stream
		workers int
	}
}

func newPool(limit int) *pool {
	p := &pool{limit: limit}
	p.mu.idle.L = &p.mu.Mutex
	return p
}

// submit has a turn of s run soon. s.box.running is set.
func (p *pool) submit(s *Stream) {
	p.mu.Lock()
	p.mu.queue = append(p.mu.queue, s)
	start := p.mu.workers < p.limit
	if start {
		p.mu.workers++
	}
	p.mu.Unlock()
	if start {
		go p.work()
	}
}

func (p *pool) work() {
	var r round
	for {
		r.streams = p.next(r.streams[:0])
		switch len(r.streams) {
		case 0:
			r.release()
			return
		case 1:
			r.streams[0].run()
		default:
			r.run(p)
		}
	}
}

// next takes a fair share of the queue, at most roundMost streams. Without any, the
// worker is over.
func (p *pool) next(streams []*Stream) []*Stream {
	p.mu.Lock()
	defer p.mu.Unlock()
	n := min((len(p.mu.queue)+p.limit-1)/p.limit, roundMost)
	if n == 0 {
		p.mu.workers--
		p.mu.queue = nil
		if p.mu.workers == 0 {
			p.mu.idle.Broadcast()
		}
		return streams
	}
	streams = append(streams, p.mu.queue[:n]...)
	clear(p.mu.queue[:n])
	p.mu.queue = p.mu.queue[n:]
	return streams
}

// wait returns when no goroutine of the pool runs.
func (p *pool) wait() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for p.mu.workers > 0 {
		p.mu.idle.Wait()
	}
}
