package stream

import (
	"container/heap"
	"fmt"
	"strings"
	"time"

	"github.com/tidings-io/tidings/internal/jsapi"
	"github.com/tidings-io/tidings/internal/record"
	"github.com/tidings-io/tidings/internal/subject"
)

// Delayed messages. A message with the header Tidings-Delay waits in the state of
// the machine, as bytes, until it is due; only then it gets its sequence, and
// counts. Streams do that whose metadata asks for it.
const (
	// HeaderDelay says how long a message waits, or until when; see parseDelay.
	HeaderDelay = "Tidings-Delay"
	// HeaderPublished is added to a message that has waited: when it was published.
	HeaderPublished = "Tidings-Published"
	// MetadataDelay is the key of a stream's metadata that switches delays on with
	// the value "true".
	MetadataDelay = "tidings.delay"

	// delayCancel in place of a delay takes the waiting messages with the same
	// Nats-Msg-Id back.
	delayCancel = "cancel"
)

// What waits is part of every checkpoint, so it is bounded.
const (
	delayMax         = 366 * 24 * time.Hour
	delayedMax       = 100_000
	delayedMaxBytes  = 32 << 20
	delayedFullRetry = int64(time.Second) // until a message that does not fit is tried again
)

// delayed is a message that waits.
type delayed struct {
	at     int64  // when it is due
	number uint64 // in the order of publishing
	id     idHash // of its Nats-Msg-Id
	rec    []byte // as it was published
}

// delays are the messages that wait, the first that is due on top.
type delays struct {
	list  []delayed
	next  uint64
	bytes int
}

// Len, Less, Swap, Push and Pop implement [heap.Interface].
func (d *delays) Len() int { return len(d.list) }

func (d *delays) Less(i, j int) bool {
	a, b := &d.list[i], &d.list[j]
	return a.at < b.at || a.at == b.at && a.number < b.number
}

func (d *delays) Swap(i, j int) { d.list[i], d.list[j] = d.list[j], d.list[i] }

func (d *delays) Push(x any) {
	one := x.(delayed)
	d.bytes += len(one.rec)
	d.list = append(d.list, one)
}

func (d *delays) Pop() any {
	last := len(d.list) - 1
	one := d.list[last]
	d.list[last] = delayed{}
	d.list = d.list[:last]
	d.bytes -= len(one.rec)
	return one
}

// room says why no message of a size can wait beside the others.
func (d *delays) room(size int) *jsapi.Error {
	if len(d.list) >= delayedMax || d.bytes+size > delayedMaxBytes {
		return jsapi.ErrStreamStoreFailed.New(fmt.Sprintf("%d delayed messages of %d bytes wait already", len(d.list), d.bytes))
	}
	return nil
}

func (d *delays) due() int64 {
	if len(d.list) == 0 {
		return never
	}
	return d.list[0].at
}

// drop takes out what gone says, and returns how many that were.
func (d *delays) drop(gone func(*delayed) bool) int {
	before := len(d.list)
	kept := d.list[:0]
	for i := range d.list {
		if gone(&d.list[i]) {
			d.bytes -= len(d.list[i].rec)
		} else {
			kept = append(kept, d.list[i])
		}
	}
	clear(d.list[len(kept):])
	d.list = kept
	heap.Init(d)
	return before - len(kept)
}

// Delayed is what waits to be stored.
type Delayed struct {
	Messages, Bytes int
	Next            int64 // when the first is due, Unix nanoseconds; 0: none is
}

// Delayed returns what waits to be stored.
func (m *Machine) Delayed() Delayed {
	d := Delayed{Messages: len(m.delayed.list), Bytes: m.delayed.bytes}
	if d.Messages > 0 {
		d.Next = m.delayed.due()
	}
	return d
}

// delayedDue returns when the first message is to be stored.
func (m *Machine) delayedDue() int64 {
	if m.cfg.Sealed {
		return never
	}
	return m.delayed.due()
}

// delayError is a refusal whose text is for the publisher.
func delayError(format string, args ...any) *jsapi.Error {
	err := jsapi.ErrBadRequest.New()
	err.Description = HeaderDelay + ": " + fmt.Sprintf(format, args...)
	return err
}

// parseDelay reads when a message that was published at now is due: a duration such
// as 90s or 1h30m, or a time as in RFC 3339.
func parseDelay(text string, now int64) (at int64, err *jsapi.Error) {
	if d, err := time.ParseDuration(text); err == nil {
		if d < 0 || d > delayMax {
			return 0, delayError("%s is out of range: use up to %d hours", text, int(delayMax.Hours()))
		}
		return now + int64(d), nil
	}
	t, parseErr := time.Parse(time.RFC3339, text)
	switch {
	case parseErr != nil:
		return 0, delayError("%.40q is no delay: use a duration such as 90s or 1h30m, or a time such as 2030-01-02T15:04:05Z", text)
	case t.After(time.Unix(0, now).Add(delayMax)):
		return 0, delayError("%s is too far away: use up to %d hours from now", text, int(delayMax.Hours()))
	case t.Before(time.Unix(0, now)):
		return now, nil
	}
	return t.UnixNano(), nil
}

// delay takes a message that is to wait.
func (m *Machine) delay(c *candidate) Decision {
	if string(c.h.delay) == delayCancel {
		return m.cancelDelayed(c)
	}
	at, err := parseDelay(string(c.h.delay), c.rec.Time)
	if err == nil {
		err = m.checkDelayed(c)
	}
	switch {
	case err != nil:
		return m.refuse(err)
	case c.known:
		return Decision{Answer: m.answer(), Seq: c.duplicate, Duplicate: true}
	case at <= c.rec.Time:
		now := c.rec.Time
		*c = *m.released(&c.rec, now)
		return m.decide(c)
	}
	rec := record.Build(nil, &c.rec)
	if err := m.delayed.room(len(rec)); err != nil {
		return m.refuse(err)
	}
	m.delayed.next++
	heap.Push(&m.delayed, delayed{at: at, number: m.delayed.next, id: delayedID(c.h.msgID), rec: rec})
	m.remember(c, 0)
	m.schedule()
	return Decision{Answer: m.answer()}
}

