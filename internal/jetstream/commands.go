package jetstream

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/tidings-io/tidings/internal/jetstream/stream"
	"github.com/tidings-io/tidings/internal/jetstream/wal"
	"github.com/tidings-io/tidings/internal/jsapi"
)

// The kinds of log entries. Numbers are part of the format.
const (
	kindPublish   wal.Kind = 1 // of a stream: records, see publishHeader
	kindCommand   wal.Kind = 2 // of a stream: a command as JSON
	kindDeltas    wal.Kind = 3 // of a stream: what its consumers have done
	kindCatalogue wal.Kind = 4 // of the node: a catalogueEntry as JSON
	kindReplies   wal.Kind = 5 // as kindPublish, with the reply subjects, which are part of fast batches
	kindSourced   wal.Kind = 6 // as kindPublish: records that were copied from sources
	kindNumbered  wal.Kind = 7 // as kindPublish: records with their sequences, mirrored
	kindLetter    wal.Kind = 8 // as kindPublish: dead letters
	kindRestored  wal.Kind = 9 // as kindPublish: records with their sequences, of a backup
)

// publishes reports whether entries of a kind are records.
func publishes(k wal.Kind) bool {
	switch k {
	case kindPublish, kindReplies, kindSourced, kindNumbered, kindLetter, kindRestored:
		return true
	}
	return false
}

// command is a change of a stream that is not a message. One field besides the
// time is set; without any it is a barrier.
type command struct {
	Time int64 `json:"time"` // when it was given, Unix nanoseconds

	Expire         bool                      `json:"expire,omitempty"`
	Update         *jsapi.StreamConfig       `json:"update,omitempty"`
	Purge          *jsapi.StreamPurgeRequest `json:"purge,omitempty"`
	Delete         *deleteMessage            `json:"delete,omitempty"`
	Consumer       *consumerCommand          `json:"consumer,omitempty"` // create or update
	DeleteConsumer string                    `json:"delete_consumer,omitempty"`
	ResetConsumer  *resetConsumer            `json:"reset_consumer,omitempty"`
	Source         *sourceCommand            `json:"source,omitempty"`
	Limits         *stream.Limits            `json:"limits,omitempty"`
	SkipTo         uint64                    `json:"skip_to,omitempty"` // of a restore
	Delayed        []delayedMessage          `json:"delayed,omitempty"` // of a restore
}

// delayedMessage is a message that waits, with its record.
type delayedMessage struct {
	Due    int64  `json:"due"`
	Record []byte `json:"record"`
}

type deleteMessage struct {
	Seq   uint64 `json:"seq"`
	Erase bool   `json:"erase,omitempty"`
}

type consumerCommand struct {
	Name   string               `json:"name"`
	Config jsapi.ConsumerConfig `json:"config"`
	// Update changes the consumer of the name; otherwise there must be none.
	Update bool `json:"update,omitempty"`
	// State is that of a restored consumer.
	State []byte `json:"state,omitempty"`
}

type resetConsumer struct {
	Name string `json:"name"`
	Seq  uint64 `json:"seq"`
}

// result is what becomes of a command.
type result struct {
	err    *jsapi.Error
	purged uint64
}

// restores reports whether a command is part of a restore: nothing expires before
// all of it is there.
func (c *command) restores() bool {
	return c.SkipTo > 0 || len(c.Delayed) > 0 || c.Consumer != nil && len(c.Consumer.State) > 0
}

// do logs a command and returns when it is durable and applied.
func (s *Stream) do(c *command, more ...wal.Entry) result {
	var r result
	done := make(chan struct{})
	err := s.propose(c, func(applied result) { r = applied; close(done) }, more...)
	if err != nil {
		return result{err: storeError(err)}
	}
	<-done
	return r
}

// propose logs a command; done is called under the stream's lock when it has been
// applied.
func (s *Stream) propose(c *command, done func(result), more ...wal.Entry) error {
	e := entryPool.Get().(*entry)
	e.stream, e.kind, e.command, e.done = s, kindCommand, c, done
	s.order.Lock()
	c.Time = max(time.Now().UnixNano(), s.order.last+1)
	s.order.last = c.Time
	payload, err := json.Marshal(c)
	if err != nil {
		s.order.Unlock()
		return fmt.Errorf("command: %w", err)
	}
	run := s.logLocked(e, payload, wal.Essential, more...)
	s.order.Unlock()
	if run {
		s.run()
	}
	return nil
}

// doUnlogged applies a command in a turn, without the log.
func (s *Stream) doUnlogged(c *command) result {
	var r result
	s.call(func() {
		c.Time = s.mu.now
		r = s.commandLocked(c)
	})
	return r
}

