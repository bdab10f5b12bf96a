package jsapi

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// SamplePercent returns what share of the acknowledgements is measured: 0 for
// none. "50" and "50%" are the same.
func (c *ConsumerConfig) SamplePercent() (int, error) {
	if c.SampleFreq == "" {
		return 0, nil
	}
	percent, err := strconv.Atoi(strings.TrimSuffix(c.SampleFreq, "%"))
	if err != nil {
		return 0, err
	}
	if percent < 0 {
		return 0, fmt.Errorf("%q is negative; write 0 to 100", c.SampleFreq)
	}
	return percent, nil
}

// CheckedUpdate returns next, checked as by [ConsumerConfig.Checked], or says
// why a consumer with the configuration c cannot become that. It stays paused as
// it is.
//
// Errors: those of Checked, and ErrConsumerCreate with what cannot change.
func (c *ConsumerConfig) CheckedUpdate(next *ConsumerConfig, stream *StreamConfig, rules ConsumerRules) (ConsumerConfig, *Error) {
	n, err := next.Checked(stream, rules)
	if err != nil {
		return ConsumerConfig{}, err
	}
	if c.Durable != "" && next.Durable == "" {
		// A durable consumer does not become one that goes when nobody uses it
		// because the update has its name only.
		n.InactiveThreshold = next.InactiveThreshold
	}
	n.PauseUntil = c.PauseUntil // a request of its own changes that
	n.SetRequiredLevel()
	if what := c.unchangeable(&n); what != "" {
		return ConsumerConfig{}, ErrConsumerCreate.New(what)
	}
	return n, nil
}

// unchangeable says what stands in the way of an update; empty: nothing.
func (c *ConsumerConfig) unchangeable(next *ConsumerConfig) string {
	switch {
	case c.DeliverPolicy != next.DeliverPolicy:
		return "deliver policy can not be updated"
	case c.OptStartSeq != next.OptStartSeq:
		return "start sequence can not be updated"
	case !sameTime(c.OptStartTime, next.OptStartTime):
		return "start time can not be updated"
	case c.AckPolicy != next.AckPolicy:
		return "ack policy can not be updated"
	case c.ReplayPolicy != next.ReplayPolicy:
		return "replay policy can not be updated"
	case !c.Push() && next.Push():
		return "can not update pull consumer to push based"
	case c.Push() && !next.Push():
		return "can not update push consumer to pull based"
	case c.Heartbeat != next.Heartbeat:
		return "heart beats can not be updated"
	case c.FlowControl != next.FlowControl:
		return "flow control can not be updated"
	case c.MaxWaiting != next.MaxWaiting:
		return "max waiting can not be updated"
	case c.MemoryStorage != next.MemoryStorage:
		return "storage type can not be updated"
	case c.Direct != next.Direct:
		return "direct can not be updated"
	case c.Sourcing != next.Sourcing:
		return "sourcing can not be updated"
	}
	return ""
}

func sameTime(a, b *time.Time) bool {
	return a == b || a != nil && b != nil && a.Equal(*b)
}
