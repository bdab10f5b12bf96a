package jetstream

import (
	"bytes"
	"encoding/binary"
	"errors"
	"math"
	"sync"

	"github.com/tidings-io/tidings/internal/core"
	"github.com/tidings-io/tidings/internal/jetstream/index"
	"github.com/tidings-io/tidings/internal/jetstream/stream"
	"github.com/tidings-io/tidings/internal/jetstream/wal"
	"github.com/tidings-io/tidings/internal/jsapi"
	"github.com/tidings-io/tidings/internal/record"
	"github.com/tidings-io/tidings/internal/wire"
)

// A Publish entry is a header of 16 bytes and records in the order in which they
// were published:
//
//	0  u8   version   1
//	1  u24  0
//	4  u32  count     of records
//	8  u64  before    no smaller than the stream's last sequence before it
//
// In a Replies entry each record's reply subject follows behind the last record:
// its length (u16) and text.
//
// The last one keeps sequences from being given out twice behind an entry that is
// lost: it is exact unless messages were refused that were on their way when the
// entry was logged.
const (
	publishHeader  = 16
	publishVersion = 1
)

// entry is something for the log, from the moment it has its index until it is
// applied.
type entry struct {
	stream *Stream
	kind   wal.Kind
	index  wal.Index
	// chunk holds the payload of a Publish entry, payload that of the others.
	chunk   *core.Chunk
	payload []byte
	// replies has for each record of a Publish entry the length (u16) and the text
	// of the subject that wants to hear of it.
	replies []byte
	sealed  bool   // the records have got times once
	count   uint64 // of records
	bytes   int64  // of the payload of a Publish entry
	place   index.Place
	err     error // why it is not in the log

	// Of commands: done is called with what became of it, under the stream's lock.
	command *command
	done    func(result)
}

var entryPool = sync.Pool{New: func() any { return new(entry) }}

func (e *entry) release() {
	if e.chunk != nil {
		e.chunk.Release()
	}
	replies := e.replies[:0]
	if cap(replies) > 64<<10 {
		replies = nil
	}
	*e = entry{replies: replies}
	entryPool.Put(e)
}

// Durable implements [wal.Completion]: it runs in the commit loop.
func (e *entry) Durable(r wal.Result) {
	if e.err = r.Err; e.err == nil {
		p := r.Place(0)
		e.place = index.Place{File: uint32(p.File), Offset: p.Offset}
	}
	s := e.stream
	if s.box.put(work{kind: workEntry, entry: e}) {
		s.node.pool.submit(s)
	}
}

// Deliver implements [core.Receiver]: the message becomes a record in st.
func (s *Stream) Deliver(st *core.Stage, _ *core.Subscription, m *core.Message) {
	if m.HeaderLen > 0 && s.refusesBatch(m) {
		return
	}
	c := st.Reserve(publishHeader + record.Size(len(m.Subject), 0, len(m.Payload)))
	if len(c.Bytes) == 0 {
		c.Bytes = append(c.Bytes, emptyHeader[:]...)
	}
	c.Bytes = record.Append(c.Bytes, m.Subject, m.Payload, max(m.HeaderLen, 0))
	reply := m.Reply
	if len(reply) > math.MaxUint16 {
		reply = nil // nobody can subscribe to that
	}
	st.Side = binary.LittleEndian.AppendUint16(st.Side, uint16(len(reply)))
	st.Side = append(st.Side, reply...)
}

// refusesBatch refuses the first message of an atomic batch while too many are open
// on the server. That is no business of the stream's own state, so it is decided
// before the log.
func (s *Stream) refusesBatch(m *core.Message) bool {
	most := s.node.cfg.MaxBatches
	if most <= 0 || s.node.batches.Load() < int64(most) || !s.config.Load().AllowAtomicPublish {
		return false
	}
	h, err := wire.ParseHeader(m.Payload[:m.HeaderLen])
	if err != nil {
		return false
	}
	for _, f := range h.Fields {
		if string(f.Key) == jsapi.HeaderBatchSeq && string(f.Value) == "1" {
			reply := bytes.Clone(m.Reply)
			s.postAside(work{kind: workCall, do: func() {
				s.answer(reply, &stream.Decision{Answer: stream.AnswerAck, Err: jsapi.ErrAtomicPublishTooManyInflight.New()})
			}})
			return true
		}
	}
	return false
}

