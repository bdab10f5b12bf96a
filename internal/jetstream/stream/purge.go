package stream

import (
	"github.com/tidings-io/tidings/internal/jsapi"
	"github.com/tidings-io/tidings/internal/subject"
)

// Purge removes messages: all, those below a sequence, all but the last few, each
// of all subjects or of those that match a filter. Without a sequence and a number to
// keep, messages that wait to be stored go as well; they are not counted.
//
// Errors: ErrStreamSealed, ErrStreamPurgeFailed if it is denied, ErrBadRequest for
// both a sequence and a number to keep.
func (m *Machine) Purge(req jsapi.StreamPurgeRequest, now int64) (purged uint64, err *jsapi.Error) {
	m.Expire(now)
	switch {
	case m.cfg.Sealed:
		return 0, jsapi.ErrStreamSealed.New()
	case m.cfg.DenyPurge:
		return 0, jsapi.ErrStreamPurgeFailed.New("stream purge not permitted")
	case req.Sequence > 0 && req.Keep > 0:
		return 0, jsapi.ErrBadRequest.New()
	}
	if req.Keep == 0 && req.Sequence == 0 {
		m.purgeDelayed(req.Filter)
	}
	before := m.x.State()
	switch {
	case req.Filter != "" && req.Filter != ">":
		m.purgeFiltered(&req)
	case req.Keep > 0:
		for st := before; st.Messages > req.Keep; st = m.x.State() {
			m.remove(st.First)
		}
	case req.Sequence > 0 && req.Sequence <= before.Last:
		m.x.RemoveBefore(req.Sequence, m.removed)
	default:
		m.clear(max(req.Sequence, before.Last+1))
	}
	m.schedule()
	return before.Messages - m.x.State().Messages, nil
}

func (m *Machine) purgeFiltered(req *jsapi.StreamPurgeRequest) {
	if !subject.ValidSubscription(req.Filter) {
		return
	}
	if !subject.HasWildcard(req.Filter) {
		on, ok := m.x.Subject([]byte(req.Filter))
		for ; ok && on.Count > req.Keep && (req.Sequence == 0 || on.First < req.Sequence); on, ok = m.x.Subject([]byte(req.Filter)) {
			m.remove(on.First)
		}
		return
	}
	f := m.x.NewFilter(req.Filter)
	count := m.x.Count(0, f)
	for e, ok := m.x.Next(0, f); ok && count > req.Keep; e, ok = m.x.Next(e.Seq+1, f) {
		if req.Sequence > 0 && e.Seq >= req.Sequence {
			return
		}
		m.remove(e.Seq)
		count--
	}
}

// clear removes everything at once; the next message gets the sequence next.
func (m *Machine) clear(next uint64) {
	if m.cfg.Storage == jsapi.MemoryStorage {
		m.x.RemoveBefore(next, m.space.Free)
	}
	m.x.Clear(next)
	m.age = ages{done: next - 1}
	m.ttl, m.exempt, m.schedules = nil, nil, nil
}

// Delete removes a message; erase makes it unreadable where it was, too, if the
// space can.
//
// Errors: ErrStreamSealed, ErrStreamMsgDeleteFailed if it is denied,
// ErrSequenceNotFound.
func (m *Machine) Delete(seq uint64, erase bool, now int64) *jsapi.Error {
	m.Expire(now)
	switch {
	case m.cfg.Sealed:
		return jsapi.ErrStreamSealed.New()
	case m.cfg.DenyDelete:
		return jsapi.ErrStreamMsgDeleteFailed.New("message delete not permitted")
	}
	e, ok := m.x.Get(seq)
	switch st := m.x.State(); {
	case ok:
	case seq < st.First || seq > st.Last:
		return jsapi.ErrStreamMsgDeleteFailed.New("no message found")
	default:
		return jsapi.ErrSequenceNotFound.New(seq)
	}
	if eraser, can := m.space.(Eraser); can && erase && !m.readsBack() {
		eraser.Erase(e)
	}
	m.remove(seq)
	return nil
}

// readsBack reports whether what the stream stores may be made of what it had
// stored: then bodies must stay as they are, as after a crash it is made again.
func (m *Machine) readsBack() bool { return m.cfg.AllowMsgCounter || m.cfg.AllowMsgSchedules }

// Remove takes out a message that nobody needs any more, as all who wanted it have
// acknowledged it. It reports whether there was one.
func (m *Machine) Remove(seq uint64) bool { return m.remove(seq) }
