package stream_test

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/tidings-io/tidings/internal/jsapi"
	"github.com/tidings-io/tidings/internal/record"
	"github.com/tidings-io/tidings/internal/subject"
)

// naive is a stream as simple as it can be told: a list of messages.
type naive struct {
	cfg    jsapi.StreamConfig
	msgs   []naiveMessage
	last   uint64
	ids    map[string]naiveID
	lastID string
}

type naiveMessage struct {
	seq     uint64
	at      int64
	subject string
	body    string
	bytes   uint64
	ttl     int64 // negative: never expires
	marker  bool
}

type naiveID struct {
	seq uint64
	at  int64
}

// naivePublish is a message that is published to both.
type naivePublish struct {
	subject, body, id      string
	expectLast, expectHere int64 // negative: nothing expected
	rollup                 string
	ttl                    int64 // seconds; 0: none, negative: never
}

func (p *naivePublish) headers() (h []string) {
	add := func(name, value string) { h = append(h, name+": "+value) }
	if p.id != "" {
		add(jsapi.HeaderMsgID, p.id)
	}
	if p.expectLast >= 0 {
		add(jsapi.HeaderExpectedLastSeq, itoa(p.expectLast))
	}
	if p.expectHere >= 0 {
		add(jsapi.HeaderExpectedLastSubjectSeq, itoa(p.expectHere))
	}
	if p.rollup != "" {
		add(jsapi.HeaderRollup, p.rollup)
	}
	switch {
	case p.ttl < 0:
		add(jsapi.HeaderTTL, "never")
	case p.ttl > 0:
		add(jsapi.HeaderTTL, itoa(p.ttl))
	}
	return h
}

func (n *naive) on(subject string) (on []naiveMessage) {
	for _, m := range n.msgs {
		if m.subject == subject {
			on = append(on, m)
		}
	}
	return on
}

func (n *naive) lastOn(subject string) uint64 {
	if on := n.on(subject); len(on) > 0 {
		return on[len(on)-1].seq
	}
	return 0
}

func (n *naive) bytes() (sum uint64) {
	for _, m := range n.msgs {
		sum += m.bytes
	}
	return sum
}

func (n *naive) drop(gone func(naiveMessage) bool) {
	n.msgs = slices.DeleteFunc(n.msgs, gone)
}

// publish returns the sequence, or of which it is a duplicate, or the error.
func (n *naive) publish(p *naivePublish, headerBytes int, now int64) (seq uint64, duplicate bool, code jsapi.Code) {
	n.expire(now)
	on := n.on(p.subject)
	size := uint64(record.HeaderSize-2) + uint64(len(p.subject)+headerBytes+len(p.body))
	if headerBytes > 0 {
		size += 4
	}
	old, known := n.ids[p.id]
	switch {
	case n.cfg.MaxMsgSize > 0 && headerBytes+len(p.body) > int(n.cfg.MaxMsgSize):
		return 0, false, jsapi.ErrStreamMessageExceedsMaximum
	case p.expectHere >= 0 && uint64(p.expectHere) != n.lastOn(p.subject):
		return 0, false, jsapi.ErrStreamWrongLastSequence
	case p.expectLast >= 0 && uint64(p.expectLast) != n.last:
		return 0, false, jsapi.ErrStreamWrongLastSequence
	case p.id != "" && known && now-old.at < int64(n.cfg.DuplicateWindow):
		return old.seq, true, 0
	case n.cfg.MaxBytes > 0 && size > uint64(n.cfg.MaxBytes):
		return 0, false, jsapi.ErrStreamStoreFailed
	}
	if n.cfg.Discard == jsapi.DiscardNew {
		messages, bytes := int64(len(n.msgs))+1, n.bytes()+size
		if n.cfg.MaxMsgsPerSubject > 0 && int64(len(on)) >= n.cfg.MaxMsgsPerSubject {
			if n.cfg.DiscardNewPerSubject && p.rollup == "" {
				return 0, false, jsapi.ErrStreamStoreFailed
			}
			messages--
			bytes -= on[0].bytes
		}
		if n.cfg.MaxMsgs > 0 && messages > n.cfg.MaxMsgs || n.cfg.MaxBytes > 0 && bytes > uint64(n.cfg.MaxBytes) {
			return 0, false, jsapi.ErrStreamStoreFailed
		}
	}
	m := naiveMessage{subject: p.subject, body: p.body, bytes: size, at: now, ttl: p.ttl * int64(time.Second)}
	if floor := int64(n.cfg.SubjectDeleteMarkerTTL); m.ttl > 0 && m.ttl < floor && n.cfg.MaxMsgsPerSubject != 1 {
		m.ttl = floor // as long in the header: one digit of seconds
	}
	n.store(m)
	switch p.rollup {
	case "sub":
		n.drop(func(o naiveMessage) bool { return o.subject == p.subject && o.seq < n.last })
	case "all":
		n.drop(func(o naiveMessage) bool { return o.seq < n.last })
	}
	n.lastID = p.id
	if p.id != "" {
		n.ids[p.id] = naiveID{n.last, now}
	}
	n.enforce()
	return n.last, false, 0
}

