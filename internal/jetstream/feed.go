package jetstream

import (
	"errors"
	"strings"
	"sync"
	"time"

	"github.com/tidings-io/tidings/internal/core"
	"github.com/tidings-io/tidings/internal/jsapi"
	"github.com/tidings-io/tidings/internal/record"
	"github.com/tidings-io/tidings/internal/wire"
)

const (
	// feedSilence is how long nothing comes, not even a heartbeat, until a feed asks
	// what has become of its consumer.
	feedSilence = 4 * jsapi.FlowControlHeartbeat
	// feedPending is how many messages are on their way to a follower at most.
	feedPending = 1000
)

// feed is a follower as the client of a push consumer with the ack policy
// flow_control (ADR-60): what it answers to a flow control request is how far the
// messages are stored, and only those does the origin let go. Deliveries come in
// order and without gaps; after a gap, an error or a restart the consumer is reset
// to its ack floor, and what was copied before is passed over.
type feed struct {
	// immutable
	f      *follower
	origin *Stream
	name   string // of the consumer
	to     string // its deliver subject
	own    bool   // the consumer is there for this follower only

	// These belong to the follower's goroutine.
	ready     bool   // the consumer is there and was reset
	expected  uint64 // next consumer sequence
	stale     bool   // what comes was sent before the consumer was reset
	lastSeq   uint64 // consumer sequence of the last message that is stored
	lastInner uint64 // its sequence in the origin

	mu struct {
		sync.Mutex
		sub    *core.Subscription
		queue  []*core.Chunk // what was delivered, as requests
		silent bool          // nothing came for too long
		timer  *time.Timer
		closed bool
	}
}

func newFeed(f *follower, origin *Stream) *feed {
	d := &feed{f: f, origin: origin}
	if c := f.source.Consumer; c != nil {
		d.name, d.to = c.Name, c.DeliverSubject
		return d
	}
	suffix := jsapi.AccountHash(strings.Join([]string{f.stream.account.Name(), f.stream.identity(), origin.identity(), f.key}, " "))
	d.own, d.name, d.to = true, sourceConsumerPrefix+suffix, "$JS.S."+suffix
	if f.mirror {
		d.name, d.to = mirrorConsumerPrefix+suffix, "$JS.M."+suffix
	}
	return d
}

// Names of the consumers that followers have, and their metadata.
const (
	mirrorConsumerPrefix = "JS_MIRROR_"
	sourceConsumerPrefix = "JS_SRC_"
	mirrorMetadata       = "_nats.mirror."
	sourceMetadata       = "_nats.src."
)

// config is the consumer that the follower makes for itself.
func (d *feed) config() jsapi.ConsumerConfig {
	f := d.f
	cfg := jsapi.ConsumerConfig{
		Durable: d.name, Name: d.name, DeliverSubject: d.to, AckPolicy: jsapi.AckFlowControl, FlowControl: true,
		Heartbeat: jsapi.FlowControlHeartbeat, MaxDeliver: -1, MaxAckPending: feedPending, Sourcing: true,
	}
	switch {
	case f.source.OptStartTime != nil:
		cfg.DeliverPolicy, cfg.OptStartTime = jsapi.DeliverByStartTime, f.source.OptStartTime
	case f.source.OptStartSeq > 0:
		cfg.DeliverPolicy, cfg.OptStartSeq = jsapi.DeliverByStartSequence, f.source.OptStartSeq
	}
	switch len(f.patterns) {
	case 0:
	case 1:
		cfg.FilterSubject = f.patterns[0]
	default:
		cfg.FilterSubjects = f.patterns
	}
	prefix := sourceMetadata
	if f.mirror {
		prefix = mirrorMetadata
	}
	cfg.Metadata = map[string]string{prefix + "stream": f.stream.name, prefix + "acc": f.stream.account.Name()}
	if domain := f.stream.node.cfg.Domain; domain != "" {
		cfg.Metadata[prefix+"domain"] = domain
	}
	return cfg
}

// Deliver implements [core.Receiver].
func (d *feed) Deliver(st *core.Stage, _ *core.Subscription, m *core.Message) {
	seen := *m
	if m.Shown != nil {
		seen.Subject = m.Shown
	}
	c := st.Reserve(requestHeader + len(seen.Subject) + len(m.Reply) + len(m.Payload))
	c.Bytes = appendRequest(c.Bytes, &seen)
}

// Flush implements [core.Receiver].
func (d *feed) Flush(st *core.Stage) {
	d.mu.Lock()
	st.Take(0, func(c *core.Chunk) {
		if d.mu.closed {
			c.Release()
			return
		}
		d.mu.queue = append(d.mu.queue, c)
	})
	if d.mu.timer != nil && !d.mu.closed {
		d.mu.timer.Reset(feedSilence)
	}
	d.mu.Unlock()
	d.f.wake()
}

