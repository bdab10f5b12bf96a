package core_test

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"weak"

	"github.com/google/go-cmp/cmp"

	"github.com/tidings-io/tidings/internal/core"
)

// Messages of one publisher reach each subscription once and in order, whatever
// their sizes, the batches, and what others publish at the same time.
func TestEachSubscriptionGetsEachMessageOnceAndInOrder(t *testing.T) {
	t.Parallel()
	const publishers, messages = 4, 1500
	as := core.NewAccounts()
	inboxes := []*inbox{newInbox(t), newInbox(t), newInbox(t)}
	for i, x := range inboxes {
		subscribe(as, x, "a.b", "", fmt.Sprint("literal", i))
		subscribe(as, x, "a.*", "", fmt.Sprint("wild", i))
	}
	var wg sync.WaitGroup
	for n := range publishers {
		p := publisher(t, as)
		wg.Go(func() {
			r := rand.New(rand.NewPCG(uint64(n), 5))
			for i := range messages {
				size := []int{0, 10, 10, 200, 3000, 20_000}[r.IntN(6)]
				m := message("a.b", fmt.Sprintf("%d-%d-%s", n, i, strings.Repeat("x", size)))
				m.Same = i > 0 && r.IntN(2) == 0
				if k := p.Publish(m); k != 6 {
					t.Errorf("Publish = %d, want 6", k)
				}
				if r.IntN(20) == 0 {
					p.Flush()
				}
			}
			p.Flush()
		})
	}
	wg.Wait()
	for _, x := range inboxes {
		next := map[string]int{}
		for _, d := range x.got() {
			var from, number int
			if _, err := fmt.Sscanf(d.payload, "%d-%d-", &from, &number); err != nil {
				t.Fatalf("payload %.50q: %v", d.payload, err)
			}
			key := fmt.Sprint(d.sid, from)
			if number != next[key] {
				t.Fatalf("%s has message %d of publisher %d, want %d", d.sid, number, from, next[key])
			}
			next[key]++
		}
		if len(next) != 2*publishers {
			t.Errorf("subscriptions have got messages of %d publishers, want %d", len(next), 2*publishers)
		}
		for key, n := range next {
			if n != messages {
				t.Errorf("%s has %d messages, want %d", key, n, messages)
			}
		}
	}
}

func TestQueueGroupGivesEachMessageToOneMember(t *testing.T) {
	t.Parallel()
	const members, messages = 10, 10_000
	for _, remember := range []bool{true, false} {
		as := core.NewAccounts()
		as.SetRemembering(remember)
		var inboxes []*inbox
		for i := range members {
			x := newInbox(t)
			inboxes = append(inboxes, x)
			subscribe(as, x, []string{"a", "*"}[i%2], "q", "1")
		}
		p := publisher(t, as)
		for i := range messages {
			if k := p.Publish(message("a", strconv.Itoa(i))); k != 1 {
				t.Fatalf("Publish = %d, want 1", k)
			}
		}
		p.Flush()
		var all []string
		for i, x := range inboxes {
			got := x.payloads()
			// The chance of one member in 10 being that far off is below 1e-50.
			if n := len(got); n < messages/members/2 || n > messages/members*2 {
				t.Errorf("member %d got %d of %d messages", i, n, messages)
			}
			all = append(all, got...)
		}
		slices.Sort(all)
		if len(slices.Compact(all)) != messages {
			t.Errorf("%d different messages of %d have come", len(slices.Compact(all)), messages)
		}
	}
}

