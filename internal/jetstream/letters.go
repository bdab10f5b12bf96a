package jetstream

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/tidings-io/tidings/internal/core"
	"github.com/tidings-io/tidings/internal/jetstream/consumer"
	"github.com/tidings-io/tidings/internal/jetstream/index"
	"github.com/tidings-io/tidings/internal/jetstream/wal"
	"github.com/tidings-io/tidings/internal/jsapi"
	"github.com/tidings-io/tidings/internal/record"
	"github.com/tidings-io/tidings/internal/subject"
	"github.com/tidings-io/tidings/internal/wire"
)

// The headers of a dead letter.
const (
	headerLetter           = "Tidings-Dead-Letter-"
	headerLetterStream     = headerLetter + "Stream"
	headerLetterSequence   = headerLetter + "Sequence"
	headerLetterSubject    = headerLetter + "Subject"
	headerLetterConsumer   = headerLetter + "Consumer"
	headerLetterDeliveries = headerLetter + "Deliveries"
	headerLetterReason     = headerLetter + "Reason"
	headerLetterDetail     = headerLetter + "Detail"
	headerLetterMoves      = headerLetter + "Moves"
	headerLetterTime       = headerLetter + "Time"
)

// letter is a message that a consumer has given up, on its way to the stream that
// keeps such messages. It is logged in one piece with the change of the consumer,
// so there is exactly one copy, whatever happens.
type letter struct {
	to     *Stream
	record []byte // as record.Append leaves it
}

// letterBox returns the stream that takes dead letters on a subject, or says why
// there is none.
func (a *Account) letterBox(on string) (*Stream, error) {
	to := a.captures(on)
	if to == nil {
		return nil, errNoBox
	}
	switch cfg := to.config.Load(); {
	case to.frozen():
		return nil, fmt.Errorf("the state of stream %s is lost: delete it, and create it again", to.name)
	case cfg.Sealed:
		return nil, fmt.Errorf("stream %s is sealed: it takes no messages", to.name)
	case cfg.Retention == jsapi.RetainInterest:
		return nil, fmt.Errorf("stream %s keeps messages only while consumers want them: use retention limits or workqueue", to.name)
	}
	return to, nil
}

var (
	errNoBox   = errors.New("no stream of the account captures it: create one with that subject first")
	errBoxFull = errors.New("the stream of dead letters is full and refuses new messages: purge it or raise its limits")
)

// checkLetters says why a consumer cannot have its dead letters where its metadata
// says, nil: it can, or it has none. was is its configuration before, nil: none.
func (s *Stream) checkLetters(cfg, was *jsapi.ConsumerConfig) *jsapi.Error {
	to, ok := cfg.Metadata[consumer.MetadataDeadLetter]
	if !ok || to == "" || was != nil && was.Metadata[consumer.MetadataDeadLetter] == to {
		return nil
	}
	refuse := func(why string) *jsapi.Error {
		return jsapi.ErrConsumerCreate.New(fmt.Errorf("metadata %s %q: %s", consumer.MetadataDeadLetter, to, why))
	}
	if !subject.ValidLiteral(to) {
		return refuse("it must be a subject without wildcards")
	}
	box, err := s.account.letterBox(to)
	if err != nil {
		return refuse(err.Error())
	}
	if box != s {
		return nil
	}
	filters := cfg.Filters()
	for _, f := range filters {
		if subject.Matches(f, to) {
			return refuse("the consumer would get its own dead letters: use a subject that its filter " + f + " does not match")
		}
	}
	if len(filters) == 0 {
		return refuse("the consumer would get its own dead letters: give it a filter, or use a subject of another stream")
	}
	return nil
}

