package consumer

import "github.com/tidings-io/tidings/internal/jsapi"

// ResetSeq returns the sequence of the first message that a consumer delivers when
// it is reset to seq, 0 meaning its acknowledgement floor (ADR-60). The result is
// for Reset.
//
// Errors: ErrConsumerInvalidReset if the deliver policy does not allow it.
func (c *Machine) ResetSeq(seq uint64) (uint64, *jsapi.Error) {
	if seq == 0 {
		_, floor := c.floor()
		return floor + 1, nil
	}
	switch c.cfg.DeliverPolicy {
	case jsapi.DeliverAll:
		return seq, nil
	case jsapi.DeliverByStartSequence:
		if seq >= c.cfg.OptStartSeq {
			return seq, nil
		}
		return 0, jsapi.ErrConsumerInvalidReset.New("below start seq")
	case jsapi.DeliverByStartTime:
		if seq >= c.env.SeqAt(c.cfg.OptStartTime.UnixNano()) {
			return seq, nil
		}
		return 0, jsapi.ErrConsumerInvalidReset.New("below start time")
	case jsapi.DeliverLast, jsapi.DeliverNew, jsapi.DeliverLastPerSubject:
	}
	return 0, jsapi.ErrConsumerInvalidReset.New("not allowed")
}

// Reset has delivery begin anew with the message seq, which ResetSeq returned:
// nothing is pending, consumer sequences begin with 1. It is called when the
// command is applied, live and in replay. The driver takes a Delta and logs it
// before the command, so that what was acknowledged until then is told.
func (c *Machine) Reset(now int64, seq uint64) {
	c.restart(c.epoch+1, seq-1)
	c.active = now
	if c.push != nil {
		bound := c.push.bound
		c.push.bound = false
		c.Interested(now, bound)
	}
}

// restart makes streamSeq the only thing that is known.
func (c *Machine) restart(epoch, streamSeq uint64) {
	c.pend.clear()
	c.pend.changed = c.pend.changed[:0]
	c.redo.clear()
	c.epoch, c.consumerSeq, c.streamSeq, c.latest = epoch, 0, streamSeq, nil
	c.base, c.lastDeliver, c.lastAck = streamSeq, 0, 0
	c.given = nil
	u := &c.log
	u.acked, u.dropped, u.replies, u.buried = u.acked[:0], u.dropped[:0], u.replies[:0], u.buried[:0]
	u.streamSeq, u.applied = streamSeq, streamSeq
	u.dirty, u.urgent = false, false
	c.blocked = false
	c.seek()
}
