package jetstream

import "github.com/tidings-io/tidings/internal/core"

// roundMost is how many streams have their turn in one round.
const roundMost = 64

// round is one turn of each of many streams, whose deliveries are handed over
// together: publishers of many streams get the acknowledgements of all of them with
// one write. The streams stay marked as running until that is done, so their order
// is kept. It belongs to one worker of the pool.
type round struct {
	streams []*Stream
	turns   []roundTurn
	pubs    map[*Account]*core.Publisher
}

type roundTurn struct {
	stream *Stream
	work   []work
}

// run gives each stream a turn.
func (r *round) run(p *pool) {
	for _, s := range r.streams {
		w, ok := s.box.take(s.more)
		if !ok {
			continue
		}
		s.more = s.stage(w, r.publisher(s.account))
		r.turns = append(r.turns, roundTurn{s, w})
	}
	r.flush()
	for i := range r.turns {
		t := &r.turns[i]
		s := t.stream
		s.afterTurn(t.work, s.more)
		s.box.give(t.work)
		if !s.box.rest(s.more) {
			p.submit(s)
		}
	}
	clear(r.turns)
	r.turns = r.turns[:0]
	clear(r.streams)
}

// publisher returns the publisher for streams of an account.
func (r *round) publisher(a *Account) *core.Publisher {
	pub := r.pubs[a]
	if pub == nil {
		if r.pubs == nil {
			r.pubs = map[*Account]*core.Publisher{}
		}
		pub = a.node.accounts.Publisher(core.Sender{Account: a.core, Echo: true, Patient: true})
		r.pubs[a] = pub
	}
	return pub
}

// flush hands everything over.
func (r *round) flush() {
	for _, pub := range r.pubs {
		pub.Flush()
	}
}

// release gives the publishers back.
func (r *round) release() {
	for _, pub := range r.pubs {
		pub.Release()
	}
	r.pubs = nil
}
