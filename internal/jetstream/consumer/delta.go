package consumer

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// ErrInvalid is part of every error about bytes that are no delta and no state of
// a consumer.
var ErrInvalid = errors.New("not valid for a consumer")

// A delta, after its version:
//
//	uvarint  number, from 1, epoch, consumer sequence, stream sequence
//	varint   time of the last delivery, of the last acknowledgement (Unix ns)
//	added    pending messages above the stream sequence of the delta before
//	changed  pending messages delivered again, refused, or worked on
//	acked    runs of sequences that are finished with
//	dropped  runs of sequences that will not be delivered any more
//
// Each list is preceded by its length; sequences are differences to the one
// before. A pending message is its sequence, the consumer sequence of its first
// delivery (added only), its due (see appendDue) and its deliveries.
const deltaVersion = 1

// unlogged is what the log does not have yet.
type unlogged struct {
	number uint64 // of the last delta that was taken, or merged
	dirty  bool   // there is something for a delta
	urgent bool   // and somebody waits for it
	// streamSeq is the one of the last delta: what is pending above it is new.
	// applied is the one of the last delta that was applied.
	streamSeq uint64
	applied   uint64
	acked     runs
	dropped   runs
	replies   [][]byte // to confirm when the next delta is committed
	flying    []flight // taken, not applied, oldest first
	spare     []flight
}

// flight is a delta on its way.
type flight struct {
	epoch     uint64
	streamSeq uint64
	acked     runs
	dropped   runs
	replies   [][]byte
	landed    bool // applied, not yet confirmed
}

// has reports whether a message is finished with and the log does not know it.
func (u *unlogged) has(seq, epoch uint64) bool {
	if u.acked.has(seq) || u.dropped.has(seq) {
		return true
	}
	for i := range u.flying {
		if f := &u.flying[i]; !f.landed && f.epoch == epoch && (f.acked.has(seq) || f.dropped.has(seq)) {
			return true
		}
	}
	return false
}

func (u *unlogged) rest() {
	u.spare = nil
	if len(u.acked) == 0 {
		u.acked = nil
	}
	if len(u.dropped) == 0 {
		u.dropped = nil
	}
	if len(u.replies) == 0 {
		u.replies = nil
	}
	if len(u.flying) == 0 {
		u.flying = nil
	}
}

// confirm answers an acknowledgement when what it changed is committed.
func (c *Machine) confirm(reply []byte) {
	switch u := &c.log; {
	case len(reply) == 0:
	case u.dirty:
		u.replies = append(u.replies, append([]byte(nil), reply...))
		u.urgent = true
	case len(u.flying) > 0:
		f := &u.flying[len(u.flying)-1]
		f.replies = append(f.replies, append([]byte(nil), reply...))
	default:
		c.env.Reply(reply)
	}
}

// Urgent reports whether somebody waits for the next delta: a client for its
// confirmation, a dead letter, or a stream that removes what is acknowledged. Other
// changes may be logged whenever something else is.
func (c *Machine) Urgent() bool {
	return c.log.urgent || c.id.Retained && len(c.log.acked) > 0
}

// Delta appends the changes since the last Delta, nothing if there are none. Each
// one that is not empty must go to ApplyDelta, in order, or the machine must be
// decoded anew.
func (c *Machine) Delta(dst []byte) []byte {
	u := &c.log
	if !u.dirty && len(c.pend.changed) == 0 {
		return dst
	}
	u.number++
	dst = append(dst, deltaVersion)
	dst = c.appendHead(dst)
	dst = c.appendAdded(dst)
	dst = c.appendChanged(dst)
	dst = appendRuns(dst, u.acked.sorted())
	dst = appendRuns(dst, u.dropped.sorted())

	var f flight
	if n := len(u.spare); n > 0 {
		f, u.spare = u.spare[n-1], u.spare[:n-1]
	}
	f.epoch, f.streamSeq, f.landed = c.epoch, c.streamSeq, false
	f.acked, u.acked = u.acked, f.acked[:0]
	f.dropped, u.dropped = u.dropped, f.dropped[:0]
	f.replies, u.replies = u.replies, f.replies[:0]
	u.flying = append(u.flying, f)
	u.dirty, u.urgent = false, false
	u.streamSeq = c.streamSeq
	return dst
}

func (c *Machine) appendHead(dst []byte) []byte {
	dst = binary.AppendUvarint(dst, c.log.number)
	dst = binary.AppendUvarint(dst, c.epoch)
	dst = binary.AppendUvarint(dst, c.consumerSeq)
	dst = binary.AppendUvarint(dst, c.streamSeq)
	dst = binary.AppendVarint(dst, c.lastDeliver)
	return binary.AppendVarint(dst, c.lastAck)
}

