package api_test

import (
	"encoding/base64"
	"fmt"
	"math/rand/v2"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/nats-io/nats.go"

	"github.com/tidings-io/tidings/internal/jsapi"
	"github.com/tidings-io/tidings/internal/testserver"
)

// secret is in everything that account A has; stranger in what account B sends.
const secret, stranger = "SECRET", "STRANGER"

// watch returns what reaches a connection on any subject, and holds one of words.
func watch(t *testing.T, nc *nats.Conn, words ...string) func() []string {
	t.Helper()
	var mu sync.Mutex
	var found []string
	for _, subject := range []string{">", "$JS.>", "$SYS.>", "$KV.>"} {
		_, err := nc.Subscribe(subject, func(m *nats.Msg) {
			text := fmt.Sprintf("%s %v %s", m.Subject, m.Header, m.Data)
			for _, word := range words {
				if strings.Contains(text, word) {
					mu.Lock()
					found = append(found, text)
					mu.Unlock()
				}
			}
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := nc.Flush(); err != nil {
		t.Fatal(err)
	}
	return func() []string {
		mu.Lock()
		defer mu.Unlock()
		return found
	}
}

// moving is what differs between two answers without anything having happened.
var moving = regexp.MustCompile(`"(ts|last_active|api|num_waiting)":("[^"]*"|\{[^}]*\}|\d+)`)

func TestNoSubjectReachesTheStreamsOfAnotherAccount(t *testing.T) {
	t.Parallel()
	s := testserver.StartConfig(t, `
		jetstream { store_dir: '`+t.TempDir()+`', domain: hub }
		accounts {
			A { jetstream: enabled, users: [ { user: a, password: x } ] }
			B { jetstream: enabled, users: [ { user: b, password: x } ] }
		}
	`)
	connect := func(user string) *peer {
		nc, err := nats.Connect(s.URL, nats.UserInfo(user, "x"))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(nc.Close)
		return &peer{nc, t}
	}
	a, b, other := connect("a"), connect("b"), connect("b")
	intruded := watch(t, a.Conn, stranger)
	a.ask("STREAM.CREATE.S", "", `{"name":"S","description":"SECRET","subjects":["s.>"],"allow_direct":true,"allow_msg_ttl":true}`)
	a.ask("STREAM.CREATE.W", "", `{"name":"W","description":"SECRET","subjects":["w.>"],"retention":"workqueue"}`)
	a.ask("CONSUMER.CREATE.S.c", "", `{"stream_name":"S","config":{"name":"c","durable_name":"c","description":"SECRET","ack_policy":"explicit","ack_wait":3600000000000}}`)
	a.ask("CONSUMER.CREATE.W.c", "", `{"stream_name":"W","config":{"name":"c","durable_name":"c","description":"SECRET","ack_policy":"explicit","ack_wait":3600000000000}}`)
	a.ask("CONSUMER.CREATE.S.p", "", `{"stream_name":"S","config":{"name":"p","durable_name":"p","deliver_subject":"deliver.me","ack_policy":"none","flow_control":true,"idle_heartbeat":1000000000}}`)
	for i := range 10 {
		for _, subject := range []string{"s.x", "w.x"} {
			if _, err := a.Request(subject, fmt.Appendf(nil, "%s %d", secret, i), 10*time.Second); err != nil {
				t.Fatal(err)
			}
		}
	}
	acks := []string{}
	for _, stream := range []string{"S", "W"} {
		for range 3 {
			m, err := a.Request("$JS.API.CONSUMER.MSG.NEXT."+stream+".c", nil, 10*time.Second)
			if err != nil {
				t.Fatal(err)
			}
			words := strings.SplitN(m.Reply, ".", 3)
			acks = append(acks, m.Reply, "$JS.ACK._."+jsapi.AccountHash("A")+"."+words[2], "$JS.ACK.hub."+jsapi.AccountHash("A")+"."+words[2])
		}
	}
	state := func() string {
		var all []string
		for _, subject := range []string{
			"INFO", "STREAM.LIST", "STREAM.NAMES", "STREAM.INFO.S", "STREAM.INFO.W", "CONSUMER.LIST.S", "CONSUMER.LIST.W",
			"CONSUMER.INFO.S.c", "CONSUMER.INFO.W.c", "CONSUMER.INFO.S.p",
		} {
			all = append(all, moving.ReplaceAllString(a.ask(subject, "", ""), `"$1":0`))
		}
		for seq := range 10 {
			for _, stream := range []string{"S", "W"} {
				all = append(all, a.ask("STREAM.MSG.GET."+stream, "", fmt.Sprintf(`{"seq":%d}`, seq+1)))
			}
		}
		return strings.Join(all, "\n")
	}
	for !strings.Contains(a.ask("CONSUMER.INFO.S.p", "", ""), `"delivered":{"consumer_seq":10,`) {
		continue // the deliveries to this connection take their time
	}
	before := state()
	encoded := base64.StdEncoding.EncodeToString([]byte(secret))
	leaked := watch(t, other.Conn, secret, encoded[:7])
	rounds := 40
	if testing.Short() {
		rounds = 4
	}
	inbox := b.NewInbox()
	for round := range rounds {
		rng := rand.New(rand.NewPCG(uint64(round), 9))
		for _, subject := range attempts(rng, acks) {
			m := &nats.Msg{Subject: subject, Reply: inbox, Data: []byte(bodies[rng.IntN(len(bodies))])}
			if round == 0 {
				m.Data = nil
			}
			if err := b.PublishMsg(m); err != nil {
				t.Fatal(err)
			}
		}
		b.ask("INFO", "", "") // what was sent before was answered, or waits in a queue
	}
	for _, nc := range []*nats.Conn{b.Conn, other.Conn, a.Conn} {
		if err := nc.Flush(); err != nil {
			t.Fatal(err)
		}
	}
	if after := state(); after != before {
		t.Errorf("account A has changed: %s", cmp.Diff(strings.Split(before, "\n"), strings.Split(after, "\n")))
	}
	for _, text := range leaked() {
		t.Errorf("account B got %.300s", text)
	}
	for _, text := range intruded() {
		t.Errorf("account A got %.300s", text)
	}
	if n := strings.Count(b.ask("STREAM.NAMES", "", ""), `"`); n == 0 {
		t.Error("account B has no answer of its own")
	}
}

// bodies are what requests say; those that change something would change A, if they
// came there.
var bodies = []string{
	``, `{}`, `{"seq":1}`, `{"last_by_subj":"s.x"}`, `{"next_by_subj":"s.>","batch":5}`, `{"multi_last":["s.>"]}`, `{"batch":5}`,
	`{"no_erase":true,"seq":2}`, `{"subjects_filter":">"}`, `{"deliver_subject":"STRANGER.snapshot"}`, `{"filter":"s.x"}`,
	`{"name":"S","description":"STRANGER","subjects":["s.>"]}`, `{"name":"W","description":"STRANGER","subjects":["w.>"]}`,
	`{"name":"M","mirror":{"name":"W"}}`, `{"name":"M2","mirror":{"name":"S","external":{"api":"$JS.hub.API","deliver":"d"}}}`,
	`{"name":"M3","sources":[{"name":"S","external":{"api":"$JS.API"}},{"name":"W"}]}`,
	`{"stream_name":"S","config":{"name":"c","durable_name":"c","ack_policy":"explicit"}}`,
	`{"stream_name":"S","config":{"name":"q","deliver_subject":"STRANGER.deliver"}}`,
	`{"stream_name":"W","config":{"name":"c","durable_name":"c","description":"STRANGER"},"action":"update"}`,
	`{"pause_until":"2099-01-01T00:00:00Z"}`, `{"group":"g"}`, `{"config":{"name":"S","subjects":["s.>"]},"state":{}}`,
	`+ACK`, `-NAK`, `+TERM`, `+WPI`, `+NXT`,
}

// attempts are requests of every kind with names that A has, acknowledgements of
// what A was given, and subjects put together by chance.
func attempts(rng *rand.Rand, acks []string) []string {
	list := append([]string(nil), acks...)
	args := [][]string{
		nil, {"S"}, {"W"}, {"A"}, {"S", "c"}, {"W", "c"}, {"S", "p"}, {"A", "S"}, {"S", "c", "s.x"}, {"S", "s.x"}, {"W", "w.x"}, {"*"}, {"S", "*"},
	}
	for _, prefix := range []string{jsapi.APIPrefix, jsapi.DomainPrefix("hub"), "$JS.A.API", "$JS.ACC.A.API"} {
		for op := jsapi.AccountInfo; op <= jsapi.AccountStreamCancelMove; op++ {
			for _, arg := range args {
				list = append(list, op.Subject(prefix, arg...))
			}
		}
	}
	hash := jsapi.AccountHash("A")
	words := []string{
		"$JS", "API", "hub", "ACK", "FC", "SNAPSHOT", "RESTORE", "EVENT", "ADVISORY", "STREAM", "CONSUMER", "DIRECT", "MSG", "GET", "NEXT",
		"INFO", "DELETE", "PURGE", "CREATE", "S", "W", "c", "p", "A", "_", hash, "1", "2", "0", "s", "w", "x", "deliver", "me", "$SYS", "REQ", "ACCOUNT",
	}
	for range 300 {
		var subject []string
		for range 2 + rng.IntN(8) {
			subject = append(subject, words[rng.IntN(len(words))])
		}
		list = append(list, strings.Join(subject, "."))
	}
	return append(list, "$JS.FC.S.p.1", "$JS.FC._."+hash+".S.p.1", "$JS.ACK.S.c.1.1.1.1.1", "s.x", "w.x", "deliver.me")
}