// update changes the configuration, durably, in the catalogue, too.
func (s *Stream) update(cfg jsapi.StreamConfig) *jsapi.Error {
	n := s.node
	listed := &catalogueEntry{Group: s.group, Account: s.account.Name(), Created: s.created, Config: &cfg}
	if !s.logged {
		if err := n.change(listed); err != nil {
			return storeError(err)
		}
		return s.doUnlogged(&command{Update: &cfg}).err
	}
	if cfg.Retention != s.config.Load().Retention {
		if err := s.hush(&s.mu.still); err != nil {
			return err
		}
		defer s.call(func() { s.mu.still-- })
	}
	n.catalogue.mu.Lock()
	defer n.catalogue.mu.Unlock()
	entry, err := n.catalogue.entryLocked(listed)
	if err != nil {
		return storeError(err)
	}
	r := s.do(&command{Update: &cfg}, entry)
	if r.err != nil {
		n.catalogue.index--
		return r.err
	}
	n.catalogue.applyLocked(listed)
	return nil
}

// applyUpdateLocked changes the configuration.
func (s *Stream) applyUpdateLocked(c *command) {
	cfg := c.Update
	renew := s.mu.opened && !sameSources(s.config.Load(), cfg)
	s.config.Store(cfg)
	s.mu.machine.Update(*cfg, c.Time)
	if s.mu.opened && !s.mu.closed {
		s.resubscribeLocked(cfg.Subjects)
	}
	s.mu.home.Retained = s.retained()
	if renew {
		s.renewFollowersLocked()
	}
	s.attach()
}

// applyLocked applies an entry that is durable, or answers those who wait for one
// that is refused.
func (s *Stream) applyLocked(e *entry) {
	s.appliedRecords += e.count
	s.appliedBytes += e.bytes
	if e.err == nil {
		s.mu.applied = e.index
	}
	switch {
	case publishes(e.kind):
		s.applyPublishLocked(e)
		return // released when the turn ends
	case e.kind == kindCommand && e.err != nil:
		s.failLocked(e.err)
		if e.done != nil {
			e.done(result{err: storeError(e.err)})
		}
	case e.kind == kindCommand:
		r := s.commandLocked(e.command)
		if e.done != nil {
			e.done(r)
		}
	case e.kind == kindDeltas:
		s.deltasDurableLocked(e)
	}
	e.release()
}

// commandLocked applies one command.
func (s *Stream) commandLocked(c *command) result {
	m := s.mu.machine
	if !c.restores() {
		m.Expire(c.Time)
	}
	switch {
	case c.Update != nil:
		s.applyUpdateLocked(c)
		return result{}
	case c.Purge != nil:
		n, err := m.Purge(*c.Purge, c.Time)
		for _, consumer := range s.mu.consumers {
			consumer.machine.Purged(c.Time)
			s.wakeLocked(consumer)
		}
		if err == nil {
			s.purgedLostLocked(c.Purge)
		}
		return result{purged: n, err: err}
	case c.Delete != nil:
		return s.deleteLocked(c)
	case c.Consumer != nil:
		return s.applyConsumerLocked(c)
	case c.DeleteConsumer != "":
		return s.applyDeleteConsumerLocked(c.DeleteConsumer)
	case c.ResetConsumer != nil:
		return s.applyResetLocked(c)
	case c.SkipTo != 0:
		m.SkipTo(c.SkipTo)
	case len(c.Delayed) > 0:
		for _, d := range c.Delayed {
			if err := m.RestoreDelayed(d.Due, d.Record); err != nil {
				return result{err: err}
			}
		}
	case c.Limits != nil:
		m.SetLimits(*c.Limits)
	case c.Source != nil:
		m.SetSource(c.Source.Key, c.Source.Identity, c.Source.Seq)
	}
	return result{}
}

// deleteLocked deletes one message. Deleting one that is lost with the log is how
// its loss is dealt with.
func (s *Stream) deleteLocked(c *command) result {
	err := s.mu.machine.Delete(c.Delete.Seq, c.Delete.Erase, c.Time)
	if cfg := s.config.Load(); err != nil && !cfg.Sealed && !cfg.DenyDelete && s.foundLostLocked(c.Delete.Seq) {
		return result{}
	}
	return result{err: err}
}

// storeError says to a client why something could not be stored.
func storeError(err error) *jsapi.Error {
	var api *jsapi.Error
	switch {
	case errors.As(err, &api):
		return api
	case errors.Is(err, wal.ErrFull):
		return jsapi.ErrInsufficientResources.New()
	default:
		return jsapi.ErrStreamStoreFailed.New(err)
	}
}
