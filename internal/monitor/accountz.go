package monitor

import (
	"encoding/json"
	"fmt"
	"time"
)

// Accountz is the content of /accountz.
type Accountz struct {
	ServerID      string         `json:"server_id"`
	Now           time.Time      `json:"now"`
	SystemAccount string         `json:"system_account,omitempty"`
	Accounts      []string       `json:"accounts,omitempty"`
	Detail        *AccountDetail `json:"account_detail,omitempty"`
}

// AccountDetail is one account.
type AccountDetail struct {
	Name          string          `json:"account_name"`
	Updated       time.Time       `json:"update_time,omitzero"` // when it was configured
	IsSystem      bool            `json:"is_system,omitempty"`
	Expired       bool            `json:"expired"`
	Complete      bool            `json:"complete"`
	JetStream     bool            `json:"jetstream_enabled"`
	LeafNodes     int             `json:"leafnode_connections"`
	Clients       int             `json:"client_connections"`
	Subscriptions int             `json:"subscriptions"`
	Tag           string          `json:"name_tag,omitempty"` // the account's name, for people
	Sublist       *AccountSublist `json:"sublist_stats,omitempty"`
}

// AccountSublist is the table of an account's subscriptions. As in /subsz, what
// publishers remember is not counted.
type AccountSublist struct {
	Subscriptions int     `json:"num_subscriptions"`
	Cache         int     `json:"num_cache"`
	Inserts       uint64  `json:"num_inserts"`
	Removes       uint64  `json:"num_removes"`
	Matches       uint64  `json:"num_matches"`
	CacheHitRate  float64 `json:"cache_hit_rate"`
	MaxFanout     int     `json:"max_fanout"`
	AvgFanout     float64 `json:"avg_fanout"`
}

// Account is one account at one moment.
type Account struct {
	Name          string
	System        bool    // the one for the server's own messages
	Connections   int     // now
	Subscriptions int     // now
	Sent          Traffic // to clients
	Received      Traffic // from clients
	SlowConsumers uint64  // connections closed as such
}

func (p *Pages) accountz(q query) ([]byte, error) {
	server := p.source.Server()
	page := &Accountz{ServerID: server.ID, Now: time.Now().UTC()}
	asked := q.Get("acc")
	for _, a := range p.source.AccountList() {
		if a.System {
			page.SystemAccount = a.Name
		}
		switch asked {
		case "":
			page.Accounts = append(page.Accounts, a.Name)
		case a.Name:
			page.Detail = p.describe(&a, server.ConfigLoaded)
		}
	}
	if asked != "" && page.Detail == nil {
		return nil, fmt.Errorf("acc %q: there is no account of that name; ask without it for those there are", asked)
	}
	return json.MarshalIndent(page, "", "  ")
}

func (p *Pages) describe(a *Account, updated time.Time) *AccountDetail {
	d := &AccountDetail{
		Name: a.Name, Tag: a.Name, Updated: updated.UTC(), IsSystem: a.System, Complete: true,
		Clients: a.Connections, Subscriptions: a.Subscriptions,
		Sublist: &AccountSublist{Subscriptions: a.Subscriptions},
	}
	if js := p.source.JetStream(); js != nil {
		for _, stored := range js.Accounts() {
			d.JetStream = d.JetStream || stored.Name() == a.Name
		}
	}
	return d
}
