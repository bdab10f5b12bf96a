package jetstream

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/tidings-io/tidings/internal/core"
	"github.com/tidings-io/tidings/internal/jetstream/stream"
	"github.com/tidings-io/tidings/internal/jsapi"
	"github.com/tidings-io/tidings/internal/record"
	"github.com/tidings-io/tidings/internal/subject"
	"github.com/tidings-io/tidings/internal/wire"
)

// ConsumerState is what a snapshot keeps of a consumer.
type ConsumerState struct {
	Name    string
	Config  jsapi.ConsumerConfig
	Created time.Time
	State   []byte // as the consumer's machine writes it
}

// ConsumerStates returns what a snapshot keeps of the durable consumers.
func (s *Stream) ConsumerStates() []ConsumerState {
	var list []ConsumerState
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range s.mu.consumers {
		cfg := c.machine.Config()
		if cfg.Durable == "" || cfg.Direct {
			continue
		}
		list = append(list, ConsumerState{
			Name: c.name, Config: cfg, Created: time.Unix(0, c.machine.Created()).UTC(),
			State: c.machine.AppendState(nil),
		})
	}
	slices.SortFunc(list, func(a, b ConsumerState) int { return strings.Compare(a.Name, b.Name) })
	return list
}

// SnapshotEnd is what stands behind the messages of a snapshot.
type SnapshotEnd struct {
	LastSeq uint64 // given out last
	Delayed []stream.DelayedMessage
}

// SnapshotEnd ends a snapshot that has the messages up to a sequence. It reports
// false if there are more.
func (s *Stream) SnapshotEnd(after uint64) (SnapshotEnd, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	m := s.mu.machine
	if _, more := m.Index().Next(after+1, nil); more {
		return SnapshotEnd{}, false
	}
	return SnapshotEnd{LastSeq: m.Index().State().Last, Delayed: m.DelayedMessages()}, true
}

// Restore is a stream that is being restored: nobody sees it before Commit, and
// after a restart of the server it is gone.
type Restore struct {
	account *Account
	stream  *Stream
	chunk   *core.Chunk
	waiting []chan *jsapi.Error // what becomes of the entries that are on their way
	delayed []delayedMessage    // not logged yet
	bytes   int                 // of those
	over    bool
}

// restoreWindow is how many entries of a restore may be on their way to the disk.
const restoreWindow = 16

