package core

import (
	"github.com/tidings-io/tidings/internal/interest"
)

type (
	matches = interest.Matches[Receiver]
	group   = interest.Group[Receiver]
)

// route is what a publisher remembers of a subject: who gets its messages, after
// echo, permissions and filters. It holds while its stamp does.
type route struct {
	stamp   interest.Stamp
	denied  bool
	head    []byte // "HMSG subject "
	targets []target
	groups  []groupTargets
	// uncounted is the number of messages that each target without an exact
	// count got since the last count.
	uncounted int64
}

type target struct {
	sub   *Subscription
	stage *Stage
	exact bool // the subscription counts each message itself
}

type groupTargets struct {
	members []*Subscription // the index's own list: not to be changed
	stages  []*Stage        // by member, filled in when needed; nil if not kept
	last    *Stage          // of the member that got the last message
}

func (r *route) count() {
	for i := range r.targets {
		if t := &r.targets[i]; !t.exact {
			t.sub.Count(r.uncounted)
		}
	}
	r.uncounted = 0
}

// headVerb begins every head.
const headVerb = "HMSG "

// subject is the subject that the route is for, nothing before it was built.
func (r *route) subject() []byte {
	return r.head[min(len(r.head), len(headVerb)):max(len(r.head)-1, 0)]
}

// find returns the route of subject, from memory if it is there and valid. The
// result is valid until the next find.
func (p *Publisher) find(subject []byte) *route {
	if len(p.stages) > stagesMax {
		p.shrink()
	}
	k := p.account.index.Key(subject)
	r := p.routes[k.Hash]
	if r == nil || string(r.subject()) != string(subject) {
		if p.accounts.forgetful || !p.seenBefore(k.Hash) {
			p.settle(&p.once)
			p.build(&p.once, k, subject, false)
			return &p.once
		}
		if len(p.routes) >= routesMax {
			p.countRoutes()
			clear(p.routes)
		}
		if p.routes == nil {
			p.routes = map[uint64]*route{}
		}
		if r != nil {
			p.settle(r) // another subject with the same hash
		}
		r = &route{}
		p.routes[k.Hash] = r
	} else if r.stamp.Valid() {
		return r
	}
	p.settle(r)
	p.build(r, k, subject, true)
	return r
}

// settle counts what r still owes to its targets before they are replaced.
func (p *Publisher) settle(r *route) {
	if r.uncounted == 0 {
		return
	}
	r.count()
	for i, c := range p.counts {
		if c == r {
			last := len(p.counts) - 1
			p.counts[i] = p.counts[last]
			p.counts[last] = nil
			p.counts = p.counts[:last]
			return
		}
	}
}

// seenBefore notes the hash of a subject and tells whether that was published not
// long ago.
func (p *Publisher) seenBefore(h uint64) bool {
	if p.seen == nil {
		p.seen = make([]uint32, seenSlots)
	}
	slot, tag := &p.seen[h%seenSlots], uint32(h>>32)|1
	if *slot == tag {
		return true
	}
	*slot = tag
	return false
}

// build fills in r for subject. A route that is kept remembers the stages of its
// group members.
func (p *Publisher) build(r *route, k interest.Key, subject []byte, keep bool) {
	r.stamp = p.account.index.Stamp(k)
	r.head = append(append(append(r.head[:0], headVerb...), subject...), ' ')
	r.targets, r.groups, r.uncounted = r.targets[:0], r.groups[:0], 0
	r.denied = p.perms != nil && !p.perms.MayPublish(string(subject))
	if r.denied {
		return
	}
	m := &p.match
	p.account.index.Match(k, subject, m)
	for _, s := range m.Plain {
		if p.wants(s, subject) {
			r.targets = append(r.targets, target{s, p.stage(s.Dest), s.Exact()})
		}
	}
	for _, g := range m.Groups {
		t := groupTargets{members: g.Members}
		if keep {
			t.stages = make([]*Stage, len(g.Members))
		}
		r.groups = append(r.groups, t)
	}
}
