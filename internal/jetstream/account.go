package jetstream

import (
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/tidings-io/tidings/internal/core"
	"github.com/tidings-io/tidings/internal/jsapi"
)

// Account is what JetStream has of one account. Its methods are safe for
// concurrent use.
type Account struct {
	node *Node
	core *core.Account
	hash string // stands for the account in acknowledgement subjects

	limits atomic.Pointer[jsapi.AccountLimits]
	usage  struct {
		memory, storage     atomic.Int64 // bytes of messages
		apiTotal, apiErrors atomic.Uint64
		apiInflight         atomic.Int64
		pubSequence         atomic.Uint64
	}

	// mu guards the tables and is held while a stream is created, changed or
	// deleted: such requests of one account are served one after the other.
	mu struct {
		sync.RWMutex
		streams map[string]*Stream
		// reserved is what the streams may hold by their limits.
		reserved struct{ memory, storage int64 }
	}
	// copying has the streams that are mirrors or have sources, so that those need
	// not be looked for when a stream comes or goes.
	copying struct {
		sync.Mutex
		streams map[*Stream]struct{}
	}
	// captured says which streams capture which subjects. Its lock is taken last.
	captured struct {
		sync.RWMutex
		subjects
	}
}

func newAccount(n *Node, c *core.Account) *Account {
	a := &Account{node: n, core: c, hash: jsapi.AccountHash(c.Name())}
	a.mu.streams = map[string]*Stream{}
	a.copying.streams = map[*Stream]struct{}{}
	a.limits.Store(&unlimited)
	return a
}

var unlimited = jsapi.AccountLimits{
	MaxMemory: -1, MaxStorage: -1, MaxStreams: -1, MaxConsumers: -1, MaxAckPending: -1,
	MemoryMaxStreamBytes: -1, StorageMaxStreamBytes: -1,
}

func (a *Account) setLimits(l jsapi.AccountLimits) {
	if *a.limits.Load() != l {
		a.limits.Store(&l)
	}
}

// Name is the account's name.
func (a *Account) Name() string { return a.core.Name() }

// Core is the account that this is part of.
func (a *Account) Core() *core.Account { return a.core }

// Limits are the bounds that hold at the moment.
func (a *Account) Limits() jsapi.AccountLimits { return *a.limits.Load() }

// Stream returns the stream with that name, or nil.
func (a *Account) Stream(name string) *Stream {
	a.mu.RLock()
	defer a.mu.RUnlock()
	return a.mu.streams[name]
}

// Streams returns the streams by name; with a filter those that capture a subject
// which overlaps with it.
func (a *Account) Streams(filter string) []*Stream {
	a.mu.RLock()
	defer a.mu.RUnlock()
	var list []*Stream
	if filter == "" {
		list = make([]*Stream, 0, len(a.mu.streams))
		for _, s := range a.mu.streams {
			list = append(list, s)
		}
	} else {
		a.captured.RLock()
		a.captured.overlapping(filter, func(s *Stream) bool {
			list = append(list, s)
			return true
		})
		a.captured.RUnlock()
	}
	slices.SortFunc(list, func(x, y *Stream) int { return strings.Compare(x.name, y.name) })
	return slices.Compact(list)
}

// CountAPI counts a request to the API that is answered.
func (a *Account) CountAPI(failed bool) {
	a.usage.apiTotal.Add(1)
	if failed {
		a.usage.apiErrors.Add(1)
	}
}

// Stats returns what the account uses and may use.
func (a *Account) Stats() jsapi.AccountStats {
	a.mu.RLock()
	defer a.mu.RUnlock()
	st := jsapi.AccountStats{
		Usage: jsapi.Usage{
			Memory: uint64(a.usage.memory.Load()), Storage: uint64(a.usage.storage.Load()),
			Streams: len(a.mu.streams), Limits: a.Limits(),
		},
		Domain: a.node.cfg.Domain,
		API: jsapi.APIStats{
			Level: jsapi.APILevel, Total: a.usage.apiTotal.Load(), Errors: a.usage.apiErrors.Load(),
			Inflight: uint64(max(a.usage.apiInflight.Load(), 0)),
		},
	}
	st.ReservedMemory, st.ReservedStorage = uint64(a.mu.reserved.memory), uint64(a.mu.reserved.storage)
	for _, s := range a.mu.streams {
		st.Consumers += int(s.consumerCount.Load())
	}
	return st
}

// reserveLocked counts what a stream may hold by its limits, or with sign -1 takes
// it back.
func (a *Account) reserveLocked(cfg *jsapi.StreamConfig, sign int64) {
	r := &a.mu.reserved
	switch {
	case cfg.MaxBytes <= 0:
	case cfg.Storage == jsapi.MemoryStorage:
		r.memory += sign * cfg.MaxBytes
	default:
		r.storage += sign * cfg.MaxBytes
	}
}

