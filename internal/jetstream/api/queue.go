package api

import "sync"

// queueMaxBytes bounds the requests that wait in one queue. One request is taken
// in any case.
const queueMaxBytes = 64 << 20

// queue is the requests of one account that wait, in order.
type queue struct {
	limit int // requests

	mu struct {
		sync.Mutex
		waiting []*request
		bytes   int
		running bool // somebody takes until there is none
		dropped int64
	}
}

// put adds a request unless the queue is full. start tells the caller to have
// somebody take.
func (q *queue) put(r *request) (ok, start bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if n := len(q.mu.waiting); n >= q.limit || n > 0 && q.mu.bytes+r.size > queueMaxBytes {
		q.mu.dropped++
		return false, false
	}
	q.mu.waiting = append(q.mu.waiting, r)
	q.mu.bytes += r.size
	start = !q.mu.running
	q.mu.running = true
	return true, start
}

// take returns the oldest request, or nil when there is none: then the caller is
// not the one who takes any more.
func (q *queue) take() *request {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.mu.waiting) == 0 {
		q.mu.waiting, q.mu.running = nil, false
		return nil
	}
	r := q.mu.waiting[0]
	q.mu.waiting[0] = nil
	q.mu.waiting = q.mu.waiting[1:]
	q.mu.bytes -= r.size
	return r
}

// length is how many requests wait.
func (q *queue) length() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.mu.waiting)
}

// drops returns how many requests found no room since the last call.
func (q *queue) drops() int64 {
	q.mu.Lock()
	defer q.mu.Unlock()
	n := q.mu.dropped
	q.mu.dropped = 0
	return n
}
