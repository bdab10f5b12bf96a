package jetstream

import (
	"crypto/rand"
	"slices"
	"strings"
	"time"

	"github.com/tidings-io/tidings/internal/jetstream/index"
	"github.com/tidings-io/tidings/internal/jsapi"
	"github.com/tidings-io/tidings/internal/subject"
)

// Consumer returns the consumer with that name, or nil.
func (s *Stream) Consumer(name string) *Consumer {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.mu.consumers[name]
}

// Consumers returns the consumers by name, without those that mirrors and sources
// have.
func (s *Stream) Consumers() []*Consumer {
	s.mu.Lock()
	defer s.mu.Unlock()
	list := make([]*Consumer, 0, len(s.mu.consumers))
	for _, c := range s.mu.consumers {
		if !c.machine.Rules().Direct {
			list = append(list, c)
		}
	}
	slices.SortFunc(list, func(a, b *Consumer) int { return strings.Compare(a.name, b.name) })
	return list
}

// nameLength is the length of the names that consumers get who have none.
const nameLength = 8

// CreateConsumer creates or changes a consumer, durably, as the request's action
// says.
func (s *Stream) CreateConsumer(req *jsapi.ConsumerCreateRequest) (*jsapi.ConsumerInfo, bool, *jsapi.Error) {
	cfg := req.Config
	if cfg.Name == "" {
		cfg.Name = cfg.Durable
	}
	unnamed := cfg.Name == ""
	if unnamed {
		cfg.Name = rand.Text()[:nameLength]
	}
	rules := jsapi.ConsumerRules{
		Pedantic: req.Pedantic, MaxAckPending: s.maxAckPending(), MaxRequestBatch: s.node.cfg.MaxRequestBatch,
	}
	if err := s.checkLetters(&cfg, s.configOf(cfg.Name)); err != nil {
		return nil, false, err
	}
	s.mu.Lock()
	cmd, err := s.planConsumerLocked(&cfg, req.Action, rules)
	c := s.mu.consumers[cfg.Name]
	s.mu.Unlock()
	if err != nil {
		return nil, false, err
	}
	created := false
	if cmd != nil {
		if unnamed {
			cmd.Config.Name = "" // as it was asked for
		}
		if r := s.doConsumer(cmd); r.err != nil {
			return nil, false, r.err
		}
		created = !cmd.Update
		c = s.Consumer(cfg.Name)
	}
	if c == nil {
		return nil, false, jsapi.ErrConsumerNotFound.New()
	}
	if created {
		s.adviseConsumer(jsapi.EventConsumerCreated, jsapi.ActionCreate, c)
	}
	info := c.Info()
	if created && info.Paused {
		s.call(func() { c.machine.AdvisePause(s.mu.now) })
	}
	return info, created, nil
}

func (s *Stream) maxAckPending() int {
	most := s.node.cfg.MaxAckPending
	if l := s.account.Limits().MaxAckPending; l > 0 && (most <= 0 || l < most) {
		most = l
	}
	return most
}

// doConsumer logs a consumer's command, unless it is a consumer that does not
// outlive the process.
func (s *Stream) doConsumer(cmd *consumerCommand) result {
	if cmd.Update {
		if c := s.Consumer(cmd.Name); c != nil {
			return s.doStill(c, &command{Consumer: cmd})
		}
		return result{err: jsapi.ErrConsumerDoesNotExist.New()}
	}
	if cmd.Config.MemoryStorage && !s.retained() {
		return s.doUnlogged(&command{Consumer: cmd})
	}
	return s.do(&command{Consumer: cmd})
}

// planConsumerLocked says what is to be done for a request; nil: nothing, there
// is an equal one.
func (s *Stream) planConsumerLocked(cfg *jsapi.ConsumerConfig, action jsapi.ConsumerAction, rules jsapi.ConsumerRules) (*consumerCommand, *jsapi.Error) {
	old := s.mu.consumers[cfg.Name]
	if old == nil {
		if action == jsapi.UpdateOnly {
			return nil, jsapi.ErrConsumerDoesNotExist.New()
		}
		checked, err := cfg.Checked(s.config.Load(), rules)
		if err != nil {
			return nil, err
		}
		if err := s.admitConsumerLocked(&checked, nil); err != nil {
			return nil, err
		}
		return &consumerCommand{Name: cfg.Name, Config: checked}, nil
	}
	was := old.machine.Config()
	checked, err := cfg.Checked(s.config.Load(), rules)
	if err == nil && was.Equal(&checked) {
		return nil, nil
	}
	if action == jsapi.CreateOnly {
		if err != nil {
			return nil, err
		}
		return nil, jsapi.ErrConsumerAlreadyExists.New()
	}
	next, err := was.CheckedUpdate(cfg, s.config.Load(), rules)
	if err != nil {
		return nil, err
	}
	if next.DeliverSubject != was.DeliverSubject && s.account.listens(was.DeliverSubject, was.DeliverGroup) {
		return nil, jsapi.ErrConsumerNameExist.New()
	}
	if err := s.admitConsumerLocked(&next, old); err != nil {
		return nil, err
	}
	return &consumerCommand{Name: cfg.Name, Config: next, Update: true}, nil
}