// full says why the account, or the server, takes no messages of so many bytes.
func (a *Account) full(kind jsapi.Storage, size int64) *jsapi.Error {
	l, cfg := a.limits.Load(), &a.node.cfg
	most, server, used, all := l.MaxStorage, cfg.MaxStorage, a.usage.storage.Load(), a.node.usage.storage.Load()
	if kind == jsapi.MemoryStorage {
		most, server, used, all = l.MaxMemory, cfg.MaxMemory, a.usage.memory.Load(), a.node.usage.memory.Load()
	}
	switch {
	case most >= 0 && used+size > most:
		return jsapi.ErrAccountResourcesExceeded.New()
	case cfg.MaxIndex > 0 && a.node.indexed.Load() > cfg.MaxIndex:
		return jsapi.ErrInsufficientResources.New()
	case server >= 0 && all+size > server:
		return jsapi.ErrInsufficientResources.New()
	}
	return nil
}

// CreateStream creates a stream, durably, or finds that there is an equal one.
func (a *Account) CreateStream(cfg jsapi.StreamConfig, pedantic bool) (*jsapi.StreamInfo, bool, *jsapi.Error) {
	checked, err := cfg.Checked(a.rules(pedantic))
	if err != nil {
		return nil, false, err
	}
	a.mu.Lock()
	s, created, err := a.createLocked(checked, pedantic)
	a.mu.Unlock()
	if err != nil {
		return nil, false, err
	}
	if created {
		a.resolve()
		a.adviseStream(jsapi.EventStreamCreated, jsapi.ActionCreate, s.name)
	}
	info, err := s.Info(jsapi.StreamInfoRequest{})
	return info, created, err
}

func (a *Account) rules(pedantic bool) jsapi.StreamRules {
	return jsapi.StreamRules{Pedantic: pedantic, DuplicateWindowMax: a.node.cfg.DuplicateWindowMax}
}

func (a *Account) createLocked(cfg jsapi.StreamConfig, pedantic bool) (*Stream, bool, *jsapi.Error) {
	if err := a.followOriginLocked(&cfg, pedantic); err != nil {
		return nil, false, err
	}
	if s := a.mu.streams[cfg.Name]; s != nil {
		if s.config.Load().Equal(&cfg) {
			return s, false, nil
		}
		return nil, false, jsapi.ErrStreamNameExist.New()
	}
	if err := a.admitLocked(&cfg, nil); err != nil {
		return nil, false, err
	}
	s, err := a.node.createStream(a, cfg, time.Now().UTC(), false)
	if err != nil {
		return nil, false, storeError(err)
	}
	a.addLocked(s)
	s.open()
	return s, true, nil
}

// followOriginLocked gives a mirror what it has from its origin, if that is here.
func (a *Account) followOriginLocked(cfg *jsapi.StreamConfig, pedantic bool) *jsapi.Error {
	if cfg.Mirror == nil || cfg.Mirror.External != nil {
		return nil
	}
	origin := a.mu.streams[cfg.Mirror.Name]
	if origin == nil {
		return nil
	}
	return cfg.FollowOrigin(origin.config.Load(), a.rules(pedantic))
}

func (a *Account) addLocked(s *Stream) {
	a.mu.streams[s.name] = s
	a.reserveLocked(s.config.Load(), 1)
	a.capture(s, nil, s.config.Load().Subjects)
}

// capture changes the subjects that a stream captures.
func (a *Account) capture(s *Stream, old, now []string) {
	a.captured.Lock()
	defer a.captured.Unlock()
	for _, subject := range old {
		a.captured.remove(s, subject)
	}
	for _, subject := range now {
		a.captured.add(s, subject)
	}
}

// captures returns the stream that captures a literal subject, or nil.
func (a *Account) captures(subject string) *Stream {
	return a.overlaps(subject, nil)
}

// overlaps returns a stream but one that captures something which overlaps with
// the subject, or nil.
func (a *Account) overlaps(subject string, except *Stream) (found *Stream) {
	a.captured.RLock()
	defer a.captured.RUnlock()
	a.captured.overlapping(subject, func(s *Stream) bool {
		if s != except {
			found = s
		}
		return found == nil
	})
	return found
}

