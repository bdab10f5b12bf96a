package api

import (
	"bytes"
	"errors"
	"slices"
	"strconv"
	"time"

	"github.com/tidings-io/tidings/internal/core"
	"github.com/tidings-io/tidings/internal/jsapi"
	"github.com/tidings-io/tidings/internal/record"
)

// directDoor answers direct gets of one stream (ADR-31), in the goroutine of who
// asks. It is the core.Receiver of the subscriptions for it.
type directDoor struct {
	// immutable
	desk   *desk
	stream Stream
	name   string // of the stream
	owner  uint64 // number in the cache
	subs   []*core.Subscription
}

// register gives the stream a door, or takes its door away.
func (d *desk) register(s Stream) {
	cfg := s.Config()
	var subjects []string
	for _, prefix := range d.server.prefixes() {
		for _, name := range answersFor(&cfg) {
			all := prefix + ".DIRECT.GET." + name
			subjects = append(subjects, all, all+".>")
		}
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	old := d.mu.doors[cfg.Name]
	if old != nil && old.stream == s && slices.EqualFunc(old.subs, subjects, isTo) {
		return
	}
	var door *directDoor
	if len(subjects) > 0 {
		door = &directDoor{desk: d, stream: s, name: cfg.Name, owner: d.server.doors.Add(1)}
		for _, subject := range subjects {
			door.subs = append(door.subs, subscribe(d.core, door, subject, jsapi.DirectGetQueue))
		}
	}
	d.unregisterLocked(cfg.Name) // after the new door is open
	if door != nil {
		if d.mu.doors == nil {
			d.mu.doors = map[string]*directDoor{}
		}
		d.mu.doors[cfg.Name] = door
	}
}

// answersFor returns the names of the streams whose direct gets a stream with that
// configuration answers: its own, and that of the stream it mirrors.
func answersFor(cfg *jsapi.StreamConfig) []string {
	var names []string
	if cfg.AllowDirect {
		names = append(names, cfg.Name)
	}
	if m := cfg.Mirror; cfg.MirrorDirect && m != nil && m.External == nil {
		names = append(names, m.Name)
	}
	return names
}

func isTo(sub *core.Subscription, subject string) bool { return sub.Subject() == subject }

func (d *desk) unregister(name string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.unregisterLocked(name)
}

func (d *desk) unregisterLocked(name string) {
	door := d.mu.doors[name]
	if door == nil {
		return
	}
	for _, sub := range door.subs {
		d.core.Unsubscribe(sub)
	}
	delete(d.mu.doors, name)
	d.server.cache.forget(door.owner)
}

// Deliver implements [core.Receiver].
func (*directDoor) Deliver(st *core.Stage, _ *core.Subscription, m *core.Message) {
	if len(m.Reply) > 0 {
		stage(st, m)
	}
}

// Exhausted, Relief and Filter implement [core.Receiver].
func (*directDoor) Exhausted(*core.Subscription)               {}
func (*directDoor) Relief(bool) <-chan struct{}                { return nil }
func (*directDoor) Filter(*core.Subscription) core.Permissions { return nil }

// Flush implements [core.Receiver]: it answers what is staged.
func (d *directDoor) Flush(st *core.Stage) {
	a := d.desk.answerer()
	defer d.desk.done(a)
	var room [4][]byte
	for _, b := range st.Vector(room[:0]) {
		for len(b) > 0 {
			var r staged
			r, b = unstage(b)
			d.answer(a, &r)
		}
	}
}

// answer answers one request.
func (d *directDoor) answer(a *answerer, r *staged) {
	if levelTooLow(r.header) {
		a.status(r.reply, jsapi.StatusRequiredAPILevel)
		return
	}
	key := d.key(r.subject)
	a.look.reset()
	a.look.subject = append(a.look.subject, key...)
	if len(r.body) == 0 && len(key) > 0 {
		a.look.by = byLast
		d.one(a, r.reply, false)
		return
	}
	if len(key) == 0 && a.simple(r.body) {
		d.one(a, r.reply, false)
		return
	}
	d.decode(a, r, key)
}

// decode answers a request whose body has to be read as JSON.
func (d *directDoor) decode(a *answerer, r *staged, key []byte) {
	var q jsapi.MsgGetRequest
	if len(r.body) > 0 {
		if err := jsapi.Decode(r.body, &q, false); err != nil {
			a.status(r.reply, jsapi.StatusMalformedRequest)
			return
		}
	}
	if len(key) > 0 {
		if q.LastBySubject != "" {
			a.status(r.reply, jsapi.StatusInvalidRequest)
			return
		}
		q.LastBySubject = string(key)
	}
	d.asked(a, r.reply, &q)
}

// asked answers a request that says what it wants in its body.
func (d *directDoor) asked(a *answerer, reply []byte, q *jsapi.MsgGetRequest) {
	empty, contradicts := valid(q)
	switch {
	case empty:
		a.status(reply, jsapi.StatusEmptyRequest)
	case contradicts:
		a.status(reply, jsapi.StatusInvalidRequest)
	case len(q.MultiLast) > 0:
		d.multiLast(a, reply, q)
	case q.Batch != 0:
		d.batch(a, reply, q)
	default:
		a.aim(d.stream, q)
		d.one(a, reply, q.NoHeaders)
	}
}

// key returns the subject that follows the stream's name in the request's, empty
// if none does.
func (*directDoor) key(subject []byte) []byte {
	// $JS.API.DIRECT.GET.<stream> or $JS.<domain>.API.DIRECT.GET.<stream>
	dots, want := 0, 5
	for i, c := range subject {
		if c != '.' {
			continue
		}
		if dots++; dots == 2 && string(subject[:i]) != jsapi.APIPrefix {
			want = 6
		}
		if dots == want {
			return subject[i+1:]
		}
	}
	return nil
}

// simple aims a.look at what the two bodies ask for that clients send most:
// {"seq":N} and {"last_by_subj":"S"}. It reports false for every other one.
func (a *answerer) simple(body []byte) bool {
	const seq, last = `{"seq":`, `{"last_by_subj":"`
	switch {
	case len(body) > len(seq)+1 && string(body[:len(seq)]) == seq && body[len(body)-1] == '}':
		n := uint64(0)
		for _, c := range body[len(seq) : len(body)-1] {
			if c < '0' || c > '9' || n > 1<<59 {
				return false
			}
			n = n*10 + uint64(c-'0')
		}
		a.look.by, a.look.seq = bySeq, n
		return n > 0 && body[len(seq)] != '0'
	case len(body) > len(last)+2 && string(body[:len(last)]) == last && string(body[len(body)-2:]) == `"}`:
		text := body[len(last) : len(body)-2]
		for _, c := range text {
			if c < ' ' || c == '"' || c == '\\' || c >= 0x80 {
				return false
			}
		}
		a.look.by, a.look.subject = byLast, append(a.look.subject[:0], text...)
		return true
	}
	return false
}

// one answers with the message that a.look describes.
func (d *directDoor) one(a *answerer, reply []byte, bare bool) {
	a.look.owner = d.owner
	m, err := a.find(d.stream)
	switch {
	case errors.Is(err, errNotFound):
		a.status(reply, jsapi.StatusMessageNotFound)
	case err != nil:
		a.status(reply, jsapi.StatusInternal+err.Error())
	case bare:
		a.send(reply, nil, nil, m.Body)
	default:
		a.header = append(d.head(a.header[:0], &m), "\r\n"...)
		a.send(reply, nil, a.header, m.Body)
	}
}

// head appends the header block of a message with what direct gets add, without
// the empty line at its end.
func (d *directDoor) head(dst []byte, m *record.Message) []byte {
	// A status that was stored with the message is not the status of this answer.
	dst = append(dst, "NATS/1.0\r\n"...)
	if line := bytes.IndexByte(m.Header, '\n') + 1; line > 0 && line < len(m.Header)-2 {
		dst = append(dst, m.Header[line:len(m.Header)-2]...) // without its empty line
	}
	dst = append(append(dst, jsapi.HeaderStream+": "...), d.name...)
	dst = append(append(dst, "\r\n"+jsapi.HeaderSubject+": "...), m.Subject...)
	dst = strconv.AppendUint(append(dst, "\r\n"+jsapi.HeaderSequence+": "...), m.Seq, 10)
	dst = append(dst, "\r\n"+jsapi.HeaderTimestamp+": "...)
	dst = time.Unix(0, m.Time).UTC().AppendFormat(dst, time.RFC3339Nano)
	return append(dst, "\r\n"...)
}

// status answers with a status line only.
func (a *answerer) status(reply []byte, status string) {
	a.header = append(append(append(a.header[:0], "NATS/1.0 "...), status...), "\r\n\r\n"...)
	a.send(reply, nil, a.header, nil)
}
