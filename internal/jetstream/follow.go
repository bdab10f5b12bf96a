package jetstream

import (
	"strings"
	"sync"
	"time"

	"github.com/tidings-io/tidings/internal/jetstream/stream"
	"github.com/tidings-io/tidings/internal/jsapi"
	"github.com/tidings-io/tidings/internal/subject"
)

// A follower that cannot go on tries again after followRetry, then after twice as
// long, up to followRetryMax.
const (
	followRetry    = 250 * time.Millisecond
	followRetryMax = 8 * time.Second
)

// follower copies the messages of one stream, its origin, into another one: as a
// mirror, or as one of its sources (ADR-59). It logs what it has copied as entries
// of its own stream. How far it has come is part of that stream's state, so nothing
// is copied twice or left out, whatever happens.
//
// There are two ways. From a stream that keeps its messages by limits it reads as a
// client with direct gets would, and the origin wakes it when there is something
// new (copy.go). A stream that keeps its messages for its consumers gets a consumer
// for it, or the configuration names one; then the follower is its client (feed.go).
//
// It has a goroutine only while there is something to do.
type follower struct {
	// immutable
	stream     *Stream // that is copied into
	source     *jsapi.StreamSource
	mirror     bool
	key        string // of the source in the stream's state
	words      [3]string
	transforms []sourceTransform
	patterns   []string      // subjects of the origin that are copied; none: all
	stopped    chan struct{} // closed when it is over

	work sync.WaitGroup

	// failing is a message of the origin that cannot be read. It belongs to the
	// follower's goroutine.
	failing struct {
		seq   uint64
		tries int
	}

	mu struct {
		sync.Mutex
		over    bool
		running bool // there is a goroutine
		dirty   bool // there may be something to do

		origin *Stream // nil: there is none
		feed   *feed   // nil: it reads by itself
		err    *jsapi.Error

		next   uint64 // sequence of the origin to look at; 0: not known yet
		seen   uint64 // last sequence of the origin that was copied or passed over
		lag    uint64
		active time.Time
		looked bool // at the origin, at least once
	}
}

// sourceTransform is a filter and what becomes of the subjects that it lets pass.
type sourceTransform struct {
	source string
	to     *subject.Transform // nil: as it is
}

func newFollower(s *Stream, source *jsapi.StreamSource, mirror bool) *follower {
	f := &follower{stream: s, source: source, mirror: mirror, stopped: make(chan struct{})}
	var sources, destinations []string
	for _, t := range source.SubjectTransforms {
		st := sourceTransform{source: orAll(t.Source)}
		if t.Destination != "" {
			st.to, _ = subject.NewTransform(st.source, t.Destination) // it was checked
		}
		f.transforms = append(f.transforms, st)
		f.patterns = append(f.patterns, st.source)
		sources, destinations = append(sources, st.source), append(destinations, orAll(t.Destination))
	}
	if len(sources) == 0 {
		sources, destinations = []string{orAll(source.FilterSubject)}, []string{">"}
	}
	if source.FilterSubject != "" {
		f.patterns = []string{source.FilterSubject}
	}
	name := source.Name
	if c := source.Consumer; c != nil {
		name += ":" + c.Name + "=" + jsapi.AccountHash(c.DeliverSubject)
	}
	f.words = [3]string{name, strings.Join(sources, "\f"), strings.Join(destinations, "\f")}
	f.key = stream.SourceKey(f.words[0], f.words[1], f.words[2])
	if mirror {
		f.key = "mirror " + name // sources have three words
	}
	return f
}

func orAll(filter string) string {
	if filter == "" {
		return ">"
	}
	return filter
}

// identity tells a stream from another one of the same name that was there before
// or comes after it. One that is restored from a backup is the same; one in memory
// is another with each start of the server.
func (s *Stream) identity() string {
	return jsapi.AccountHash(s.name + " " + utoa(uint64(s.created.UnixNano())) + s.incarnation)
}

