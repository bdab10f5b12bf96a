package monitor

import (
	"encoding/json"
	"time"

	"github.com/tidings-io/tidings/internal/jsapi"
)

// Jsz is the content of /jsz.
type Jsz struct {
	JetStreamStats
	ServerID        string           `json:"server_id"`
	Now             time.Time        `json:"now"`
	Disabled        bool             `json:"disabled,omitempty"`
	Config          JetStreamConfig  `json:"config"`
	Limits          *JetStreamLimits `json:"limits,omitempty"`
	Streams         int              `json:"streams"`
	StreamsLeader   int              `json:"streams_leader,omitempty"`
	Consumers       int              `json:"consumers"`
	ConsumersLeader int              `json:"consumers_leader,omitempty"`
	Messages        uint64           `json:"messages"`
	Bytes           uint64           `json:"bytes"`
	AccountDetails  []AccountStorage `json:"account_details,omitempty"`
	Total           int              `json:"total"` // accounts that the list could have
}

// AccountStorage is what one account has stored.
type AccountStorage struct {
	Name string `json:"name"`
	ID   string `json:"id"`
	JetStreamStats
	Streams []StreamDetail `json:"stream_detail,omitempty"`
}

// StreamDetail is one stream of an account.
type StreamDetail struct {
	Name      string                    `json:"name"`
	Created   time.Time                 `json:"created"`
	Cluster   *jsapi.ClusterInfo        `json:"cluster,omitempty"`
	Config    *jsapi.StreamConfig       `json:"config,omitempty"`
	State     jsapi.StreamState         `json:"state"`
	Consumers []ConsumerDetail          `json:"consumer_detail,omitempty"`
	Direct    []ConsumerDetail          `json:"direct_consumer_detail,omitempty"` // of mirrors and sources
	Mirror    *jsapi.StreamSourceInfo   `json:"mirror,omitempty"`
	Sources   []*jsapi.StreamSourceInfo `json:"sources,omitempty"`
}

// ConsumerDetail is one consumer of a stream. Its Config takes the place of the
// one in ConsumerInfo.
type ConsumerDetail struct {
	*jsapi.ConsumerInfo
	Config *jsapi.ConsumerConfig `json:"config,omitempty"`
}

// jszOptions is what a request for stored messages asks for.
type jszOptions struct {
	window
	account                              string // only this one
	accounts, streams, consumers, config bool
	direct                               bool // also the consumers of mirrors and sources
	leaders                              bool // count what this server leads
}

func (q query) jsz() (o jszOptions, err error) {
	if o.window, err = q.window(); err != nil {
		return o, err
	}
	o.account = q.Get("acc")
	var aside bool // this server leads all it has
	for _, option := range []struct {
		name string
		dst  *bool
	}{
		{"accounts", &o.accounts},
		{"streams", &o.streams},
		{"consumers", &o.consumers},
		{"config", &o.config},
		{"raft", &o.leaders},
		{"direct-consumers", &o.direct},
		{"leader-only", &aside},
		{"stream-leader-only", &aside},
	} {
		if *option.dst, err = q.truth(option.name); err != nil {
			return o, err
		}
	}
	o.streams = o.streams || o.consumers || o.direct
	o.accounts = o.accounts || o.streams
	return o, nil
}

func (p *Pages) jsz(q query) ([]byte, error) {
	o, err := q.jsz()
	if err != nil {
		return nil, err
	}
	page := &Jsz{ServerID: p.source.Server().ID, Now: time.Now().UTC()}
	if js := p.source.JetStream(); js != nil {
		p.building.Lock()
		defer p.building.Unlock()
		page.fill(js, &o)
	} else {
		page.Disabled = true
	}
	return json.MarshalIndent(page, "", "  ")
}

func (z *Jsz) fill(js JetStream, o *jszOptions) {
	accounts := js.Accounts()
	z.JetStreamStats, z.Config, z.Total = jetStreamStats(accounts), js.Config(), len(accounts)
	if limits := js.Limits(); limits != (JetStreamLimits{}) {
		z.Limits = &limits
	}
	for _, a := range accounts {
		st := a.Stats()
		z.Streams += st.Streams
		z.Consumers += st.Consumers
		for _, s := range a.Streams() {
			messages, bytes := s.Size()
			z.Messages += messages
			z.Bytes += bytes
		}
	}
	if o.leaders {
		z.StreamsLeader, z.ConsumersLeader = z.Streams, z.Consumers
	}
	switch {
	case o.account != "":
		for _, a := range accounts {
			if a.Name() == o.account {
				z.AccountDetails = append(z.AccountDetails, describeAccount(a, o))
			}
		}
	case o.accounts:
		from, to := o.of(len(accounts))
		for _, a := range accounts[from:to] {
			z.AccountDetails = append(z.AccountDetails, describeAccount(a, o))
		}
	}
}

func describeAccount(a JetStreamAccount, o *jszOptions) AccountStorage {
	d := AccountStorage{Name: a.Name(), ID: a.Name(), JetStreamStats: accountStats(a)}
	if !o.streams {
		return d
	}
	for _, s := range a.Streams() {
		info := s.Info()
		if info == nil {
			continue // deleted meanwhile
		}
		detail := StreamDetail{
			Name: info.Config.Name, Created: info.Created, Cluster: info.Cluster, State: info.State,
			Mirror: info.Mirror, Sources: info.Sources,
		}
		if o.config {
			detail.Config = &info.Config
		}
		detail.describeConsumers(s, o)
		d.Streams = append(d.Streams, detail)
	}
	return d
}

// describeConsumers lists the consumers that were asked for.
func (d *StreamDetail) describeConsumers(s Stream, o *jszOptions) {
	if !o.consumers && !o.direct {
		return
	}
	for _, info := range s.Consumers() {
		c := ConsumerDetail{ConsumerInfo: info}
		if o.config {
			c.Config = &info.Config
		}
		switch {
		case info.Config.Direct && o.direct:
			d.Direct = append(d.Direct, c)
		case !info.Config.Direct && o.consumers:
			d.Consumers = append(d.Consumers, c)
		}
	}
}
