package consumer

import (
	"math"

	"github.com/tidings-io/tidings/internal/invariant"
)

// pend is a message that was delivered and not acknowledged.
type pend struct {
	seq  uint64
	due  int64  // when it is delivered again; 0: it waits in the redelivery queue
	dseq uint32 // low half of the consumer sequence of its first delivery
	meta uint32 // deliveries in the low 24 bits, marks above
}

const (
	markGone    = 1 << 31 // not pending any more
	markChanged = 1 << 30 // its change is in pendings.changed

	deliveriesMax = 1<<24 - 1
	never         = math.MaxInt64 // due: not by time
	blockSize     = 256
)

func (p *pend) deliveries() uint64 { return uint64(p.meta & deliveriesMax) }
func (p *pend) gone() bool         { return p.meta&markGone != 0 }

// delivered counts one more delivery; the count stops at deliveriesMax.
func (p *pend) delivered() {
	if p.meta&deliveriesMax < deliveriesMax {
		p.meta++
	}
}

// pendings are the pending messages in order of sequence: new deliveries are
// appended, those in the middle leave a mark until they outnumber the others.
// Deadlines have no structure of their own: each block of blockSize slots knows a
// lower bound of its, and all together one.
type pendings struct {
	list    []pend
	head    int // list[head] is live, or head is len(list)
	dead    int // marked gone behind head
	soonest []int64
	next    int64 // lower bound of all due, 0: none
	// again has how many live ones were delivered more than once.
	again int
	// changed lists those whose delivery count or due changed since the last delta.
	changed []uint64
}

func (p *pendings) len() int { return len(p.list) - p.head - p.dead }

// first returns the live one with the lowest sequence, nil if there is none.
func (p *pendings) first() *pend {
	if p.head == len(p.list) {
		return nil
	}
	return &p.list[p.head]
}

// add appends a message whose sequence is above all others.
func (p *pendings) add(seq, dseq uint64, due int64, deliveries uint64) {
	if n := len(p.list); invariant.Enabled && n > 0 {
		invariant.That(seq > p.list[n-1].seq, "message %d becomes pending behind %d", seq, p.list[n-1].seq)
	}
	if len(p.list) == cap(p.list) {
		p.makeRoom()
	}
	p.list = append(p.list, pend{seq: seq, dseq: uint32(dseq), due: due, meta: uint32(min(deliveries, deliveriesMax))})
	if deliveries > 1 {
		p.again++
	}
	p.note(len(p.list)-1, due)
}

// note keeps the lower bounds right when slot i becomes due at a time.
func (p *pendings) note(i int, due int64) {
	b := i / blockSize
	for len(p.soonest) <= b {
		p.soonest = append(p.soonest, never)
	}
	if due == 0 || due == never {
		return
	}
	p.soonest[b] = min(p.soonest[b], due)
	if p.next == 0 || due < p.next {
		p.next = due
	}
}

func (p *pendings) makeRoom() {
	const first = 8
	switch {
	case cap(p.list) == 0:
		p.list = make([]pend, 0, first)
	case p.head+p.dead >= (len(p.list)+1)/2:
		p.compact()
	}
}

// compact moves the live ones to the front.
func (p *pendings) compact() {
	live := p.list[:0]
	p.soonest = p.soonest[:0]
	list := p.list[p.head:]
	for i := range list {
		if !list[i].gone() {
			live = append(live, list[i])
		}
	}
	p.list, p.head, p.dead = live, 0, 0
	for i := range live {
		p.note(i, live[i].due)
	}
}

// find returns the slot of a sequence, -1 if it is not pending.
func (p *pendings) find(seq uint64) int {
	i := p.search(seq)
	if i == len(p.list) || p.list[i].seq != seq || p.list[i].gone() {
		return -1
	}
	return i
}

// search returns the first slot with a sequence or a higher one; it may be gone.
func (p *pendings) search(seq uint64) int {
	w := p.list[p.head:]
	if len(w) == 0 || seq <= w[0].seq {
		return p.head
	}
	// Sequences only leave holes out, so it stands where it would without, or before.
	i, hi := 0, len(w)
	if guess := seq - w[0].seq; guess < uint64(len(w)) {
		if w[guess].seq == seq {
			return p.head + int(guess)
		}
		hi = int(guess)
	}
	for i < hi {
		mid := int(uint(i+hi) >> 1)
		if w[mid].seq < seq {
			i = mid + 1
		} else {
			hi = mid
		}
	}
	return p.head + i
}

// remove takes slot i out.
func (p *pendings) remove(i int) {
	e := &p.list[i]
	if e.deliveries() > 1 {
		p.again--
	}
	e.meta |= markGone
	p.dead++
	if i != p.head {
		return
	}
	for p.head < len(p.list) && p.list[p.head].gone() {
		p.head++
		p.dead--
	}
	if p.head == len(p.list) {
		p.clear()
	}
}

func (p *pendings) clear() {
	p.list, p.head, p.dead = p.list[:0], 0, 0
	p.soonest, p.next, p.again = p.soonest[:0], 0, 0
}

// reschedule gives slot i another time.
func (p *pendings) reschedule(i int, due int64) {
	p.list[i].due = due
	p.note(i, due)
	p.change(i)
}

// change has slot i in the next delta.
func (p *pendings) change(i int) {
	if e := &p.list[i]; e.meta&markChanged == 0 {
		e.meta |= markChanged
		p.changed = append(p.changed, e.seq)
	}
}

// expire appends the slots that are due at now to dst and makes the lower bounds
// exact for the blocks it looked at. The slots are to be rescheduled or removed.
func (p *pendings) expire(now int64, dst []int) []int {
	if p.next == 0 || now < p.next {
		return dst
	}
	p.next = 0
	for b, soonest := range p.soonest {
		if soonest <= now {
			soonest = never
			for i := max(b*blockSize, p.head); i < min((b+1)*blockSize, len(p.list)); i++ {
				switch e := &p.list[i]; {
				case e.gone() || e.due == 0 || e.due == never:
				case e.due <= now:
					dst = append(dst, i)
				default:
					soonest = min(soonest, e.due)
				}
			}
			p.soonest[b] = soonest
		}
		if soonest != never && (p.next == 0 || soonest < p.next) {
			p.next = soonest
		}
	}
	return dst
}

// rest gives back memory.
func (p *pendings) rest() {
	if p.len() == 0 {
		*p = pendings{changed: p.changed}
	} else if cap(p.list) > 2*p.len()+blockSize {
		p.compact()
		p.list = append(make([]pend, 0, p.len()+p.len()/4), p.list...)
	}
}

// queue is the sequences that wait to be delivered again, in order. Some may not
// be pending any more, or not due.
type queue struct {
	list []uint64
	head int
}

func (q *queue) push(seq uint64) {
	if len(q.list) == cap(q.list) && q.head > len(q.list)/2 {
		q.list = q.list[:copy(q.list, q.list[q.head:])]
		q.head = 0
	}
	q.list = append(q.list, seq)
}

func (q *queue) peek() (uint64, bool) {
	if q.head == len(q.list) {
		return 0, false
	}
	return q.list[q.head], true
}

func (q *queue) pop() {
	if q.head++; q.head == len(q.list) {
		q.list, q.head = q.list[:0], 0
	}
}

func (q *queue) clear() { q.list, q.head = q.list[:0], 0 }