// appendAdded appends what is pending above the last delta's stream sequence.
func (c *Machine) appendAdded(dst []byte) []byte {
	list := c.pend.list
	from := len(list)
	for from > c.pend.head && list[from-1].seq > c.log.streamSeq {
		from--
	}
	return c.appendPendings(dst, list[from:])
}

func (c *Machine) appendPendings(dst []byte, list []pend) []byte {
	n := 0
	for i := range list {
		if !list[i].gone() {
			n++
		}
	}
	dst = binary.AppendUvarint(dst, uint64(n))
	seq, dseq := uint64(0), uint64(0)
	for i := range list {
		p := &list[i]
		if p.gone() {
			continue
		}
		first := c.firstDelivery(p)
		dst = binary.AppendUvarint(dst, p.seq-seq)
		dst = binary.AppendVarint(dst, int64(first-dseq))
		dst = appendDue(dst, p.due, c.lastDeliver)
		dst = binary.AppendUvarint(dst, p.deliveries())
		seq, dseq = p.seq, first
	}
	return dst
}

// appendChanged appends what was pending in the last delta and is not as it was.
func (c *Machine) appendChanged(dst []byte) []byte {
	changed := c.pend.changed[:0]
	for _, seq := range c.pend.changed {
		i := c.pend.find(seq)
		if i < 0 {
			continue
		}
		c.pend.list[i].meta &^= markChanged
		if seq <= c.log.streamSeq {
			changed = append(changed, seq)
		}
	}
	dst = binary.AppendUvarint(dst, uint64(len(changed)))
	seq := uint64(0)
	for _, s := range changed {
		p := &c.pend.list[c.pend.find(s)]
		dst = binary.AppendVarint(dst, int64(p.seq-seq))
		dst = appendDue(dst, p.due, c.lastDeliver)
		dst = binary.AppendUvarint(dst, p.deliveries())
		seq = p.seq
	}
	c.pend.changed = changed[:0]
	return dst
}

// A due is 0 for the redelivery queue, 1 for never, else 2 and the zigzag
// difference to the last delivery in milliseconds, rounded up.
const dueUnit = int64(1e6)

func appendDue(dst []byte, due, base int64) []byte {
	switch due {
	case 0, never:
		return binary.AppendUvarint(dst, uint64(due&1))
	}
	d := (due - base) / dueUnit
	if (due-base)%dueUnit > 0 {
		d++
	}
	return binary.AppendUvarint(dst, 2+uint64(d<<1^d>>63))
}

func dueOf(n uint64, base int64) int64 {
	switch n {
	case 0:
		return 0
	case 1:
		return never
	}
	n -= 2
	d := int64(n>>1) ^ -int64(n&1)
	if d > (never-1-max(base, 0))/dueUnit {
		return never - 1
	}
	return max(base+d*dueUnit, 1)
}

func appendRuns(dst []byte, list runs) []byte {
	dst = binary.AppendUvarint(dst, uint64(len(list)))
	last := uint64(0)
	for _, r := range list {
		dst = binary.AppendUvarint(dst, r.from-last)
		dst = binary.AppendUvarint(dst, r.to-r.from)
		last = r.to
	}
	return dst
}

// ApplyDelta makes a delta binding that Delta returned: when it has been committed,
// and in replay. If the stream retains messages for its consumers, acked is called
// for each one that the delta finishes with. What a machine of later state knows is
// not undone, but acked is called all the same.
//
// Errors: ErrInvalid; then nothing was changed.
func (c *Machine) ApplyDelta(b []byte, acked func(seq uint64)) error {
	var d delta
	if err := d.decode(b); err != nil {
		return err
	}
	if f := c.log.first(); f != nil { // its own, whose changes it has made
		f.landed = true
		if f.epoch == c.epoch {
			c.log.applied = f.streamSeq
			c.giveUp(d.dropped)
		}
	} else {
		c.merge(&d)
	}
	if acked == nil || !c.id.Retained {
		return nil
	}
	for _, r := range d.acked {
		for seq := r.from; ; seq++ {
			acked(seq)
			if seq == r.to {
				break
			}
		}
	}
	return nil
}

// Committed confirms the acknowledgements that waited for the oldest delta that was
// applied and not confirmed.
func (c *Machine) Committed() {
	u := &c.log
	if len(u.flying) == 0 || !u.flying[0].landed {
		return
	}
	f := u.flying[0]
	for i, reply := range f.replies {
		c.env.Reply(reply)
		f.replies[i] = nil
	}
	n := copy(u.flying, u.flying[1:])
	u.flying[n] = flight{}
	u.flying = u.flying[:n]
	u.spare = append(u.spare, flight{acked: f.acked[:0], dropped: f.dropped[:0], replies: f.replies[:0]})
}

