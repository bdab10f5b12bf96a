package consumer

import "encoding/binary"

// reader reads deltas and states. After a mistake it is bad and returns zeros.
type reader struct {
	b   []byte
	bad bool
}

func (r *reader) fail() { r.bad, r.b = true, nil }

func (r *reader) byte() byte {
	if len(r.b) == 0 {
		r.fail()
		return 0
	}
	v := r.b[0]
	r.b = r.b[1:]
	return v
}

func (r *reader) uvarint() uint64 {
	v, n := binary.Uvarint(r.b)
	if n <= 0 {
		r.fail()
		return 0
	}
	r.b = r.b[n:]
	return v
}

func (r *reader) varint() int64 {
	v, n := binary.Varint(r.b)
	if n <= 0 {
		r.fail()
		return 0
	}
	r.b = r.b[n:]
	return v
}

// count reads the length of a list whose elements take size bytes at least.
func (r *reader) count(size int) int {
	n := r.uvarint()
	if n > uint64(len(r.b)/size) {
		r.fail()
		return 0
	}
	return int(n)
}

// pendings reads pending messages in ascending order, at most up to a stream and a
// consumer sequence.
func (r *reader) pendings(base int64, consumerSeq, streamSeq uint64) []logged {
	n := r.count(4)
	if n == 0 {
		return nil
	}
	list := make([]logged, 0, n)
	var last logged
	for range n {
		step := r.uvarint()
		p := logged{seq: last.seq + step, dseq: last.dseq + uint64(r.varint())}
		p.due, p.deliveries = dueOf(r.uvarint(), base), r.uvarint()
		if step == 0 || p.seq < last.seq || p.seq > streamSeq || p.dseq == 0 || p.dseq > consumerSeq || p.deliveries == 0 {
			r.fail()
			return nil
		}
		list = append(list, p)
		last = p
	}
	return list
}

func (r *reader) changes(base int64, streamSeq uint64) []logged {
	n := r.count(3)
	if n == 0 {
		return nil
	}
	list := make([]logged, 0, n)
	seq := uint64(0)
	for range n {
		seq += uint64(r.varint())
		p := logged{seq: seq, due: dueOf(r.uvarint(), base), deliveries: r.uvarint()}
		if seq == 0 || seq > streamSeq || p.deliveries == 0 {
			r.fail()
			return nil
		}
		list = append(list, p)
	}
	return list
}

// runs reads runs in ascending order, at most up to a stream sequence.
func (r *reader) runs(streamSeq uint64) runs {
	n := r.count(2)
	if n == 0 {
		return nil
	}
	list := make(runs, 0, n)
	last := uint64(0)
	for range n {
		step := r.uvarint()
		from := last + step
		length := r.uvarint()
		to := from + length
		if step == 0 || from < last || to < from || to > streamSeq {
			r.fail()
			return nil
		}
		list = append(list, run{from, to})
		last = to
	}
	return list
}
