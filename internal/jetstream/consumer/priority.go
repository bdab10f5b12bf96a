package consumer

import (
	"slices"
	"time"

	"github.com/tidings-io/tidings/internal/jsapi"
)

// pin is the client that gets the messages of one priority group.
type pin struct {
	group   string
	id      string
	since   int64 // when it was pinned
	touched int64 // when it pulled last, or was pinned
}

// until returns when the client is no longer pinned unless it pulls, 0: never.
func (p *pin) until(c *Machine) int64 {
	if c.cfg.PriorityTimeout <= 0 {
		return 0
	}
	return p.touched + min(int64(c.cfg.PriorityTimeout), never-1-p.touched)
}

// pinOf returns the pin of a group, nil if nobody is pinned.
func (p *pulls) pinOf(group string) *pin {
	for i := range p.pins {
		if p.pins[i].group == group {
			return &p.pins[i]
		}
	}
	return nil
}

// groupRefusal returns the status that answers a request that does not fit the
// consumer's priority policy.
func (c *Machine) groupRefusal(now int64, r *jsapi.PullRequest) string {
	policy := c.cfg.PriorityPolicy
	switch {
	case policy != jsapi.PriorityOverflow && (r.MinPending > 0 || r.MinAckPending > 0):
		return jsapi.StatusBadRequest + jsapi.BadPullNotOverflow
	case policy != jsapi.PriorityPinned && r.PinID != "":
		return jsapi.StatusBadRequest + jsapi.BadPullNotPinned
	case policy == jsapi.PriorityNone:
		return ""
	case r.Group == "":
		return jsapi.StatusBadRequest + jsapi.BadPullGroupMissing
	case !slices.Contains(c.cfg.PriorityGroups, r.Group):
		return jsapi.StatusBadRequest + jsapi.BadPullGroup
	case policy != jsapi.PriorityPinned || c.pull == nil || r.PinID == "":
		return ""
	}
	c.pull.unpinLate(c, now)
	pinned := c.pull.pinOf(r.Group)
	switch {
	case pinned == nil:
	case pinned.id != r.PinID:
		return jsapi.StatusPinIDMismatch
	default:
		pinned.touched = now
	}
	return ""
}

// pick returns the request whose turn it is to get a message, nil if no request
// may have one. pending is the number of messages behind it.
func (p *pulls) pick(c *Machine, now int64, fresh bool, pending uint64) *request {
	switch c.cfg.PriorityPolicy {
	case jsapi.PriorityNone:
	case jsapi.PriorityPrioritized:
		for i := range p.class[:classes] {
			if r := p.class[i].first; r != nil {
				return r
			}
		}
		return nil
	case jsapi.PriorityOverflow:
		if fresh {
			pending++
		}
		return p.pickOverflow(c, pending)
	case jsapi.PriorityPinned:
		return p.pickPinned(c, now)
	}
	return p.class[0].first
}

// pickOverflow prefers requests without thresholds to those whose thresholds are
// reached.
func (p *pulls) pickOverflow(c *Machine, pending uint64) *request {
	var reached *request
	for r := p.class[0].first; r != nil; r = r.next {
		if r.MinPending <= 0 && r.MinAckPending <= 0 {
			return r
		}
		if reached == nil && (r.MinPending > 0 && pending >= uint64(r.MinPending) ||
			r.MinAckPending > 0 && int64(c.pend.len()) >= r.MinAckPending) {
			reached = r
		}
	}
	return reached
}

// pickPinned returns the first request of a pinned client. Where nobody is pinned,
// the first that does not take itself for pinned is. Those that take themselves
// for pinned and are not are told.
func (p *pulls) pickPinned(c *Machine, now int64) *request {
	for r := p.class[0].first; r != nil; {
		next := r.next
		pinned := p.pinOf(r.Group)
		switch {
		case r.PinID == "" && pinned == nil:
			p.pin(c, now, r)
			return r
		case r.PinID == "":
		case pinned != nil && pinned.id == r.PinID:
			return r
		default:
			p.end(c, r, jsapi.StatusWrongPinID)
		}
		r = next
	}
	return nil
}

// pin makes the client of r the pinned one of its group.
func (p *pulls) pin(c *Machine, now int64, r *request) {
	r.PinID = c.env.UniqueID()
	p.pins = append(p.pins, pin{group: r.Group, id: r.PinID, since: now, touched: now})
	c.env.Advise(jsapi.EventConsumerPinned, &jsapi.GroupPinned{
		Event: c.event(jsapi.EventConsumerPinned, now), Account: c.home.Account, Stream: c.home.Stream, Consumer: c.own.name,
		Domain: c.home.Domain, Group: r.Group, PinnedID: r.PinID,
	})
}

// unpinLate unpins the clients that have not pulled for too long.
func (p *pulls) unpinLate(c *Machine, now int64) {
	for i := len(p.pins) - 1; i >= 0; i-- {
		if until := p.pins[i].until(c); until != 0 && until <= now {
			c.unpin(now, p.pins[i].group, jsapi.UnpinnedTimeout)
		}
	}
}

func (c *Machine) unpin(now int64, group, reason string) {
	if c.pull != nil {
		c.pull.pins = slices.DeleteFunc(c.pull.pins, func(p pin) bool { return p.group == group })
	}
	c.env.Advise(jsapi.EventConsumerUnpinned, &jsapi.GroupUnpinned{
		Event: c.event(jsapi.EventConsumerUnpinned, now), Account: c.home.Account, Stream: c.home.Stream, Consumer: c.own.name,
		Domain: c.home.Domain, Group: group, Reason: reason,
	})
}

// Unpin has another client of the group be pinned.
//
// Errors: ErrConsumerInvalidPriorityGroup if the consumer pins no clients or has no
// such group.
func (c *Machine) Unpin(now int64, group string) *jsapi.Error {
	if c.cfg.PriorityPolicy != jsapi.PriorityPinned || !slices.Contains(c.cfg.PriorityGroups, group) {
		return jsapi.ErrConsumerInvalidPriorityGroup.New()
	}
	c.unpin(now, group, jsapi.UnpinnedAdmin)
	return nil
}

// priorityGroups is the state of the groups.
func (c *Machine) priorityGroups() []jsapi.PriorityGroupState {
	if c.cfg.PriorityPolicy == jsapi.PriorityNone {
		return nil
	}
	states := make([]jsapi.PriorityGroupState, 0, len(c.cfg.PriorityGroups))
	for _, group := range c.cfg.PriorityGroups {
		s := jsapi.PriorityGroupState{Group: group, PinnedTime: new(time.Time)}
		if c.pull != nil {
			if pinned := c.pull.pinOf(group); pinned != nil {
				*s.PinnedTime, s.PinnedClientID = time.Unix(0, pinned.since).UTC(), pinned.id
			}
		}
		states = append(states, s)
	}
	return states
}
