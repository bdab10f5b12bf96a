package stream

import "time"

// ages knows how old the messages are, without reading them: in spans of sequences,
// the time of the last message of each. A span is a 16384th of the greatest age
// long, so a message goes at most that much late, never early, and there are no more
// spans than that.
type ages struct {
	spans []span // ascending; the messages before the first have no age
	start int64  // time of the first message of the last span
	done  uint64 // last sequence of the span that was taken last
}

type span struct {
	last uint64 // sequence of its last message
	time int64  // of that message
}

const (
	spansMax    = 16384
	spanAtLeast = int64(time.Millisecond)

	// readAll is the number of messages of which all may be read to learn their ages.
	readAll = 4096
)

// add notes the time of the newest message.
func (a *ages) add(seq uint64, t, greatest int64) {
	if n := len(a.spans); n > 0 {
		s := &a.spans[n-1]
		t = max(t, s.time) // a mirror's origin may have had its clock set back
		if t-a.start < max(greatest/spansMax, spanAtLeast) {
			*s = span{seq, t}
			return
		}
	}
	a.spans = append(a.spans, span{seq, t})
	a.start = t
}

// due returns when the first span is too old.
func (a *ages) due(greatest int64) int64 {
	if len(a.spans) == 0 || greatest <= 0 || a.spans[0].time > never-greatest {
		return never
	}
	return a.spans[0].time + greatest
}

// take takes the first span and returns its last sequence.
func (a *ages) take() uint64 {
	last := a.spans[0].last
	a.done = last
	if a.spans = a.spans[1:]; len(a.spans) == 0 {
		a.spans = nil
	}
	return last
}

// rebuildAges learns the ages of the messages there are, by reading some of them:
// the greatest age was changed.
func (m *Machine) rebuildAges() {
	m.age = ages{}
	st := m.x.State()
	greatest := int64(m.cfg.MaxAge)
	if greatest <= 0 || st.Messages == 0 {
		return
	}
	first, last := m.timeFrom(st.First), m.timeUpTo(st.Last)
	fine := max(greatest/spansMax, spanAtLeast)
	if st.Messages > readAll { // as fine as some thousand readings can be
		fine = max(fine, (last.time-first.time)/1024)
	}
	m.age.add(first.last, first.time, greatest)
	if first.last < last.last {
		m.split(first, last, fine)
	}
}

// split adds the spans of the messages behind first up to last.
func (m *Machine) split(first, last span, fine int64) {
	greatest := int64(m.cfg.MaxAge)
	if last.time-first.time <= fine || last.last <= first.last+1 {
		m.age.add(last.last, last.time, greatest)
		return
	}
	middle := m.timeUpTo(first.last + (last.last-first.last)/2)
	if middle.last <= first.last { // there is none up to there
		middle = m.timeFrom(first.last + 1)
		m.age.add(middle.last, middle.time, greatest)
	} else {
		m.split(first, middle, fine)
	}
	if middle.last < last.last {
		m.split(middle, last, fine)
	}
}

// timeFrom returns sequence and time of the first message from seq on that can be
// read, timeUpTo of the last up to seq; zero if there is none.
func (m *Machine) timeFrom(seq uint64) span {
	for e, ok := m.x.Next(seq, nil); ok; e, ok = m.x.Next(e.Seq+1, nil) {
		if msg, ok := m.message(e.Seq); ok {
			return span{e.Seq, msg.Time}
		}
	}
	return span{}
}

func (m *Machine) timeUpTo(seq uint64) span {
	for e, ok := m.x.Prev(seq, nil); ok; e, ok = m.x.Prev(e.Seq-1, nil) {
		if msg, ok := m.message(e.Seq); ok {
			return span{e.Seq, msg.Time}
		}
	}
	return span{}
}
