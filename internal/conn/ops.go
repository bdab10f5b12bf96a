package conn

import (
	"bytes"
	"errors"
	"log/slog"
	"strconv"
	"strings"
	"time"

	"github.com/tidings-io/tidings/internal/auth"
	"github.com/tidings-io/tidings/internal/core"
	"github.com/tidings-io/tidings/internal/interest"
	"github.com/tidings-io/tidings/internal/subject"
	"github.com/tidings-io/tidings/internal/wire"
)

// refusal is why an operation ends the connection: what the client is told, if
// anything, and the reason that is kept.
type refusal struct {
	text   string // of -ERR; empty to close without a word
	reason wire.Reason
	err    error // for the log
}

func (r *refusal) Error() string {
	if r.err != nil {
		return r.err.Error()
	}
	return r.text
}

// refusals are what parse errors mean to the client.
var refusals = map[error]refusal{
	wire.ErrUnknownOperation: {text: wire.TextUnknownOperation, reason: wire.ParseFailed},
	wire.ErrControlLine:      {text: wire.TextMaxControlLine, reason: wire.MaxControlLineExceeded},
	wire.ErrPayload:          {text: wire.TextMaxPayload, reason: wire.MaxPayloadExceeded},
	wire.ErrHeadersOff:       {text: wire.TextHeadersOff, reason: wire.MessageHeaderViolation},
	wire.ErrArguments:        {reason: wire.ProtocolViolation},
	wire.ErrSize:             {reason: wire.ProtocolViolation},
	wire.ErrHeaderSize:       {reason: wire.ProtocolViolation},
}

// refuse ends the connection after an error of one of its operations.
func (c *Conn) refuse(t *turn, err error) {
	var r *refusal
	if !errors.As(err, &r) {
		known, ok := refusals[err]
		if !ok {
			known = refusal{reason: wire.ProtocolViolation}
		}
		known.err = err
		if errors.Is(err, wire.ErrHeadersOff) && !c.server.cfg.NoHeaders {
			known.text = "" // the client itself said that it has none
		}
		r = &known
		if !c.admitted {
			// Whoever is not let in learns nothing of what he did wrong.
			r = &refusal{text: wire.TextAuthorization, reason: wire.AuthenticationFailure, err: err}
		}
	}
	s := c.server
	// At most so many lines a second with one text: whoever floods us with bad
	// input shall not flood the log.
	const most = 32
	key := r.Error() + strconv.FormatUint(c.id%most, 10)
	s.limiter.Log(s.ctx, s.log, slog.LevelError, key, time.Now(), "Client error",
		slog.String("error", r.Error()), slog.Uint64("cid", c.id), slog.String("remote", c.remote().String()),
		slog.String("reason", string(r.reason)), slog.String("input", snippet(t.buf.b[t.r:t.w])))
	if r.text == "" {
		c.close(r.reason)
		return
	}
	t.publisher().Own().Append(wire.AppendErr(nil, r.text))
	t.pub.Flush()
	c.finish(r.reason, lingerTime)
}

// snippet is the start of the offending input, for the log.
func snippet(b []byte) string {
	const most = 32
	if len(b) > most {
		return string(b[:most]) + "..."
	}
	return string(b)
}

// handle performs any operation but a publish of an admitted client.
func (c *Conn) handle(t *turn, op *wire.Op) error {
	if c.server.trace.Load() {
		c.traceOp(op)
	}
	if op.Kind == wire.Connect {
		return c.connect(t, op.Arg)
	}
	if !c.admitted {
		return &refusal{text: wire.TextAuthorization, reason: wire.AuthenticationFailure}
	}
	switch op.Kind {
	case wire.Pub, wire.HPub:
		return c.publish(t, op)
	case wire.Sub:
		c.used.Store(c.active.Load())
		return c.subscribe(t, op)
	case wire.Unsub:
		c.used.Store(c.active.Load())
		return c.unsubscribe(t, op)
	case wire.Ping:
		c.ping(t)
	case wire.Pong:
		c.pong()
	case wire.None, wire.Connect, wire.Info, wire.OK:
	case wire.Err:
		return &refusal{reason: wire.ClientClosed, err: errors.New("client reported: " + string(op.Arg))}
	}
	return nil
}