// Restore begins a stream with that configuration.
func (a *Account) Restore(cfg jsapi.StreamConfig, created time.Time) (*Restore, *jsapi.Error) {
	rules := a.rules(false)
	rules.Existing = true
	checked, err := cfg.Checked(rules)
	if err != nil {
		return nil, err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if err := a.vacantLocked(&checked); err != nil {
		return nil, err
	}
	s, failed := a.node.createStream(a, checked, created, true)
	if failed != nil {
		return nil, storeError(failed)
	}
	return &Restore{account: a, stream: s}, nil
}

// vacantLocked says why the account cannot have another stream of that
// configuration.
func (a *Account) vacantLocked(cfg *jsapi.StreamConfig) *jsapi.Error {
	if a.mu.streams[cfg.Name] != nil {
		return jsapi.ErrStreamNameExistRestoreFailed.New()
	}
	return a.admitLocked(cfg, nil)
}

// Add stores a record under its own sequence and time. Sequences ascend.
func (r *Restore) Add(rec []byte) error {
	m := record.View(rec)
	if err := restorable(&m); err != nil {
		return fmt.Errorf("message %d: %w", m.Seq, err)
	}
	if r.chunk != nil && r.chunk.Room() < len(rec) {
		if err := r.flush(); err != nil {
			return err
		}
	}
	if r.chunk == nil {
		r.chunk = core.NewChunk(max(core.ChunkLarge, publishHeader+len(rec)))
		r.chunk.Bytes = append(r.chunk.Bytes, emptyHeader[:]...)
	}
	r.chunk.Bytes = append(r.chunk.Bytes, rec...)
	return nil
}

var (
	errNoSubject = errors.New("its subject is none")
	errNoHeader  = errors.New("its header block is none")
	errNoTime    = errors.New("its time is none")
)

// restorable says what no publisher could have sent: what comes from outside goes on
// to clients as it is.
func restorable(m *record.Message) error {
	switch {
	case !subject.ValidLiteral(string(m.Subject)):
		return errNoSubject
	case m.Time <= 0 || m.Time > math.MaxInt64/2:
		return errNoTime
	case len(m.Header) == 0:
		return nil
	}
	if _, err := wire.ParseHeader(m.Header); err != nil {
		return fmt.Errorf("%w: %w", errNoHeader, err)
	}
	return nil
}

// Delayed has a message wait, whose record has no sequence.
func (r *Restore) Delayed(due int64, rec []byte) error {
	m := record.View(rec)
	err := restorable(&m)
	if err == nil && (due <= 0 || due > math.MaxInt64/2) {
		err = errNoTime
	}
	if err != nil {
		return fmt.Errorf("delayed message: %w", err)
	}
	r.delayed = append(r.delayed, delayedMessage{due, slices.Clone(rec)})
	if r.bytes += len(rec); r.bytes < core.ChunkLarge {
		return nil
	}
	return r.flush()
}

// flush logs what was added since the last flush.
func (r *Restore) flush() error {
	if err := r.flushMessages(); err != nil || len(r.delayed) == 0 {
		return err
	}
	c := &command{Delayed: r.delayed}
	r.delayed, r.bytes = nil, 0
	return asError(r.stream.do(c).err)
}

func (r *Restore) flushMessages() error {
	if r.chunk == nil {
		return nil
	}
	e := entryPool.Get().(*entry)
	e.stream, e.kind, e.chunk = r.stream, kindRestored, r.chunk
	r.chunk = nil
	for at := publishHeader; at < len(e.chunk.Bytes); at += record.Length(e.chunk.Bytes[at:]) {
		e.replies = append(e.replies, 0, 0)
	}
	left := restoreWindow
	if r.stream.crowded() {
		left = 0
	}
	if err := r.wait(left); err != nil {
		e.release()
		return err
	}
	done := make(chan *jsapi.Error, 1)
	e.done = func(applied result) { done <- applied.err }
	r.stream.ingest(e)
	r.waiting = append(r.waiting, done)
	return nil
}

// wait waits until no more than left entries are on their way, and says why one was
// not taken.
func (r *Restore) wait(left int) error {
	for len(r.waiting) > left {
		err := <-r.waiting[0]
		r.waiting = r.waiting[1:]
		if err != nil {
			return err
		}
	}
	return nil
}

// Skip makes last the stream's last sequence.
func (r *Restore) Skip(last uint64) error {
	if err := r.flush(); err != nil {
		return err
	}
	return asError(r.stream.do(&command{SkipTo: last}).err)
}

// Consumer restores one consumer.
func (r *Restore) Consumer(c ConsumerState) error {
	if err := r.flush(); err != nil {
		return err
	}
	s := r.stream
	cfg := c.Config
	if cfg.Name == "" {
		cfg.Name = cfg.Durable
	}
	checked, bad := cfg.Checked(s.config.Load(), jsapi.ConsumerRules{})
	if bad == nil && checked.Name != c.Name {
		bad = jsapi.ErrConsumerDurableNameNotMatchSubject.New()
	}
	if bad == nil {
		s.locked(func() { bad = s.admitConsumerLocked(&checked, nil) })
	}
	if bad != nil {
		return fmt.Errorf("consumer %s: %w", c.Name, bad)
	}
	// The state is decoded by itself first: what comes from outside must not
	// reach the log before it is known to be readable.
	s.mu.Lock()
	probe := &Consumer{stream: s, name: c.Name, at: -1}
	_, err := s.mu.home.Decode(c.State, &checked, c.Name, (*env)(probe))
	s.mu.Unlock()
	if err != nil {
		return fmt.Errorf("consumer %s: %w", c.Name, err)
	}
	return asError(s.doConsumer(&consumerCommand{Name: c.Name, Config: checked, State: c.State}).err)
}

func asError(err *jsapi.Error) error {
	if err == nil {
		return nil
	}
	return err
}

var errRestoreOver = errors.New("restore is over")

// Commit makes the stream visible, durably.
func (r *Restore) Commit() (*jsapi.StreamInfo, *jsapi.Error) {
	if r.over {
		return nil, storeError(errRestoreOver)
	}
	if err := errors.Join(r.flush(), r.wait(0)); err != nil {
		return nil, storeError(err)
	}
	if err := r.publish(); err != nil {
		return nil, err
	}
	r.account.resolve()
	return r.stream.Info(jsapi.StreamInfoRequest{})
}

// publish makes the stream one of the account's.
func (r *Restore) publish() *jsapi.Error {
	a, s := r.account, r.stream
	a.mu.Lock()
	defer a.mu.Unlock()
	if err := a.vacantLocked(s.config.Load()); err != nil {
		return err
	}
	listed := &catalogueEntry{Group: s.group, Account: a.Name(), Created: s.created, Config: s.config.Load()}
	if err := a.node.change(listed); err != nil {
		return storeError(err)
	}
	r.over = true
	a.addLocked(s)
	s.open()
	return nil
}

// Abort forgets what was not committed. It may be called twice and after Commit.
func (r *Restore) Abort() {
	if r.over {
		return
	}
	r.over = true
	if err := r.account.node.deleteStream(r.stream); err != nil {
		r.stream.node.log.Error("What an aborted restore left is removed at the next start", "stream", r.stream.name, "error", err)
	}
}

// dropUnfinished removes what restores left that were not committed before the
// server ended.
func (n *Node) dropUnfinished() error {
	for _, s := range n.streams() {
		e := n.catalogue.streams[s.group]
		if e == nil || !e.Restoring {
			continue
		}
		if err := n.change(&catalogueEntry{Group: s.group, Deleted: true}); err != nil {
			return err
		}
		delete(n.mu.groups, s.group)
		n.store.Drop(s.group)
	}
	return nil
}