func TestEchoOffKeepsAPublisherFromItself(t *testing.T) {
	t.Parallel()
	as := core.NewAccounts()
	self, other := newInbox(t), newInbox(t)
	subscribe(as, self, "a", "", "1")
	subscribe(as, self, "a", "q", "2")
	subscribe(as, other, "a", "", "1")
	p := as.Publisher(core.Sender{Self: self, Account: as.Global()})
	defer p.Release()
	if k := p.Publish(message("a", "x")); k != 1 {
		t.Errorf("Publish = %d, want 1", k)
	}
	subscribe(as, other, "a", "q", "2")
	for range 20 {
		if k := p.Publish(message("a", "x")); k != 2 {
			t.Errorf("Publish with another member = %d, want 2", k)
		}
	}
	p.Flush()
	if n := len(self.got()); n != 0 {
		t.Errorf("the publisher got %d of its messages", n)
	}
	p.Bind(core.Sender{Self: self, Account: as.Global(), Echo: true})
	p.Publish(message("a", "y"))
	p.Flush()
	if n := len(self.got()); n < 1 {
		t.Error("the publisher got none of its messages with echo")
	}
}

func TestPermissionsDecideOnPublishAndDelivery(t *testing.T) {
	t.Parallel()
	as := core.NewAccounts()
	free, filtered := newInbox(t), newInbox(t)
	filtered.filter = denials{deliver: "a.secret"}
	subscribe(as, free, ">", "", "1")
	subscribe(as, filtered, ">", "", "1")
	subscribe(as, filtered, "a.*", "q", "2")
	p := as.Publisher(core.Sender{Self: newInbox(t), Account: as.Global(), Permissions: denials{publish: "a.denied"}, Echo: true})
	defer p.Release()
	f := func(subject string, want core.Outcome) {
		t.Helper()
		for i := range 4 { // new, then remembered, then the same
			m := message(subject, subject)
			m.Same = i == 3
			if k := p.Publish(m); k != want {
				t.Errorf("Publish to %s = %d, want %d", subject, k, want)
			}
		}
	}
	f("a.open", 3)
	f("a.denied", core.Denied)
	f("a.secret", 1)
	p.Flush()
	for _, d := range filtered.got() {
		if d.subject != "a.open" {
			t.Errorf("a filtered receiver got %s", d.subject)
		}
	}
	if n := len(free.got()); n != 8 {
		t.Errorf("a free receiver got %d messages, want 8", n)
	}
	if n := as.Global().Sent.Messages.Load(); n != 8 {
		t.Errorf("account has %d messages sent, want 8: denied ones do not count", n)
	}
}

// Messages and subscriptions of one account are unknown to another.
func TestAccountsAreApart(t *testing.T) {
	t.Parallel()
	as := core.NewAccounts()
	x := newInbox(t)
	subscribe(as, x, ">", "", "1")
	p := as.Publisher(core.Sender{Self: newInbox(t), Account: as.Get("other")})
	defer p.Release()
	if k := p.Publish(message("a", "x")); k != core.NoInterest {
		t.Errorf("Publish in another account = %d", k)
	}
	p.Bind(core.Sender{Self: newInbox(t), Account: as.Global()})
	m := message("a", "y")
	m.Same = true
	if k := p.Publish(m); k != 1 {
		t.Errorf("Publish after the account was changed = %d, want 1", k)
	}
	p.Flush()
	if diff := cmp.Diff([]string{"y"}, x.payloads()); diff != "" {
		t.Error(diff)
	}
	names := []string{}
	for _, a := range as.All() {
		names = append(names, a.Name())
	}
	if diff := cmp.Diff([]string{"$G", "other"}, names); diff != "" || as.Lookup("third") != nil {
		t.Error(diff)
	}
}

// What a receiver's own door stages keeps its place among its deliveries, and
// leaves after what is staged for others.
func TestOwnStageKeepsItsPlaceAndLeavesLast(t *testing.T) {
	t.Parallel()
	as := core.NewAccounts()
	var order []string
	self, other := &ordered{"self", &order}, &ordered{"other", &order}
	subscribe(as, self, "a", "", "1")
	subscribe(as, other, "a", "", "1")
	p := as.Publisher(core.Sender{Self: self, Account: as.Global(), Echo: true})
	defer p.Release()
	p.Own().Append([]byte("+OK "))
	p.Publish(message("a", "x"))
	p.Own().Append([]byte("PONG"))
	p.Flush()
	want := []string{"other: MSG a 1 1\r\nx\r\n", "self: +OK MSG a 1 1\r\nx\r\nPONG"}
	if diff := cmp.Diff(want, order); diff != "" {
		t.Errorf("flushed (-want +got):\n%s", diff)
	}
}

