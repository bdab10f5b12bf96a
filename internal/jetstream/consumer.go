package jetstream

import (
	"time"

	"github.com/tidings-io/tidings/internal/jetstream/consumer"
	"github.com/tidings-io/tidings/internal/jsapi"
	"github.com/tidings-io/tidings/internal/subject"
)

// Consumer is one consumer of a stream. Its methods are safe for concurrent use.
type Consumer struct {
	stream *Stream
	name   string
	logged bool // its changes go through the log

	// The rest is guarded by the stream's lock.
	machine  *consumer.Machine
	runnable bool  // it is in the list of those to run
	hungry   bool  // it is in the list of those that wait for messages
	full     bool  // it is in the list of those that wait for acknowledgements
	dirty    bool  // it may have changes that are not logged
	buried   bool  // among them messages that it has given up: their letters are in Stream.mu
	gone     bool  // deleted
	expiring bool  // it is about to be deleted
	dueAt    int64 // when it is to be run, 0: never
	at       int   // place in the queue, -1: not in it
	still    int   // commands on their way until which it is not run

	watch func() // stops watching the deliver subject
}

// Name is the consumer's name.
func (c *Consumer) Name() string { return c.name }

// Config returns the configuration, which must not be changed.
func (c *Consumer) Config() jsapi.ConsumerConfig {
	c.stream.mu.Lock()
	defer c.stream.mu.Unlock()
	return c.machine.Config()
}

// Stream is the stream that it is a consumer of.
func (c *Consumer) Stream() *Stream { return c.stream }

// Info returns what there is to know of the consumer.
func (c *Consumer) Info() *jsapi.ConsumerInfo {
	c.stream.Settle()
	c.stream.mu.Lock()
	defer c.stream.mu.Unlock()
	return c.infoLocked()
}

func (c *Consumer) infoLocked() *jsapi.ConsumerInfo {
	now := time.Now()
	info := c.machine.Info(now.UnixNano())
	info.Cluster = &jsapi.ClusterInfo{Leader: c.stream.node.cfg.Server}
	info.Timestamp = now.UTC()
	return info
}

// configOf returns the configuration of the consumer with that name, or nil.
func (s *Stream) configOf(name string) *jsapi.ConsumerConfig {
	c := s.Consumer(name)
	if c == nil {
		return nil
	}
	cfg := c.Config()
	return &cfg
}

// newConsumerLocked adds a consumer, with the state that it had unless that is nil.
func (s *Stream) newConsumerLocked(name string, cfg *jsapi.ConsumerConfig, created int64, state []byte) (*Consumer, error) {
	c := &Consumer{stream: s, name: name, at: -1}
	// Consumers in memory are gone after a restart, except where messages are kept
	// for them: those must not be left behind without anybody to fetch them.
	c.logged = s.logged && (!cfg.MemoryStorage || s.retained())
	if state == nil {
		c.machine = s.mu.home.New(cfg, name, created, (*env)(c))
	} else {
		var err error
		if c.machine, err = s.mu.home.Decode(state, cfg, name, (*env)(c)); err != nil {
			return nil, err
		}
	}
	s.mu.consumers[name] = c
	if cfg.Sourcing {
		s.mu.sourcing++
	}
	if !cfg.Direct {
		s.consumerCount.Add(1)
	}
	return c, nil
}

// retained reports whether messages are kept for the consumers only.
func (s *Stream) retained() bool { return s.config.Load().Retention != jsapi.RetainLimits }

// wantsSubject reports whether the consumer's filter lets the subject pass.
func (c *Consumer) wantsSubject(text []byte) bool {
	filters := c.machine.Filters()
	for _, f := range filters {
		if subject.Matches(f, text) {
			return true
		}
	}
	return len(filters) == 0
}

// openLocked lets clients reach the consumer.
func (c *Consumer) openLocked() {
	s := c.stream
	s.openDoorsLocked()
	if cfg := c.machine.Rules(); cfg.Push() {
		c.watchLocked(cfg)
	}
	s.wakeLocked(c)
}

// watchLocked follows whether anybody listens on the deliver subject.
func (c *Consumer) watchLocked(cfg *jsapi.ConsumerConfig) {
	s := c.stream
	a := s.account
	if c.watch != nil {
		c.watch()
	}
	deliver, group := cfg.DeliverSubject, cfg.DeliverGroup
	changed := func() {
		c.machine.Interested(s.mu.now, a.listens(deliver, group))
		s.wakeLocked(c)
	}
	c.watch = s.account.core.Watch(deliver, func() { s.postAside(work{kind: workCall, do: changed}) })
	c.machine.Interested(s.mu.now, a.listens(deliver, group))
}

// listens tells whether somebody listens on the deliver subject of a consumer; in
// its group, if it has one, as it is for them.
func (a *Account) listens(deliver, group string) bool {
	if group != "" {
		return a.core.InterestedGroup([]byte(deliver), group)
	}
	return a.core.Interested([]byte(deliver))
}

// closeLocked ends what clients have of the consumer.
func (c *Consumer) closeLocked(status string) {
	if c.watch != nil {
		c.watch()
		c.watch = nil
	}
	c.machine.Close(status)
}

// removeLocked takes the consumer out of the stream.
func (c *Consumer) removeLocked() {
	s := c.stream
	c.gone = true
	delete(s.mu.consumers, c.name)
	if c.machine.Rules().Sourcing {
		s.mu.sourcing--
	}
	if !c.machine.Rules().Direct {
		s.consumerCount.Add(-1)
	}
	s.mu.queue.remove(c)
	if len(s.mu.consumers) == 0 {
		s.closeDoorsLocked()
	}
}
