package interest

import (
	"hash/maphash"
	"slices"
	"sync"
	"sync/atomic"
)

// patterns holds the subscriptions with wildcards.
type patterns[D any] struct {
	mu    sync.Mutex // excludes writers of everything here but the stamps
	table table[Subscription[D], *Subscription[D]]
	// firsts has the shapes in use by literal first token; root has the shapes
	// that begin with a wildcard.
	firsts table[first, *first]
	root   atomic.Pointer[[]*shape]

	rootStamp atomic.Uint64
	stamps    [patternStamps]atomic.Uint64 // by hash of the first token
}

// first is a first token below which there are patterns.
type first struct {
	token  string
	shapes atomic.Pointer[[]*shape]
}

func (f *first) key() string { return f.token }

// shape is where the wildcards of some patterns are. Immutable but for uses.
type shape struct {
	stars  []uint16 // token numbers that are "*", ascending
	tokens int      // number of tokens, a closing ">" not counted
	tail   bool     // ends with ">"
	uses   int      // chains of this shape; guarded by patterns.mu
}

func shapeOf(pattern string) *shape {
	sh := &shape{}
	for i, n := 0, 0; i <= len(pattern); n++ {
		end := i
		for end < len(pattern) && pattern[end] != '.' {
			end++
		}
		switch pattern[i:end] {
		case ">":
			sh.tail = true
			return sh
		case "*":
			sh.stars = append(sh.stars, uint16(n))
		}
		sh.tokens = n + 1
		i = end + 1
	}
	return sh
}

func (sh *shape) equal(o *shape) bool {
	return sh.tokens == o.tokens && sh.tail == o.tail && slices.Equal(sh.stars, o.stars)
}

// fits tells whether a subject of n tokens can match a pattern of this shape.
func (sh *shape) fits(n int) bool {
	return n == sh.tokens && !sh.tail || n > sh.tokens && sh.tail
}

// mask appends subject with the wildcards of the shape put in. ends[i] is the end
// of token i in subject.
func (sh *shape) mask(dst, subject []byte, ends []uint16) []byte {
	from := 0
	for _, n := range sh.stars {
		start := 0
		if n > 0 {
			start = int(ends[n-1]) + 1
		}
		dst = append(dst, subject[from:start]...)
		dst = append(dst, '*')
		from = int(ends[n])
	}
	if !sh.tail {
		return append(dst, subject[from:]...)
	}
	if sh.tokens == 0 {
		return append(dst, '>')
	}
	return append(append(dst, subject[from:ends[sh.tokens-1]]...), ".>"...)
}

func (p *patterns[D]) stampOf(firstHash uint64) *atomic.Uint64 {
	return &p.stamps[firstHash%patternStamps]
}

func (p *patterns[D]) insert(x *Index[D], s *Subscription[D]) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if insert(&p.table, x.hash(s.key()), s, x.hash) {
		p.addShape(x, s.key())
	}
	p.changed(x, s.key())
}

func (p *patterns[D]) remove(x *Index[D], s *Subscription[D]) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	found, last := remove(&p.table, x.hash(s.key()), s, x.hash)
	if last {
		p.dropShape(x, s.key())
	}
	if found {
		p.changed(x, s.key())
	}
	return found
}

// changed advances the stamp that covers the pattern.
func (p *patterns[D]) changed(x *Index[D], pattern string) {
	token := firstTokenOf(pattern)
	if token == "*" || token == ">" {
		p.rootStamp.Add(1)
		return
	}
	p.stampOf(maphash.String(x.seed, token)).Add(1)
}

func (p *patterns[D]) addShape(x *Index[D], pattern string) {
	at := p.list(x, pattern, true)
	want := shapeOf(pattern)
	var old []*shape
	if l := at.Load(); l != nil {
		old = *l
	}
	for _, sh := range old {
		if sh.equal(want) {
			sh.uses++
			return
		}
	}
	want.uses = 1
	list := append(slices.Clip(old), want)
	at.Store(&list)
}

func (p *patterns[D]) dropShape(x *Index[D], pattern string) {
	at := p.list(x, pattern, false)
	want := shapeOf(pattern)
	old := *at.Load()
	for i, sh := range old {
		if !sh.equal(want) {
			continue
		}
		if sh.uses--; sh.uses > 0 {
			return
		}
		list := append(old[:i:i], old[i+1:]...)
		at.Store(&list)
		if token := firstTokenOf(pattern); len(list) == 0 && at != &p.root {
			p.firsts.remove(p.firsts.slot(x.hash(token), token), x.hash)
		}
		return
	}
}

// list is where the shapes for the pattern's first token are.
func (p *patterns[D]) list(x *Index[D], pattern string, create bool) *atomic.Pointer[[]*shape] {
	token := firstTokenOf(pattern)
	if token == "*" || token == ">" {
		return &p.root
	}
	if at := p.firsts.slot(x.hash(token), token); at != nil {
		return &at.Load().shapes
	}
	if !create {
		panic("interest: no shapes for a pattern that was there: " + pattern)
	}
	f := &first{token: token}
	p.firsts.add(x.hash(token), f, x.hash)
	return &f.shapes
}

func firstTokenOf(s string) string {
	for i := range len(s) {
		if s[i] == '.' {
			return s[:i]
		}
	}
	return s
}
