package core

import (
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/tidings-io/tidings/internal/subject"
)

// watches are who wants to hear when interest in a subject may have changed.
// Almost every account has none, which costs a subscriber one load.
type watches struct {
	count atomic.Int64
	mu    struct {
		sync.Mutex
		// by the first two tokens of the subject, so that an inbox of somebody else
		// is not compared with each of them
		byHead map[string]map[*watch]struct{}
	}
}

type watch struct {
	subject string
	changed func()
}

// watchHead returns the first two tokens of a subject or pattern; false if there
// is a wildcard among them.
func watchHead(s string) (string, bool) {
	end := strings.IndexByte(s, '.')
	if end >= 0 {
		if next := strings.IndexByte(s[end+1:], '.'); next >= 0 {
			s = s[:end+1+next]
		}
	}
	return s, !subject.HasWildcard(s)
}

// Watch calls changed after each subscription to, and each end of one to,
// something that matches the literal subject, until stop is called. changed runs
// in the goroutine of the subscriber, which it must not hold up.
func (a *Account) Watch(literal string, changed func()) (stop func()) {
	w := &watch{literal, changed}
	head, _ := watchHead(literal)
	a.watches.mu.Lock()
	defer a.watches.mu.Unlock()
	if a.watches.mu.byHead == nil {
		a.watches.mu.byHead = map[string]map[*watch]struct{}{}
	}
	set := a.watches.mu.byHead[head]
	if set == nil {
		set = map[*watch]struct{}{}
		a.watches.mu.byHead[head] = set
	}
	set[w] = struct{}{}
	a.watches.count.Add(1)
	return func() { a.watches.drop(head, w) }
}

func (ws *watches) drop(head string, w *watch) {
	ws.mu.Lock()
	defer ws.mu.Unlock()
	set := ws.mu.byHead[head]
	if _, ok := set[w]; !ok {
		return
	}
	delete(set, w)
	if len(set) == 0 {
		delete(ws.mu.byHead, head)
	}
	ws.count.Add(-1)
}

// tell tells those who watch a subject that s reaches.
func (ws *watches) tell(s *Subscription) {
	if ws.count.Load() == 0 {
		return
	}
	var found []*watch
	pattern := s.Subject()
	head, literal := watchHead(pattern)
	ws.mu.Lock()
	if literal {
		found = collectWatches(found, ws.mu.byHead[head], pattern)
	} else {
		for _, set := range ws.mu.byHead {
			found = collectWatches(found, set, pattern)
		}
	}
	ws.mu.Unlock()
	for _, w := range found {
		w.changed()
	}
}

func collectWatches(found []*watch, set map[*watch]struct{}, pattern string) []*watch {
	for w := range set {
		if subject.Matches(pattern, w.subject) {
			found = append(found, w)
		}
	}
	return found
}

// Interested tells whether anybody would get a message on the subject.
func (a *Account) Interested(literal []byte) bool {
	var m matches
	a.index.Match(a.index.Key(literal), literal, &m)
	return !m.Empty()
}

// InterestedGroup tells whether the queue group has a member that would get a
// message on the subject.
func (a *Account) InterestedGroup(literal []byte, name string) bool {
	var m matches
	a.index.Match(a.index.Key(literal), literal, &m)
	return slices.ContainsFunc(m.Groups, func(g group) bool { return g.Name == name })
}

// Subscribed tells whether somebody has subscribed to the very subject, and not only
// to a wildcard that matches it.
func (a *Account) Subscribed(literal []byte) bool {
	var m matches
	a.index.Match(a.index.Key(literal), literal, &m)
	exactly := func(s *Subscription) bool { return s.Subject() == string(literal) }
	if slices.ContainsFunc(m.Plain, exactly) {
		return true
	}
	return slices.ContainsFunc(m.Groups, func(g group) bool { return slices.ContainsFunc(g.Members, exactly) })
}