// reply stages protocol text for the client, in order with its deliveries.
func (t *turn) reply(text string) {
	if t.c.server.trace.Load() {
		t.c.traceReply(text)
	}
	k := t.publisher().Own().Reserve(len(text))
	k.Bytes = append(k.Bytes, text...)
}

// ok answers +OK in verbose mode.
func (c *Conn) ok(t *turn) {
	if c.options.Verbose {
		t.reply(wire.LineOK)
	}
}

// complain tells of an error that leaves the connection open.
func (c *Conn) complain(t *turn, text string) {
	if c.server.trace.Load() {
		c.traceReply("-ERR " + text)
	}
	t.publisher().Own().Append(wire.AppendErr(nil, text))
}

// publish stages one message.
func (c *Conn) publish(t *turn, op *wire.Op) error {
	if op.Kind == wire.Pub && c.server.trace.Load() {
		c.traceOp(op)
	}
	if c.options.Pedantic && !subject.ValidLiteral(op.Subject) {
		c.complain(t, wire.TextInvalidPublish) // and still delivered
	}
	m := &t.msg
	m.Subject, m.Reply, m.Payload, m.HeaderLen = op.Subject, op.Reply, op.Payload, op.HeaderLen
	m.Tail, m.Volatile = op.Tail, op.Rewritten
	m.Same = op.Same && op.Kind == wire.Pub
	if len(op.Reply) > 0 && reservedReply(op.Reply) {
		c.violation(t, "Publish with Reply of", string(op.Reply), "")
		return nil
	}
	if reserved(op.Subject) {
		c.violation(t, "Publish to", string(op.Subject), "")
		return nil
	}
	p := t.publisher()
	if c.options.Verbose && p.Allowed(op.Subject) {
		t.reply(wire.LineOK)
	}
	n := p.Publish(m)
	if n == core.Denied {
		c.violation(t, "Publish to", string(op.Subject), "")
		return nil
	}
	if n == core.NoInterest && len(op.Reply) > 0 && c.options.NoResponders {
		c.noResponders(t, op)
	}
	return nil
}

// Subjects that only servers write (A51): routed replies, today's and old, and as
// reply subjects also service replies and acknowledgements.
var (
	routedReply    = []byte("_GR_.")
	oldRoutedReply = []byte("$GR.")
	serviceReply   = []byte("_R_.")
	ackReply       = []byte("$JS.ACK.")
)

// reserved tells whether clients may not publish on the subject.
func reserved(s []byte) bool {
	switch s[0] {
	case '_':
		return bytes.HasPrefix(s, routedReply)
	case '$':
		return bytes.HasPrefix(s, oldRoutedReply)
	}
	return false
}

func reservedReply(s []byte) bool {
	switch s[0] {
	case '_':
		return bytes.HasPrefix(s, routedReply) || bytes.HasPrefix(s, serviceReply)
	case '$':
		return bytes.HasPrefix(s, oldRoutedReply) || bytes.HasPrefix(s, ackReply)
	}
	return false
}

// noResponders answers a request that nobody listens to, on the client's own
// subscription to the reply subject (ADR-22). It does not count towards that
// subscription's maximum.
func (c *Conn) noResponders(t *turn, op *wire.Op) {
	sub := c.subscriptionTo(op.Reply)
	if sub == nil {
		return
	}
	own := t.publisher().Own()
	own.Messages++
	own.Append(wire.AppendNoResponders(nil, op.Reply, []byte(sub.ID()), op.Subject))
}

// subscriptionTo finds a subscription of this connection that matches literal.
func (c *Conn) subscriptionTo(literal []byte) *core.Subscription {
	c.subs.mu.Lock()
	defer c.subs.mu.Unlock()
	for _, s := range c.subs.table.slots {
		if s != nil && subject.Matches(s.Subject(), literal) {
			return s
		}
	}
	return nil
}

