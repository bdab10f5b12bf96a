package core

import (
	"math/rand/v2"
	"sync"
	"sync/atomic"
)

const (
	// routesMax bounds the subjects a publisher remembers.
	routesMax = 4096
	// stagedMax is the number of bytes a publisher stages before it flushes in
	// the middle of a batch: it bounds memory and keeps wide fan-outs in cache.
	stagedMax = 4 << 20
	// seenSlots is the size of the filter that keeps subjects which are published
	// once out of the memory.
	seenSlots = 256
	// stagesMax bounds the receivers a publisher keeps an empty stage for.
	stagesMax = 16384
)

// Outcome is what became of a publish.
type Outcome int

// The outcomes of Publisher.Publish that are not a number of deliveries.
const (
	NoInterest Outcome = 0
	Denied     Outcome = -1
)

// Publisher publishes for one door. It belongs to the goroutine that reads the
// door's input. Use [Accounts.Publisher] and Release.
type Publisher struct {
	accounts *Accounts
	account  *Account
	perms    Permissions
	self     Receiver
	echo     bool
	pauses   bool
	patient  bool

	last   *route
	routes map[uint64]*route // by the hash of the subject in the account's index
	seen   []uint32
	once   route // of a subject that is not remembered
	match  matches
	shown  []byte // the head of a message that is shown under another subject

	stages map[Receiver]*Stage
	own    Stage // the stage for self; not among stages
	dirty  []*Stage
	counts []*route // routes with uncounted messages
	relief []<-chan struct{}
	staged int

	inTurn         bool
	shard, turnSet uint32
	sent, sentSize uint64
	random         uint64
}

// Sender is what Publisher.Bind needs to know of a door.
type Sender struct {
	Self        Receiver // gets its own messages only if Echo is set
	Account     *Account
	Permissions Permissions // nil allows everything
	Echo        bool
	Pauses      bool // it asks for Reliefs after each Flush
	Patient     bool // it asks with Behind after each Publish
}

var (
	publisherPool = sync.Pool{New: func() any {
		return &Publisher{
			random: rand.Uint64() | 1,
			shard:  publisherShard.Add(1),
			stages: map[Receiver]*Stage{},
		}
	}}
	publisherShard atomic.Uint32
)

// Publisher returns a publisher for a door, from a pool.
func (as *Accounts) Publisher(s Sender) *Publisher {
	p := publisherPool.Get().(*Publisher)
	p.accounts = as
	p.Bind(s)
	return p
}

// Bind makes the publisher speak for s from now on, after a flush.
func (p *Publisher) Bind(s Sender) {
	p.Flush()
	p.forget()
	p.self, p.account, p.perms = s.Self, s.Account, s.Permissions
	p.echo, p.pauses, p.patient = s.Echo, s.Pauses, s.Patient
	p.own.To, p.own.pub = s.Self, p
}

// Release flushes and gives the publisher back.
func (p *Publisher) Release() {
	p.Flush()
	p.forget()
	p.self, p.account, p.perms, p.accounts = nil, nil, nil, nil
	publisherPool.Put(p)
}

// Abandon gives the publisher up after a panic, when nothing can be said of its
// stages any more: it lets those go on who wait for the batches of the moment.
// The publisher must not be used again.
func (p *Publisher) Abandon() {
	if p.inTurn {
		p.inTurn = false
		p.accounts.turns.end(p.shard, p.turnSet)
	}
}

// forget drops all that refers to other doors.
func (p *Publisher) forget() {
	p.last, p.own.To = nil, nil
	if len(p.routes) > 0 {
		p.routes = nil
	}
	p.once = route{}
	p.match.Release()
	clear(p.seen)
	clear(p.stages)
	clear(p.dirty[:cap(p.dirty)])
	clear(p.counts[:cap(p.counts)])
	clear(p.relief[:cap(p.relief)])
	p.relief = p.relief[:0]
	if cap(p.dirty) > 64 {
		p.dirty, p.counts, p.relief = nil, nil, nil
	}
}