// ordered is a receiver that writes down what is flushed, with its name.
type ordered struct {
	name string
	list *[]string
}

func (o *ordered) Deliver(st *core.Stage, s *core.Subscription, m *core.Message) {
	appendMessage(st, s, m)
}

func (o *ordered) Flush(st *core.Stage) {
	var b []byte
	for _, piece := range st.Vector(nil) {
		b = append(b, piece...)
	}
	*o.list = append(*o.list, o.name+": "+string(b))
}
func (o *ordered) Exhausted(*core.Subscription)               {}
func (o *ordered) Relief(bool) <-chan struct{}                { return nil }
func (o *ordered) Filter(*core.Subscription) core.Permissions { return nil }

func TestCountsAreExactAfterAFlush(t *testing.T) {
	t.Parallel()
	as := core.NewAccounts()
	x := newInbox(t)
	all := subscribe(as, x, "a.>", "", "1")
	group := subscribe(as, x, "a.>", "q", "2")
	p := publisher(t, as)
	const messages = 6000 // more subjects than a publisher remembers
	size := 0
	for i := range messages {
		payload := strings.Repeat("x", i%50)
		size += len(payload)
		for range 3 { // seen, remembered, found
			p.Publish(message(fmt.Sprintf("a.%d", i), payload))
		}
		switch i % 1000 {
		case 100:
			p.Flush()
		case 200: // routes are built anew
			s := subscribe(as, x, fmt.Sprintf("a.%d", i), "", "3")
			p.Publish(message(fmt.Sprintf("a.%d", i), ""))
			as.Global().Unsubscribe(s)
			p.Flush()
			if s.Delivered() != 1 {
				t.Errorf("a short subscription has %d delivered, want 1", s.Delivered())
			}
		}
	}
	p.Flush()
	const want = 3*messages + messages/1000
	if all.Delivered() != want || group.Delivered() != want {
		t.Errorf("delivered are %d and %d, want %d", all.Delivered(), group.Delivered(), want)
	}
	sent := &as.Global().Sent
	if n, b := sent.Messages.Load(), sent.Bytes.Load(); n != want || b != uint64(3*size) {
		t.Errorf("account sent %d messages and %d bytes, want %d and %d", n, b, want, 3*size)
	}
	if x.messages != 2*want+messages/1000 || x.size != 6*size {
		t.Errorf("flushed were %d messages and %d bytes, want %d and %d", x.messages, x.size, 2*want+messages/1000, 6*size)
	}
}

// A new subscription gets the next message although the subject is remembered,
// and one that went does not.
func TestRememberedSubjectFollowsSubscriptions(t *testing.T) {
	t.Parallel()
	as := core.NewAccounts()
	x := newInbox(t)
	p := publisher(t, as)
	for i, pattern := range []string{"a.b", "a.*", "*.b", ">"} {
		for range 5 {
			m := message("a.b", "x")
			m.Same = true
			if k := p.Publish(m); k != 0 {
				t.Fatalf("Publish before %s = %d", pattern, k)
			}
		}
		s := subscribe(as, x, pattern, []string{"", "q"}[i%2], "1")
		for range 5 {
			m := message("a.b", "x")
			m.Same = true
			if k := p.Publish(m); k != 1 {
				t.Fatalf("Publish to %s = %d", pattern, k)
			}
		}
		as.Global().Unsubscribe(s)
	}
}