// deadLetterLocked hands a message over that a consumer has given up.
func (s *Stream) deadLetterLocked(c *Consumer, e index.Entry, reason, detail string, deliveries uint64) consumer.Burial {
	subject := c.machine.Rules().Metadata[consumer.MetadataDeadLetter]
	to, err := s.account.letterBox(subject)
	if err == nil && to.full.Load() {
		err = errBoxFull
	}
	var m record.Message
	if err == nil {
		m, err = s.recordLocked(e)
	}
	if err != nil {
		s.node.log.Error("Message stays pending, its dead letter has no place to go", "account", s.account.Name(), "stream", s.name,
			"consumer", c.name, "sequence", e.Seq, "subject", subject, "error", err)
		return consumer.NoPlace
	}
	moves := letterMoves(m.Header) + 1
	if moves > lettersMoved {
		s.node.log.Error("Message is no dead letter again, it was one too often: dead letters go in a circle", "account", s.account.Name(),
			"stream", s.name, "consumer", c.name, "sequence", e.Seq, "subject", subject)
		return consumer.NotBuried
	}
	header := letterHeader(&m, []wire.HeaderField{
		field(headerLetterStream, s.name),
		field(headerLetterSequence, strconv.FormatUint(e.Seq, 10)),
		field(headerLetterSubject, string(m.Subject)),
		field(headerLetterConsumer, c.name),
		field(headerLetterDeliveries, strconv.FormatUint(deliveries, 10)),
		field(headerLetterReason, reason),
		field(headerLetterDetail, detail),
		field(headerLetterMoves, strconv.Itoa(moves)),
		field(headerLetterTime, time.Unix(0, s.mu.now).UTC().Format(time.RFC3339Nano)),
	})
	rec := record.Append(nil, []byte(subject), append(header, m.Body...), len(header))
	if !s.roomForLetterLocked(c, len(rec)) {
		return consumer.NoPlace
	}
	s.mu.letters = append(s.mu.letters, letter{to, rec})
	if to.logged {
		s.mu.letterBytes += len(rec)
	}
	c.buried = true
	return consumer.Buried
}

// lettersMoved is how often a message becomes a dead letter: its consumer among the
// dead letters may give it up, too, and dead letters may go in a circle.
const lettersMoved = 16

// letterMoves returns how often the message was moved among dead letters before.
func letterMoves(header []byte) int {
	if len(header) == 0 {
		return 0
	}
	h, err := wire.ParseHeader(header)
	if err != nil {
		return 0
	}
	for _, f := range h.Fields {
		if string(f.Key) == headerLetterMoves {
			return int(min(parseSeq(f.Value), lettersMoved))
		}
	}
	return 0
}

// lettersMax is how many dead letters are logged in one piece.
const lettersMax = 256

// roomForLetterLocked makes room for a dead letter in the next piece of the log, by
// logging those that are gathered. It reports false if that has to wait: the letter
// is too large, or the log full.
func (s *Stream) roomForLetterLocked(c *Consumer, size int) bool {
	piece := s.node.store.MaxAppend(2 * lettersMax)
	most := int(min(piece/2, deltasMax))
	if int64(size) > piece-int64(most) && s.logged {
		s.node.log.Error("Message stays pending, its dead letter is too large for the log", "account", s.account.Name(),
			"stream", s.name, "consumer", c.name, "size", size)
		return false
	}
	if !c.dirty {
		c.dirty = true
		s.mu.dirty = append(s.mu.dirty, c)
	}
	if s.mu.letterBytes == 0 || s.mu.letterBytes+size <= most && len(s.mu.letters) < lettersMax {
		return true
	}
	if c.logged { // a change that is not would be applied while the consumer makes it
		s.logDeltasNowLocked()
	}
	return len(s.mu.letters) == 0
}

func field(key, value string) wire.HeaderField {
	return wire.HeaderField{Key: []byte(key), Value: []byte(value)}
}

// letterHeader returns the header block of a dead letter: what the message had,
// without what would make the stream that takes it do something, and where it
// comes from.
func letterHeader(m *record.Message, from []wire.HeaderField) []byte {
	var h wire.Header
	if len(m.Header) > 0 {
		if old, err := wire.ParseHeader(m.Header); err == nil {
			h.Fields = slices.DeleteFunc(old.Fields, func(f wire.HeaderField) bool {
				return bytes.HasPrefix(f.Key, []byte("Nats-")) || bytes.HasPrefix(f.Key, []byte(headerLetter))
			})
		}
	}
	for _, f := range from {
		if len(f.Value) > 0 {
			h.Fields = append(h.Fields, f)
		}
	}
	return h.Append(nil)
}

// letterEntry returns an entry of s with one dead letter.
func (s *Stream) letterEntry(rec []byte) *entry {
	e := entryPool.Get().(*entry)
	e.stream, e.kind = s, kindLetter
	e.chunk = core.NewChunk(publishHeader + len(rec))
	e.chunk.Bytes = append(append(e.chunk.Bytes, emptyHeader[:]...), rec...)
	e.replies = append(e.replies[:0], 0, 0)
	return e
}