// admitLocked says why the account has no room for a stream with that
// configuration, in place of the one that it is the update of.
func (a *Account) admitLocked(cfg *jsapi.StreamConfig, old *Stream) *jsapi.Error {
	for _, subject := range cfg.Subjects {
		if a.overlaps(subject, old) != nil {
			return jsapi.ErrStreamSubjectOverlap.New()
		}
	}
	if err := a.admitSourcesLocked(cfg); err != nil {
		return err
	}
	l := a.Limits()
	if old == nil && l.MaxStreams >= 0 && len(a.mu.streams) >= l.MaxStreams {
		return jsapi.ErrMaximumStreamsLimit.New()
	}
	if l.MaxBytesRequired && cfg.MaxBytes <= 0 {
		return jsapi.ErrStreamMaxBytesRequired.New()
	}
	memory, storage := a.mu.reserved.memory, a.mu.reserved.storage
	if old != nil {
		switch was := old.config.Load(); {
		case was.MaxBytes <= 0:
		case was.Storage == jsapi.MemoryStorage:
			memory -= was.MaxBytes
		default:
			storage -= was.MaxBytes
		}
	}
	most, reserved, perStream, code := l.MaxStorage, storage, l.StorageMaxStreamBytes, jsapi.ErrStorageResourcesExceeded
	server := a.node.cfg.MaxStorage
	if cfg.Storage == jsapi.MemoryStorage {
		most, reserved, perStream, code = l.MaxMemory, memory, l.MemoryMaxStreamBytes, jsapi.ErrMemoryResourcesExceeded
		server = a.node.cfg.MaxMemory
	}
	if perStream > 0 && (cfg.MaxBytes <= 0 || cfg.MaxBytes > perStream) {
		return jsapi.ErrStreamMaxStreamBytesExceeded.New()
	}
	if cfg.MaxBytes > 0 {
		if most >= 0 && reserved+cfg.MaxBytes > most {
			return code.New()
		}
		if server >= 0 && reserved+cfg.MaxBytes > server {
			return code.New()
		}
	} else if most == 0 || server == 0 {
		return code.New()
	}
	return nil
}

// UpdateStream changes a stream, durably.
func (a *Account) UpdateStream(cfg jsapi.StreamConfig, pedantic bool) (*jsapi.StreamInfo, *jsapi.Error) {
	a.mu.Lock()
	s := a.mu.streams[cfg.Name]
	if s == nil {
		a.mu.Unlock()
		return nil, a.missing(&cfg, pedantic)
	}
	err := a.updateLocked(s, &cfg, pedantic)
	a.mu.Unlock()
	if err != nil {
		return nil, err
	}
	s.resolve()
	a.resolve() // how s is copied may depend on its configuration
	a.adviseStream(jsapi.EventStreamUpdated, jsapi.ActionModify, s.name)
	return s.Info(jsapi.StreamInfoRequest{})
}

// missing says why there is no stream to update; what no stream could be comes first.
func (a *Account) missing(cfg *jsapi.StreamConfig, pedantic bool) *jsapi.Error {
	rules := a.rules(pedantic)
	rules.Existing = true
	if _, err := cfg.Checked(rules); err != nil {
		return err
	}
	return jsapi.ErrStreamNotFound.New()
}

func (a *Account) updateLocked(s *Stream, cfg *jsapi.StreamConfig, pedantic bool) *jsapi.Error {
	old := s.config.Load()
	next, err := old.CheckedUpdate(cfg, a.rules(pedantic))
	if err != nil {
		return err
	}
	if err := a.followOriginLocked(&next, pedantic); err != nil {
		return err
	}
	if old.Equal(&next) {
		return nil
	}
	if err := a.admitLocked(&next, s); err != nil {
		return err
	}
	if err := s.checkConsumers(&next); err != nil {
		return err
	}
	if err := s.update(next); err != nil {
		return err
	}
	a.reserveLocked(old, -1)
	a.reserveLocked(&next, 1)
	a.capture(s, old.Subjects, next.Subjects)
	a.node.changed(s, false)
	return nil
}

// DeleteStream deletes a stream with its consumers, durably.
func (a *Account) DeleteStream(name string) *jsapi.Error {
	a.mu.Lock()
	s := a.mu.streams[name]
	if s == nil {
		a.mu.Unlock()
		return jsapi.ErrStreamNotFound.New()
	}
	consumers := s.Consumers()
	if err := a.node.deleteStream(s); err != nil {
		a.mu.Unlock()
		return storeError(err)
	}
	delete(a.mu.streams, name)
	a.reserveLocked(s.config.Load(), -1)
	a.capture(s, s.config.Load().Subjects, nil)
	a.node.changed(s, true)
	a.mu.Unlock()
	a.resolve()
	for _, c := range consumers {
		s.adviseConsumer(jsapi.EventConsumerDeleted, jsapi.ActionDelete, c)
	}
	a.adviseStream(jsapi.EventStreamDeleted, jsapi.ActionDelete, name)
	return nil
}
