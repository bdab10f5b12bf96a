package api

import (
	"encoding/json"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nuid"

	"github.com/tidings-io/tidings/internal/core"
	"github.com/tidings-io/tidings/internal/jsapi"
)

// branches are the subscriptions of a desk below the API's prefix. What is not
// among them has responders of its own, or none: CONSUMER.MSG.NEXT and
// DIRECT.GET.
var branches = [...]string{
	"*", "STREAM.>", "META.>", "SERVER.>", "ACCOUNT.>",
	"CONSUMER.CREATE.>", "CONSUMER.DURABLE.>", "CONSUMER.NAMES.>", "CONSUMER.LIST.>", "CONSUMER.INFO.>",
	"CONSUMER.DELETE.>", "CONSUMER.PAUSE.>", "CONSUMER.UNPIN.>", "CONSUMER.RESET.>", "CONSUMER.LEADER.>",
}

// subscriptionID is the id of subscriptions of the API, which does not tell its
// own apart.
const subscriptionID = "api"

// desk takes the requests of one account. It is the core.Receiver of the
// account's subscriptions.
type desk struct {
	// immutable
	server *Server
	core   *core.Account
	// requests that change something, and those that only ask
	requests, infos queue

	answerers sync.Pool // of *answerer

	advised atomic.Int64 // when drops were told last, Unix nanoseconds

	mu struct {
		sync.Mutex
		subs      []*core.Subscription
		doors     map[string]*directDoor // by stream
		transfers int
	}
}

func newDesk(s *Server, a *core.Account) *desk {
	d := &desk{server: s, core: a}
	d.requests.limit, d.infos.limit = s.cfg.RequestQueueLimit, s.cfg.InfoQueueLimit
	d.answerers.New = func() any { return newAnswerer(d) }
	return d
}

// prefixes are those under which the API is reached.
func (s *Server) prefixes() []string {
	if s.cfg.Domain == "" {
		return []string{jsapi.APIPrefix}
	}
	return []string{jsapi.APIPrefix, jsapi.DomainPrefix(s.cfg.Domain)}
}

func (d *desk) open() {
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.mu.subs) > 0 {
		return
	}
	for _, prefix := range d.server.prefixes() {
		for _, branch := range branches {
			d.mu.subs = append(d.mu.subs, subscribe(d.core, d, prefix+"."+branch, ""))
		}
	}
}

func subscribe(a *core.Account, to core.Receiver, subject, queue string) *core.Subscription {
	var group []byte
	if queue != "" {
		group = []byte(queue)
	}
	sub := core.NewSubscription(to, []byte(subject), group, []byte(subscriptionID))
	a.Subscribe(sub)
	return sub
}

// close lets no more requests in.
func (d *desk) close() {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, sub := range d.mu.subs {
		d.core.Unsubscribe(sub)
	}
	d.mu.subs = nil
	for name := range d.mu.doors {
		d.unregisterLocked(name)
	}
}

// Deliver implements [core.Receiver].
func (*desk) Deliver(st *core.Stage, _ *core.Subscription, m *core.Message) { stage(st, m) }

// Exhausted, Relief and Filter implement [core.Receiver].
func (*desk) Exhausted(*core.Subscription)               {}
func (*desk) Relief(bool) <-chan struct{}                { return nil }
func (*desk) Filter(*core.Subscription) core.Permissions { return nil }

// Flush implements [core.Receiver]: requests go into their queues.
func (d *desk) Flush(st *core.Stage) {
	var client *jsapi.ClientInfo
	var refused []*request
	for _, b := range st.Vector(nil) {
		for len(b) > 0 {
			var s staged
			s, b = unstage(b)
			r := s.own()
			var known bool
			if r.api, known = jsapi.ParseAPISubject(r.subject); !known && !d.system() {
				continue
			}
			if client == nil && d.names(r.api.Operation) {
				client = d.server.cfg.Requester(st)
			}
			r.client = client
			if !d.enqueue(r) {
				refused = append(refused, r)
			}
		}
	}
	if len(refused) > 0 {
		d.refuse(refused)
	}
}

// names reports whether an advisory will name who asked for the operation.
func (d *desk) names(o jsapi.Operation) bool {
	if d.server.cfg.Requester == nil {
		return false
	}
	return o == jsapi.StreamSnapshot || o == jsapi.StreamRestore || d.audited()
}

