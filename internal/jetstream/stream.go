package jetstream

import (
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/tidings-io/tidings/internal/core"
	"github.com/tidings-io/tidings/internal/jetstream/consumer"
	"github.com/tidings-io/tidings/internal/jetstream/index"
	"github.com/tidings-io/tidings/internal/jetstream/store"
	"github.com/tidings-io/tidings/internal/jetstream/stream"
	"github.com/tidings-io/tidings/internal/jetstream/wal"
	"github.com/tidings-io/tidings/internal/jsapi"
)

// Stream is one stream with its consumers. Its methods are safe for concurrent
// use.
type Stream struct {
	// immutable
	node    *Node
	account *Account
	name    string
	group   store.Group
	created time.Time
	logged  bool  // commands go through the log; not those of streams in memory
	space   space // where the records are
	// incarnation is another one each time for a stream in memory, else empty.
	incarnation string

	config        atomic.Pointer[jsapi.StreamConfig]
	consumerCount atomic.Int64 // without those that mirrors and sources have
	full          atomic.Bool  // it refuses new messages as there are too many; set by the turn
	unread        atomic.Bool  // some messages could not be read; set under mu

	box inbox

	// order makes the order of the indexes that of the log.
	order struct {
		sync.Mutex
		index      wal.Index // of the last entry that was logged
		last       int64     // time of the last record or command
		appliedSeq uint64    // last sequence of the stream
		inflight   uint64    // records that are logged and not applied
		bytes      int64     // of them
		entries    []wal.Entry
		frozen     error // why nothing is logged any more
	}

	// These belong to whoever runs the turn.
	more           bool            // there is more to do than what is in the inbox
	kept           *core.Publisher // of a busy stream, from turn to turn
	turns          int             // since the stream was idle for a while
	recent         []recent
	out            outgoing
	appliedRecords uint64
	appliedBytes   int64
	batches        int // open atomic batches, as counted in the node's
	deltaBuf       []byte

	// The answer to a publish that is nothing special: what stands before and
	// after the sequence.
	ackHead, ackTail string

	mu struct {
		sync.Mutex
		machine   *stream.Machine
		home      *consumer.Home // of the consumers
		consumers map[string]*Consumer
		sourcing  int // of the consumers, those that feed another stream
		applied   wal.Index
		opened    bool // clients reach it
		closed    bool
		failed    error  // the log failed: nothing is accepted any more
		lost      losses // to damage on disk
		gaps      bool   // the log has lost entries since the last checkpoint

		subs  []*core.Subscription // to the stream's subjects
		doors []*core.Subscription // to what clients send to consumers

		// of the turn
		pub    *core.Publisher
		now    int64
		advice []event
		// behind are the clients that consumers hold deliveries back from, by their
		// reliefs.
		behind  map[<-chan struct{}]*backlog
		backlog uint64 // the last one's number

		timer *time.Timer
		armed int64 // when the timer fires, Unix nanoseconds; 0: it does not

		queue    queue       // consumers with something due
		runnable []*Consumer // to be run in this turn
		resting  []*Consumer // the list that runnable takes turns with
		still    int         // commands on their way until which none is run
		hungry   []*Consumer // waiting for messages
		full     []*Consumer // that wait for messages to be acknowledged, or to go
		stored   []index.ID  // subjects of messages that were stored in this turn
		dirty    []*Consumer // with changes that may not be logged yet
		deltasAt int64       // when they are to be logged
		letters  []letter    // dead letters to be logged with them
		// letterBytes is the size of those that go into the log.
		letterBytes int
		refused     *joint      // what the log had no room for; the rest waits behind it
		settling    []*settling // who waits for entries to be applied
		expiring    bool        // an Expire command is on its way
		expireAt    int64       // not before then: the log had no room for the last one
		held        bool        // expiry waits for entries that are on their way

		copying   []*follower // what this stream copies from others
		leaving   []*follower // what it does not any more
		followers []*follower // who copies from this stream
		told      uint64      // last sequence that they have been told of

		reader  *store.Reader
		readBuf []byte
		bytes   int64 // counted in the account's usage
		indexed int64 // counted in what all indexes take
	}
}

// space is where the records of a stream are.
type space interface {
	stream.Space
}

