package stream

import (
	"bytes"
	"strconv"
	"strings"

	"github.com/tidings-io/tidings/internal/jsapi"
	"github.com/tidings-io/tidings/internal/subject"
)

// headerMaxBytes is the length of the longest header block.
const headerMaxBytes = 64<<10 - 1

// step is one check of a message. b is the atomic batch that it belongs to, as far
// as that has been checked; nil: none.
type step func(m *Machine, c *candidate, b *commit) *jsapi.Error

// The order of the checks is what publishers see when several things are wrong; it
// is another one for messages of batches, atomic and fast.
var (
	order = [...]step{
		(*Machine).checkIncrement, (*Machine).checkExpectedStream, (*Machine).checkTTLAllowed,
		(*Machine).checkExpectedOnSubject, (*Machine).checkExpectedLast, (*Machine).checkSchedule,
		(*Machine).checkScheduler, (*Machine).checkSource, (*Machine).checkID, (*Machine).checkExpectedID,
		(*Machine).checkRollup, (*Machine).checkCounter, (*Machine).checkTTL, (*Machine).checkRoom,
	}
	orderInBatch = [...]step{
		(*Machine).checkNoDelay, (*Machine).checkIncrement, (*Machine).checkExpectedStream, (*Machine).checkID, (*Machine).checkExpectedID,
		(*Machine).checkCounter, (*Machine).checkTTLAllowed, (*Machine).checkTTL, (*Machine).checkExpectedOnSubject,
		(*Machine).checkExpectedLast, (*Machine).checkSchedule, (*Machine).checkScheduler, (*Machine).checkSource,
		(*Machine).checkRollup, (*Machine).checkRoom,
	}
)

// check decides whether a message may be stored, and whether it is there already:
// then it is known.
func (m *Machine) check(c *candidate, b *commit) *jsapi.Error {
	if len(c.rec.Header) > headerMaxBytes {
		return jsapi.ErrStreamHeaderExceedsMaximum.New()
	}
	steps := order[:]
	if c.batched {
		steps = orderInBatch[:]
	}
	for _, check := range steps {
		if err := check(m, c, b); err != nil || c.known {
			return err
		}
	}
	return nil
}

func (m *Machine) checkExpectedStream(c *candidate, _ *commit) *jsapi.Error {
	if want := c.h.expectedStream; len(want) > 0 && string(want) != m.cfg.Name {
		return jsapi.ErrStreamNotMatch.New()
	}
	return nil
}

// checkExpectedLast: a batch is expected to follow the stream's last message, which
// only its first message may say.
func (m *Machine) checkExpectedLast(c *candidate, b *commit) *jsapi.Error {
	text := c.h.expectedLast
	if len(text) == 0 {
		return nil
	}
	last := m.x.State().Last
	if b != nil {
		last += uint64(b.messages)
	}
	if want, ok := parseUint(text); !ok || want != last {
		return jsapi.ErrStreamWrongLastSequence.New(last)
	}
	if b != nil && b.messages > 0 {
		return jsapi.ErrStreamWrongLastSequenceConstant.New()
	}
	return nil
}

func (m *Machine) checkExpectedOnSubject(c *candidate, b *commit) *jsapi.Error {
	text := c.h.expectedSubjectLast
	on := c.h.expectedOn
	if len(text) == 0 {
		if len(on) > 0 {
			return jsapi.ErrStreamExpectedLastSeqPerSubjectInvalid.New()
		}
		return nil
	}
	if len(on) == 0 {
		on = c.rec.Subject
	}
	if b.count(on) > 0 {
		return jsapi.ErrStreamWrongLastSequenceConstant.New()
	}
	last := m.lastOn(on)
	if want, ok := parseUint(text); !ok || want != last {
		return jsapi.ErrStreamWrongLastSequence.New(last)
	}
	if b.wroteAny(on) {
		return jsapi.ErrStreamWrongLastSequenceConstant.New()
	}
	return nil
}

// lastOn returns the sequence of the last message on the subjects that a pattern
// matches, 0 if there is none.
func (m *Machine) lastOn(pattern []byte) uint64 {
	if !subject.HasWildcard(pattern) {
		st, _ := m.x.Subject(pattern)
		return st.Last
	}
	if !subject.ValidSubscription(pattern) {
		return 0
	}
	e, _ := m.x.Prev(m.x.State().Last, m.x.NewFilter(string(pattern)))
	return e.Seq
}

// checkSource: only the stream itself says where a message was copied from.
func (m *Machine) checkSource(c *candidate, _ *commit) *jsapi.Error {
	if len(c.h.streamSource) > 0 && !c.sourced {
		return jsapi.ErrMessageSourceHdrNotAllowed.New()
	}
	return nil
}