// wake has the follower look for something to do. It does not block.
func (f *follower) wake() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.mu.dirty = true
	if !f.mu.over && !f.mu.running {
		f.mu.running = true
		f.work.Go(f.run)
	}
}

func (f *follower) run() {
	retry := followRetry
	for f.begin() {
		more, err := f.step()
		f.setError(err)
		switch {
		case err != nil && !f.pause(retry):
			// It is over, which begin notices.
		case err != nil:
			retry = min(2*retry, followRetryMax)
		default:
			retry = followRetry
		}
		if more || err != nil {
			f.again()
		}
	}
}

// begin reports whether there is something to do; otherwise the goroutine ends.
func (f *follower) begin() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.mu.over || !f.mu.dirty {
		f.mu.running = false
		return false
	}
	f.mu.dirty = false
	return true
}

func (f *follower) again() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.mu.dirty = true
}

// step does a bounded part of what there is to do.
func (f *follower) step() (more bool, err *jsapi.Error) {
	f.mu.Lock()
	origin, feed := f.mu.origin, f.mu.feed
	f.mu.Unlock()
	switch {
	case origin == nil:
		return false, nil
	case feed != nil:
		return feed.step()
	}
	return f.copy(origin)
}

// pause waits before another try. It reports false when the follower is over.
func (f *follower) pause(d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-f.stopped:
		return false
	case <-timer.C:
		return true
	}
}

// setError notes why it cannot go on, nil: it can.
func (f *follower) setError(err *jsapi.Error) {
	f.mu.Lock()
	old := f.mu.err
	if f.mu.origin != nil { // otherwise attach has said why
		f.mu.err = err
	}
	f.mu.Unlock()
	if err == nil || old != nil && old.Code == err.Code {
		return
	}
	f.stream.node.log.Warn("Stream cannot copy messages", "account", f.stream.account.Name(),
		"stream", f.stream.name, "origin", f.source.Name, "error", err)
}

// attach makes origin the stream that is copied from; nil: there is none, because
// of err.
func (f *follower) attach(origin *Stream, err *jsapi.Error) {
	fed := origin != nil && (f.source.Consumer != nil || origin.retained())
	f.mu.Lock()
	old, feed := f.mu.origin, f.mu.feed
	if f.mu.over || old == origin && (feed != nil) == fed {
		if origin == nil {
			f.mu.err = err
		}
		f.mu.Unlock()
		return
	}
	f.mu.origin, f.mu.err, f.mu.feed = origin, err, nil
	f.mu.next, f.mu.looked = 0, false
	if fed {
		f.mu.feed = newFeed(f, origin)
	}
	f.mu.Unlock()
	f.detach(old, feed)
	if origin == nil {
		return
	}
	if !fed {
		origin.follow(f)
	}
	f.wake()
}

// detach ends what there was with an origin.
func (f *follower) detach(origin *Stream, feed *feed) {
	switch {
	case feed != nil:
		feed.close()
	case origin != nil:
		origin.unfollow(f)
	}
}

// stop ends the follower and waits until it has ended.
func (f *follower) stop() {
	f.mu.Lock()
	if !f.mu.over {
		f.mu.over = true
		close(f.stopped)
	}
	origin, feed := f.mu.origin, f.mu.feed
	f.mu.origin, f.mu.feed = nil, nil
	f.mu.Unlock()
	f.detach(origin, feed)
	f.work.Wait()
}

// follow has f hear of new messages.
func (s *Stream) follow(f *follower) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.mu.followers = append(s.mu.followers, f)
}

func (s *Stream) unfollow(f *follower) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, other := range s.mu.followers {
		if other == f {
			s.mu.followers = append(s.mu.followers[:i:i], s.mu.followers[i+1:]...)
			return
		}
	}
}

// locked runs f under the stream's lock.
func (s *Stream) locked(f func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f()
}
