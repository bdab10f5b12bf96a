package monitor

import (
	"encoding/json"
	"time"
)

// Accstatz is the content of /accstatz.
type Accstatz struct {
	ServerID string        `json:"server_id"`
	Now      time.Time     `json:"now"`
	Accounts []AccountStat `json:"account_statz"`
}

// AccountStat is the traffic of one account. TotalConns are connections now, of
// clients and leaf nodes together.
type AccountStat struct {
	Account       string         `json:"acc"`
	Name          string         `json:"name"`
	Conns         int            `json:"conns"`
	LeafNodes     int            `json:"leafnodes"`
	TotalConns    int            `json:"total_conns"`
	Subscriptions int            `json:"num_subscriptions"`
	Sent          AccountTraffic `json:"sent"`
	Received      AccountTraffic `json:"received"`
	SlowConsumers uint64         `json:"slow_consumers"`
}

// AccountTraffic counts messages since the start, and those of them that went to or
// came from other servers.
type AccountTraffic struct {
	Traffic

	Gateways Traffic `json:"gateways"`
	Routes   Traffic `json:"routes"`
	Leafs    Traffic `json:"leafs"`
}

// Traffic counts messages and their bytes, headers included.
type Traffic struct {
	Msgs  uint64 `json:"msgs"`
	Bytes uint64 `json:"bytes"`
}

// accstatz shows the accounts that have connections, with unused all.
func (p *Pages) accstatz(q query) ([]byte, error) {
	unused, err := q.truth("unused")
	if err != nil {
		return nil, err
	}
	page := &Accstatz{ServerID: p.source.Server().ID, Now: time.Now().UTC(), Accounts: []AccountStat{}}
	for _, a := range p.source.AccountList() {
		if a.Connections == 0 && !unused {
			continue
		}
		page.Accounts = append(page.Accounts, AccountStat{
			Account: a.Name, Name: a.Name, Conns: a.Connections, TotalConns: a.Connections, Subscriptions: a.Subscriptions,
			Sent: AccountTraffic{Traffic: a.Sent}, Received: AccountTraffic{Traffic: a.Received}, SlowConsumers: a.SlowConsumers,
		})
	}
	return json.MarshalIndent(page, "", "  ")
}