// Own is the stage for the door itself. What the door stages there keeps its
// place among the deliveries to it and leaves with the next Flush, after
// everything that is staged for others.
func (p *Publisher) Own() *Stage {
	p.touch(&p.own)
	return &p.own
}

// Allowed tells whether Publish would not deny a message on subject.
func (p *Publisher) Allowed(subject []byte) bool {
	p.Begin()
	p.last = p.find(subject)
	return !p.last.denied
}

// Begin enters a turn: from here to Flush, [Accounts.Departed] waits for p. Publish
// does it by itself; a door calls it to be waited for before it decides whether it
// takes its input at all.
func (p *Publisher) Begin() {
	if !p.inTurn {
		p.inTurn = true
		p.turnSet = p.accounts.turns.begin(p.shard)
	}
}

// Publish stages m for everybody who should get it and returns the number of
// deliveries, or Denied.
func (p *Publisher) Publish(m *Message) Outcome {
	p.Begin()
	r := p.last
	if !m.Same || r == nil || p.accounts.forgetful || !r.stamp.Valid() {
		r = p.find(m.Subject)
		p.last = r
	}
	if r.denied {
		return Denied
	}
	p.sent++
	p.sentSize += uint64(len(m.Payload))
	m.Head = r.head
	if m.Shown != nil {
		p.shown = append(append(append(p.shown[:0], headVerb...), m.Shown...), ' ')
		m.Head = p.shown
	}
	n := 0
	for i := range r.targets {
		t := &r.targets[i]
		if t.exact && !p.claim(t.sub) {
			continue
		}
		p.deliver(t.stage, t.sub, m)
		n++
	}
	if n > 0 {
		if r.uncounted == 0 {
			p.counts = append(p.counts, r)
		}
		r.uncounted++
	}
	for i := range r.groups {
		if p.deliverGroup(&r.groups[i], m) {
			n++
		}
	}
	return Outcome(n)
}

func (p *Publisher) deliver(st *Stage, s *Subscription, m *Message) {
	st.Messages++
	st.Size += len(m.Payload)
	if !st.dirty {
		st.dirty = true
		p.dirty = append(p.dirty, st)
	}
	p.staged += len(m.Tail)
	st.To.Deliver(st, s, m)
	if p.staged > stagedMax {
		p.flushStages()
	}
}

// deliverGroup gives m to one member, beginning at a random one; if the publisher is
// patient, at one that keeps up.
func (p *Publisher) deliverGroup(g *groupTargets, m *Message) bool {
	k := len(g.members)
	at := 0
	if k > 1 {
		at = int(p.rand() % uint64(k))
		if p.patient {
			at = p.keepsUp(g, at)
		}
	}
	for range k {
		s := g.members[at]
		if p.wants(s, m.Subject) {
			exact := s.Exact()
			if !exact || p.claim(s) {
				if !exact {
					s.Count(1)
				}
				g.last = p.groupStage(g, at, s)
				p.deliver(g.last, s, m)
				return true
			}
		}
		if at++; at == k {
			at = 0
		}
	}
	return false
}

// keepsUp returns the first member from at on that is not behind; at, if all are.
func (p *Publisher) keepsUp(g *groupTargets, at int) int {
	for i := range g.members {
		n := (at + i) % len(g.members)
		if st := p.groupStage(g, n, g.members[n]); st.relief == nil || !st.behind() {
			return n
		}
	}
	return at
}

func (p *Publisher) groupStage(g *groupTargets, at int, s *Subscription) *Stage {
	if g.stages == nil {
		return p.stage(s.Dest)
	}
	if g.stages[at] == nil {
		g.stages[at] = p.stage(s.Dest)
	}
	return g.stages[at]
}

// claim takes one of the messages that s may have.
func (p *Publisher) claim(s *Subscription) bool {
	ok, last := s.Claim()
	if last {
		s.Dest.Exhausted(s)
	}
	return ok
}

