package monitor

import (
	"fmt"
	"slices"
	"time"

	"github.com/tidings-io/tidings/internal/subject"
)

// Connz is the content of /connz.
type Connz struct {
	ServerID       string           `json:"server_id"`
	Now            time.Time        `json:"now"`
	NumConnections int              `json:"num_connections"` // on this page
	Total          int              `json:"total"`
	Offset         int              `json:"offset"`
	Limit          int              `json:"limit"`
	Connections    []ConnectionInfo `json:"connections"`
}

// connzOptions is what a request for connections asks for.
type connzOptions struct {
	window
	order  order
	state  State
	subs   listing
	auth   bool // also show users and accounts
	cid    uint64
	user   string
	acc    string
	filter string // subject that a subscription must overlap
	mqtt   string // id of an MQTT client
}

func (q query) connz(now time.Time) (o connzOptions, err error) {
	if o.state, err = q.state(); err != nil {
		return o, err
	}
	if o.order, err = q.order(o.state, now); err != nil {
		return o, err
	}
	if o.subs, err = q.listing(); err != nil {
		return o, err
	}
	if o.auth, err = q.truth("auth"); err != nil {
		return o, err
	}
	if o.cid, err = q.id("cid"); err != nil {
		return o, err
	}
	if o.window, err = q.window(); err != nil {
		return o, err
	}
	if o.cid != 0 {
		o.window = window{limit: 1}
	}
	o.user, o.acc, o.mqtt, o.filter = q.Get("user"), q.Get("acc"), q.Get("mqtt_client"), q.Get("filter_subject")
	if o.filter != "" && !subject.ValidSubscription(o.filter) {
		return o, fmt.Errorf("filter_subject %q: not a subject; write tokens with dots between them, \"*\" and \">\" are allowed", o.filter)
	}
	return o, nil
}

func (p *Pages) connz(q query) ([]byte, error) {
	p.building.Lock()
	defer p.building.Unlock()
	now := time.Now()
	o, err := q.connz(now)
	if err != nil {
		return nil, err
	}
	chosen, total := p.choose(p.source.Connections(o.state), &o)
	o.order.sort(chosen)
	from, to := o.of(len(chosen))
	page := Connz{
		ServerID: p.source.Server().ID, Now: now.UTC(), NumConnections: to - from, Total: total,
		Offset: o.offset, Limit: o.limit,
	}
	w := writer{text: make([]byte, 0, sizeOf(chosen[from:to], o.subs))}
	page.write(&w, func() {
		for _, c := range chosen[from:to] {
			i := describeConnection(c, now)
			p.addDetails(&i, c, &o)
			w.next()
			i.write(&w)
		}
	})
	return w.text, nil
}

// Usual sizes of what is written, in bytes.
const (
	pageSize         = 512
	connectionSize   = 800
	subjectSize      = 64
	subscriptionSize = 192
)

// sizeOf is about how many bytes a list of connections takes.
func sizeOf(list []*Connection, subs listing) int {
	size := pageSize + len(list)*connectionSize
	if subs == noSubs {
		return size
	}
	each := subjectSize
	if subs == details {
		each = subscriptionSize
	}
	for _, c := range list {
		size += c.Subscriptions * each
	}
	return size
}

// write writes the page; connections writes its list.
func (c *Connz) write(w *writer, connections func()) {
	w.begin('{')
	w.string("server_id", c.ServerID)
	w.time("now", c.Now)
	w.int("num_connections", int64(c.NumConnections))
	w.int("total", int64(c.Total))
	w.int("offset", int64(c.Offset))
	w.int("limit", int64(c.Limit))
	w.name("connections")
	w.begin('[')
	connections()
	w.end(']')
	w.end('}')
}

// choose returns the connections the options ask for, and the number of all in
// that state and account.
func (p *Pages) choose(list []Connection, o *connzOptions) (chosen []*Connection, total int) {
	chosen = make([]*Connection, 0, len(list))
	for i := range list {
		c := &list[i]
		if o.acc != "" && c.Account != o.acc {
			continue
		}
		total++
		if o.cid != 0 && c.ID != o.cid || o.user != "" && c.User != o.user || o.mqtt != "" {
			continue
		}
		if o.filter == "" || p.overlaps(c, o.filter) {
			chosen = append(chosen, c)
		}
	}
	return chosen, total
}

// overlaps reports whether a subscription of the connection can match a subject
// that filter matches.
func (p *Pages) overlaps(c *Connection, filter string) bool {
	return slices.ContainsFunc(p.source.Subscriptions(c.ID), func(s Subscription) bool {
		return subject.Overlap(s.Subject, filter)
	})
}