// newStream returns a stream that takes nothing yet; see open.
func newStream(n *Node, a *Account, e *catalogueEntry) *Stream {
	s := &Stream{node: n, account: a, name: e.Config.Name, group: e.Group, created: e.Created}
	s.config.Store(e.Config)
	if e.Config.Storage == jsapi.MemoryStorage {
		s.space, s.incarnation = store.NewMemory(), uniqueID()
	} else {
		s.logged = true
		s.space = n.store.Files(e.Group)
	}
	s.ackHead = `{"stream":"` + s.name + `",`
	if n.cfg.Domain != "" {
		s.ackHead += `"domain":"` + n.cfg.Domain + `",`
	}
	s.ackHead += `"seq":`
	s.ackTail = "}"
	s.mu.consumers = map[string]*Consumer{}
	s.setMachineLocked(stream.New(*e.Config, e.Created.UnixNano(), s.space))
	// One copy of it is enough.
	n.catalogue.mu.Lock()
	e.Config = s.mu.machine.Config()
	n.catalogue.mu.Unlock()
	s.config.Store(e.Config)
	return s
}

// Name is the stream's name.
func (s *Stream) Name() string { return s.name }

// Config returns the configuration, which must not be changed.
func (s *Stream) Config() jsapi.StreamConfig { return *s.config.Load() }

// Created is when the stream was created.
func (s *Stream) Created() time.Time { return s.created }

// Account is what the stream belongs to.
func (s *Stream) Account() *Account { return s.account }

// View runs f with the stream's index under its lock. f must be short.
func (s *Stream) View(f func(x *index.Index)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f(s.mu.machine.Index())
}

// Read appends the record of an entry that View has found. It takes no lock: the
// record may have been moved or removed since, which satisfies [store.ErrMoved].
func (s *Stream) Read(dst []byte, e index.Entry) ([]byte, error) {
	b, err := s.space.Read(dst, e)
	if err != nil && !errors.Is(err, store.ErrMoved) {
		s.locked(func() { s.readFailedLocked(e, err) })
	}
	if err == nil {
		s.readWorked(e)
	}
	return b, err
}

// open lets clients reach the stream. Account.resolve is to be called afterwards,
// without Account.mu.
func (s *Stream) open() {
	s.mu.Lock()
	s.mu.opened = true
	s.startFollowersLocked()
	limits := s.node.cfg.Batches
	change := limits != (stream.Limits{}) && limits != s.mu.machine.Limits()
	s.resubscribeLocked(s.config.Load().Subjects)
	for _, c := range s.mu.consumers {
		c.openLocked()
	}
	s.mu.Unlock()
	if change {
		// Limits decide what becomes of messages, so they stand in the log.
		if err := s.propose(&command{Limits: &limits}, nil); err != nil {
			s.node.log.Error("Limits of batches are not changed", "stream", s.name, "error", err)
		}
	}
	s.node.changed(s, false)
	s.postAside(work{kind: workTick})
}

// close ends the stream: nothing reaches it any more, waiting pull requests are
// told status.
func (s *Stream) close(status string) {
	s.mu.Lock()
	old := s.mu.subs
	s.mu.subs = nil
	s.mu.Unlock()
	s.stopCopying()
	for _, sub := range old {
		s.account.core.Unsubscribe(sub)
	}
	// Publishers that had chosen the stream before are done with their batches.
	s.node.accounts.Departed()
	s.call(func() {
		for _, c := range s.mu.consumers {
			c.closeLocked(status)
		}
		s.closeDoorsLocked()
		s.logDeltasNowLocked()
		s.mu.opened, s.mu.closed = false, true
		if s.mu.timer != nil {
			s.mu.timer.Stop()
		}
	})
}

// resubscribeLocked changes the subjects that the stream captures.
func (s *Stream) resubscribeLocked(now []string) {
	keep := map[string]bool{}
	for _, subject := range now {
		keep[subject] = true
	}
	subs := s.mu.subs[:0:0]
	have := map[string]bool{}
	for _, sub := range s.mu.subs {
		if keep[sub.Subject()] {
			subs = append(subs, sub)
			have[sub.Subject()] = true
		} else {
			s.account.core.Unsubscribe(sub)
		}
	}
	for _, subject := range now {
		if !have[subject] {
			subs = append(subs, s.account.subscribe(s, subject))
		}
	}
	s.mu.subs = subs
}