var emptyHeader [publishHeader]byte

// Flush implements [core.Receiver]: what is staged becomes an entry.
func (s *Stream) Flush(st *core.Stage) {
	defer endIfPanicking()
	st.Take(0, func(c *core.Chunk) {
		e := entryPool.Get().(*entry)
		e.stream, e.kind, e.chunk = s, kindPublish, c
		e.replies, st.Side = st.Side, e.replies[:0]
		s.ingest(e)
	})
}

// Exhausted implements [core.Receiver].
func (*Stream) Exhausted(*core.Subscription) {}

// Relief implements [core.Receiver].
func (*Stream) Relief(bool) <-chan struct{} { return nil }

// Filter implements [core.Receiver].
func (*Stream) Filter(*core.Subscription) core.Permissions { return nil }

// ingest gives the records of a Publish entry their times and logs it.
func (s *Stream) ingest(e *entry) {
	if e.kind == kindPublish && (s.config.Load().AllowBatchPublish || fastBatch(e.replies)) {
		e.kind = kindReplies
	}
	s.node.store.Throttle()
	full := s.account.full(s.config.Load().Storage, int64(len(e.chunk.Bytes)-publishHeader))
	s.order.Lock()
	if full == nil && e.kind != kindRestored && s.crowdedLocked() { // a restore waits
		full = jsapi.ErrStreamTooManyRequests.New()
	}
	s.sealLocked(e)
	if full != nil {
		e.err = full
		s.order.Unlock()
		s.post(work{kind: workEntry, entry: e})
		return
	}
	if e.kind == kindReplies {
		e.chunk.Bytes = append(e.chunk.Bytes, e.replies...)
	}
	class := wal.Normal
	if s.config.Load().PersistMode == jsapi.PersistAsync {
		class = wal.Async // as the stream's owner has chosen
	}
	run := s.logLocked(e, e.chunk.Bytes, class)
	s.order.Unlock()
	if run {
		s.run()
	}
}

// fastBatch reports whether one of the reply subjects is that of a fast batch.
func fastBatch(replies []byte) bool {
	for len(replies) > 0 {
		n := 2 + int(binary.LittleEndian.Uint16(replies))
		if bytes.HasSuffix(replies[2:n], fastBatchMark) {
			return true
		}
		replies = replies[n:]
	}
	return false
}

var fastBatchMark = []byte(".$FI")

func (s *Stream) crowded() bool {
	s.order.Lock()
	defer s.order.Unlock()
	return s.crowdedLocked()
}

// crowdedLocked reports whether too much waits for the disk already.
func (s *Stream) crowdedLocked() bool {
	cfg := &s.node.cfg
	return cfg.MaxBufferedMessages > 0 && s.order.inflight >= uint64(cfg.MaxBufferedMessages) ||
		cfg.MaxBufferedBytes > 0 && s.order.bytes >= cfg.MaxBufferedBytes
}

// logLocked appends e to the log under s.order. It reports whether the caller
// must run a turn: the entry needs no log, or the log refused it.
func (s *Stream) logLocked(e *entry, payload []byte, class wal.Class, more ...wal.Entry) bool {
	s.order.index++
	e.index = s.order.index
	if !s.logged {
		return s.box.put(work{kind: workEntry, entry: e})
	}
	s.order.entries = append(append(s.order.entries[:0], wal.Entry{
		Kind: e.kind, Group: s.group, Index: e.index, Payload: payload,
	}), more...)
	err := s.order.frozen
	if err == nil {
		err = s.node.store.Append(s.order.entries, class, e)
	}
	clear(s.order.entries)
	if err == nil {
		return false
	}
	s.order.index--
	if e.kind == kindDeltas && errors.Is(err, wal.ErrFull) {
		s.mu.refused = &joint{entries: []*entry{e}}
		s.mu.deltasAt = s.mu.now + int64(refusedRetry)
		return false
	}
	e.err = err
	return s.box.put(work{kind: workEntry, entry: e})
}
