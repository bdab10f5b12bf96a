package conn_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"

	"github.com/nats-io/nats.go"

	"github.com/tidings-io/tidings/internal/auth"
	"github.com/tidings-io/tidings/internal/conn"
	"github.com/tidings-io/tidings/internal/core"
	"github.com/tidings-io/tidings/internal/subject"
)

func (c *raw) introduce(user, password string) *raw {
	c.t.Helper()
	c.sendf(`CONNECT {"verbose":false,"pedantic":false,"headers":true,"no_responders":true,"protocol":1,"user":%q,"pass":%q}`+"\r\n", user, password)
	c.sync()
	return c
}

var twoAccounts = auth.Config{
	Accounts: []auth.AccountConfig{
		{Name: "A", Users: []auth.User{{Name: "a", Password: "pa"}}},
		{Name: "B", Users: []auth.User{{Name: "b", Password: "pb"}}},
	},
	NoAuthUser: "b",
}

func TestAccountsNeverSeeEachOthersMessages(t *testing.T) {
	t.Parallel()
	bothKinds(t, func(t *testing.T, kind setting) {
		s := start(t, kind, guarded(twoAccounts))
		seed := newSeed(t)
		rnd := rand.New(rand.NewPCG(seed, 0))
		token := func(wild bool) string {
			if wild && rnd.IntN(4) == 0 {
				return "*"
			}
			return string(rune('a' + rnd.IntN(3)))
		}
		pick := func(wild bool) string {
			var list []string
			for range 1 + rnd.IntN(4) {
				list = append(list, token(wild))
			}
			if wild && rnd.IntN(4) == 0 {
				list = append(list, ">")
			}
			return strings.Join(list, ".")
		}
		type member struct {
			*raw
			account  string
			patterns []string
		}
		var members []*member
		for i := range 10 {
			m := &member{raw: s.greeted(), account: []string{"A", "B"}[i%2]}
			m.introduce([]string{"a", "b"}[i%2], []string{"pa", "pb"}[i%2])
			for k := range 8 {
				p := pick(true)
				if rnd.IntN(8) == 0 {
					p = ">"
				}
				m.patterns = append(m.patterns, p)
				m.sendf("SUB %s %d\r\n", p, k)
			}
			m.sync()
			members = append(members, m)
		}
		type key struct {
			member, sid int
			payload     string
		}
		want := map[key]int{}
		for n := range 400 {
			from := members[rnd.IntN(len(members))]
			sub, payload := pick(false), fmt.Sprintf("%s-%d", from.account, n)
			from.sendf("PUB %s %d\r\n%s\r\n", sub, len(payload), payload)
			for i, m := range members {
				for k, p := range m.patterns {
					if m.account == from.account && subject.Matches(p, sub) {
						want[key{i, k, payload}]++
					}
				}
			}
		}
		got := map[key]int{}
		for i, m := range members {
			if _, err := fmt.Fprint(m.conn, "PING\r\n"); err != nil {
				t.Fatal(err)
			}
			m.until("PONG", func(d delivery) {
				var sid int
				_, _ = fmt.Sscan(d.sid, &sid)
				got[key{i, sid, d.payload}]++
			})
		}
		// What came to a member after its own PONG comes before another.
		for i, m := range members {
			m.send("PING\r\n")
			m.until("PONG", func(d delivery) {
				var sid int
				_, _ = fmt.Sscan(d.sid, &sid)
				got[key{i, sid, d.payload}]++
			})
		}
		for k, n := range want {
			if got[k] != n {
				t.Errorf("member %d (%s), %q: got %q %d times, want %d; -seed %d",
					k.member, members[k.member].account, members[k.member].patterns[k.sid], k.payload, got[k], n, seed)
			}
		}
		for k, n := range got {
			if want[k] != n {
				t.Errorf("member %d (%s) got %q %d times, want %d; -seed %d", k.member, members[k.member].account, k.payload, n, want[k], seed)
			}
		}
		a, b := s.accounts.Lookup("A"), s.accounts.Lookup("B")
		if sent := a.Sent.Messages.Load() + b.Sent.Messages.Load(); sent != 400 {
			t.Errorf("%d messages counted, want 400", sent)
		}
		if a.Connections.Load() != 5 || b.Connections.Load() != 5 || s.accounts.Global().Connections.Load() != 0 {
			t.Errorf("connections counted: A %d, B %d, global %d; want 5, 5, 0",
				a.Connections.Load(), b.Connections.Load(), s.accounts.Global().Connections.Load())
		}
		for _, m := range members {
			m.close()
			s.gone(m.info.ClientID)
		}
		for _, x := range []*core.Account{a, b, s.accounts.Global()} {
			if n, subs := x.Connections.Load(), x.Subscriptions(); n != 0 || subs != 0 {
				t.Errorf("account %s keeps %d connections and %d subscriptions", x.Name(), n, subs)
			}
		}
	})
}

