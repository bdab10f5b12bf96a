package jetstream

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/tidings-io/tidings/internal/core"
	"github.com/tidings-io/tidings/internal/jetstream/index"
	"github.com/tidings-io/tidings/internal/jetstream/store"
	"github.com/tidings-io/tidings/internal/jetstream/stream"
	"github.com/tidings-io/tidings/internal/jsapi"
)

// Config says how a node runs.
type Config struct {
	// Server is the name of the server, which answers and advisories show; ID its
	// id.
	Server, ID string
	// Version is what clients are told in metadata.
	Version string
	// Domain is the domain of the API; empty: none.
	Domain string

	// Dir is the directory that the store is in, for reports.
	Dir string

	// SyncInterval is how long acknowledged messages may wait for the disk; 0: not
	// at all.
	SyncInterval time.Duration

	// MaxMemory and MaxStorage bound the bytes of all streams; -1: unlimited.
	MaxMemory, MaxStorage int64
	// MaxIndex bounds the bytes of memory that all streams take besides messages in
	// memory: indexes, duplicate windows, timers, records that wait; 0: unlimited.
	// Above it messages are refused until some are removed.
	MaxIndex int64
	// Limits of what streams and consumers may ask for; 0: unlimited.
	DuplicateWindowMax time.Duration
	MaxAckPending      int
	MaxRequestBatch    int

	// MaxBufferedMessages and MaxBufferedBytes bound what may wait for the disk in
	// one stream; 0: unlimited.
	MaxBufferedMessages, MaxBufferedBytes int64
	// Batches bounds batches of messages; the zero value is the default.
	Batches stream.Limits

	// MaxBatches bounds the atomic batches that are open in all streams; 0:
	// unlimited.
	MaxBatches int

	// Enabled says for which accounts JetStream is on and within which limits.
	Enabled func(account string) (jsapi.AccountLimits, bool)

	// StreamChanged hears of each stream that clients can reach from now on, each
	// change of a configuration, and each end; nil: nobody does.
	StreamChanged func(s *Stream, deleted bool)
}

// nodeGroup is the group of the log that the catalogue is kept in.
const nodeGroup store.Group = 1

const (
	// scrubFirst is when everything stored is read for the first time, scrubEvery
	// how long after that again, at scrubRate bytes a second.
	scrubFirst = time.Hour
	scrubEvery = 7 * 24 * time.Hour
	scrubRate  = 8 << 20
	// fullEvery is how often it is told that there is no room, and for how long
	// that is a problem of health.
	fullEvery = 10 * time.Second
)

// housekeeping is how often what idle streams keep is given back.
const housekeeping = 5 * time.Second

// Node is JetStream on one server. Its methods are safe for concurrent use.
type Node struct {
	cfg      Config
	log      *slog.Logger
	accounts *core.Accounts
	store    *store.Store
	pool     *pool

	catalogue catalogue
	usage     struct{ memory, storage atomic.Int64 } // bytes of messages of all accounts
	indexed   atomic.Int64                           // bytes that all indexes take, at most
	fullAt    atomic.Int64                           // when a publish was refused for want of room, Unix nanoseconds
	batches   atomic.Int64                           // atomic batches that are open

	stop    context.CancelFunc
	stopped sync.WaitGroup

	mu struct {
		sync.RWMutex
		byName map[string]*Account
		groups map[store.Group]*Stream
		closed bool
	}
	hot struct {
		sync.Mutex
		streams map[*Stream]struct{}
	}
}