// However wide the fan-out, what is staged at a time is bounded.
func TestStagedBytesAreBounded(t *testing.T) {
	t.Parallel()
	as := core.NewAccounts()
	g := &gauge{}
	for i := range 3000 {
		subscribe(as, &gauged{gauge: g}, "a", "", strconv.Itoa(i))
	}
	p := publisher(t, as)
	payload := strings.Repeat("x", core.ReferFrom-100)
	for range 2 {
		if k := p.Publish(message("a", payload)); k != 3000 {
			t.Fatalf("Publish = %d, want 3000", k)
		}
	}
	p.Flush()
	if g.total < 6000*len(payload) {
		t.Errorf("%d bytes were flushed, want at least %d", g.total, 6000*len(payload))
	}
	if most := core.StagedMax + 2*core.ReferFrom; g.most > most {
		t.Errorf("%d bytes were staged at a time, want at most %d", g.most, most)
	}
}

// gauge measures how many bytes are staged for all its receivers.
type gauge struct{ now, most, total int }

type gauged struct {
	ordered
	*gauge
}

func (g *gauged) Deliver(st *core.Stage, s *core.Subscription, m *core.Message) {
	appendMessage(st, s, m)
	g.now += len(m.Tail)
	g.total += len(m.Tail)
	g.most = max(g.most, g.now)
}

func (g *gauged) Flush(st *core.Stage) { g.now -= st.Size + st.Messages*len("8092\r\n\r\n") }

// More receivers than a publisher keeps stages for are served in order.
func TestManyReceiversAreServed(t *testing.T) {
	t.Parallel()
	const subjects, receivers = 20, 900
	as := core.NewAccounts()
	var inboxes []*inbox
	for i := range subjects * receivers {
		x := newInbox(t)
		inboxes = append(inboxes, x)
		subscribe(as, x, fmt.Sprintf("a.%d", i%subjects), "", "1")
	}
	p := publisher(t, as)
	for round := range 3 {
		for s := range subjects {
			for k := range 2 {
				if n := p.Publish(message(fmt.Sprintf("a.%d", s), strconv.Itoa(round*2+k))); n != receivers {
					t.Fatalf("Publish = %d, want %d", n, receivers)
				}
			}
		}
	}
	p.Flush()
	for i, x := range inboxes {
		if got := x.payloads(); !slices.Equal(got, []string{"0", "1", "2", "3", "4", "5"}) {
			t.Fatalf("receiver %d got %q", i, got)
		}
	}
}

func TestForgetLetsGoOfClosedReceivers(t *testing.T) {
	t.Parallel()
	as := core.NewAccounts()
	p := publisher(t, as)
	gone := func() weak.Pointer[ordered] {
		x := &ordered{"x", &[]string{}}
		s, q := subscribe(as, x, "a.*", "", "1"), subscribe(as, x, "a.*", "q", "2")
		for _, subject := range []string{"a.once", "a.often", "a.often", "a.often"} {
			p.Publish(message(subject, "x"))
		}
		p.Flush()
		as.Global().Unsubscribe(s)
		as.Global().Unsubscribe(q)
		return weak.Make(x)
	}()
	p.Forget()
	runtime.GC()
	if gone.Value() != nil {
		t.Error("a closed receiver is kept alive by a publisher that forgot it")
	}
	x := newInbox(t)
	subscribe(as, x, "a.*", "", "1")
	m := message("a.often", "y")
	m.Same = true
	if k := p.Publish(m); k != 1 {
		t.Errorf("Publish after Forget = %d, want 1", k)
	}
}

// A publisher that was used for another door brings nothing of it along.
func TestReliefsAreThoseOfThisDoor(t *testing.T) {
	t.Parallel()
	as := core.NewAccounts()
	behind := newInbox(t)
	behind.relief = make(chan struct{})
	subscribe(as, behind, "a", "", "1")
	p := as.Publisher(core.Sender{Self: newInbox(t), Account: as.Global(), Echo: true, Pauses: true})
	defer p.Release()
	p.Publish(message("a", "x"))
	p.Flush()
	if r := p.Reliefs(); len(r) != 1 || r[0] != behind.relief {
		t.Fatalf("Reliefs = %v, want that of the receiver", r)
	}
	if r := p.Reliefs(); len(r) != 0 {
		t.Fatalf("Reliefs a second time = %v", r)
	}
	p.Publish(message("a", "x"))
	p.Bind(core.Sender{Self: newInbox(t), Account: as.Global(), Echo: true})
	if r := p.Reliefs(); len(r) != 0 {
		t.Fatalf("Reliefs after Bind = %v, want none", r)
	}
}

