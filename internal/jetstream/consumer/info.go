package consumer

import (
	"time"

	"github.com/tidings-io/tidings/internal/jsapi"
)

// Info returns what there is to know about the consumer, but its cluster.
func (c *Machine) Info(now int64) *jsapi.ConsumerInfo {
	c.reap(now, true, true)
	floorConsumer, floorStream := c.floor()
	info := &jsapi.ConsumerInfo{
		Stream: c.home.Stream, Name: c.own.name, Created: time.Unix(0, c.created).UTC(), Config: c.Config(),
		Delivered:      sequenceInfo(c.consumerSeq, c.streamSeq, c.lastDeliver),
		AckFloor:       sequenceInfo(floorConsumer, floorStream, c.lastAck),
		NumAckPending:  c.pend.len(),
		NumRedelivered: c.pend.again,
		NumPending:     c.numPending(),
		Timestamp:      time.Unix(0, now).UTC(),
		PauseRemaining: c.PauseRemaining(now),
		PriorityGroups: c.priorityGroups(),
	}
	info.Paused = info.PauseRemaining > 0
	if c.push != nil {
		info.PushBound = c.push.bound
	}
	if c.pull != nil {
		c.pull.sweep(c)
		info.NumWaiting = c.pull.count
	}
	return info
}

func sequenceInfo(consumerSeq, streamSeq uint64, active int64) jsapi.SequenceInfo {
	s := jsapi.SequenceInfo{ConsumerSeq: consumerSeq, StreamSeq: streamSeq}
	if active != 0 {
		t := time.Unix(0, active).UTC()
		s.LastActive = &t
	}
	return s
}