// wants tells whether a delivery on subject to s is not ruled out by echo or
// permissions.
func (p *Publisher) wants(s *Subscription, subject []byte) bool {
	if !p.echo && s.Dest == p.self {
		return false
	}
	f := s.Dest.Filter(s)
	return f == nil || f.MayDeliver(string(subject))
}

func (p *Publisher) stage(to Receiver) *Stage {
	if to == p.self {
		return &p.own
	}
	st := p.stages[to]
	if st == nil {
		st = &Stage{To: to, pub: p}
		if p.patient {
			st.relief = to.Relief(true)
		}
		p.stages[to] = st
	}
	return st
}

// shrink forgets all routes and stages but the door's own. No route that was
// built before may be used again: a receiver must not have two stages.
func (p *Publisher) shrink() {
	p.flushStages()
	p.countRoutes()
	p.last, p.routes = nil, nil
	clear(p.stages)
}

// Forget drops what the publisher remembers of subjects and receivers, so that
// closed receivers are not kept alive by a publisher that lives on.
func (p *Publisher) Forget() {
	p.shrink()
	p.once = route{}
	p.match.Release()
}

func (p *Publisher) touch(st *Stage) {
	if !st.dirty {
		st.dirty = true
		p.dirty = append(p.dirty, st)
	}
}

func (p *Publisher) rand() uint64 {
	p.random ^= p.random << 13
	p.random ^= p.random >> 7
	p.random ^= p.random << 17
	return p.random
}

// Flush hands over everything that is staged, the door's own stage last. It is
// counted before, so that who got a message finds it counted.
func (p *Publisher) Flush() {
	p.countRoutes()
	if p.sent > 0 {
		p.account.Sent.Add(p.sent, p.sentSize)
		p.sent, p.sentSize = 0, 0
	}
	p.flushStages()
	if p.inTurn {
		p.inTurn = false
		p.accounts.turns.end(p.shard, p.turnSet)
	}
}

// Reliefs returns the channels of receivers that asked for a pause since the last
// call; each is closed when its receiver has caught up.
func (p *Publisher) Reliefs() []<-chan struct{} {
	r := p.relief
	p.relief = p.relief[:0]
	return r
}

// Behind returns the relief of a receiver that the last Publish went to and that has
// not caught up with what was flushed to it before, nil if there is none. To wait
// for it may take as long as the receiver likes. The publisher must be Patient.
func (p *Publisher) Behind() <-chan struct{} {
	r := p.last
	if r == nil {
		return nil
	}
	for i := range r.targets {
		if st := r.targets[i].stage; st.relief != nil && st.behind() {
			return st.relief
		}
	}
	for i := range r.groups {
		if st := r.groups[i].last; st != nil && st.relief != nil && st.behind() {
			return st.relief
		}
	}
	return nil
}

func (p *Publisher) countRoutes() {
	for _, r := range p.counts {
		r.count()
	}
	clear(p.counts)
	p.counts = p.counts[:0]
}

func (p *Publisher) flushStages() {
	own := false
	for i, st := range p.dirty {
		p.dirty[i] = nil
		if st == &p.own {
			own = true
			continue
		}
		p.flush(st)
	}
	p.dirty = p.dirty[:0]
	p.staged = 0
	if own {
		p.flush(&p.own)
	}
}

func (p *Publisher) flush(st *Stage) {
	n := st.Len()
	st.To.Flush(st)
	st.reset()
	st.last = n
	switch {
	case st == &p.own:
	case p.patient:
		st.relief = st.To.Relief(true)
	case p.pauses:
		if c := st.To.Relief(false); c != nil {
			p.relief = append(p.relief, c)
		}
	}
}

// overflow makes room in a full stage.
func (p *Publisher) overflow(st *Stage) {
	if st == &p.own {
		p.flushStages()
		p.touch(st)
		return
	}
	p.flush(st)
	st.dirty = true // it is still in p.dirty
}