// Open recovers what the store holds. The node owns the store from now on, also if
// there is an error. Serve opens it for clients.
func Open(cfg Config, st *store.Store, accounts *core.Accounts, log *slog.Logger) (*Node, error) {
	n := &Node{cfg: cfg, log: log, accounts: accounts, store: st, pool: newPool(runtime.GOMAXPROCS(0))}
	n.mu.byName = map[string]*Account{}
	n.mu.groups = map[store.Group]*Stream{}
	n.hot.streams = map[*Stream]struct{}{}
	n.catalogue.init()
	began := time.Now()
	if err := n.recover(); err != nil {
		return nil, errors.Join(fmt.Errorf("recover: %w", err), st.Close())
	}
	streams := n.streams()
	n.log.Info("JetStream is ready", "streams", len(streams), "took", time.Since(began).Round(time.Millisecond).String())
	ctx, cancel := context.WithCancel(context.Background())
	n.stop = cancel
	n.stopped.Go(func() { n.housekeep(ctx) })
	n.stopped.Go(func() { n.scrub(ctx) })
	return n, nil
}

// Serve lets clients reach the streams of accounts that JetStream is enabled for.
// Those of others are kept as they are.
func (n *Node) Serve() {
	for _, a := range n.Accounts() {
		streams := a.Streams("")
		if n.Account(a.core) == nil {
			if len(streams) > 0 {
				n.log.Warn("Streams of an account are kept but not served: enable JetStream for it", "account", a.Name(), "streams", len(streams))
			}
			continue
		}
		for _, s := range streams {
			s.open()
		}
		a.resolve()
		a.dropForsaken()
	}
}

// changed tells that a stream is there or has changed.
func (n *Node) changed(s *Stream, deleted bool) {
	if n.cfg.StreamChanged != nil {
		n.cfg.StreamChanged(s, deleted)
	}
}

// Leave tells clients that wait for messages that the server is about to end.
func (n *Node) Leave() {
	for _, s := range n.streams() {
		s.call(func() {
			for _, c := range s.mu.consumers {
				c.machine.Close(jsapi.StatusServerShutdown)
			}
		})
	}
}

// Close ends all turns, writes what is to be kept and closes the store.
func (n *Node) Close() error {
	n.mu.Lock()
	if n.mu.closed {
		n.mu.Unlock()
		return nil
	}
	n.mu.closed = true
	n.mu.Unlock()
	n.stop()
	n.stopped.Wait()
	for _, s := range n.streams() {
		s.close(jsapi.StatusServerShutdown)
	}
	n.pool.wait()
	err := n.store.Close()
	n.pool.wait() // for what became durable last
	return err
}

// ending reports whether the server is about to end.
func (n *Node) ending() bool {
	n.mu.RLock()
	defer n.mu.RUnlock()
	return n.mu.closed
}

// Config returns how the node runs.
func (n *Node) Config() Config { return n.cfg }

// apiPrefixes are the prefixes under which the API is served.
func (n *Node) apiPrefixes() []string {
	if n.cfg.Domain == "" {
		return []string{jsapi.APIPrefix}
	}
	return []string{jsapi.APIPrefix, jsapi.DomainPrefix(n.cfg.Domain)}
}

// Store returns the node's store, for reports.
func (n *Node) Store() *store.Store { return n.store }

// Account returns what JetStream has of an account; nil: it is not enabled.
func (n *Node) Account(a *core.Account) *Account {
	limits, ok := n.cfg.Enabled(a.Name())
	if !ok {
		return nil
	}
	acc := n.account(a.Name())
	acc.setLimits(limits)
	return acc
}

// account returns the account with that name, enabled or not.
func (n *Node) account(name string) *Account {
	n.mu.Lock()
	defer n.mu.Unlock()
	a := n.mu.byName[name]
	if a == nil {
		a = newAccount(n, n.accounts.Get(name))
		n.mu.byName[name] = a
	}
	return a
}

// Accounts returns the accounts that JetStream knows, by name.
func (n *Node) Accounts() []*Account {
	n.mu.RLock()
	defer n.mu.RUnlock()
	list := make([]*Account, 0, len(n.mu.byName))
	for _, a := range n.mu.byName {
		list = append(list, a)
	}
	slices.SortFunc(list, func(a, b *Account) int { return strings.Compare(a.Name(), b.Name()) })
	return list
}

