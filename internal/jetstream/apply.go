package jetstream

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"strconv"

	"github.com/tidings-io/tidings/internal/jetstream/consumer"
	"github.com/tidings-io/tidings/internal/jetstream/index"
	"github.com/tidings-io/tidings/internal/jetstream/store"
	"github.com/tidings-io/tidings/internal/jetstream/stream"
	"github.com/tidings-io/tidings/internal/jetstream/wal"
	"github.com/tidings-io/tidings/internal/jsapi"
	"github.com/tidings-io/tidings/internal/record"
)

// setMachineLocked makes m the machine of the stream, which has no consumers yet.
func (s *Stream) setMachineLocked(m *stream.Machine) {
	s.mu.machine = m
	s.mu.home = consumer.NewHome(s.account.Name(), s.node.cfg.Domain, s.name, m.Index())
	s.mu.home.Retained = s.retained()
	m.OnStored = s.onStored
	m.SetInterest(s.anybodyWants)
}

// anybodyWants reports whether a consumer waits for messages on a subject.
func (s *Stream) anybodyWants(_ index.ID, text []byte) bool {
	for _, c := range s.mu.consumers {
		if c.wantsSubject(text) {
			return true
		}
	}
	return false
}

// onStored is called by the machine for each message that it has stored.
func (s *Stream) onStored(m stream.Stored) {
	if s.mu.pub == nil || !s.mu.opened {
		return // recovering, or being restored: consumers are run when that is done
	}
	if len(s.mu.hungry) > 0 {
		if e, ok := s.mu.machine.Index().Get(m.Seq); ok {
			s.storedLocked(e.ID)
		}
	}
	if s.config.Load().Republish != nil {
		s.republishLocked(&m)
	}
}

// applyPublishLocked decides the messages of a Publish entry and answers their
// publishers.
func (s *Stream) applyPublishLocked(e *entry) {
	b, replies := e.chunk.Bytes, e.replies
	at := e.place
	from := publishHeader
	var refusal *jsapi.Error
	for range e.count {
		n := record.Length(b[from:])
		rec := record.View(b[from : from+n])
		reply := replies[2:][:binary.LittleEndian.Uint16(replies)]
		replies = replies[2+len(reply):]
		if e.err != nil {
			refusal = storeError(e.err)
			s.answer(reply, &stream.Decision{Answer: stream.AnswerAck, Err: refusal})
		} else {
			var place index.Place
			if s.logged {
				place = index.Place{File: at.File, Offset: at.Offset + uint32(from)}
			}
			d := s.publishLocked(rec, place, e.kind, reply)
			s.answer(reply, &d)
			if d.Err != nil {
				refusal = d.Err
			}
			if ends(e.kind, &d) {
				break
			}
		}
		from += n
	}
	if e.err != nil {
		s.failLocked(e.err)
		if errors.Is(e.err, wal.ErrFull) {
			s.node.full(s)
		}
	}
	if e.done != nil {
		e.done(result{err: refusal})
	}
	s.recent = append(s.recent, recent{place: at, entry: e})
}

// publishLocked decides one message.
func (s *Stream) publishLocked(rec record.Message, at index.Place, kind wal.Kind, reply []byte) stream.Decision {
	m := s.mu.machine
	switch kind {
	case kindReplies:
		r, ours, ok := jsapi.ParseBatchReply(view(reply))
		switch {
		case ours && !ok:
			return stream.Decision{Answer: stream.AnswerAck, Err: jsapi.ErrBatchPublishInvalidPattern.New()}
		case ours:
			return m.PublishFast(rec, at, r)
		}
	case kindSourced:
		return m.PublishSourced(rec, at)
	case kindNumbered:
		return m.PublishAt(rec, at, rec.Seq, 0)
	case kindLetter:
		return m.PublishLetter(rec, at)
	case kindRestored:
		m.Restore(rec, at)
		return stream.Decision{Seq: rec.Seq}
	}
	return m.Publish(rec, at)
}

// ends reports whether nothing behind a message is taken from its entry: it was
// copied and has to be copied again, before the others.
func ends(kind wal.Kind, d *stream.Decision) bool {
	return d.Err != nil && (kind == kindSourced || kind == kindNumbered) && stalls(d.Err)
}

// answer tells a publisher what became of its message.
func (s *Stream) answer(reply []byte, d *stream.Decision) {
	if len(reply) == 0 {
		return
	}
	o := &s.out
	for i := range d.Flow {
		s.answerJSON(reply, &d.Flow[i])
	}
	switch d.Answer {
	case stream.AnswerNone:
	case stream.AnswerEmpty:
		o.send(s.mu.pub, reply, nil, nil, nil)
	case stream.AnswerAck:
		if d.Err == nil && !d.Duplicate && d.Value == "" && d.Batch == "" {
			o.head = strconv.AppendUint(append(o.head[:0], s.ackHead...), d.Seq, 10)
			o.head = append(o.head, s.ackTail...)
		} else {
			ack := d.PubAck(s.name, s.node.cfg.Domain)
			o.head = jsapi.AppendPubAck(o.head[:0], &ack)
		}
		o.send(s.mu.pub, reply, nil, nil, o.head)
	}
}

