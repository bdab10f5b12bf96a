package consumer

import (
	"slices"

	"github.com/tidings-io/tidings/internal/jetstream/index"
	"github.com/tidings-io/tidings/internal/jsapi"
)

// start finds the first message by the deliver policy.
func (c *Machine) start() {
	st := c.x.State()
	first := uint64(1)
	switch c.cfg.DeliverPolicy {
	case jsapi.DeliverAll:
		first = st.First
		if st.Messages == 0 {
			first = st.Last + 1
		}
	case jsapi.DeliverLast:
		first = st.Last + 1
		if e, ok := c.x.Prev(st.Last, c.filter); ok {
			first = e.Seq
		}
	case jsapi.DeliverNew:
		first = st.Last + 1
	case jsapi.DeliverByStartSequence:
		first = max(c.cfg.OptStartSeq, st.First, 1)
	case jsapi.DeliverByStartTime:
		first = max(c.env.SeqAt(c.cfg.OptStartTime.UnixNano()), 1)
	case jsapi.DeliverLastPerSubject:
		c.latest = newSnapshot(c.x, c.own.filters, st.Last)
		if first = st.Last + 1; len(c.latest.seqs) > 0 {
			first = c.latest.seqs[0]
		}
	}
	c.streamSeq, c.base = first-1, first-1
	c.seek()
}

// seek has delivery go on behind streamSeq.
func (c *Machine) seek() {
	at := c.streamSeq + 1
	if c.latest != nil {
		c.latest.pass(c.streamSeq)
		at = max(at, c.latest.last+1)
		c.forget()
	}
	if c.cursor == nil {
		c.cursor = c.x.NewCursor(c.filter, at)
	} else {
		c.cursor.Seek(at)
	}
}

// forget drops the snapshot when delivery is behind it.
func (c *Machine) forget() {
	if c.latest != nil && c.streamSeq >= c.latest.last {
		c.latest = nil
	}
}

// snapshot is what the deliver policy last_per_subject begins with: the last
// message of each subject when the consumer was created.
type snapshot struct {
	last uint64   // the stream's last sequence then; ordinary delivery goes on behind it
	seqs []uint64 // what is left, ascending

	// live is the number of seqs that were in the stream when it was counted: with
	// the stream's seen, and slack more deliveries before it is counted again.
	live  int
	seen  [2]uint64
	slack int
}

// recount is the number of messages left up to which removals are always noticed;
// beyond, after as many deliveries.
const recount = 1024

func newSnapshot(x *index.Index, filters []string, last uint64) *snapshot {
	s := &snapshot{last: last, live: -1}
	for _, filter := range filters {
		for _, st := range x.Subjects(filter) {
			s.seqs = append(s.seqs, st.Last)
		}
	}
	slices.Sort(s.seqs)
	s.seqs = slices.Compact(s.seqs)
	return s
}

// filter keeps what f lets pass.
func (s *snapshot) filter(x *index.Index, f *index.Filter) {
	s.seqs = slices.DeleteFunc(s.seqs, func(seq uint64) bool {
		e, ok := x.Get(seq)
		return !ok || f != nil && !f.MatchID(e.ID)
	})
	s.live = -1
}

func (s *snapshot) has(seq uint64) bool {
	_, ok := slices.BinarySearch(s.seqs, seq)
	return ok
}

// peek returns the next message that still exists.
func (s *snapshot) peek(x *index.Index) (index.Entry, bool) {
	for len(s.seqs) > 0 {
		if e, ok := x.Get(s.seqs[0]); ok {
			return e, true
		}
		s.seqs = s.seqs[1:]
	}
	return index.Entry{}, false
}

// pass drops what is not above seq.
func (s *snapshot) pass(seq uint64) {
	i, _ := slices.BinarySearch(s.seqs, seq+1)
	if i == 1 && s.live > 0 {
		s.live--
		s.slack--
	} else if i > 0 {
		s.live = -1
	}
	s.seqs = s.seqs[i:]
}

// pending returns how many are left.
func (s *snapshot) pending(x *index.Index) uint64 {
	st := x.State()
	seen := [2]uint64{st.First, st.Deleted}
	if s.live < 0 || seen != s.seen && (s.slack <= 0 || len(s.seqs) <= recount) {
		s.live, s.seen, s.slack = 0, seen, recount
		for _, seq := range s.seqs {
			if _, ok := x.Get(seq); ok {
				s.live++
			}
		}
	}
	return uint64(s.live)
}