// Exhausted, Relief and Filter implement [core.Receiver].
func (*feed) Exhausted(*core.Subscription)               {}
func (*feed) Relief(bool) <-chan struct{}                { return nil }
func (*feed) Filter(*core.Subscription) core.Permissions { return nil }

// close ends the deliveries.
func (d *feed) close() {
	d.mu.Lock()
	sub := d.mu.sub
	d.mu.sub, d.mu.closed = nil, true
	if d.mu.timer != nil {
		d.mu.timer.Stop()
	}
	d.mu.Unlock()
	d.discard()
	if sub != nil {
		d.f.stream.account.core.Unsubscribe(sub)
	}
}

func (d *feed) take() (queue []*core.Chunk, silent bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	queue, silent = d.mu.queue, d.mu.silent
	d.mu.queue, d.mu.silent = nil, false
	return queue, silent
}

func (d *feed) discard() {
	queue, _ := d.take()
	for _, c := range queue {
		c.Release()
	}
}

// forget deletes the consumer that was there for this follower only.
func (d *feed) forget() {
	if d.own {
		_ = d.origin.DeleteConsumer(d.name) // it may never have been made
	}
}

// step takes what was delivered.
func (d *feed) step() (more bool, failed *jsapi.Error) {
	queue, silent := d.take()
	if silent && !d.paused() {
		d.ready = false
	}
	if !d.ready {
		for _, c := range queue {
			c.Release()
		}
		return false, d.begin()
	}
	c := d.f.copying(d.origin)
	for _, chunk := range queue {
		eachRequest(chunk, func(r *request) {
			if failed == nil {
				failed = d.request(c, r)
			}
		})
	}
	if failed == nil {
		failed = d.store(c)
	}
	c.drop()
	if failed != nil {
		d.ready = false // what is not stored comes again
		return true, failed
	}
	return false, nil
}

var (
	errNoConsumer = errors.New("the origin has no consumer of that name: create it")
	errDeliver    = errors.New("the consumer delivers to another subject than the source says")
)

// begin finds the consumer and has it deliver what is not acknowledged.
func (d *feed) begin() *jsapi.Error {
	f := d.f
	code, policy := jsapi.ErrSourceConsumerSetupFailed, jsapi.ErrSourceConsumerRequiresAckFC
	if f.mirror {
		code, policy = jsapi.ErrMirrorConsumerSetupFailed, jsapi.ErrMirrorConsumerRequiresAckFC
	}
	done, err := f.done(d.origin)
	if err != nil {
		return err
	}
	if d.own {
		if _, _, err := d.origin.CreateConsumer(&jsapi.ConsumerCreateRequest{Stream: d.origin.name, Config: d.config()}); err != nil {
			return code.New(err)
		}
	}
	c := d.origin.Consumer(d.name)
	if c == nil {
		return code.New(errNoConsumer)
	}
	switch cfg := c.Config(); {
	case cfg.AckPolicy != jsapi.AckFlowControl:
		return policy.New()
	case cfg.DeliverSubject != d.to:
		return code.New(errDeliver)
	}
	if !d.listen() {
		return nil
	}
	if _, _, err := c.Reset(0); err != nil {
		return code.New(err)
	}
	d.expected, d.stale, d.ready = 1, true, true
	d.lastSeq, d.lastInner = 0, 0
	d.moved(done, false)
	return nil
}

// listen subscribes to the deliver subject. It reports false if the feed is over.
func (d *feed) listen() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.mu.closed {
		return false
	}
	if d.mu.sub == nil {
		d.mu.sub = core.NewSubscription(d, []byte(d.to), nil, []byte(doorID))
		d.f.stream.account.core.Subscribe(d.mu.sub)
		d.mu.timer = time.AfterFunc(feedSilence, d.silence)
	}
	d.mu.timer.Reset(feedSilence)
	return true
}

// silence is called by the timer.
func (d *feed) silence() {
	d.mu.Lock()
	d.mu.silent = true
	if !d.mu.closed {
		d.mu.timer.Reset(feedSilence)
	}
	d.mu.Unlock()
	d.f.wake()
}

// paused reports whether the consumer is there and somebody has paused it.
func (d *feed) paused() bool {
	c := d.origin.Consumer(d.name)
	return c != nil && c.Info().Paused
}