// republishLocked sends a stored message on to core subscribers.
func (s *Stream) republishLocked(m *stream.Stored) {
	o := &s.out
	to, header, body, ok := s.mu.machine.Republish(o.head[:0], m)
	if !ok {
		return
	}
	o.head = header
	o.send(s.mu.pub, []byte(to), nil, header, body)
}

// dueLocked does what the time asks for: messages that have become too old, what
// was scheduled, batches that nobody went on with.
func (s *Stream) dueLocked() {
	m := s.mu.machine
	s.mu.held = false
	if due := m.Deadline(); due == 0 || due > s.mu.now || !s.mu.opened || s.mu.closed || s.mu.failed != nil {
		return
	}
	// What is on its way does it at its own time, here and after a restart.
	if s.mu.held = !s.quietLocked(); s.mu.held {
		return
	}
	if m.Produces(s.mu.now) && s.logged {
		// What appends messages must stand in the log, so that they get the same
		// sequences again.
		if s.mu.expiring || s.mu.now < s.mu.expireAt {
			return
		}
		s.mu.expiring = s.propose(&command{Expire: true}, func(r result) {
			if s.mu.expiring = false; r.err != nil {
				s.mu.expireAt = s.mu.now + int64(refusedRetry)
			}
		}) == nil
		return
	}
	m.Expire(s.mu.now)
}

// quietLocked reports whether nothing is on its way through the log, and makes
// sure that nothing with a time before now will be.
func (s *Stream) quietLocked() bool {
	s.order.Lock()
	defer s.order.Unlock()
	if s.order.index != s.mu.applied {
		return false
	}
	s.order.last = max(s.order.last, s.mu.now)
	return true
}

// dueAtLocked returns when a turn is needed though nobody asks for one.
func (s *Stream) dueAtLocked() int64 {
	if s.mu.closed || !s.mu.opened {
		return 0
	}
	at := earlier(s.mu.queue.next(), s.mu.deltasAt)
	if !s.mu.expiring && !s.mu.held && s.mu.failed == nil {
		if due := s.mu.machine.Deadline(); due != 0 {
			at = earlier(at, max(due, s.mu.expireAt))
		}
	}
	return at
}

// settleLocked tells others how far the stream has come in this turn.
func (s *Stream) settleLocked() {
	if m, ok := s.space.(*store.Memory); ok {
		m.Compact(s.mu.machine.Index())
	}
	x := s.mu.machine.Index().State()
	if s.mu.lost.removed > 0 {
		s.agedLostLocked(x.First)
	}
	if x.Last != s.mu.told {
		s.mu.told = x.Last
		for _, f := range s.mu.followers {
			f.wake()
		}
	}
	if !s.mu.closed {
		open, _ := s.mu.machine.Inflight()
		s.countLocked(x, open, streamMemory+s.mu.machine.Memory())
	}
	s.full.Store(s.mu.machine.Full())
	for _, a := range s.mu.machine.Abandoned() {
		s.adviseAbandoned(a)
	}
	s.order.Lock()
	s.order.appliedSeq = x.Last
	s.order.inflight -= s.appliedRecords
	s.order.bytes -= s.appliedBytes
	s.order.Unlock()
	s.appliedRecords, s.appliedBytes = 0, 0
	s.settledLocked()
}

func (s *Stream) adviseAbandoned(a stream.Abandoned) {
	kind := jsapi.EventStreamBatchAbandoned
	s.mu.advice = append(s.mu.advice, event{kind.For(s.name), &jsapi.BatchAbandoned{
		Event: newEvent(kind), Stream: s.name,
		Domain: s.node.cfg.Domain, BatchID: a.Batch, Reason: a.Reason,
	}})
}

// countLocked counts what the stream takes now in what the account and the node
// take: nothing, once it is deleted. memory is what it takes besides messages in
// memory.
func (s *Stream) countLocked(x index.State, batches int, memory int64) {
	if batches != s.batches {
		s.node.batches.Add(int64(batches - s.batches))
		s.batches = batches
	}
	if delta := int64(x.Bytes) - s.mu.bytes; delta != 0 {
		s.mu.bytes += delta
		s.account.use(s.config.Load().Storage, delta)
	}
	s.countMemoryLocked(memory)
}

// streamMemory is what a stream takes in memory with nothing in it, in bytes.
const streamMemory = 8 << 10

func (s *Stream) countMemoryLocked(size int64) {
	if size != s.mu.indexed {
		s.node.indexed.Add(size - s.mu.indexed)
		s.mu.indexed = size
	}
}

// use counts bytes that streams of the account hold.
func (a *Account) use(kind jsapi.Storage, delta int64) {
	if kind == jsapi.MemoryStorage {
		a.usage.memory.Add(delta)
		a.node.usage.memory.Add(delta)
	} else {
		a.usage.storage.Add(delta)
		a.node.usage.storage.Add(delta)
	}
}

// answerJSON sends a publisher something else than the answer to a publish.
func (s *Stream) answerJSON(reply []byte, body any) {
	b, err := json.Marshal(body)
	if err != nil {
		s.node.log.Error("Answer does not marshal", "stream", s.name, "error", err)
		return
	}
	s.out.send(s.mu.pub, reply, nil, nil, b)
}
