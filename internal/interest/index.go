package interest

import (
	"hash/maphash"
	"sync"
	"sync/atomic"
)

const (
	literalShards = 64
	patternStamps = 64
)

// Index holds the subscriptions of one account. Use [NewIndex].
type Index[D any] struct {
	seed     maphash.Seed
	literals [literalShards]shard[D]
	patterns patterns[D]
	count    atomic.Int64
}

// shard is a part of the literal subjects.
type shard[D any] struct {
	mu    sync.Mutex // excludes writers of table and of its chains
	table table[Subscription[D], *Subscription[D]]
	stamp atomic.Uint64 // one more after each change
}

// NewIndex returns an empty index.
func NewIndex[D any]() *Index[D] {
	return &Index[D]{seed: maphash.MakeSeed()}
}

// Len is the number of subscriptions.
func (x *Index[D]) Len() int { return int(x.count.Load()) }

// Stamp remembers the state of the parts of an index that can change what one
// subject matches.
type Stamp struct {
	at   [3]*atomic.Uint64
	seen [3]uint64
}

// Valid reports whether a match made after the stamp still holds.
func (s *Stamp) Valid() bool {
	return s.at[0].Load() == s.seen[0] && s.at[1].Load() == s.seen[1] && s.at[2].Load() == s.seen[2]
}

// Key is the hashes of a subject in one index, made once for all that is asked
// about it.
type Key struct {
	Hash  uint64 // of the whole subject
	first uint64 // of its first token
}

// Key returns the key of subject.
func (x *Index[D]) Key(subject []byte) Key {
	return Key{maphash.Bytes(x.seed, subject), maphash.Bytes(x.seed, firstToken(subject))}
}

// Stamp returns the present state for the subject with key k. Take it before the
// match.
func (x *Index[D]) Stamp(k Key) (s Stamp) {
	s.at = [3]*atomic.Uint64{
		&x.literals[k.Hash%literalShards].stamp,
		x.patterns.stampOf(k.first),
		&x.patterns.rootStamp,
	}
	for i, a := range s.at {
		s.seen[i] = a.Load()
	}
	return s
}

// Insert adds s. From its return on, every match finds it.
func (x *Index[D]) Insert(s *Subscription[D]) {
	x.count.Add(1)
	if s.wild {
		x.patterns.insert(x, s)
		return
	}
	h := x.hash(s.key())
	sh := &x.literals[h%literalShards]
	sh.mu.Lock()
	insert(&sh.table, h/literalShards, s, x.hashLiteral)
	sh.stamp.Add(1)
	sh.mu.Unlock()
}

// Remove takes s out. It returns false when s was not in.
func (x *Index[D]) Remove(s *Subscription[D]) bool {
	var ok bool
	if s.wild {
		ok = x.patterns.remove(x, s)
	} else {
		h := x.hash(s.key())
		sh := &x.literals[h%literalShards]
		sh.mu.Lock()
		if ok, _ = remove(&sh.table, h/literalShards, s, x.hashLiteral); ok {
			sh.stamp.Add(1)
		}
		sh.mu.Unlock()
	}
	if ok {
		x.count.Add(-1)
	}
	return ok
}

// Touch invalidates what others remember of the subjects that s matches.
func (x *Index[D]) Touch(s *Subscription[D]) {
	if s.wild {
		x.patterns.changed(x, s.key())
		return
	}
	x.literals[x.hash(s.key())%literalShards].stamp.Add(1)
}

// Each calls f for every subscription until it returns false. It takes no lock;
// changes under way may or may not be seen.
func (x *Index[D]) Each(f func(*Subscription[D]) bool) {
	chain := func(s *Subscription[D]) bool {
		for ; s != nil; s = s.next.Load() {
			if s.group == nil {
				if !f(s) {
					return false
				}
				continue
			}
			for _, m := range *s.group.members.Load() {
				if !f(m) {
					return false
				}
			}
		}
		return true
	}
	for i := range x.literals {
		if !x.literals[i].table.each(chain) {
			return
		}
	}
	x.patterns.table.each(chain)
}

func (x *Index[D]) hash(key string) uint64        { return maphash.String(x.seed, key) }
func (x *Index[D]) hashLiteral(key string) uint64 { return x.hash(key) / literalShards }

func firstToken(subject []byte) []byte {
	for i, c := range subject {
		if c == '.' {
			return subject[:i]
		}
	}
	return subject
}

// insert links s into the chain of its subject and reports whether the chain is
// new. The table's writer lock is held.
func insert[D any](t *table[Subscription[D], *Subscription[D]], h uint64, s *Subscription[D], hashOf func(string) uint64) bool {
	at := t.slot(h, s.key())
	if s.Queue() != "" {
		var head *Subscription[D]
		if at != nil {
			head = at.Load()
		}
		for c := head; c != nil; c = c.next.Load() {
			if c.group != nil && c.group.name == s.Queue() {
				c.group.join(s)
				return false
			}
		}
		s = newGroup(s)
	}
	if at == nil {
		t.add(h, s, hashOf)
		return true
	}
	head := at.Load()
	s.prev = nil
	s.next.Store(head)
	head.prev = s
	at.Store(s)
	return false
}

// remove unlinks s and reports whether it was there and whether its chain is now
// gone. The table's writer lock is held.
func remove[D any](t *table[Subscription[D], *Subscription[D]], h uint64, s *Subscription[D], hashOf func(string) uint64) (found, last bool) {
	at := t.slot(h, s.key())
	if at == nil {
		return false, false
	}
	if s.Queue() != "" {
		c := at.Load()
		for c != nil && (c.group == nil || c.group.name != s.Queue()) {
			c = c.next.Load()
		}
		if c == nil || !c.group.leave(s) {
			return false, false
		}
		if len(*c.group.members.Load()) > 0 {
			return true, false
		}
		s = c
	} else if s.prev == nil && at.Load() != s {
		return false, false
	}
	next := s.next.Load()
	if next != nil {
		next.prev = s.prev
	}
	switch {
	case s.prev != nil:
		s.prev.next.Store(next)
	case next != nil:
		at.Store(next)
	default:
		t.remove(at, hashOf)
		last = true
	}
	// s keeps its next link: a reader may be standing on it.
	s.prev = nil
	return true, last
}

// newGroup returns the chain entry for the queue group that s is the first
// member of.
func newGroup[D any](s *Subscription[D]) *Subscription[D] {
	g := &group[D]{name: s.Queue()}
	g.members.Store(&[]*Subscription[D]{s})
	return &Subscription[D]{text: s.text, subjectTo: s.subjectTo, queueTo: s.queueTo, wild: s.wild, group: g}
}

func (g *group[D]) join(s *Subscription[D]) {
	old := *g.members.Load()
	list := make([]*Subscription[D], len(old), len(old)+1)
	copy(list, old)
	list = append(list, s)
	g.members.Store(&list)
}

func (g *group[D]) leave(s *Subscription[D]) bool {
	old := *g.members.Load()
	for i, m := range old {
		if m == s {
			list := make([]*Subscription[D], 0, len(old)-1)
			list = append(append(list, old[:i]...), old[i+1:]...)
			g.members.Store(&list)
			return true
		}
	}
	return false
}