func (n *Node) streams() []*Stream {
	n.mu.RLock()
	defer n.mu.RUnlock()
	list := make([]*Stream, 0, len(n.mu.groups))
	for _, s := range n.mu.groups {
		list = append(list, s)
	}
	return list
}

// warm notes that s keeps something that only busy streams need.
func (n *Node) warm(s *Stream) {
	n.hot.Lock()
	defer n.hot.Unlock()
	n.hot.streams[s] = struct{}{}
}

func (n *Node) housekeep(ctx context.Context) {
	ticker := time.NewTicker(housekeeping)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case now := <-ticker.C:
			n.cool(now)
		}
	}
}

// scrub reads everything that is stored again from time to time, so that damage is
// found while there is a copy or a backup of what it hits.
func (n *Node) scrub(ctx context.Context) {
	timer := time.NewTimer(scrubFirst)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		}
		report, err := n.store.Scrub(ctx, scrubRate)
		switch {
		case ctx.Err() != nil:
			return
		case err != nil:
			n.log.Error("Stored messages could not be checked", "error", err)
		case len(report.Damage) > 0:
			n.log.Error("Stored messages are damaged", "found", len(report.Damage), "first", report.Damage[0])
		default:
			n.log.Info("Stored messages are whole", "messages", report.Messages, "bytes", report.Bytes)
		}
		timer.Reset(scrubEvery)
	}
}

// Damaged is told by the store of each message that it finds lost.
func (n *Node) Damaged(g store.Group, err error) {
	n.mu.RLock()
	s := n.mu.groups[g]
	n.mu.RUnlock()
	var damage *store.DamageError
	if s == nil || !errors.As(err, &damage) || damage.Seq == 0 {
		n.log.Error("The store is damaged", "error", err)
		return
	}
	// The store may be under the stream's lock.
	s.postAside(work{kind: workCall, do: func() { s.readFailedLocked(index.Entry{Seq: damage.Seq}, err) }})
}

// full tells, now and then, that a publish was refused for want of room on disk.
func (n *Node) full(s *Stream) {
	now := time.Now()
	if last := n.fullAt.Load(); now.UnixNano()-last < int64(fullEvery) || !n.fullAt.CompareAndSwap(last, now.UnixNano()) {
		return
	}
	n.log.Error("No room to store messages: publishers are refused until there is", "account", s.account.Name(), "stream", s.name, "directory", n.cfg.Dir)
	kind := jsapi.EventServerOutOfStorage
	s.mu.advice = append(s.mu.advice, event{kind.Subject, &jsapi.OutOfStorage{
		Event: newEvent(kind), Server: n.cfg.Server, ServerID: n.cfg.ID, Stream: s.name, Domain: n.cfg.Domain,
	}})
}

// cool has streams that were idle for a while give back what they kept.
func (n *Node) cool(now time.Time) {
	n.hot.Lock()
	streams := slices.Collect(maps.Keys(n.hot.streams))
	n.hot.Unlock()
	for _, s := range streams {
		s.coolAfter(now.Add(-housekeeping))
	}
}

// cold notes that s keeps nothing more.
func (n *Node) cold(s *Stream) {
	n.hot.Lock()
	defer n.hot.Unlock()
	delete(n.hot.streams, s)
}

// Usage is what all accounts use together.
func (n *Node) Usage() (memory, storage uint64) {
	return uint64(max(n.usage.memory.Load(), 0)), uint64(max(n.usage.storage.Load(), 0))
}

var errNoRoom = errors.New("no room to store messages: publishers are refused")

// Health returns what is wrong: streams that lost messages, a store that failed.
func (n *Node) Health() []error {
	var problems []error
	if err := n.store.Err(); err != nil {
		problems = append(problems, err)
	}
	if last := n.fullAt.Load(); time.Since(time.Unix(0, last)) < 2*fullEvery {
		problems = append(problems, errNoRoom)
	}
	for _, s := range n.streams() {
		if err := s.health(); err != nil {
			problems = append(problems, err)
		}
	}
	return problems
}
