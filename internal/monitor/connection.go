package monitor

import (
	"crypto/tls"
	"slices"
	"strings"
	"time"
)

// globalAccount is the account that a page does not name: it is everybody's.
const globalAccount = "$G"

// ConnectionInfo is one connection of a [Connz].
type ConnectionInfo struct {
	ID             uint64             `json:"cid"`
	Kind           string             `json:"kind"`
	Type           string             `json:"type"`
	IP             string             `json:"ip"`
	Port           int                `json:"port"`
	Start          time.Time          `json:"start"`
	LastActivity   time.Time          `json:"last_activity"`
	Stop           time.Time          `json:"stop,omitzero"`
	Reason         string             `json:"reason,omitempty"`
	RTT            string             `json:"rtt,omitempty"`
	Uptime         string             `json:"uptime"`
	Idle           string             `json:"idle"`
	PendingBytes   int                `json:"pending_bytes"`
	InMsgs         uint64             `json:"in_msgs"`
	OutMsgs        uint64             `json:"out_msgs"`
	InBytes        uint64             `json:"in_bytes"`
	OutBytes       uint64             `json:"out_bytes"`
	Stalls         uint64             `json:"stalls,omitempty"`
	Subscriptions  int                `json:"subscriptions"`
	Name           string             `json:"name,omitempty"`
	Lang           string             `json:"lang,omitempty"`
	Version        string             `json:"version,omitempty"`
	TLSVersion     string             `json:"tls_version,omitempty"`
	TLSCipher      string             `json:"tls_cipher_suite,omitempty"`
	AuthorizedUser string             `json:"authorized_user,omitempty"`
	Account        string             `json:"account,omitempty"`
	Subjects       []string           `json:"subscriptions_list,omitempty"`
	Details        []SubscriptionInfo `json:"subscriptions_list_detail,omitempty"`
	NameTag        string             `json:"name_tag,omitempty"` // the account's name, for people
}

// describeConnection tells what is always shown.
func describeConnection(c *Connection, now time.Time) ConnectionInfo {
	i := ConnectionInfo{
		ID: c.ID, Kind: c.Kind, Type: c.Type, IP: c.IP, Port: c.Port,
		Start: c.Start.UTC(), LastActivity: c.LastActivity.UTC(), Reason: c.Reason,
		PendingBytes: c.Pending, InMsgs: c.InMsgs, OutMsgs: c.OutMsgs, InBytes: c.InBytes, OutBytes: c.OutBytes,
		Stalls: c.Stalls, Subscriptions: c.Subscriptions, Name: c.Name, Lang: c.Lang, Version: c.Version,
	}
	if !c.Stop.IsZero() {
		i.Stop, now = c.Stop.UTC(), c.Stop
	}
	i.Uptime, i.Idle = uptime(now.Sub(c.Start)), uptime(now.Sub(c.LastActivity))
	if c.RTT > 0 {
		i.RTT = max(c.RTT.Truncate(time.Microsecond), time.Microsecond).String()
	}
	if c.TLSVersion != 0 {
		i.TLSVersion = strings.TrimPrefix(tls.VersionName(c.TLSVersion), "TLS ")
		i.TLSCipher = tls.CipherSuiteName(c.TLSCipher)
	}
	return i
}

// addDetails fills in what is shown if asked for.
func (p *Pages) addDetails(i *ConnectionInfo, c *Connection, o *connzOptions) {
	if o.auth {
		i.AuthorizedUser, i.NameTag = c.User, c.Account
		if c.Account != globalAccount {
			i.Account = c.Account
		}
	}
	if o.subs == noSubs || c.Subscriptions == 0 || !c.Stop.IsZero() {
		return
	}
	subs := p.source.Subscriptions(c.ID)
	if o.subs == details {
		i.Details = make([]SubscriptionInfo, len(subs))
		for n := range subs {
			i.Details[n] = describeSubscription(&subs[n])
		}
		return
	}
	i.Subjects = make([]string, len(subs))
	for n := range subs {
		i.Subjects[n] = subs[n].Subject
	}
	slices.Sort(i.Subjects)
}

func (i *ConnectionInfo) write(w *writer) {
	w.begin('{')
	w.uint("cid", i.ID)
	w.string("kind", i.Kind)
	w.string("type", i.Type)
	w.string("ip", i.IP)
	w.int("port", int64(i.Port))
	w.time("start", i.Start)
	w.time("last_activity", i.LastActivity)
	if !i.Stop.IsZero() {
		w.time("stop", i.Stop)
	}
	w.stringIf("reason", i.Reason)
	w.stringIf("rtt", i.RTT)
	w.string("uptime", i.Uptime)
	w.string("idle", i.Idle)
	w.int("pending_bytes", int64(i.PendingBytes))
	w.uint("in_msgs", i.InMsgs)
	w.uint("out_msgs", i.OutMsgs)
	w.uint("in_bytes", i.InBytes)
	w.uint("out_bytes", i.OutBytes)
	if i.Stalls > 0 {
		w.uint("stalls", i.Stalls)
	}
	w.int("subscriptions", int64(i.Subscriptions))
	w.stringIf("name", i.Name)
	w.stringIf("lang", i.Lang)
	w.stringIf("version", i.Version)
	w.stringIf("tls_version", i.TLSVersion)
	w.stringIf("tls_cipher_suite", i.TLSCipher)
	w.stringIf("authorized_user", i.AuthorizedUser)
	w.stringIf("account", i.Account)
	if len(i.Subjects) > 0 {
		w.name("subscriptions_list")
		w.begin('[')
		for _, s := range i.Subjects {
			w.next()
			w.quote(s)
		}
		w.end(']')
	}
	writeSubscriptions(w, "subscriptions_list_detail", i.Details)
	w.stringIf("name_tag", i.NameTag)
	w.end('}')
}
