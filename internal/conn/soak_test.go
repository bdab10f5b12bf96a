package conn_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tidings-io/tidings/internal/conn"
	"github.com/tidings-io/tidings/internal/subject"
)

// soak is clients that connect, subscribe, unsubscribe, publish and disconnect at
// random, and a record of what they did and got. All events have a place on one
// logical clock, so that it is known which messages a subscription must have had:
// those whose publishing began after the subscription was confirmed and was
// confirmed itself before the subscription began to end.
type soak struct {
	t     *testing.T
	s     *running
	seed  uint64
	clock atomic.Int64
	// published is closed when no publisher is at work any more.
	published chan struct{}

	mu   sync.Mutex
	subs []*soakSub
	pubs []*soakPub
}

// soakPub is a publisher; its messages are numbered from 0.
type soakPub struct {
	id       int
	messages []soakMessage
}

type soakMessage struct {
	subject    string
	begun, had int64 // before it was sent, after its PONG
}

// soakSub is a subscription; it belongs to its client until the end.
type soakSub struct {
	pattern, queue string
	max            int // 0: none
	lateMax        bool
	from, to       int64 // after its PONG, before its UNSUB
	drained        bool  // UNSUB was answered
	got            [][2]int
}

func (b *soak) now() int64 { return b.clock.Add(1) }

var soakSubjects = []string{"a.x", "a.y", "a.z", "b.x", "b.y", "b.x.q", "c"}

// The patterns, plain subjects first.
var soakPatterns = append([]string{"a.*", "*.x", "b.>", ">", "*.*.q"}, soakSubjects...)

// publish publishes batches until stop is closed.
func (b *soak) publish(p *soakPub, stop <-chan struct{}) {
	rnd := rand.New(rand.NewPCG(b.seed, 1000+uint64(p.id)))
	c := b.s.raw()
	defer c.close()
	pad := strings.Repeat(".", 20_000)
	for {
		select {
		case <-stop:
			return
		default:
		}
		if rnd.IntN(50) == 0 {
			c.close()
			c = b.s.raw()
		}
		var text strings.Builder
		first, begun := len(p.messages), b.now()
		for range 1 + rnd.IntN(20) {
			m := soakMessage{subject: soakSubjects[rnd.IntN(len(soakSubjects))], begun: begun}
			body := fmt.Sprintf("%d %d ", p.id, len(p.messages))
			if rnd.IntN(30) == 0 {
				body += pad[:rnd.IntN(len(pad))]
			}
			fmt.Fprintf(&text, "PUB %s %d\r\n%s\r\n", m.subject, len(body), body)
			p.messages = append(p.messages, m)
		}
		c.send(text.String())
		c.sync()
		had := b.now()
		for i := first; i < len(p.messages); i++ {
			p.messages[i].had = had
		}
	}
}

// soakClient is a client with subscriptions.
type soakClient struct {
	*soak
	*raw
	rnd  *rand.Rand
	sids int
	subs map[string]*soakSub
}

func (c *soakClient) receive(d delivery) {
	var from, n int
	sub := c.subs[d.sid]
	if _, err := fmt.Sscan(d.payload, &from, &n); err != nil || sub == nil {
		c.soak.t.Errorf("delivery %+.60v to no subscription or without number (%v)", d, err)
		return
	}
	if sub.drained && sub.queue != "" {
		c.soak.t.Errorf("a member of group %s on %s got %.20s after its UNSUB was answered", sub.queue, sub.pattern, d.payload)
	}
	sub.got = append(sub.got, [2]int{from, n})
}

func (c *soakClient) confirm() {
	c.raw.send("PING\r\n")
	c.raw.until("PONG", c.receive)
}

func (c *soakClient) subscribe() {
	c.sids++
	sub := &soakSub{pattern: soakPatterns[c.rnd.IntN(len(soakPatterns))], to: math.MaxInt64}
	if c.rnd.IntN(3) == 0 {
		sub.queue = []string{"q1", "q2"}[c.rnd.IntN(2)]
	}
	sid := strconv.Itoa(c.sids)
	c.subs[sid] = sub
	text := fmt.Sprintf("SUB %s %s %s\r\n", sub.pattern, sub.queue, sid)
	if c.rnd.IntN(4) == 0 {
		sub.max = 1 + c.rnd.IntN(100)
		text += fmt.Sprintf("UNSUB %s %d\r\n", sid, sub.max)
	}
	c.raw.send(text)
	c.confirm()
	sub.from = c.now()
	c.soak.mu.Lock()
	c.soak.subs = append(c.soak.subs, sub)
	c.soak.mu.Unlock()
}

// unsubscribe ends those subscriptions that it is asked about, and waits.
func (c *soakClient) unsubscribe(which func(*soakSub) bool) {
	var text strings.Builder
	var ending []*soakSub
	for sid, sub := range c.subs {
		if !sub.drained && which(sub) {
			sub.to = min(sub.to, c.now())
			ending = append(ending, sub)
			fmt.Fprintf(&text, "UNSUB %s\r\n", sid)
		}
	}
	c.raw.send(text.String())
	c.confirm()
	for _, sub := range ending {
		sub.drained = true
	}
}

func (c *soakClient) any() *soakSub {
	for _, sub := range c.subs { // in random order
		if !sub.drained {
			return sub
		}
	}
	return nil
}

// limitLate sets a maximum on a subscription that has been getting messages.
func (c *soakClient) limitLate() {
	for sid, sub := range c.subs {
		if sub.drained || sub.max > 0 {
			continue
		}
		sub.to = c.now() // what it must have ends here
		sub.max, sub.lateMax = len(sub.got)+1+c.rnd.IntN(50), true
		c.raw.sendf("UNSUB %s %d\r\n", sid, sub.max)
		c.confirm()
		return
	}
}