// request takes one message of the consumer.
func (d *feed) request(c *copying, r *request) *jsapi.Error {
	a, ok := jsapi.ParseAckSubject(view(r.reply))
	if !ok {
		return d.status(c, r)
	}
	if a.Consumer != d.name || a.Stream != d.origin.name {
		return nil // somebody else publishes there
	}
	switch {
	case a.ConsumerSeq == 1:
		d.expected, d.stale = 1, false // it was reset, by us or somebody else
	case d.stale || a.ConsumerSeq < d.expected:
		return nil
	case a.ConsumerSeq > d.expected:
		return d.again(c)
	}
	d.expected++
	d.lastSeq, d.lastInner = a.ConsumerSeq, a.StreamSeq
	c.add(&record.Message{Time: a.Time, Seq: a.StreamSeq, Subject: r.subject, Header: r.header, Body: r.body})
	if c.full() {
		return d.store(c)
	}
	return nil
}

// again has everything delivered again that is not stored.
func (d *feed) again(c *copying) *jsapi.Error {
	if err := d.store(c); err != nil {
		return err
	}
	return d.begin()
}

// store stores what was gathered.
func (d *feed) store(c *copying) *jsapi.Error {
	if c.e == nil {
		return nil
	}
	if err := c.store(); err != nil {
		return err
	}
	d.moved(d.lastInner, true)
	return nil
}

// moved notes how far the follower has come, for information.
func (d *feed) moved(seq uint64, active bool) {
	f := d.f
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.mu.feed != d {
		return
	}
	f.mu.seen, f.mu.looked = max(f.mu.seen, seq), true
	if active {
		f.mu.active = time.Now()
	}
}

// status takes a heartbeat or a flow control request, which is answered when
// everything before it is stored.
func (d *feed) status(c *copying, r *request) *jsapi.Error {
	h, malformed := wire.ParseHeader(r.header)
	if malformed != nil || h.Status != "100" {
		return nil //nolint:nilerr // it is not of a consumer
	}
	if err := d.store(c); err != nil {
		return err
	}
	to := string(r.reply)
	last := uint64(0)
	for _, field := range h.Fields {
		switch string(field.Key) {
		case jsapi.HeaderConsumerStalled:
			to = string(field.Value)
		case jsapi.HeaderLastConsumer:
			last = parseSeq(field.Value)
		}
	}
	switch {
	case to != "":
		d.answer(to)
	case !d.stale && last >= d.expected:
		return d.begin() // the last messages did not arrive
	}
	return nil
}

// answer tells the consumer how far its messages are stored.
func (d *feed) answer(to string) {
	a := d.f.stream.account
	var h wire.Header
	if d.lastSeq > 0 {
		h.Fields = []wire.HeaderField{
			field(jsapi.HeaderLastConsumer, utoa(d.lastSeq)), field(jsapi.HeaderLastStream, utoa(d.lastInner)),
		}
	}
	var block []byte
	if len(h.Fields) > 0 {
		block = h.Append(nil)
	}
	pub := a.node.accounts.Publisher(core.Sender{Self: d, Account: a.core, Echo: true})
	var o outgoing
	o.send(pub, []byte(to), nil, block, nil)
	pub.Release()
}

var _ core.Receiver = (*feed)(nil)

// dropForsaken deletes the consumers of followers that are no more: the server
// ended in between.
func (a *Account) dropForsaken() {
	kept := map[string]bool{}
	streams := a.Streams("")
	for _, s := range streams {
		s.locked(func() {
			for _, f := range s.mu.copying {
				if d := f.fed(); d != nil {
					kept[d.origin.name+" "+d.name] = true
				}
			}
		})
	}
	for _, s := range streams {
		for _, c := range s.Consumers() {
			if cfg := c.Config(); !cfg.Sourcing || kept[s.name+" "+c.name] || !a.madeFor(&cfg) {
				continue
			}
			if err := s.DeleteConsumer(c.name); err != nil {
				a.node.log.Warn("Consumer of a stream that copies no more is left over", "account", a.Name(),
					"stream", s.name, "consumer", c.name, "error", err)
			}
		}
	}
}

// madeFor reports whether a consumer was made by a follower of this account.
func (a *Account) madeFor(cfg *jsapi.ConsumerConfig) bool {
	return strings.HasPrefix(cfg.Durable, mirrorConsumerPrefix) && cfg.Metadata[mirrorMetadata+"acc"] == a.Name() ||
		strings.HasPrefix(cfg.Durable, sourceConsumerPrefix) && cfg.Metadata[sourceMetadata+"acc"] == a.Name()
}

func (f *follower) fed() *feed {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.mu.feed
}

// pending is the number of messages that the consumer has not delivered.
func (d *feed) pending() uint64 {
	if c := d.origin.Consumer(d.name); c != nil {
		return c.Info().NumPending
	}
	return 0
}