func (m *Machine) checkID(c *candidate, b *commit) *jsapi.Error {
	if len(c.h.msgID) == 0 || m.cfg.DuplicateWindow <= 0 {
		return nil
	}
	c.id = hashID(c.h.msgID)
	seq, found := m.ids.find(c.id, c.rec.Time-int64(m.cfg.DuplicateWindow))
	switch {
	case b != nil && (found || b.ids[c.id]):
		return jsapi.ErrAtomicPublishContainsDuplicateMessage.New()
	case found:
		c.known, c.duplicate = true, seq
	}
	return nil
}

func (m *Machine) checkExpectedID(c *candidate, b *commit) *jsapi.Error {
	switch want := c.h.expectedID; {
	case len(want) == 0:
	case b != nil:
		return jsapi.ErrAtomicPublishUnsupportedHeaderBatch.New(jsapi.HeaderExpectedLastMsgID)
	case !bytes.Equal(want, m.lastID):
		return jsapi.ErrStreamWrongLastMsgID.New(string(m.lastID))
	}
	return nil
}

func (m *Machine) checkRollup(c *candidate, b *commit) *jsapi.Error {
	value := strings.ToLower(string(c.h.rollup))
	known := value == jsapi.RollupSubject || value == jsapi.RollupAll
	permitted := m.cfg.AllowRollup && !m.cfg.DenyPurge
	switch {
	case value == "":
		return nil
	case c.sourced && !(permitted && known):
		c.h.rollup = nil // it was done where the message comes from
		return nil
	case !permitted:
		return jsapi.ErrStreamRollupFailed.New("rollup not permitted")
	case !known:
		return jsapi.ErrStreamRollupFailed.New("rollup value invalid: " + strconv.Quote(string(c.h.rollup)))
	case b == nil:
	case value == jsapi.RollupAll && b.messages > 0, value == jsapi.RollupSubject && b.count(c.rec.Subject) > 0:
		return jsapi.ErrStreamRollupFailed.New("batch rollup " + value + " invalid")
	}
	return nil
}

// checkRoom refuses a message that does not fit, or on streams that discard new
// messages, one that would have others removed.
func (m *Machine) checkRoom(c *candidate, b *commit) *jsapi.Error {
	if !m.wanted(c.rec.Subject) {
		return nil
	}
	size := m.charge.Of(uint32(c.rec.Len()), len(c.rec.Header) > 0)
	maxBytes := uint64(max(m.cfg.MaxBytes, 0))
	if maxBytes > 0 && size > maxBytes {
		return jsapi.ErrStreamStoreFailed.New("maximum bytes exceeded")
	}
	if m.cfg.Discard != jsapi.DiscardNew {
		return nil
	}
	messages, used := uint64(1), size
	if b != nil {
		messages, used = messages+b.net, used+b.bytes
	}
	on, _ := m.x.Subject(c.rec.Subject)
	if limit := m.cfg.MaxMsgsPerSubject; limit > 0 && on.Count+b.count(c.rec.Subject) >= uint64(limit) {
		if m.cfg.DiscardNewPerSubject && len(c.h.rollup) == 0 { // a rollup makes room first
			return jsapi.ErrStreamStoreFailed.New("maximum messages per subject exceeded")
		}
		messages--
		if e, ok := m.x.Get(on.First); ok && b.count(c.rec.Subject) == 0 {
			used -= min(m.charge.Of(e.Size, e.Header), used)
		}
	}
	st := m.x.State()
	switch {
	case m.cfg.MaxMsgs > 0 && st.Messages+messages > uint64(m.cfg.MaxMsgs):
		return jsapi.ErrStreamStoreFailed.New("maximum messages exceeded")
	case maxBytes > 0 && st.Bytes+used > maxBytes:
		return jsapi.ErrStreamStoreFailed.New("maximum bytes exceeded")
	}
	if b != nil {
		b.net, b.bytes = messages, used
	}
	return nil
}

// wanted reports whether a message on a subject is kept at all.
func (m *Machine) wanted(on []byte) bool {
	if m.cfg.Retention != jsapi.RetainInterest {
		return true
	}
	if m.interest == nil {
		return false
	}
	st, _ := m.x.Subject(on)
	return m.interest(st.ID, on)
}

// parseUint reads a decimal number without a sign.
func parseUint(text []byte) (uint64, bool) {
	if len(text) == 0 || len(text) > 20 {
		return 0, false
	}
	var n uint64
	for _, c := range text {
		if c < '0' || c > '9' {
			return 0, false
		}
		digit := uint64(c - '0')
		if n > (1<<64-1-digit)/10 {
			return 0, false
		}
		n = n*10 + digit
	}
	return n, true
}
