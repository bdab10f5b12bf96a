package core

import (
	"sort"
	"sync"
	"sync/atomic"

	"github.com/tidings-io/tidings/internal/interest"
)

// GlobalAccount is the account of users who belong to no other.
const GlobalAccount = "$G"

// Subscription is a subscription of a [Receiver].
type Subscription = interest.Subscription[Receiver]

// Account is a subject name space of its own. Safe for concurrent use.
type Account struct {
	name    string
	index   *interest.Index[Receiver]
	watches watches

	Connections atomic.Int64  // open now
	TotalConns  atomic.Uint64 // since the start
	Sent        Traffic       // from clients to the server
	Received    Traffic       // from the server to clients
	SlowClients atomic.Uint64 // connections closed as slow consumers
}

// Traffic counts messages and payload bytes (headers included).
type Traffic struct {
	Messages atomic.Uint64
	Bytes    atomic.Uint64
}

// Add counts messages of bytes altogether.
func (t *Traffic) Add(messages, bytes uint64) {
	t.Messages.Add(messages)
	t.Bytes.Add(bytes)
}

// Name is the account's name.
func (a *Account) Name() string { return a.name }

// Subscribe adds s; every message published after it returned is considered.
func (a *Account) Subscribe(s *Subscription) {
	a.index.Insert(s)
	a.watches.tell(s)
}

// Unsubscribe takes s out and reports whether it was in.
func (a *Account) Unsubscribe(s *Subscription) bool {
	was := a.index.Remove(s)
	if was {
		a.watches.tell(s)
	}
	return was
}

// CountExactly makes publishers count single messages of s, which is subscribed
// already. It blocks until none of them is in a batch that began before; the
// caller must not be between Publish and Flush.
func (as *Accounts) CountExactly(a *Account, s *Subscription) {
	s.CountExactly()
	a.index.Touch(s)
	as.turns.wait()
}

// Subscriptions is the number of subscriptions.
func (a *Account) Subscriptions() int { return a.index.Len() }

// EachSubscription calls f for the account's subscriptions until it returns
// false.
func (a *Account) EachSubscription(f func(*Subscription) bool) { a.index.Each(f) }

// Accounts is the accounts of a server. Safe for concurrent use.
type Accounts struct {
	global *Account
	turns  turns
	// forgetful makes publishers look every subject up anew. Set before use.
	forgetful bool

	mu struct {
		sync.Mutex
		byName map[string]*Account
	}
}

// NewAccounts returns the registry with the global account in it.
func NewAccounts() *Accounts {
	as := &Accounts{}
	as.mu.byName = map[string]*Account{}
	as.global = as.Get(GlobalAccount)
	return as
}

// SetRemembering says whether publishers remember recent subjects, as they do by
// default. It must be called before the first Publisher.
func (as *Accounts) SetRemembering(on bool) { as.forgetful = !on }

// Global is the account named [GlobalAccount].
func (as *Accounts) Global() *Account { return as.global }

// Get returns the account with that name and makes it if need be.
func (as *Accounts) Get(name string) *Account {
	as.mu.Lock()
	defer as.mu.Unlock()
	a := as.mu.byName[name]
	if a == nil {
		a = &Account{name: name, index: interest.NewIndex[Receiver]()}
		as.mu.byName[name] = a
	}
	return a
}

// Lookup returns the account with that name or nil.
func (as *Accounts) Lookup(name string) *Account {
	as.mu.Lock()
	defer as.mu.Unlock()
	return as.mu.byName[name]
}

// All returns the accounts ordered by name.
func (as *Accounts) All() []*Account {
	as.mu.Lock()
	defer as.mu.Unlock()
	list := make([]*Account, 0, len(as.mu.byName))
	for _, a := range as.mu.byName {
		list = append(list, a)
	}
	sort.Slice(list, func(i, j int) bool { return list[i].name < list[j].name })
	return list
}

// Departed blocks until every publisher that may have chosen a subscription
// removed before the call has flushed. A receiver whose queue group member has
// left calls it before it tells its client that nothing more will come. The
// caller must not be between Publish and Flush itself.
func (as *Accounts) Departed() { as.turns.wait() }

// Permissions say what a connection may do. A nil Permissions allows everything.
// Implementations are immutable.
type Permissions interface {
	// MayPublish tells whether publishing on the literal subject is allowed.
	MayPublish(subject string) bool
	// MaySubscribe tells whether subscribing is allowed; queue is empty for a
	// plain subscription.
	MaySubscribe(subject, queue string) bool
	// MayDeliver is false for a literal subject that is denied although a wider
	// subscription is allowed.
	MayDeliver(subject string) bool
	// FiltersDeliveries tells whether MayDeliver can be false for a subject that
	// the subscription to subscribed matches.
	FiltersDeliveries(subscribed string) bool
}

// NewSubscription returns a subscription of dest; see interest.New.
func NewSubscription(dest Receiver, subject, queue, id []byte) *Subscription {
	return interest.New(dest, subject, queue, id)
}