// admitConsumerLocked says why the stream has no room for a consumer beside the
// others, in place of the one that it is the update of.
func (s *Stream) admitConsumerLocked(cfg *jsapi.ConsumerConfig, old *Consumer) *jsapi.Error {
	stream := s.config.Load()
	if old == nil && !cfg.Direct {
		for _, most := range [...]int{stream.MaxConsumers, s.account.Limits().MaxConsumers} {
			if most > 0 && int(s.consumerCount.Load()) >= most {
				return jsapi.ErrMaximumConsumersLimit.New()
			}
		}
	}
	if stream.Retention != jsapi.RetainWorkQueue || cfg.Direct || cfg.Sourcing {
		return nil
	}
	filters := cfg.Filters()
	for _, c := range s.mu.consumers {
		if rules := c.machine.Rules(); c == old || rules.Direct || rules.Sourcing {
			continue
		}
		if len(filters) == 0 {
			return jsapi.ErrConsumerWQMultipleUnfiltered.New()
		}
		if len(c.machine.Filters()) == 0 {
			return jsapi.ErrConsumerWQConsumerNotUnique.New()
		}
		for _, a := range filters {
			for _, b := range c.machine.Filters() {
				if subject.Overlap(a, b) {
					return jsapi.ErrConsumerWQConsumerNotUnique.New()
				}
			}
		}
	}
	return nil
}

// checkConsumers says why the consumers cannot live with a new configuration of
// the stream.
func (s *Stream) checkConsumers(cfg *jsapi.StreamConfig) *jsapi.Error {
	s.mu.Lock()
	defer s.mu.Unlock()
	var against []string
	for _, c := range s.mu.consumers {
		own := c.machine.Config()
		if _, err := own.Checked(cfg, jsapi.ConsumerRules{}); err != nil {
			against = append(against, c.name)
		}
	}
	if len(against) == 0 {
		return nil
	}
	slices.Sort(against)
	return jsapi.ErrStreamUpdate.New("change to limits violates consumers: " + strings.Join(against, ", "))
}

// applyConsumerLocked creates or changes a consumer.
func (s *Stream) applyConsumerLocked(cmd *command) result {
	cc := cmd.Consumer
	c := s.mu.consumers[cc.Name]
	switch {
	case c == nil && cc.Update:
		return result{err: jsapi.ErrConsumerDoesNotExist.New()}
	case c != nil && !cc.Update:
		if was := c.machine.Config(); was.Equal(&cc.Config) {
			return result{}
		}
		return result{err: jsapi.ErrConsumerAlreadyExists.New()}
	case c != nil:
		return s.updateConsumerLocked(c, cmd)
	}
	c, err := s.newConsumerLocked(cc.Name, &cc.Config, cmd.Time, cc.State)
	if err != nil {
		return result{err: jsapi.ErrConsumerStoreFailed.New(err)}
	}
	if s.mu.opened {
		c.openLocked()
	}
	return result{}
}

func (s *Stream) updateConsumerLocked(c *Consumer, cmd *command) result {
	was, next := c.machine.Rules(), &cmd.Consumer.Config
	elsewhere := was.DeliverSubject != next.DeliverSubject || was.DeliverGroup != next.DeliverGroup
	c.machine.Update(cmd.Time, next)
	if s.mu.opened && elsewhere && next.Push() {
		c.watchLocked(next)
	}
	s.touchLocked(c)
	return result{}
}

// DeleteConsumer deletes a consumer, durably.
func (s *Stream) DeleteConsumer(name string) *jsapi.Error {
	c := s.Consumer(name)
	if c == nil {
		return jsapi.ErrConsumerNotFound.New()
	}
	if r := s.doDeleteConsumer(c); r.err != nil {
		return r.err
	}
	s.adviseConsumer(jsapi.EventConsumerDeleted, jsapi.ActionDelete, c)
	return nil
}

func (s *Stream) doDeleteConsumer(c *Consumer) result {
	cmd := &command{DeleteConsumer: c.name}
	if !c.logged {
		return s.doUnlogged(cmd)
	}
	return s.do(cmd)
}

