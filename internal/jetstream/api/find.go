package api

import (
	"errors"
	"time"

	"github.com/tidings-io/tidings/internal/jetstream/index"
	"github.com/tidings-io/tidings/internal/jsapi"
	"github.com/tidings-io/tidings/internal/record"
	"github.com/tidings-io/tidings/internal/subject"
)

// readAttempts is how often a message is looked up again because its record was
// moved before it was read.
const readAttempts = 8

var (
	errNotFound = errors.New("no such message")
	errBusy     = errors.New("message is moved again and again")
)

// lookup is one search for a message. It runs under a stream's lock.
type lookup struct {
	by      byWhat
	seq     uint64
	subject []byte
	filter  *index.Filter // of subject, made when it is needed
	owner   uint64        // whose records may be kept; 0: nobody's

	// found
	entry index.Entry
	ok    bool
}

type byWhat uint8

const (
	bySeq  byWhat = iota // exactly seq
	byLast               // the last of subject
	byNext               // the first of subject from seq on; of any without subject
)

func (l *lookup) reset() { *l = lookup{subject: l.subject[:0]} }

// view finds the message.
func (l *lookup) view(x *index.Index) {
	switch {
	case l.by == bySeq:
		l.entry, l.ok = x.Get(l.seq)
	case l.by == byNext && len(l.subject) == 0:
		l.entry, l.ok = x.Next(l.seq, nil)
	case l.by == byNext:
		l.entry, l.ok = x.Next(l.seq, l.made(x))
	case subject.HasWildcard(l.subject):
		l.entry, l.ok = x.Prev(x.State().Last, l.made(x))
	default:
		st, ok := x.Subject(l.subject)
		if ok {
			l.entry, ok = x.Get(st.Last)
		}
		l.ok = ok
	}
}

func (l *lookup) made(x *index.Index) *index.Filter {
	if l.filter == nil {
		l.filter = x.NewFilter(string(l.subject))
	}
	return l.filter
}

// find looks up and reads the message that a.look describes. The message is valid
// until the next find.
//
// Errors: errNotFound; what makes the record unreadable.
func (a *answerer) find(s Messages) (record.Message, error) {
	var failed error
	for range readAttempts {
		before := a.look.entry.Place
		s.View(a.lookView)
		if !a.look.ok {
			return record.Message{}, errNotFound
		}
		if failed != nil && before == a.look.entry.Place {
			return record.Message{}, failed // it is where it was: it is damaged
		}
		b, err := a.read(s)
		if err != nil {
			failed = err
			continue
		}
		m := record.View(b)
		m.Seq = a.look.entry.Seq
		return m, nil
	}
	return record.Message{}, errBusy
}

// read returns the record that was looked up, from the cache if it is there.
func (a *answerer) read(s Messages) ([]byte, error) {
	cache, key := a.desk.server.cache, cacheKey{a.look.owner, a.look.entry.Seq}
	if b := cache.get(key); b != nil {
		return b, nil
	}
	b, err := s.Read(a.record[:0], a.look.entry)
	if err != nil {
		return nil, err //nolint:wrapcheck // find decides what it means
	}
	if cap(b) <= answererKeep {
		a.record = b
	}
	cache.offer(key, b)
	return b, nil
}

// get finds a message by its sequence.
func (a *answerer) get(s Messages, seq uint64) (record.Message, error) {
	a.look.by, a.look.seq = bySeq, seq
	return a.find(s)
}

// since returns the first sequence whose message was stored at t or later, the one
// after the last if there is none. Times ascend with sequences.
func (a *answerer) since(s Messages, t time.Time) uint64 {
	at := t.UnixNano()
	var low, high uint64
	s.View(func(x *index.Index) {
		st := x.State()
		low, high = st.First, st.Last+1
	})
	end := high
	for low < high {
		middle := low + (high-low)/2
		a.look = lookup{by: byNext, seq: middle}
		m, err := a.find(s)
		switch {
		case errors.Is(err, errNotFound) || err == nil && m.Time >= at || a.look.entry.Seq >= high:
			high = middle
		default: // one that cannot be read counts as earlier
			low = a.look.entry.Seq + 1
		}
	}
	a.look = lookup{by: byNext, seq: low}
	if s.View(a.lookView); a.look.ok {
		return a.look.entry.Seq
	}
	return end
}

// valid says whether a request for messages asks for something, and for one thing
// only.
func valid(q *jsapi.MsgGetRequest) (empty, contradicts bool) {
	empty = q.Seq == 0 && q.LastBySubject == "" && q.NextBySubject == "" && q.StartTime == nil && len(q.MultiLast) == 0
	last, multi := q.LastBySubject != "", len(q.MultiLast) > 0
	contradicts = last && (q.Seq > 0 || q.NextBySubject != "" || q.StartTime != nil || multi || q.Batch != 0) ||
		multi && q.NextBySubject != "" ||
		q.Seq > 0 && q.StartTime != nil ||
		q.UpToSeq > 0 && q.UpToTime != nil
	return empty, contradicts
}

// aim makes a.look search for what a request for one message, or the first of
// several, asks for.
func (a *answerer) aim(s Messages, q *jsapi.MsgGetRequest) {
	from := q.Seq
	if q.StartTime != nil {
		from = a.since(s, *q.StartTime)
	}
	a.look.reset()
	switch {
	case q.LastBySubject != "":
		a.look.by, a.look.subject = byLast, append(a.look.subject, q.LastBySubject...)
	case q.NextBySubject != "":
		a.look.by, a.look.subject = byNext, append(a.look.subject, q.NextBySubject...)
		a.look.seq = max(from, 1)
	case q.StartTime != nil:
		a.look.by, a.look.seq = byNext, from
	default:
		a.look.by, a.look.seq = bySeq, from
	}
}