func (c *Conn) violation(t *turn, what, name, queue string) {
	var b strings.Builder
	b.WriteString("Permissions Violation for " + what + ` "` + name + `"`)
	if queue != "" {
		b.WriteString(` using queue "` + queue + `"`)
	}
	c.server.stats.violations.Add(1)
	c.server.slowLog(c, b.String(), 0)
	c.complain(t, b.String())
}

// subscribe checks a SUB and prepares it; see insertFresh.
func (c *Conn) subscribe(t *turn, op *wire.Op) error {
	s := c.server
	if !subject.ValidSubscription(op.Subject) || len(op.Subject)+len(op.Queue) > interest.MaxText {
		c.complain(t, wire.TextInvalidSubject)
		return nil
	}
	name, queue := string(op.Subject), string(op.Queue)
	if most := s.cfg.MaxSubTokens; most > 0 && subject.CountTokens(op.Subject) > most {
		c.complain(t, `Permissions Violation for Subscription to "`+name+`", too many tokens`)
		return nil
	}
	if c.perms != nil && !c.perms.MaySubscribe(name, queue) {
		c.violation(t, "Subscription to", name, queue)
		return nil
	}
	c.subs.mu.Lock()
	known, count := c.subs.table.get(op.SID) != nil, c.subs.table.n
	c.subs.mu.Unlock()
	if s.cfg.MaxSubs > 0 && count >= s.cfg.MaxSubs {
		c.complain(t, wire.TextMaxSubscriptions)
		return nil
	}
	if !known {
		c.fresh = core.NewSubscription(c, op.Subject, op.Queue, op.SID)
	}
	c.ok(t)
	return nil
}

// insertFresh puts the subscription of the last SUB in. It waits one operation
// because an UNSUB with a maximum that follows at once, as clients send for a
// single answer, must hold from the first message on.
func (c *Conn) insertFresh() {
	sub := c.fresh
	c.fresh = nil
	c.subs.mu.Lock()
	if c.subs.closed {
		c.subs.mu.Unlock()
		return
	}
	c.subs.table.put(sub)
	c.subs.mu.Unlock()
	c.account.Subscribe(sub)
	if c.closing() {
		c.account.Unsubscribe(sub)
	}
}

func (c *Conn) unsubscribe(t *turn, op *wire.Op) error {
	if f := c.fresh; f != nil {
		if f.ID() == string(op.SID) && op.Max > 0 {
			f.CountExactly()
			f.Limit(int64(op.Max))
			c.insertFresh()
			c.ok(t)
			return nil
		}
		c.insertFresh()
	}
	c.subs.mu.Lock()
	sub := c.subs.table.get(op.SID)
	c.subs.mu.Unlock()
	c.ok(t)
	if sub == nil {
		// It may have had its last message just now, while publishers still have
		// earlier ones of it in a batch.
		c.departed = true
		return nil
	}
	if op.Max > 0 {
		if !sub.Exact() {
			// Publishers may be in a batch that does not count yet.
			t.publisher().Flush()
			c.server.accounts.CountExactly(c.account, sub)
		}
		if sub.Limit(int64(op.Max)) {
			return nil
		}
	}
	c.Exhausted(sub)
	c.departed = c.departed || sub.Queue() != ""
	return nil
}

// ping answers PONG. If a queue group member left, messages that a publisher
// chose it for must come before.
func (c *Conn) ping(t *turn) {
	if c.departed {
		c.departed = false
		t.publisher().Flush()
		c.server.accounts.Departed()
	}
	if c.has(flagEnding) {
		return // receivers may have been closed before they got what it answers for
	}
	t.reply(wire.LinePong)
	if c.connected && !c.greeted {
		c.greeted = true
		if c.options.Protocol >= 1 {
			t.publisher().Own().Append(c.server.infoAfterConnect(c))
		}
	}
	if !c.has(flagFirstPing) && !c.server.cfg.NoFirstPing {
		c.set(flagFirstPing, true)
		c.server.wheel.hasten(c, c.firstPing())
	}
}