func delayedID(id []byte) (h idHash) {
	if len(id) > 0 {
		h = hashID(id)
	}
	return h
}

// checkDelayed refuses what cannot wait: a message that expects something of the
// moment, or is part of something.
func (m *Machine) checkDelayed(c *candidate) *jsapi.Error {
	for _, f := range [...]struct {
		name  string
		value []byte
	}{
		{jsapi.HeaderExpectedLastSeq, c.h.expectedLast},
		{jsapi.HeaderExpectedLastSubjectSeq, c.h.expectedSubjectLast},
		{jsapi.HeaderExpectedLastSubjectSeqSubject, c.h.expectedOn},
		{jsapi.HeaderExpectedLastMsgID, c.h.expectedID},
		{jsapi.HeaderRollup, c.h.rollup},
		{jsapi.HeaderIncrement, c.h.increment},
		{jsapi.HeaderBatchID, c.h.batchID},
		{jsapi.HeaderSchedule, c.h.schedule},
		{jsapi.HeaderScheduleNext, c.h.scheduleNext},
	} {
		if len(f.value) > 0 {
			return delayError("a message with %s cannot wait: leave out one of the two headers", f.name)
		}
	}
	if m.cfg.AllowMsgCounter {
		return delayError("counters take no delayed messages: use another stream")
	}
	if len(c.rec.Header) > headerMaxBytes {
		return jsapi.ErrStreamHeaderExceedsMaximum.New()
	}
	for _, check := range [...]step{
		(*Machine).checkExpectedStream, (*Machine).checkTTLAllowed, (*Machine).checkSource, (*Machine).checkID, (*Machine).checkTTL,
	} {
		if err := check(m, c, nil); err != nil || c.known {
			return err
		}
	}
	size := m.charge.Of(uint32(c.rec.Len()), len(c.rec.Header) > 0)
	if m.cfg.MaxBytes > 0 && size > uint64(m.cfg.MaxBytes) {
		return jsapi.ErrStreamStoreFailed.New("maximum bytes exceeded")
	}
	return nil
}

// checkNoDelay: what is part of a batch is stored with it.
func (m *Machine) checkNoDelay(c *candidate, _ *commit) *jsapi.Error {
	if len(c.h.delay) > 0 && m.delaying {
		return delayError("messages of a batch cannot wait: leave the header out")
	}
	return nil
}

// cancelDelayed takes the waiting messages with an id back.
func (m *Machine) cancelDelayed(c *candidate) Decision {
	if len(c.h.msgID) == 0 {
		return m.refuse(delayError("name the message to cancel with %s", jsapi.HeaderMsgID))
	}
	id := hashID(c.h.msgID)
	if m.delayed.drop(func(d *delayed) bool { return d.id == id }) == 0 {
		return m.refuse(delayError("no message with that %s waits", jsapi.HeaderMsgID))
	}
	m.schedule()
	return Decision{Answer: m.answer()}
}

// released returns the message as it is stored.
func (m *Machine) released(rec *record.Message, now int64) *candidate {
	h := appendHeaders(nil, rec.Header, func(name []byte) bool {
		return string(name) == HeaderDelay || string(name) == HeaderPublished
	})
	h = appendHeader(h, HeaderPublished, time.Unix(0, rec.Time).UTC().Format(time.RFC3339Nano))
	c := &candidate{rec: record.Message{Time: now, Subject: rec.Subject, Header: append(h, crlf...), Body: rec.Body}}
	c.h.parse(c.rec.Header)
	return c
}

// release stores the message that is due, or lets it wait on if there is no room.
func (m *Machine) release(now int64) {
	one := heap.Pop(&m.delayed).(delayed)
	rec := record.View(one.rec)
	c := m.released(&rec, now)
	m.prepare(c)
	if err := m.checkRoom(c, nil); err != nil {
		one.at = now + delayedFullRetry
		heap.Push(&m.delayed, one)
		return
	}
	if c.ttl, _ = parseTTL(c.h.ttl); !m.cfg.AllowMsgTTL {
		c.ttl = 0
	}
	m.store(c)
}

// purgeDelayed drops what waits on the subjects that a filter matches.
func (m *Machine) purgeDelayed(filter string) {
	m.delayed.drop(func(d *delayed) bool {
		return filter == "" || subject.Matches(filter, string(record.View(d.rec).Subject))
	})
}

func (d *delays) write(w *writer) {
	w.uint(d.next)
	w.uint(uint64(len(d.list)))
	for i := range d.list {
		w.int(d.list[i].at)
		w.uint(d.list[i].number)
		w.bytes(d.list[i].rec)
	}
}

func (d *delays) read(r *reader) {
	d.next = r.uint()
	for range r.count(record.HeaderSize + 3) {
		one := delayed{at: r.int(), number: r.uint()}
		one.rec = append([]byte(nil), r.bytes()...)
		m, n, err := record.Parse(one.rec)
		if err != nil || n != len(one.rec) {
			r.fail("record of a delayed message is damaged")
			return
		}
		var h headers
		h.parse(m.Header)
		one.id = delayedID(h.msgID)
		heap.Push(d, one)
	}
}

// delaysOn reports whether a configuration switches delays on.
func delaysOn(cfg *jsapi.StreamConfig) bool {
	return strings.EqualFold(cfg.Metadata[MetadataDelay], "true")
}