func TestConnectionsAreCountedOutOfTheAccountTheyAreIn(t *testing.T) {
	t.Parallel()
	for range 20 {
		s := start(t, guarded(twoAccounts))
		for range 20 {
			c := s.greeted()
			c.send(`CONNECT {"user":"a","pass":"pa"}` + "\r\n") // on its way while the server closes
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		_ = s.Close(ctx)
		for _, a := range s.accounts.All() {
			if n := a.Connections.Load(); n != 0 {
				t.Fatalf("account %s counts %d connections after the end, want 0", a.Name(), n)
			}
		}
	}
}

func TestClientWithoutCredentialsIsTheNoAuthUser(t *testing.T) {
	t.Parallel()
	s := start(t, guarded(twoAccounts))
	nobody, b, a := s.raw(), s.greeted().introduce("b", "pb"), s.greeted().introduce("a", "pa")
	for _, c := range []*raw{nobody, b, a} {
		c.send("SUB x 1\r\n")
		c.sync()
	}
	nobody.send("PUB x 2\r\nhi\r\n")
	for _, c := range []*raw{nobody, b} {
		c.expect("MSG x 1 2")
		c.expect("hi")
	}
	a.send("PING\r\n")
	a.expect("PONG")
	if sn, _ := s.open(nobody.info.ClientID); sn.Account != "B" || sn.User != "b" {
		t.Errorf("shown as %s/%s, want B/b", sn.Account, sn.User)
	}
	silent := s.greeted() // not even CONNECT
	silent.send("SUB x 1\r\nPING\r\n")
	silent.expect("+OK")
	silent.expect("PONG")
	b.send("PUB x 2\r\nho\r\n")
	silent.expect("MSG x 1 2")
}

func TestPermissionsHoldForEachMessage(t *testing.T) {
	t.Parallel()
	bothKinds(t, func(t *testing.T, kind setting) {
		s := start(t, kind, guarded(auth.Config{Users: []auth.User{
			{Name: "all", Password: "p"},
			{Name: "few", Password: "p", Permissions: &auth.PermissionsConfig{
				Publish:   auth.SubjectsConfig{Allow: []string{"pub.>"}, Deny: []string{"pub.no.*"}},
				Subscribe: auth.SubjectsConfig{Allow: []string{"sub.>"}, Deny: []string{"sub.no.*"}},
			}},
		}}))
		all, few := s.greeted().introduce("all", "p"), s.greeted().introduce("few", "p")
		all.send("SUB > 1\r\n")
		all.sync()
		few.send("SUB sub.> 1\r\nSUB other 2\r\n")
		few.expect(`-ERR 'Permissions Violation for Subscription to "other"'`)
		few.send("SUB sub.no.way 3\r\n")
		few.expect(`-ERR 'Permissions Violation for Subscription to "sub.no.way"'`)
		for range 50 { // the decision is remembered, and must stay right
			few.send("PUB pub.yes 1\r\ny\r\nPUB pub.no.way 1\r\nn\r\nPUB elsewhere 1\r\nn\r\n")
			few.expect(`-ERR 'Permissions Violation for Publish to "pub.no.way"'`)
			few.expect(`-ERR 'Permissions Violation for Publish to "elsewhere"'`)
			all.expect("MSG pub.yes 1 1")
			all.expect("y")
			all.send("PUB sub.no.entry 1\r\nn\r\nPUB sub.yes 1\r\ny\r\n")
			few.expect("MSG sub.yes 1 1")
			few.expect("y")
			all.expect("MSG sub.no.entry 1 1")
			all.expect("n")
			all.expect("MSG sub.yes 1 1")
			all.expect("y")
		}
		if n := s.Stats().Violations; n != 102 {
			t.Errorf("%d violations counted, want 102", n)
		}
	})
}

func TestLimitsAreTold(t *testing.T) {
	t.Parallel()
	s := start(t, configured(func(c *conn.Config) { c.MaxSubs, c.MaxSubTokens, c.MaxPayload = 2, 4, 10 }))
	c := s.raw()
	c.send("SUB a 1\r\nSUB b 2\r\nSUB c 3\r\n")
	c.expect("-ERR 'maximum subscriptions exceeded'")
	c.send("UNSUB 1\r\nSUB a.b.c.d.e 4\r\n")
	c.expect(`-ERR 'Permissions Violation for Subscription to "a.b.c.d.e", too many tokens'`)
	c.send("SUB c 3\r\nPUB c 10\r\n0123456789\r\n")
	c.expect("MSG c 3 10")
	c.expect("0123456789")
	c.send("PUB c 11\r\n0123456789x\r\n")
	c.refused("Maximum Payload Violation")
}

func TestRequestsToNobodyAreAnsweredAtOnce(t *testing.T) {
	t.Parallel()
	bothKinds(t, func(t *testing.T, kind setting) {
		nc := start(t, kind).nats()
		if _, err := nc.Request("nobody", nil, patience); !errors.Is(err, nats.ErrNoResponders) {
			t.Errorf("got %v, want %v", err, nats.ErrNoResponders)
		}
		sub, err := nc.Subscribe("echo", func(m *nats.Msg) { _ = m.Respond(m.Data) })
		if err != nil {
			t.Fatal(err)
		}
		for i := range 100 {
			m, err := nc.Request("echo", fmt.Append(nil, i), patience)
			if err != nil || string(m.Data) != strconv.Itoa(i) {
				t.Fatalf("request %d: %v", i, err)
			}
		}
		if err := sub.Unsubscribe(); err != nil {
			t.Fatal(err)
		}
		if _, err := nc.Request("echo", nil, patience); !errors.Is(err, nats.ErrNoResponders) {
			t.Errorf("got %v, want %v", err, nats.ErrNoResponders)
		}
	})
}
