package auth

import (
	"fmt"
	"strings"

	"github.com/tidings-io/tidings/internal/core"
	"github.com/tidings-io/tidings/internal/subject"
)

// permissions is what one user may do. Nil sets restrict nothing.
type permissions struct {
	publishAllow, publishDeny     *patterns
	subscribeAllow, subscribeDeny *patterns
	// queueDeny tells whether some of subscribeDeny is about queue groups.
	queueDeny bool
}

// newPermissions compiles c. It returns nil, everything is allowed, if c
// restricts nothing.
func newPermissions(c *PermissionsConfig) (core.Permissions, error) {
	if c == nil {
		return nil, nil // nil permissions allow everything
	}
	p := &permissions{}
	for _, list := range []struct {
		name     string
		subjects []string
		queues   bool // "subject queue" is allowed
		set      **patterns
	}{
		{"publish allow", c.Publish.Allow, false, &p.publishAllow},
		{"publish deny", c.Publish.Deny, false, &p.publishDeny},
		{"subscribe allow", c.Subscribe.Allow, true, &p.subscribeAllow},
		{"subscribe deny", c.Subscribe.Deny, true, &p.subscribeDeny},
	} {
		set, err := newPatterns(list.subjects, list.queues)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", list.name, err)
		}
		*list.set = set
	}
	if *p == (permissions{}) {
		return nil, nil // nil permissions allow everything
	}
	p.queueDeny = p.subscribeDeny != nil && p.subscribeDeny.below(namesQueues)
	return p, nil
}

// newPatterns returns the set of a list of subjects, nil if it is empty.
func newPatterns(subjects []string, queues bool) (*patterns, error) {
	if len(subjects) == 0 {
		return nil, nil // no list, no restriction
	}
	set := &patterns{}
	for _, text := range subjects {
		pattern, queue := text, ""
		if i := strings.IndexAny(text, " \t"); i > 0 && queues {
			pattern, queue = text[:i], strings.TrimSpace(text[i:])
			if !subject.ValidSubscription(queue) {
				return nil, fmt.Errorf(`%q: %q is not a valid queue; write "subject queue"`, text, queue)
			}
		}
		if !subject.ValidSubscription(pattern) {
			return nil, fmt.Errorf("%q is not a valid subject", pattern)
		}
		e := set.entry(pattern)
		if queue == "" {
			e.plain = true
		} else {
			e.queues = append(e.queues, queue)
		}
	}
	return set, nil
}

// MayPublish implements [core.Permissions].
func (p *permissions) MayPublish(literal string) bool {
	if p.publishAllow != nil && !p.publishAllow.matching(literal, isPlain) {
		return false
	}
	return p.publishDeny == nil || !p.publishDeny.matching(literal, isPlain)
}

// MaySubscribe implements [core.Permissions]. A subscription is allowed if all
// its subjects are; denied subjects among them are filtered at delivery, unless
// they are all of it. Deliveries are filtered for a connection and not for one of
// its queue groups, so a queue group that could get one of the subjects denied to
// its name is refused as a whole.
func (p *permissions) MaySubscribe(subscription, queue string) bool {
	if p.subscribeAllow != nil && !allowsQueue(p.subscribeAllow, subscription, queue) {
		return false
	}
	if p.subscribeDeny == nil {
		return true
	}
	if p.subscribeDeny.covering(subscription, isPlain) {
		return false
	}
	return queue == "" || !p.queueDeny ||
		!p.subscribeDeny.overlapping(subscription, func(e *entry) bool { return e.matchesQueue(queue) })
}

// allowsQueue asks an allow list. Where entries with a queue cover a
// subscription, the name of its queue group must match one of them, even if a
// plain entry covers it as well.
func allowsQueue(allow *patterns, subscription, queue string) bool {
	if queue == "" {
		return allow.covering(subscription, isPlain)
	}
	plain, named := false, false
	matches := allow.covering(subscription, func(e *entry) bool {
		plain = plain || e.plain
		named = named || namesQueues(e)
		return e.matchesQueue(queue)
	})
	return matches || (plain && !named)
}

// MayDeliver implements [core.Permissions].
func (p *permissions) MayDeliver(literal string) bool {
	return p.subscribeDeny == nil || !p.subscribeDeny.matching(literal, isPlain)
}

// FiltersDeliveries implements [core.Permissions].
func (p *permissions) FiltersDeliveries(subscription string) bool {
	return p.subscribeDeny != nil && p.subscribeDeny.overlapping(subscription, isPlain)
}

func isPlain(e *entry) bool { return e.plain }

func namesQueues(e *entry) bool { return len(e.queues) > 0 }

// matchesQueue reports whether e is about the queue group of that name.
func (e *entry) matchesQueue(name string) bool {
	for _, queue := range e.queues {
		if subject.Matches(queue, name) {
			return true
		}
	}
	return false
}
