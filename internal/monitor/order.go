package monitor

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// order compares two connections. Equal ones are ordered by their number.
type order func(a, b *Connection) int

// orders are those that a request can name, besides uptime. What counts comes first with the
// greatest value, what has a place in time with the earliest, as existing tools
// expect.
var orders = map[string]order{
	"cid":        by(func(c *Connection) uint64 { return c.ID }),
	"start":      by(func(c *Connection) int64 { return c.Start.UnixNano() }),
	"subs":       down(func(c *Connection) int { return c.Subscriptions }),
	"pending":    down(func(c *Connection) int { return c.Pending }),
	"msgs_to":    down(func(c *Connection) uint64 { return c.OutMsgs }),
	"msgs_from":  down(func(c *Connection) uint64 { return c.InMsgs }),
	"bytes_to":   down(func(c *Connection) uint64 { return c.OutBytes }),
	"bytes_from": down(func(c *Connection) uint64 { return c.InBytes }),
	"last":       down(func(c *Connection) int64 { return c.LastActivity.UnixNano() }),
	"idle":       by(func(c *Connection) int64 { return c.LastActivity.UnixNano() }),
	"stop":       down(func(c *Connection) int64 { return c.Stop.UnixNano() }),
	"reason":     by(func(c *Connection) string { return c.Reason }),
	"rtt":        down(func(c *Connection) time.Duration { return c.RTT }),
}

func by[T cmp.Ordered](key func(*Connection) T) order {
	return func(a, b *Connection) int { return cmp.Compare(key(a), key(b)) }
}

func down[T cmp.Ordered](key func(*Connection) T) order {
	return func(a, b *Connection) int { return cmp.Compare(key(b), key(a)) }
}

// byUptime is the order of lifetimes until now, or until the end: the shortest
// comes first.
func byUptime(now time.Time) order {
	return by(func(c *Connection) time.Duration {
		if c.Stop.IsZero() {
			return now.Sub(c.Start)
		}
		return c.Stop.Sub(c.Start)
	})
}

// sortNames are the values of the option sort.
var sortNames = slices.Sorted(maps.Keys(orders))

// order reads how to sort.
func (q query) order(state State, now time.Time) (order, error) {
	name := q.Get("sort")
	switch name {
	case "":
		name = "cid"
	case "uptime":
		return byUptime(now), nil
	}
	o, ok := orders[name]
	switch {
	case !ok:
		return nil, fmt.Errorf("sort %q: write one of %s, uptime", name, strings.Join(sortNames, ", "))
	case (name == "stop" || name == "reason") && state != Closed:
		return nil, fmt.Errorf("sort %q: only closed connections have it; add state=closed", name)
	default:
		return o, nil
	}
}

func (o order) sort(list []*Connection) {
	slices.SortStableFunc(list, func(a, b *Connection) int {
		return cmp.Or(o(a, b), cmp.Compare(a.ID, b.ID))
	})
}