// audited reports whether somebody listens to what is asked and answered.
func (d *desk) audited() bool {
	listens := d.server.cfg.Interested
	return listens != nil && listens(d.core, auditSubject)
}

var auditSubject = jsapi.EventAPIAudit.For()

// system reports whether the account is the system account.
func (d *desk) system() bool {
	return d.server.cfg.SystemAccount != "" && d.core.Name() == d.server.cfg.SystemAccount
}

func (d *desk) enqueue(r *request) bool {
	q := &d.requests
	if asks(r.api.Operation) {
		q = &d.infos
	}
	ok, start := q.put(r)
	if start {
		d.server.work(func() { d.serve(q) })
	}
	return ok
}

// waiting is how many requests wait.
func (d *desk) waiting() uint64 { return uint64(d.requests.length() + d.infos.length()) }

// serve answers the requests of a queue until there is none.
func (d *desk) serve(q *queue) {
	a := d.answerer()
	defer d.done(a)
	for r := q.take(); r != nil; r = q.take() {
		d.answer(a, r)
		if n := q.drops(); n > 0 {
			d.adviseDrops(a, n)
		}
	}
}

// answer serves one request.
func (d *desk) answer(a *answerer, r *request) {
	c := &call{request: r, desk: d, answerer: a}
	response := c.handle()
	if response == nil {
		return
	}
	body, err := json.Marshal(response)
	if err != nil {
		d.server.cfg.Log.Error("Answer does not marshal", "subject", r.subject, "error", err)
		return
	}
	d.audit(a, r, body)
	if len(r.reply) > 0 {
		a.send(r.reply, nil, nil, body)
	}
	a.flush()
	if c.then != nil {
		c.then()
	}
}

// overloaded is the answer to requests for which there is no room.
var overloaded = func() []byte {
	b, err := json.Marshal(jsapi.Response{
		Type: jsapi.TypeSystemOverloaded, Error: jsapi.ErrStreamTooManyRequests.New(),
	})
	if err != nil {
		panic("constant answer does not marshal: " + err.Error())
	}
	return b
}()

// refuse tells requesters that there is no room, in their own goroutine.
func (d *desk) refuse(requests []*request) {
	a := d.answerer()
	defer d.done(a)
	for _, r := range requests {
		if len(r.reply) > 0 {
			a.send(r.reply, nil, nil, overloaded)
		}
	}
	now := time.Now().UnixNano()
	if last := d.advised.Load(); now-last >= int64(dropsPause) && d.advised.CompareAndSwap(last, now) {
		d.adviseDrops(a, d.requests.drops()+d.infos.drops())
	}
	a.flush()
}

// dropsPause is how much time passes between two advisories of drops while the
// queues stay full.
const dropsPause = time.Second

func (d *desk) adviseDrops(a *answerer, dropped int64) {
	d.advised.Store(time.Now().UnixNano())
	d.server.cfg.Log.Warn("JetStream API requests refused, too many wait", "account", d.core.Name(), "refused", dropped)
	a.advise(jsapi.EventAPILimitReached.For(), &jsapi.APILimitReached{
		Event: newEvent(jsapi.EventAPILimitReached), Server: d.server.cfg.Server,
		Domain: d.server.cfg.Domain, Dropped: dropped,
	})
}

// audit tells those who listen what was asked and answered.
func (d *desk) audit(a *answerer, r *request, response []byte) {
	if !d.audited() {
		return
	}
	a.advise(auditSubject, &jsapi.APIAudit{
		Event: newEvent(jsapi.EventAPIAudit), Server: d.server.cfg.Server, Client: d.clientOf(r),
		Subject: r.subject, Request: string(r.body), Response: string(response), Domain: d.server.cfg.Domain,
	})
}

// clientOf says who sent the request, as far as that is known.
func (d *desk) clientOf(r *request) jsapi.ClientInfo {
	if r.client == nil {
		return jsapi.ClientInfo{Account: d.core.Name()}
	}
	return *r.client
}

func newEvent(kind jsapi.EventKind) jsapi.Event { return kind.New(nuid.Next(), time.Now().UTC()) }
