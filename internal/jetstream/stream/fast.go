package stream

import (
	"github.com/tidings-io/tidings/internal/jetstream/index"
	"github.com/tidings-io/tidings/internal/jsapi"
	"github.com/tidings-io/tidings/internal/record"
)

// fastBatch is an open fast batch (ADR-50): messages are stored as they come, and
// acknowledged every few of them.
type fastBatch struct {
	last      int64  // time of the last message, Unix nanoseconds
	seq       uint64 // of the last message of the batch that came
	stored    uint64 // sequence in the stream of the last that was stored
	acked     uint64 // of the batch, that was acknowledged last
	flow      uint16 // messages between two acknowledgements
	flowMax   uint16 // as the publisher wants it
	failOnGap bool
}

// defaultFlow is for publishers that ask for none.
const defaultFlow = 10

// PublishFast decides a message that came with the reply subject of a fast batch,
// as jsapi.ParseBatchReply takes it apart: the reply subject is part of the command.
// Of its strings only the ID is used, and not retained.
func (m *Machine) PublishFast(rec record.Message, at index.Place, r jsapi.BatchReply) Decision {
	if rec.Time >= m.due {
		m.Expire(rec.Time)
	}
	c := &m.one
	defer func() { m.one = candidate{} }() // rec is the caller's
	c.rec, c.at, c.batched = rec, at, true
	c.h.parse(rec.Header)
	c.h.batchID, c.h.batchSeq, c.h.batchCommit = nil, nil, nil
	d := m.fastMessage(c, &r)
	if m.cfg.NoAck {
		d.Flow = nil
		if d.Batch == "" {
			d.Answer = AnswerNone
		}
	}
	m.schedule()
	return d
}

func (m *Machine) fastMessage(c *candidate, r *jsapi.BatchReply) Decision {
	if err := m.admit(c); err != nil {
		return fastError(err)
	}
	switch {
	case !m.cfg.AllowBatchPublish:
		return fastError(jsapi.ErrBatchPublishDisabled.New())
	case len(r.ID) > jsapi.BatchIDMaxBytes:
		return fastError(jsapi.ErrBatchPublishInvalidBatchID.New())
	case r.Seq == 1 && (r.Op == jsapi.BatchAppend || r.Op == jsapi.BatchCommitOnly), r.Seq != 1 && r.Op == jsapi.BatchStart:
		return fastError(jsapi.ErrBatchPublishInvalidPattern.New())
	}
	b := m.fast[r.ID]
	var d Decision
	if b == nil {
		if err := m.fastStart(r, &b, &d); err != nil {
			return fastError(err)
		}
	}
	b.last = c.rec.Time
	m.batchUsed(b.last)
	if r.Op == jsapi.BatchPing {
		return m.fastPing(b, r)
	}
	if r.Seq != b.seq+1 && !m.fastGap(b, r, r.Seq, &d) {
		return d
	}
	if r.Op == jsapi.BatchCommitOnly {
		return m.fastEnd(b, r, d)
	}
	m.fastStore(c, b, r, &d)
	if d.Answer != AnswerNone || r.Op != jsapi.BatchCommitStore {
		return d
	}
	return m.fastEnd(b, r, d)
}

func fastError(err *jsapi.Error) Decision { return Decision{Answer: AnswerAck, Err: err} }

// fastStart opens a batch. The first publisher of a stream sets the pace, others
// begin slowly.
func (m *Machine) fastStart(r *jsapi.BatchReply, b **fastBatch, d *Decision) *jsapi.Error {
	switch {
	case r.Op == jsapi.BatchPing, r.Seq != 1:
		return jsapi.ErrBatchPublishUnknownBatchID.New()
	case len(m.fast) >= m.limits.FastInflight:
		return jsapi.ErrBatchPublishTooManyInflight.New()
	}
	flow := r.Flow
	if flow == 0 {
		flow = defaultFlow
	}
	started := &fastBatch{flow: flow, flowMax: flow, failOnGap: r.FailOnGap}
	if len(m.fast) > 0 {
		started.flow = 1
	}
	m.fast[string(append([]byte(nil), r.ID...))] = started
	if r.Op == jsapi.BatchStart {
		d.Flow = append(d.Flow, jsapi.FlowAck{Type: jsapi.FlowAckOK, Msgs: started.flow})
	}
	*b = started
	return nil
}

// fastGap tells the publisher that messages did not come. It returns false if that
// ends the batch: if the publisher wants no gaps, or if the message is an old one.
func (m *Machine) fastGap(b *fastBatch, r *jsapi.BatchReply, seq uint64, d *Decision) bool {
	d.Flow = append(d.Flow, jsapi.FlowAck{Type: jsapi.FlowAckGap, LastSeq: b.seq + 1, Seq: seq})
	if b.failOnGap || seq <= b.seq {
		*d = m.fastEnd(b, r, *d)
		return false
	}
	b.seq = seq - 1
	return true
}

// fastStore decides the message itself.
func (m *Machine) fastStore(c *candidate, b *fastBatch, r *jsapi.BatchReply, d *Decision) {
	first := r.Seq == 1 && r.Op == jsapi.BatchStart
	one := m.decide(c)
	err := one.Err
	switch {
	case err != nil && r.FailOnGap && first:
		delete(m.fast, r.ID)
		d.Answer, d.Err = AnswerAck, err
		return
	case err != nil:
		d.Flow = append(d.Flow, jsapi.FlowAck{Type: jsapi.FlowAckError, Seq: r.Seq, Error: err})
		if r.FailOnGap || r.Op == jsapi.BatchCommitStore {
			*d = m.fastEnd(b, r, *d)
			return
		}
		b.seq = r.Seq
		return
	case !one.Duplicate:
		b.stored = one.Seq
	}
	b.seq = r.Seq
	if r.Op != jsapi.BatchCommitStore && b.advance() { // its end is its acknowledgement
		d.Flow = append(d.Flow, b.ack())
	}
}

// advance reports whether an acknowledgement is due; then the next one comes after
// twice as many messages, up to what the publisher wants.
func (b *fastBatch) advance() bool {
	if b.seq-b.acked < uint64(b.flow) {
		return false
	}
	b.acked = b.seq
	b.flow = uint16(min(2*uint32(b.flow), uint32(b.flowMax)))
	return true
}

func (b *fastBatch) ack() jsapi.FlowAck {
	return jsapi.FlowAck{Type: jsapi.FlowAckOK, Seq: b.acked, Msgs: b.flow}
}

// fastPing answers with the last acknowledgement; its sequence is that of the last
// message that was sent.
func (m *Machine) fastPing(b *fastBatch, r *jsapi.BatchReply) Decision {
	var d Decision
	if r.Seq > b.seq && !m.fastGap(b, r, r.Seq+1, &d) {
		return d
	}
	b.advance()
	d.Flow = append(d.Flow, b.ack())
	return d
}

// fastEnd closes the batch and adds the last answer to d.
func (m *Machine) fastEnd(b *fastBatch, r *jsapi.BatchReply, d Decision) Decision {
	id := string(append([]byte(nil), r.ID...))
	delete(m.fast, id)
	d.Answer, d.Seq, d.Batch, d.Count = AnswerAck, b.stored, id, int(b.seq)
	return d
}