func TestPublisherKnowsWhetherTheLastMessageWentToSomebodyWhoIsBehind(t *testing.T) {
	t.Parallel()
	as := core.NewAccounts()
	behind := newInbox(t)
	behind.relief = make(chan struct{})
	subscribe(as, behind, "slow", "", "1")
	subscribe(as, behind, "group", "q", "2")
	subscribe(as, newInbox(t), "fast", "", "1")
	subscribe(as, newInbox(t), "slow", "", "2")
	p := as.Publisher(core.Sender{Account: as.Global(), Echo: true, Patient: true})
	defer p.Release()
	for range 3 { // the first time, the second, and from memory
		for subject, want := range map[string]<-chan struct{}{"slow": behind.relief, "group": behind.relief, "fast": nil, "nobody": nil} {
			p.Publish(message(subject, "x"))
			if got := p.Behind(); got != want {
				t.Errorf("%s: Behind = %v, want %v", subject, got, want)
			}
		}
		p.Flush()
	}
	if r := p.Reliefs(); len(r) != 0 {
		t.Errorf("Reliefs of a publisher that does not pause: %v", r)
	}
	relief := make(chan struct{})
	behind.relief = relief
	p.Publish(message("slow", "x"))
	p.Flush()
	close(relief)
	if p.Publish(message("slow", "x")); p.Behind() != nil {
		t.Error("a receiver that has caught up is taken for one that has not")
	}
}

func TestPatientPublisherPrefersMembersThatKeepUp(t *testing.T) {
	t.Parallel()
	as := core.NewAccounts()
	stuck, slow, fast := newInbox(t), newInbox(t), newInbox(t)
	stuck.relief, slow.relief = make(chan struct{}), make(chan struct{})
	for _, x := range []*inbox{stuck, slow, fast} {
		subscribe(as, x, "a", "q", "1")
	}
	p := as.Publisher(core.Sender{Account: as.Global(), Echo: true, Patient: true})
	defer p.Release()
	for range 100 {
		if p.Publish(message("a", "x")); p.Behind() != nil {
			t.Fatal("a message went to a member that is behind")
		}
		p.Flush()
	}
	if fast.messages != 100 {
		t.Fatalf("the member that keeps up got %d of 100 messages", fast.messages)
	}
	fast.relief = make(chan struct{})
	p.Publish(message("a", "x"))
	p.Flush()
	if n := p.Publish(message("a", "x")); n != 1 || p.Behind() == nil {
		t.Errorf("%d deliveries while all are behind, Behind = %v", n, p.Behind())
	}
}

func TestReceiversSeeTheShownSubject(t *testing.T) {
	t.Parallel()
	as := core.NewAccounts()
	x := newInbox(t)
	as.Global().Subscribe(core.NewSubscription(x, []byte("inbox"), nil, []byte("7")))
	p := as.Publisher(core.Sender{Account: as.Global(), Echo: true})
	for _, shown := range []string{"orders.1", "", "orders.2"} {
		m := message("inbox", "x")
		if shown != "" {
			m.Shown = []byte(shown)
		}
		if n := p.Publish(m); n != 1 {
			t.Errorf("Publish = %d, want 1", n)
		}
	}
	p.Release()
	want := "MSG orders.1 7 1\r\nx\r\nMSG inbox 7 1\r\nx\r\nMSG orders.2 7 1\r\nx\r\n"
	if got := string(x.raw); got != want {
		t.Errorf("delivered %q, want %q", got, want)
	}
}
