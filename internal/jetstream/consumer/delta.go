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