func (n *naive) store(m naiveMessage) {
	n.last++
	m.seq = n.last
	n.msgs = append(n.msgs, m)
}

func (n *naive) enforce() {
	if limit := n.cfg.MaxMsgsPerSubject; limit > 0 {
		count := map[string]int64{}
		for _, m := range n.msgs {
			count[m.subject]++
		}
		n.drop(func(m naiveMessage) bool {
			over := count[m.subject] > limit
			count[m.subject]--
			return over
		})
	}
	if n.cfg.Discard == jsapi.DiscardNew {
		return
	}
	for n.cfg.MaxMsgs > 0 && int64(len(n.msgs)) > n.cfg.MaxMsgs || n.cfg.MaxBytes > 0 && n.bytes() > uint64(n.cfg.MaxBytes) {
		n.msgs = n.msgs[1:]
	}
}

// expire is called at each time when something is due, so all that goes goes at
// the time of the call.
func (n *naive) expire(now int64) {
	type due struct {
		at  int64
		m   naiveMessage
		age bool
	}
	var gone []due
	for _, m := range n.msgs {
		at, age := int64(1<<62), false
		if n.cfg.MaxAge > 0 && m.ttl >= 0 {
			at, age = m.at+int64(n.cfg.MaxAge), true
		}
		if m.ttl > 0 && m.at+m.ttl < at {
			at, age = m.at+m.ttl, false
		}
		if at <= now {
			gone = append(gone, due{at, m, age})
		}
	}
	slices.SortStableFunc(gone, func(a, b due) int {
		return cmp.Or(cmp.Compare(a.at, b.at), cmp.Compare(a.m.seq, b.m.seq))
	})
	for _, g := range gone {
		alone := len(n.on(g.m.subject)) == 1
		before := len(n.msgs)
		n.drop(func(o naiveMessage) bool { return o.seq == g.m.seq })
		if before == len(n.msgs) || !alone || g.m.marker || n.cfg.SubjectDeleteMarkerTTL <= 0 {
			continue
		}
		header := "NATS/1.0\r\nNats-Marker-Reason: MaxAge\r\nNats-TTL: " + n.cfg.SubjectDeleteMarkerTTL.String() + "\r\nNats-Rollup: sub\r\n\r\n"
		n.store(naiveMessage{
			subject: g.m.subject, at: now, ttl: int64(n.cfg.SubjectDeleteMarkerTTL), marker: true,
			bytes: uint64(record.HeaderSize + 2 + len(g.m.subject) + len(header)),
		})
		n.lastID = ""
		n.enforce()
	}
}

func (n *naive) purge(req jsapi.StreamPurgeRequest, now int64) (purged uint64) {
	n.expire(now)
	before := len(n.msgs)
	matches := func(m naiveMessage) bool { return req.Filter == "" || subject.Matches(req.Filter, m.subject) }
	count := 0
	for _, m := range n.msgs {
		if matches(m) {
			count++
		}
	}
	n.drop(func(m naiveMessage) bool {
		if !matches(m) || req.Sequence > 0 && m.seq >= req.Sequence || uint64(count) <= req.Keep {
			return false
		}
		count--
		return true
	})
	if req.Filter == "" && req.Sequence > n.last+1 {
		n.last = req.Sequence - 1
	}
	return uint64(before - len(n.msgs))
}

func (n *naive) delete(seq uint64, now int64) bool {
	n.expire(now)
	before := len(n.msgs)
	n.drop(func(m naiveMessage) bool { return m.seq == seq })
	return before != len(n.msgs)
}

// subjects returns the distinct subjects in order.
func (n *naive) subjects() []string {
	set := map[string]bool{}
	for _, m := range n.msgs {
		set[m.subject] = true
	}
	return slices.SortedFunc(maps.Keys(set), strings.Compare)
}