// logWithLettersLocked logs the changes of consumers, if there are any (nil:
// none), and the dead letters that belong to them in one piece. What the log
// refuses comes back to the turn that is under way.
func (s *Stream) logWithLettersLocked(deltas *entry, letters []letter) {
	if len(letters) == 0 {
		s.order.Lock()
		s.logLocked(deltas, deltas.payload, wal.Essential)
		s.order.Unlock()
		return
	}
	joint := &joint{}
	if deltas != nil {
		joint.entries = append(joint.entries, deltas)
	}
	for _, l := range letters {
		joint.entries = append(joint.entries, l.to.letterEntry(l.record))
	}
	s.logJointLocked(joint)
}

// refusedRetry is how long what the log had no room for waits for the next attempt.
const refusedRetry = time.Second

// logJointLocked logs j, or keeps it for another attempt: changes of consumers are
// logged in order, so those that come meanwhile wait behind it.
func (s *Stream) logJointLocked(j *joint) {
	s.mu.refused = nil
	if !j.log(s.node) {
		s.mu.refused = j
		s.mu.deltasAt = s.mu.now + int64(refusedRetry)
	}
}

// joint is entries of several streams that are logged in one piece.
type joint struct{ entries []*entry }

// log gives each entry its index and its time under the locks of all its streams,
// which are taken in the order of their groups. It reports false if there is no
// room at the moment; then it is as if nothing had happened.
func (j *joint) log(n *Node) bool {
	streams := make([]*Stream, 0, len(j.entries))
	for _, e := range j.entries {
		streams = append(streams, e.stream)
	}
	slices.SortFunc(streams, func(a, b *Stream) int { return int(int64(a.group) - int64(b.group)) })
	streams = slices.Compact(streams)
	for _, s := range streams {
		s.order.Lock()
	}
	list := make([]wal.Entry, 0, len(j.entries))
	for _, e := range j.entries {
		payload := e.payload
		if e.kind == kindLetter {
			e.stream.sealLocked(e)
			payload = e.chunk.Bytes
		}
		e.stream.order.index++
		e.index = e.stream.order.index
		if e.stream.logged {
			list = append(list, wal.Entry{Kind: e.kind, Group: e.stream.group, Index: e.index, Payload: payload})
		}
	}
	var err error
	for _, s := range streams {
		err = errors.Join(err, s.order.frozen)
	}
	if err == nil {
		err = n.store.Append(list, wal.Essential, j)
	}
	for _, e := range j.entries {
		if err == nil {
			break
		}
		e.stream.order.index--
		if e.err = err; errors.Is(err, wal.ErrFull) { // it is sealed anew by the next attempt
			e.stream.order.inflight -= e.count
			e.stream.order.bytes -= e.bytes
			e.count, e.bytes, e.err = 0, 0, nil
		}
	}
	for _, s := range streams {
		s.order.Unlock()
	}
	switch {
	case errors.Is(err, wal.ErrFull):
		return false
	case err != nil:
		j.finish()
	}
	return true
}

// Durable implements [wal.Completion].
func (j *joint) Durable(r wal.Result) {
	i := 0
	for _, e := range j.entries {
		e.err = r.Err
		if e.stream.logged && r.Err == nil {
			p := r.Place(i)
			e.place = index.Place{File: uint32(p.File), Offset: p.Offset}
			i++
		}
	}
	j.finish()
}

func (j *joint) finish() {
	for _, e := range j.entries {
		e.stream.postAside(work{kind: workEntry, entry: e})
	}
}

// sealLocked gives the records of a Publish entry their times, and the entry its
// header, under s.order.
func (s *Stream) sealLocked(e *entry) {
	b := e.chunk.Bytes
	now := max(time.Now().UnixNano(), s.order.last+1)
	for at := publishHeader; at < len(b); e.count++ {
		if e.kind == kindNumbered || e.kind == kindRestored { // they have their times
			at += record.Length(b[at:])
			continue
		}
		if e.sealed {
			at += record.Reseal(b[at:], now)
		} else {
			at += record.Seal(b[at:], now)
		}
		now++
	}
	e.sealed = true
	s.order.last = now - 1
	b[0] = publishVersion
	binary.LittleEndian.PutUint32(b[4:], uint32(e.count))
	binary.LittleEndian.PutUint64(b[8:], s.order.appliedSeq+s.order.inflight)
	s.order.inflight += e.count
	e.bytes = int64(len(b))
	s.order.bytes += e.bytes
}