// expireConsumerLocked deletes a consumer that nobody has used for too long.
func (s *Stream) expireConsumerLocked(c *Consumer) {
	if c.expiring {
		return
	}
	c.expiring = true
	cmd := &command{DeleteConsumer: c.name}
	done := func(r result) {
		if c.expiring = r.err == nil; c.expiring {
			kind := jsapi.EventConsumerDeleted
			s.mu.advice = append(s.mu.advice, event{kind.For(s.name, c.name), s.consumerAdvice(kind, jsapi.ActionDelete, c)})
		}
	}
	if !c.logged {
		done(s.commandLocked(cmd))
		return
	}
	if err := s.propose(cmd, done); err != nil {
		c.expiring = false
	}
}

// applyDeleteConsumerLocked takes a consumer out, and what was kept for it alone.
func (s *Stream) applyDeleteConsumerLocked(name string) result {
	c := s.mu.consumers[name]
	if c == nil {
		return result{err: jsapi.ErrConsumerNotFound.New()}
	}
	if s.mu.opened {
		c.closeLocked(jsapi.StatusConsumerDeleted)
	}
	c.removeLocked()
	switch s.config.Load().Retention {
	case jsapi.RetainLimits:
	case jsapi.RetainInterest:
		s.dropUnneededLocked(func(index.Entry) bool { return true })
	case jsapi.RetainWorkQueue:
		if c.machine.Rules().Sourcing {
			s.dropUnneededLocked(s.workedLocked)
		}
	}
	return result{}
}

// workedLocked reports whether the message is for a consumer that is there: if it
// does not need it, it has finished with it.
func (s *Stream) workedLocked(e index.Entry) bool {
	for _, c := range s.mu.consumers {
		if c.machine.Wants(e.ID) {
			return true
		}
	}
	return false
}

// dropUnneededLocked removes those of the messages that no consumer waits for.
func (s *Stream) dropUnneededLocked(those func(index.Entry) bool) {
	x := s.mu.machine.Index()
	for e, ok := x.Next(0, nil); ok; e, ok = x.Next(e.Seq+1, nil) {
		if !s.neededLocked(e.Seq) && those(e) {
			s.mu.machine.Remove(e.Seq)
		}
	}
}

// Pause suspends deliveries until a time; one that is not in the future resumes
// them.
func (c *Consumer) Pause(until time.Time) (*jsapi.ConsumerInfo, *jsapi.Error) {
	cfg := c.Config()
	if was := cfg.PauseUntil; was != nil && was.Equal(until) || was == nil && until.IsZero() {
		return c.Info(), nil
	}
	cfg.PauseUntil = nil
	if !until.IsZero() {
		until = until.UTC()
		cfg.PauseUntil = &until
	}
	cfg.SetRequiredLevel()
	if r := c.stream.doConsumer(&consumerCommand{Name: c.name, Config: cfg, Update: true}); r.err != nil {
		return nil, r.err
	}
	return c.Info(), nil
}

// Unpin lets another client of a group be pinned.
func (c *Consumer) Unpin(group string) *jsapi.Error {
	var err *jsapi.Error
	c.stream.call(func() {
		err = c.machine.Unpin(c.stream.mu.now, group)
		c.stream.touchLocked(c)
	})
	return err
}

// Reset takes the consumer back to a sequence, or with 0 to its ack floor. It
// returns where it is.
func (c *Consumer) Reset(seq uint64) (*jsapi.ConsumerInfo, uint64, *jsapi.Error) {
	s := c.stream
	var to uint64
	var err *jsapi.Error
	s.call(func() { to, err = c.machine.ResetSeq(seq) })
	if err != nil {
		return nil, 0, err
	}
	cmd := &command{ResetConsumer: &resetConsumer{Name: c.name, Seq: to}}
	if r := s.doStill(c, cmd); r.err != nil {
		return nil, 0, r.err
	}
	return c.Info(), to, nil
}

func (s *Stream) applyResetLocked(cmd *command) result {
	c := s.mu.consumers[cmd.ResetConsumer.Name]
	if c == nil {
		return result{err: jsapi.ErrConsumerNotFound.New()}
	}
	c.machine.Reset(cmd.Time, cmd.ResetConsumer.Seq)
	s.touchLocked(c)
	return result{}
}

func (s *Stream) consumerAdvice(kind jsapi.EventKind, action string, c *Consumer) *jsapi.ConsumerAdvice {
	return &jsapi.ConsumerAdvice{
		Event: newEvent(kind), Stream: s.name, Consumer: c.name, Action: action, Domain: s.node.cfg.Domain,
	}
}

func (s *Stream) adviseConsumer(kind jsapi.EventKind, action string, c *Consumer) {
	if !c.Config().Direct {
		s.account.Advise(kind.For(s.name, c.name), s.consumerAdvice(kind, action, c))
	}
}
