package interest

import (
	"math"
	"sync/atomic"
)

// Subscription is one subscription of one destination. Make it with [New]; it is
// in one index at most, and never again after it was removed: readers may still be
// following its links. Its text never changes.
type Subscription[D any] struct {
	// Dest is who gets the messages. Immutable.
	Dest D

	next atomic.Pointer[Subscription[D]] // chain of one subject; written under the shard's lock
	prev *Subscription[D]                // guarded by the shard's lock

	text      string // subject, queue name and id, one after the other
	subjectTo uint16
	queueTo   uint16
	wild      bool
	exact     atomic.Bool
	group     *group[D] // of a chain entry that stands for a queue group

	// most is the number of messages after which the subscription ends.
	most atomic.Int64
	// delivered counts messages for monitoring and for UNSUB with a maximum.
	delivered atomic.Int64
}

const unlimited = math.MaxInt64

// MaxText is the longest subject plus queue name, in bytes.
const MaxText = math.MaxUint16

// New returns a subscription of dest to subject, with an id that is unique within
// dest, as a member of queue unless that is empty. subject must be valid (package
// subject) and subject and queue together at most MaxText bytes. The arguments
// are copied.
func New[D any](dest D, subject, queue, id []byte) *Subscription[D] {
	b := make([]byte, 0, 256)
	b = append(b, subject...)
	b = append(b, queue...)
	b = append(b, id...)
	s := &Subscription[D]{
		Dest:      dest,
		text:      string(b),
		subjectTo: uint16(len(subject)),
		queueTo:   uint16(len(subject) + len(queue)),
		wild:      hasWildcard(subject),
	}
	s.most.Store(unlimited)
	return s
}

// Subject is the subject or pattern subscribed to.
func (s *Subscription[D]) Subject() string { return s.text[:s.subjectTo] }

// Queue is the name of the queue group, empty for a plain subscription.
func (s *Subscription[D]) Queue() string { return s.text[s.subjectTo:s.queueTo] }

// ID is the id that dest knows the subscription by.
func (s *Subscription[D]) ID() string { return s.text[s.queueTo:] }

// Delivered is the number of messages delivered so far. Unless the count is exact,
// publishers report once a batch, so it may be a batch behind.
func (s *Subscription[D]) Delivered() int64 {
	// Claims that came too late have been counted, too.
	return min(s.delivered.Load(), s.most.Load())
}

// Count adds n delivered messages to a count that is not exact.
func (s *Subscription[D]) Count(n int64) { s.delivered.Add(n) }

// Exact tells whether publishers must Claim each message.
func (s *Subscription[D]) Exact() bool { return s.exact.Load() }

// CountExactly makes publishers claim each message: those who match from now on,
// if s is not in an index yet; otherwise call [Index.Touch] and wait for the
// publishers' batches to end.
func (s *Subscription[D]) CountExactly() { s.exact.Store(true) }

// Limit ends s after most messages in all. The count must be exact. It returns
// false when so many have been delivered already.
func (s *Subscription[D]) Limit(most int64) bool {
	s.most.Store(most)
	return s.delivered.Load() < most
}

// Claim counts one message in and tells whether s may have it, and whether it is
// the last one. Safe for concurrent use: exactly as many claims succeed as the
// limit allows.
func (s *Subscription[D]) Claim() (ok, last bool) {
	n, most := s.delivered.Add(1), s.most.Load()
	return n <= most, n == most
}

func (s *Subscription[D]) key() string { return s.text[:s.subjectTo] }

// group is the members of one queue name on one subject.
type group[D any] struct {
	name    string
	members atomic.Pointer[[]*Subscription[D]] // immutable; replaced under the shard's lock
}

func hasWildcard(subject []byte) bool {
	for i, c := range subject {
		if (c == '*' || c == '>') && (i == 0 || subject[i-1] == '.') && (i+1 == len(subject) || subject[i+1] == '.') {
			return true
		}
	}
	return false
}
