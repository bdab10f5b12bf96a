package consumer

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"slices"

	"github.com/tidings-io/tidings/internal/jsapi"
)

// A state, after its version:
//
//	varint   created (Unix ns)
//	uvarint  number of the last delta, epoch, consumer sequence, stream sequence
//	varint   time of the last delivery, of the last acknowledgement (Unix ns)
//	uvarint  stream sequence at the start
//	pending messages, as in a delta
//	uvarint  stream sequence of the last delta that was applied
//	acked    runs that are finished with and in no applied delta
//	dropped  runs that will not be delivered any more, likewise
//	given    runs that were given up without being finished with
//	uvarint  last sequence of the snapshot of last_per_subject, 0: there is none
//	uvarint  number of its sequences that are left, and differences to the one before
const stateVersion = 2

// AppendState appends the state in the form that Decode takes. It holds what the
// machine knows, with what no applied delta tells marked as such, so that the
// machine decoded from it tells it again. Dead letters that are not logged are
// pending in it, so that they are buried again.
func (c *Machine) AppendState(dst []byte) []byte {
	dst = append(dst, stateVersion)
	dst = binary.AppendVarint(dst, c.created)
	dst = c.appendHead(dst)
	dst = binary.AppendUvarint(dst, c.base)
	list := c.pend.list[c.pend.head:]
	acked, dropped, buried := c.log.all(c.epoch)
	if len(buried) > 0 {
		list = slices.Concat(list, buried)
		slices.SortFunc(list, func(a, b pend) int { return cmp.Compare(a.seq, b.seq) })
	}
	dst = c.appendPendings(dst, list)
	dst = binary.AppendUvarint(dst, c.log.applied)
	dst = appendRuns(dst, acked)
	dst = appendRuns(dst, dropped)
	dst = appendRuns(dst, c.given)
	if c.latest == nil {
		return append(dst, 0, 0)
	}
	dst = binary.AppendUvarint(dst, c.latest.last)
	dst = binary.AppendUvarint(dst, uint64(len(c.latest.seqs)))
	last := uint64(0)
	for _, seq := range c.latest.seqs {
		dst = binary.AppendUvarint(dst, seq-last)
		last = seq
	}
	return dst
}

// all returns what no applied delta tells; buried are not in acked, and overdue.
func (u *unlogged) all(epoch uint64) (acked, dropped runs, buried []pend) {
	acked = append(acked, u.acked...)
	dropped = append(dropped, u.dropped...)
	buried = append(buried, u.buried...)
	for i := range u.flying {
		if f := &u.flying[i]; !f.landed && f.epoch == epoch {
			acked = append(acked, f.acked...)
			dropped = append(dropped, f.dropped...)
			buried = append(buried, f.buried...)
		}
	}
	for i := range buried {
		p := &buried[i]
		p.due, p.meta = 1, p.meta&deliveriesMax
		acked.subtract(runs{{p.seq, p.seq}})
	}
	return acked.sorted(), dropped.sorted(), buried
}

// Decode returns the machine whose state AppendState has written, with the index of
// its stream as it was then. cfg has been checked; it is not kept. Deltas that were
// applied later are to be applied now, in order; then it goes on delivering.
//
// Errors: ErrInvalid.
func (h *Home) Decode(state []byte, cfg *jsapi.ConsumerConfig, name string, env Env) (*Machine, error) {
	r := reader{b: state}
	if v := r.byte(); v != stateVersion {
		return nil, fmt.Errorf("state of version %d, want %d: %w", v, stateVersion, ErrInvalid)
	}
	c := h.machine(cfg, name, env)
	c.created = r.varint()
	c.log.number, c.epoch, c.consumerSeq, c.streamSeq = r.uvarint(), r.uvarint(), r.uvarint(), r.uvarint()
	c.lastDeliver, c.lastAck = r.varint(), r.varint()
	c.base = r.uvarint()
	pending := r.pendings(c.lastDeliver, c.consumerSeq, c.streamSeq)
	c.log.applied = r.uvarint()
	c.log.streamSeq = c.log.applied
	c.log.acked, c.log.dropped = r.runs(c.streamSeq), r.runs(c.streamSeq)
	c.given = r.runs(c.streamSeq)
	c.latest = r.snapshot(c.streamSeq)
	if r.bad || len(r.b) > 0 || c.log.applied > c.streamSeq {
		return nil, fmt.Errorf("state is cut or wrong: %w", ErrInvalid)
	}
	c.log.dirty = len(c.log.acked)+len(c.log.dropped) > 0 || c.log.applied < c.streamSeq
	for i := range pending {
		p := &pending[i]
		c.pend.add(p.seq, p.dseq, p.due, p.deliveries)
		c.requeue(p)
	}
	c.paused = cfg.PauseUntil != nil
	c.seek()
	return c, nil
}

// snapshot reads what is left of a snapshot, whose sequences are above streamSeq.
func (r *reader) snapshot(streamSeq uint64) *snapshot {
	s := &snapshot{last: r.uvarint(), live: -1}
	n := r.count(1)
	if s.last == 0 {
		return nil
	}
	s.seqs = make([]uint64, 0, n)
	seq := uint64(0)
	for range n {
		step := r.uvarint()
		if seq += step; step == 0 || seq < step || seq > s.last || seq <= streamSeq {
			r.fail()
			return nil
		}
		s.seqs = append(s.seqs, seq)
	}
	return s
}
