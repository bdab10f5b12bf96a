package monitor

import (
	"fmt"
	"time"

	"github.com/tidings-io/tidings/internal/subject"
)

// Subsz is the content of /subsz. The figures of the cache and of matches are
// zero: publishers of this server remember subjects each for itself and count
// nothing.
type Subsz struct {
	ServerID         string             `json:"server_id"`
	Now              time.Time          `json:"now"`
	NumSubscriptions int                `json:"num_subscriptions"`
	NumCache         int                `json:"num_cache"`
	NumInserts       uint64             `json:"num_inserts"`
	NumRemoves       uint64             `json:"num_removes"`
	NumMatches       uint64             `json:"num_matches"`
	CacheHitRate     float64            `json:"cache_hit_rate"`
	MaxFanout        int                `json:"max_fanout"`
	AvgFanout        float64            `json:"avg_fanout"`
	Total            int                `json:"total"` // that fit the options; 0 if no list was asked for
	Offset           int                `json:"offset"`
	Limit            int                `json:"limit"`
	Subscriptions    []SubscriptionInfo `json:"subscriptions_list,omitempty"`
}

// SubscriptionInfo is one subscription of a page.
type SubscriptionInfo struct {
	Account    string `json:"account,omitempty"`
	AccountTag string `json:"account_tag,omitempty"` // the account's name, for people
	Subject    string `json:"subject"`
	Queue      string `json:"qgroup,omitempty"`
	ID         string `json:"sid"`
	Msgs       int64  `json:"msgs"`
	Conn       uint64 `json:"cid"`
}

// describeSubscription leaves out the account.
func describeSubscription(s *Subscription) SubscriptionInfo {
	return SubscriptionInfo{Subject: s.Subject, Queue: s.Queue, ID: s.ID, Msgs: s.Msgs, Conn: s.Conn}
}

// subszOptions is what a request for subscriptions asks for.
type subszOptions struct {
	window
	list bool
	acc  string
	test string // literal subject that a subscription must match
}

func (q query) subsz() (o subszOptions, err error) {
	how, err := q.listing()
	if err != nil {
		return o, err
	}
	o.list = how != noSubs
	if o.window, err = q.window(); err != nil {
		return o, err
	}
	o.acc, o.test = q.Get("acc"), q.Get("test")
	if o.test != "" && !subject.ValidLiteral(o.test) {
		return o, fmt.Errorf("test %q: not a subject that can be published to; write tokens with dots between them and no wildcards", o.test)
	}
	return o, nil
}

func (p *Pages) subsz(q query) ([]byte, error) {
	o, err := q.subsz()
	if err != nil {
		return nil, err
	}
	p.building.Lock()
	defer p.building.Unlock()
	page := &Subsz{ServerID: p.source.Server().ID, Now: time.Now().UTC(), Offset: o.offset, Limit: o.limit}
	if o.list || o.acc != "" {
		p.list(page, &o)
	} else {
		page.NumSubscriptions = p.source.Totals().Subscriptions
	}
	w := writer{}
	page.write(&w)
	return w.text, nil
}

// list walks through all subscriptions and keeps those of the window.
func (p *Pages) list(page *Subsz, o *subszOptions) {
	p.source.EachSubscription(func(s *Subscription) bool {
		if o.acc != "" && s.Account != o.acc {
			return true
		}
		page.NumSubscriptions++
		if !o.list || o.test != "" && !subject.Matches(s.Subject, o.test) {
			return true
		}
		if page.Total >= o.offset && len(page.Subscriptions) < o.limit {
			i := describeSubscription(s)
			i.Account, i.AccountTag = s.Account, s.Account
			page.Subscriptions = append(page.Subscriptions, i)
		}
		page.Total++
		return true
	})
}

func (s *Subsz) write(w *writer) {
	w.begin('{')
	w.string("server_id", s.ServerID)
	w.time("now", s.Now)
	w.int("num_subscriptions", int64(s.NumSubscriptions))
	w.int("num_cache", int64(s.NumCache))
	w.uint("num_inserts", s.NumInserts)
	w.uint("num_removes", s.NumRemoves)
	w.uint("num_matches", s.NumMatches)
	w.float("cache_hit_rate", s.CacheHitRate)
	w.int("max_fanout", int64(s.MaxFanout))
	w.float("avg_fanout", s.AvgFanout)
	w.int("total", int64(s.Total))
	w.int("offset", int64(s.Offset))
	w.int("limit", int64(s.Limit))
	writeSubscriptions(w, "subscriptions_list", s.Subscriptions)
	w.end('}')
}

// writeSubscriptions writes a list unless it is empty.
func writeSubscriptions(w *writer, name string, list []SubscriptionInfo) {
	if len(list) == 0 {
		return
	}
	w.name(name)
	w.begin('[')
	for n := range list {
		i := &list[n]
		w.next()
		w.begin('{')
		w.stringIf("account", i.Account)
		w.stringIf("account_tag", i.AccountTag)
		w.string("subject", i.Subject)
		w.stringIf("qgroup", i.Queue)
		w.string("sid", i.ID)
		w.int("msgs", i.Msgs)
		w.uint("cid", i.Conn)
		w.end('}')
	}
	w.end(']')
}
