package stream

import (
	"github.com/tidings-io/tidings/internal/jetstream/index"
	"github.com/tidings-io/tidings/internal/jsapi"
	"github.com/tidings-io/tidings/internal/record"
	"github.com/tidings-io/tidings/internal/subject"
)

// batch is an atomic batch that is not committed (ADR-50). Its records are held
// here, not in the log, whose oldest files go without asking.
type batch struct {
	records [][]byte
	bytes   int   // of the records
	last    int64 // time of the last message, Unix nanoseconds
}

// commit is what has been checked of a batch, for the messages after it.
type commit struct {
	messages int
	written  map[string]uint64 // messages by subject
	ids      map[idHash]bool
	// net and bytes are what the batch adds to a stream that discards new messages.
	net, bytes uint64
}

// count returns how many messages the batch has written to a literal subject.
func (b *commit) count(on []byte) uint64 {
	if b == nil {
		return 0
	}
	return b.written[string(on)]
}

// wroteAny reports whether the batch has written to a subject that the pattern
// matches.
func (b *commit) wroteAny(pattern []byte) bool {
	if b == nil || !subject.HasWildcard(pattern) {
		return false
	}
	for on := range b.written {
		if subject.Matches(pattern, on) {
			return true
		}
	}
	return false
}

func (b *commit) add(c *candidate) {
	b.messages++
	b.written[string(c.rec.Subject)]++
	if c.id != (idHash{}) {
		b.ids[c.id] = true
	}
}

// atomic takes a message of an atomic batch: it is put aside until the batch is
// committed.
func (m *Machine) atomic(c *candidate) Decision {
	if !m.cfg.AllowAtomicPublish {
		return m.refuse(jsapi.ErrAtomicPublishDisabled.New())
	}
	id := string(c.h.batchID)
	if len(id) > jsapi.BatchIDMaxBytes {
		return m.refuse(jsapi.ErrAtomicPublishInvalidBatchID.New())
	}
	seq, ok := parseUint(c.h.batchSeq)
	if !ok {
		return m.refuse(jsapi.ErrAtomicPublishMissingSeq.New())
	}
	d := m.atomicMessage(c, id, seq)
	m.schedule()
	return d
}

func (m *Machine) atomicMessage(c *candidate, id string, seq uint64) Decision {
	end := string(c.h.batchCommit) == jsapi.BatchEnd
	stored := seq
	if end && seq > 0 {
		stored--
	}
	if stored > uint64(m.limits.AtomicMessages) {
		return m.abandonWith(id, jsapi.AbandonedLarge, jsapi.ErrAtomicPublishTooLargeBatch.New(m.limits.AtomicMessages))
	}
	b := m.batches[id]
	if b == nil && seq != 1 {
		return m.refuse(jsapi.ErrAtomicPublishIncompleteBatch.New())
	}
	if c.h.batchCommit != nil && !end && string(c.h.batchCommit) != jsapi.BatchCommit {
		m.closeBatch(id)
		return m.refuse(jsapi.ErrAtomicPublishInvalidBatchCommit.New())
	}
	if !supportedLevel(c.h.apiLevel) {
		m.abandon(id, abandonedUnsupported)
		return m.refuse(jsapi.ErrRequiredAPILevel.New())
	}
	switch {
	case b == nil && end:
		m.abandon(id, jsapi.AbandonedIncomplete)
		return m.refuse(jsapi.ErrAtomicPublishIncompleteBatch.New())
	case b == nil && len(m.batches) >= m.limits.AtomicInflight:
		return m.refuse(jsapi.ErrAtomicPublishTooManyInflight.New())
	case b == nil:
		b = &batch{}
	case seq != uint64(len(b.records))+1:
		return m.abandonWith(id, jsapi.AbandonedIncomplete, jsapi.ErrAtomicPublishIncompleteBatch.New())
	}
	size := c.rec.Len()
	if !end && m.staged+size > m.limits.AtomicBytes {
		return m.abandonWith(id, jsapi.AbandonedLarge, jsapi.ErrInsufficientResources.New())
	}
	if !end {
		b.records = append(b.records, record.Build(nil, &c.rec))
	}
	if c.h.batchCommit != nil {
		m.closeBatch(id)
		return m.commit(b, id, c.rec.Time, end)
	}
	b.bytes += size
	m.staged += size
	b.last = c.rec.Time
	m.batches[id] = b
	m.batchUsed(b.last)
	if m.cfg.NoAck {
		return Decision{}
	}
	return Decision{Answer: AnswerEmpty}
}

// abandonWith gives up a batch, if there is one, because of a message that is
// refused.
func (m *Machine) abandonWith(id, reason string, err *jsapi.Error) Decision {
	if m.batches[id] != nil {
		m.abandon(id, reason)
	}
	return m.refuse(err)
}

func supportedLevel(text []byte) bool {
	if len(text) == 0 {
		return true
	}
	level, ok := parseUint(text)
	return ok && level <= jsapi.APILevel
}

// commit stores the messages of a batch, all or none.
func (m *Machine) commit(b *batch, id string, now int64, end bool) Decision {
	candidates := make([]candidate, len(b.records))
	checked := &commit{written: map[string]uint64{}, ids: map[idHash]bool{}}
	for i, r := range b.records {
		c := &candidates[i]
		c.rec = record.View(r)
		c.rec.Time = now // the times of a stream follow its sequences
		c.h.parse(c.rec.Header)
		c.batched = true
		c.commit = end && i == len(b.records)-1
		m.prepare(c)
		if err := m.check(c, checked); err != nil {
			return m.refuse(err)
		}
		checked.add(c)
	}
	d := Decision{Answer: m.answer(), Batch: id, Count: len(candidates)}
	for i := range candidates {
		c := &candidates[i]
		c.at = index.Place{}
		if m.cfg.AllowMsgCounter {
			if err := m.count(c); err != nil {
				return m.refuse(err) // not after the checks: what was checked is a counter
			}
		}
		d.Seq = m.store(c)
	}
	return d
}