func (c *soakClient) leave() {
	for _, sub := range c.subs {
		sub.to = min(sub.to, c.now())
	}
	// A group's message to a member that is cut off is lost, so members drain.
	c.unsubscribe(func(s *soakSub) bool { return s.queue != "" })
	c.confirm()
	c.raw.close()
}

// client does steps at random, tells that it has done them, and takes what is
// left for it when all messages are published.
func (b *soak) client(id, steps int, done func()) {
	c := &soakClient{soak: b, rnd: rand.New(rand.NewPCG(b.seed, uint64(id)))}
	join := func() { c.raw, c.subs, c.sids = b.s.raw(), map[string]*soakSub{}, 0 }
	join()
	for range steps {
		switch n := c.rnd.IntN(20); {
		case n < 7 && len(c.subs) < 60:
			c.subscribe()
		case n < 11:
			one := c.any()
			c.unsubscribe(func(s *soakSub) bool { return s == one })
		case n < 12:
			c.limitLate()
		case n < 13:
			c.leave()
			join()
		default:
			c.confirm()
		}
	}
	done()
	<-b.published // all messages are confirmed, so they come before the last PONG
	c.confirm()
	c.raw.close()
}

// check holds what subscriptions got against what they had to get.
func (b *soak) check() {
	groups := map[string][]*soakSub{} // by name alone: patterns that match a subject share its groups
	for _, s := range b.subs {
		if s.queue != "" {
			groups[s.queue] = append(groups[s.queue], s)
		}
		b.checkOrder(s)
		if s.queue == "" {
			b.checkPlain(s)
		}
	}
	for queue, members := range groups {
		b.checkGroup(queue, members)
	}
}

// checkOrder: what one publisher sent came in order, once, and where it belongs.
func (b *soak) checkOrder(s *soakSub) {
	last := map[int]int{}
	for _, m := range s.got {
		p, n := m[0], m[1]
		if before, some := last[p]; some && n <= before {
			b.t.Errorf("%s %s got message %d of publisher %d after %d; -seed %d", s.pattern, s.queue, n, p, before, b.seed)
			return
		}
		last[p] = n
		if name := b.pubs[p].messages[n].subject; !subject.Matches(s.pattern, name) {
			b.t.Errorf("%s got a message on %s; -seed %d", s.pattern, name, b.seed)
		}
	}
	if s.max > 0 && !s.lateMax && len(s.got) > s.max {
		b.t.Errorf("%s %s got %d messages, its maximum is %d; -seed %d", s.pattern, s.queue, len(s.got), s.max, b.seed)
	}
}

func (b *soak) checkPlain(s *soakSub) {
	have := map[[2]int]bool{}
	for _, m := range s.got {
		have[m] = true
	}
	had, lost := 0, 0
	for _, p := range b.pubs {
		for n, m := range p.messages {
			if m.begun > s.from && m.had < s.to && subject.Matches(s.pattern, m.subject) {
				if had++; !have[[2]int{p.id, n}] {
					lost++
				}
			}
		}
	}
	if s.max > 0 && !s.lateMax {
		if least := min(had, s.max); len(s.got) < least {
			b.t.Errorf("%s got %d messages with maximum %d, want at least %d; -seed %d", s.pattern, len(s.got), s.max, least, b.seed)
		}
		return
	}
	if lost > 0 {
		b.t.Errorf("%s lost %d of %d messages; -seed %d", s.pattern, lost, had, b.seed)
	}
}

// checkGroup: a message goes to exactly one member if there is one all the time.
func (b *soak) checkGroup(queue string, members []*soakSub) {
	times := map[[2]int]int{}
	for _, s := range members {
		for _, m := range s.got {
			times[m]++
		}
	}
	for _, p := range b.pubs {
		for n, m := range p.messages {
			stable := false
			for _, s := range members {
				stable = stable || ((s.max == 0 || s.lateMax) && m.begun > s.from && m.had < s.to && subject.Matches(s.pattern, m.subject))
			}
			if k := times[[2]int{p.id, n}]; k > 1 || k == 0 && stable {
				b.t.Errorf("message %d of publisher %d on %s went to %d members of group %s; -seed %d", n, p.id, m.subject, k, queue, b.seed)
				return
			}
		}
	}
}

func TestSoakAgainstAModel(t *testing.T) {
	t.Parallel()
	bothKinds(t, func(t *testing.T, kind setting) {
		steps := 150
		if *soakFor > 0 {
			steps = *soakFor
		}
		b := &soak{t: t, seed: newSeed(t), published: make(chan struct{}), s: start(t, kind, configured(func(c *conn.Config) {
			c.IdleAfter = 5 * time.Millisecond
		}))}
		stop := make(chan struct{})
		var publishing, busy, clients sync.WaitGroup
		for i := range 3 {
			p := &soakPub{id: i}
			b.pubs = append(b.pubs, p)
			publishing.Go(func() { b.publish(p, stop) })
		}
		for i := range 8 {
			busy.Add(1)
			clients.Go(func() { b.client(i, steps, busy.Done) })
		}
		busy.Wait()
		close(stop)
		publishing.Wait()
		close(b.published)
		clients.Wait()
		messages, deliveries := 0, 0
		for _, p := range b.pubs {
			messages += len(p.messages)
		}
		for _, s := range b.subs {
			deliveries += len(s.got)
		}
		t.Logf("%d subscriptions, %d messages, %d deliveries", len(b.subs), messages, deliveries)
		b.check()
	})
}