func (c *Conn) pong() {
	c.pings.Lock()
	defer c.pings.Unlock()
	if c.pings.open > 0 {
		now := time.Now()
		c.rtt.Store(max(int64(now.Sub(c.pings.sent)), 1))
		c.pings.last = now
	}
	c.pings.open = 0
}

// connect handles CONNECT.
func (c *Conn) connect(t *turn, arg []byte) error {
	options := *c.options // a repeated CONNECT changes what it names
	if err := wire.ParseConnect(arg, &options); err != nil {
		return &refusal{reason: wire.ProtocolViolation, err: err}
	}
	first := !c.connected
	if options.Account != "" || options.NewAccount != nil {
		return &refusal{
			text: wire.TextAuthorization, reason: wire.AuthenticationFailure,
			err: errors.New("CONNECT asks for an account by name, which is not possible"),
		}
	}
	if c.server.gate != nil {
		id, err := c.server.gate.Authenticate(auth.Request{
			Connect: options, RemoteAddr: c.remote(), TLS: c.sock.TLS(), InProcess: c.sock.InProcess(),
		})
		if err != nil {
			return &refusal{text: wire.TextAuthorization, reason: wire.AuthenticationFailure, err: err}
		}
		c.join(t, id)
	}
	options.Password, options.Token, options.JWT, options.Signature = "", "", "", ""
	c.options = &options
	if !first {
		c.leaveAccount()
	}
	c.connected, c.admitted = true, true
	c.set(flagAdmitted, true)
	t.want = bufferSize
	t.parser.Limits.Headers = options.Headers && !c.server.cfg.NoHeaders
	c.set(flagHeaders, t.parser.Limits.Headers)
	c.set(flagInfo, options.Protocol >= 1)
	shown := *c.shown.Load()
	shown.name, shown.lang, shown.version, shown.perms = options.Name, options.Lang, options.Version, c.perms
	c.shown.Store(&shown)
	if t.pub != nil {
		t.pub.Bind(c.sender())
	}
	if options.Protocol < 0 || options.Protocol > 1 {
		return &refusal{text: wire.TextInvalidProtocol, reason: wire.BadProtocolVersion}
	}
	if options.NoResponders && (!options.Headers || c.server.cfg.NoHeaders) {
		return &refusal{text: wire.TextNoRespondersHeaders, reason: wire.NoRespondersNeedHeaders}
	}
	if first {
		c.server.wheel.hasten(c, c.server.cfg.PingInterval)
	}
	c.ok(t)
	return nil
}

// join makes the connection one of its account.
func (c *Conn) join(t *turn, id auth.Identity) {
	account := id.Account
	if account == nil {
		account = c.server.accounts.Global()
	}
	if t.pub != nil {
		t.pub.Flush()
	}
	if account != c.account {
		c.leaveAccount() // the old one
	}
	c.set(flagFilters, id.Permissions != nil)
	shown := *c.shown.Load()
	shown.user, shown.account, shown.perms = id.User, account, id.Permissions
	c.subs.mu.Lock()
	if account != c.account && !c.subs.closed { // else it was counted out of the old one already
		c.account.Connections.Add(-1)
		c.account.TotalConns.Add(^uint64(0))
		account.Connections.Add(1)
		account.TotalConns.Add(1)
	}
	c.shown.Store(&shown)
	c.subs.mu.Unlock()
	c.account, c.perms = account, id.Permissions
}

// leaveAccount ends the subscriptions that were made in the old account.
func (c *Conn) leaveAccount() {
	c.subs.mu.Lock()
	subs := c.subs.table.all()
	c.subs.table = sidTable{}
	c.subs.mu.Unlock()
	for _, s := range subs {
		c.account.Unsubscribe(s)
	}
}