// first returns the oldest delta that is not applied yet, nil if there is none.
func (u *unlogged) first() *flight {
	for i := range u.flying {
		if !u.flying[i].landed {
			return &u.flying[i]
		}
	}
	return nil
}

// merge takes what a delta knows and the machine does not. A machine decoded from a
// state that is newer than the delta knows all of it, but that it is logged.
func (c *Machine) merge(d *delta) {
	if d.epoch < c.epoch {
		return
	}
	if d.epoch > c.epoch {
		c.restart(d.epoch, 0)
	}
	if d.number > c.log.number {
		c.log.number = d.number
		c.mergeNews(d)
	}
	c.log.acked.subtract(d.acked)
	c.log.dropped.subtract(d.dropped)
	c.giveUp(d.dropped)
	c.log.applied = max(c.log.applied, min(d.streamSeq, c.streamSeq))
	c.log.streamSeq = c.log.applied
}

func (c *Machine) mergeNews(d *delta) {
	before := c.streamSeq
	c.consumerSeq = max(c.consumerSeq, d.consumerSeq)
	c.streamSeq = max(c.streamSeq, d.streamSeq)
	c.lastDeliver = max(c.lastDeliver, d.lastDeliver)
	c.lastAck = max(c.lastAck, d.lastAck)
	for i := range d.added {
		if p := &d.added[i]; p.seq > before {
			c.pend.add(p.seq, p.dseq, p.due, p.deliveries)
			c.requeue(p)
		} else { // delivered when the state was taken, which had not been logged
			c.mergeChange(p)
		}
	}
	for i := range d.changed {
		c.mergeChange(&d.changed[i])
	}
	c.removeRuns(d.acked)
	c.removeRuns(d.dropped)
	c.seek()
}

// giveUp remembers what a delta drops for a stream that retains messages, as far as
// they are still there.
func (c *Machine) giveUp(dropped runs) {
	if !c.id.Retained || len(dropped) == 0 {
		return
	}
	first := c.x.State().First
	kept := c.given[:0]
	for _, r := range c.given {
		if r.to >= first {
			kept = append(kept, r)
		}
	}
	for _, r := range dropped {
		if r.to >= first {
			kept = append(kept, r)
		}
	}
	c.given = kept.sorted()
}

func (c *Machine) requeue(p *logged) {
	if p.due == 0 {
		c.redo.push(p.seq)
	}
}

func (c *Machine) mergeChange(p *logged) {
	i := c.pend.find(p.seq)
	if i < 0 {
		return
	}
	e := &c.pend.list[i]
	if p.deliveries < e.deliveries() {
		return
	}
	if e.deliveries() == 1 && p.deliveries > 1 {
		c.pend.again++
	}
	e.meta = e.meta&^deliveriesMax | uint32(min(p.deliveries, deliveriesMax))
	if e.due != p.due {
		e.due = p.due
		c.pend.note(i, p.due)
		c.requeue(p)
	}
}

// removeRuns takes out what is pending and in the runs, which are in order.
func (c *Machine) removeRuns(list runs) {
	for _, r := range list {
		for i := c.pend.search(r.from); i < len(c.pend.list) && c.pend.list[i].seq <= r.to; i++ {
			if !c.pend.list[i].gone() {
				c.pend.remove(i)
			}
		}
	}
}

// delta is a decoded one.
type delta struct {
	number      uint64
	epoch       uint64
	consumerSeq uint64
	streamSeq   uint64
	lastDeliver int64
	lastAck     int64
	added       []logged
	changed     []logged
	acked       runs
	dropped     runs
}

// logged is a pending message as deltas and states tell it.
type logged struct {
	seq        uint64
	dseq       uint64
	due        int64
	deliveries uint64
}

func (d *delta) decode(b []byte) error {
	r := reader{b: b}
	if v := r.byte(); v != deltaVersion {
		return fmt.Errorf("delta of version %d, want %d: %w", v, deltaVersion, ErrInvalid)
	}
	d.number, d.epoch, d.consumerSeq, d.streamSeq = r.uvarint(), r.uvarint(), r.uvarint(), r.uvarint()
	d.lastDeliver, d.lastAck = r.varint(), r.varint()
	d.added = r.pendings(d.lastDeliver, d.consumerSeq, d.streamSeq)
	d.changed = r.changes(d.lastDeliver, d.streamSeq)
	d.acked, d.dropped = r.runs(d.streamSeq), r.runs(d.streamSeq)
	if !r.bad && len(r.b) > 0 {
		r.bad = true
	}
	if r.bad {
		return fmt.Errorf("delta is cut or wrong: %w", ErrInvalid)
	}
	return nil
}
