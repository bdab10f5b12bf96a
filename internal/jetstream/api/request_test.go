package api_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/tidings-io/tidings/internal/core"
	"github.com/tidings-io/tidings/internal/jetstream/api"
	"github.com/tidings-io/tidings/internal/jsapi"
)

// changing is what differs from run to run, or is the driver's to fill in.
var changing = regexp.MustCompile(`"(created|ts|time|first_ts|last_ts|pause_remaining)":("[^"]*"|\d+)|"deliver_subject":"\$JS[^"]*"`)

// The answers in testdata/requests.txt are those of nats-server 2.15.2.
func TestAnswersAreThoseOfTheField(t *testing.T) {
	t.Parallel()
	f := start(t, nil)
	file, err := os.Open("testdata/requests.txt")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	var request string
	lines := bufio.NewScanner(file)
	for n := 1; lines.Scan(); n++ {
		switch line := lines.Text(); {
		case strings.HasPrefix(line, "> "):
			request = line[2:]
		case strings.HasPrefix(line, "< "):
			subject, body, _ := strings.Cut(request, " ")
			header := ""
			if h, rest, ok := strings.Cut(body, " | "); ok {
				header, body = h, rest
			}
			got := changing.ReplaceAllString((<-f.ask("$JS.API."+subject, header, body)).body, `"$1":0`)
			if want := changing.ReplaceAllString(line[2:], `"$1":0`); got != want {
				t.Errorf("testdata/requests.txt:%d: %s\n got %s\nwant %s", n, request, got, want)
			}
		case strings.HasPrefix(line, "publish "):
			words := strings.Fields(line)
			s := f.streams.stream(words[1])
			s.publish(words[2], "", words[3])
		case line != "" && line[0] != '#':
			t.Fatalf("testdata/requests.txt:%d: %q is neither request nor answer", n, line)
		}
	}
}

func TestUnknownSubjectsGetNoAnswer(t *testing.T) {
	t.Parallel()
	f := start(t, nil)
	for _, subject := range []string{
		"NOPE", "INFO.x", "STREAM.NOPE", "STREAM.NOPE.A", "STREAM.CREATE", "STREAM.CREATE.a.b", "STREAM.TEMPLATE.CREATE.X",
		"META.LEADER.STEPDOWN", "META.RESCUE", "SERVER.REMOVE", "SERVER.EVACUATE", "ACCOUNT.PURGE.A", "ACCOUNT.STREAM.MOVE.A.S",
	} {
		answers := f.subscribe("_INBOX.unknown." + subject)
		f.publish("$JS.API."+subject, "_INBOX.unknown."+subject, "", "")
		f.request("$JS.API.STREAM.DELETE.x", "") // the queue is in order
		f.request("$JS.API.INFO", "")
		if len(answers) > 0 {
			t.Errorf("%s is answered: %s", subject, (<-answers).body)
		}
	}
}

func TestPagesOfLists(t *testing.T) {
	t.Parallel()
	f := start(t, nil)
	for i := range 300 {
		f.create(fmt.Sprintf(`{"name":"S%03d","subjects":["s.%d"]}`, i, i))
	}
	var r jsapi.StreamListResponse
	if err := json.Unmarshal([]byte(f.request("$JS.API.STREAM.LIST", `{"offset":200}`).body), &r); err != nil {
		t.Fatal(err)
	}
	if len(r.Streams) != 100 || r.Streams[0].Config.Name != "S200" || r.Page != (jsapi.Page{Total: 300, Offset: 200, Limit: 256}) {
		t.Errorf("%d streams, page %+v", len(r.Streams), r.Page)
	}
	if err := json.Unmarshal([]byte(f.request("$JS.API.STREAM.LIST", ``).body), &r); err != nil {
		t.Fatal(err)
	}
	if len(r.Streams) != 256 {
		t.Errorf("%d streams on the first page", len(r.Streams))
	}
}

func TestDomainHasAPrefixOfItsOwn(t *testing.T) {
	t.Parallel()
	f := start(t, func(cfg *api.Config) { cfg.Domain = "hub" })
	f.create(`{"name":"S","subjects":["s.>"],"allow_direct":true}`).publish("s.1", "", "x")
	if d := f.request("$JS.hub.API.STREAM.NAMES", ""); !strings.Contains(d.body, `"streams":["S"]`) {
		t.Errorf("names: %s", d.body)
	}
	for _, subject := range []string{"$JS.hub.API.DIRECT.GET.S.s.1", "$JS.API.DIRECT.GET.S.s.1"} {
		if d := f.request(subject, ""); d.body != "x" {
			t.Errorf("%s: %q", subject, d.header)
		}
	}
	if n := f.publish("$JS.other.API.INFO", "_INBOX.x", "", ""); n != core.NoInterest {
		t.Error("another domain is served")
	}
}

func TestLenientDecodingPassesOverUnknownFields(t *testing.T) {
	t.Parallel()
	f := start(t, func(cfg *api.Config) { cfg.Lenient = true })
	if d := f.request("$JS.API.STREAM.CREATE.S", `{"name":"S","foo":1}`); strings.Contains(d.body, "error") {
		t.Errorf("create: %s", d.body)
	}
}

func TestAccountsWithoutJetStreamAreTold(t *testing.T) {
	t.Parallel()
	accounts := core.NewAccounts()
	other, system := accounts.Get("B"), accounts.Get("SYS")
	s := api.New(api.Config{Accounts: accounts, SystemAccount: "SYS"}, newMemoryNode())
	t.Cleanup(s.Close)
	s.Serve(other)
	s.Serve(system)
	b, sys := newClient(t, accounts, other), newClient(t, accounts, system)
	answer := func(c *client, subject, want string) {
		t.Helper()
		if got := c.request("$JS.API."+subject, "").body; got != want {
			t.Errorf("%s: %s\nwant %s", subject, got, want)
		}
	}
	const refusal = `"error":{"code":503,"err_code":10039,"description":"JetStream not enabled for account"}`
	answer(b, "INFO", `{"type":"io.nats.jetstream.api.v1.account_info_response",`+refusal+`}`)
	answer(b, "STREAM.NAMES", `{"type":"io.nats.jetstream.api.v1.stream_names_response",`+refusal+`,"total":0,"offset":0,"limit":0,"streams":null}`)
	answer(sys, "INFO", `{"type":"io.nats.jetstream.api.v1.account_info_response",`+refusal+`}`)
	answer(sys, "STREAM.NAMES", `{"type":"io.nats.jetstream.api.v1.system_response",`+refusal+`}`)
	answer(sys, "NOPE", `{"type":"io.nats.jetstream.api.v1.system_response",`+refusal+`}`)
}

func TestRequestsBeyondTheLimitAreAnsweredAndCounted(t *testing.T) {
	t.Parallel()
	f := start(t, func(cfg *api.Config) { cfg.InfoQueueLimit = 3 })
	advisories := f.subscribe("$JS.EVENT.ADVISORY.API.LIMIT_REACHED")
	f.node.gate, f.node.entered = make(chan struct{}), make(chan struct{})
	served := f.ask("$JS.API.INFO", "", "")
	<-f.node.entered // it is being served, not waiting
	var waiting []<-chan delivery
	for range 3 {
		waiting = append(waiting, f.ask("$JS.API.INFO", "", ""))
	}
	for range 5 {
		d := f.request("$JS.API.INFO", "")
		if d.body != `{"type":"io.nats.jetstream.api.v1.system_overloaded","error":{"code":429,"err_code":10167,"description":"too many requests"}}` {
			t.Errorf("answer %s", d.body)
		}
	}
	var e jsapi.APILimitReached
	if err := json.Unmarshal([]byte((<-advisories).body), &e); err != nil || e.Dropped < 1 || e.Server != "ref" {
		t.Errorf("advisory %+v, error %v", e, err)
	}
	close(f.node.gate)
	go func() { // the others pass, too
		for range f.node.entered {
		}
	}()
	for _, a := range append(waiting, served) {
		if d := <-a; !strings.Contains(d.body, "account_info_response") {
			t.Errorf("answer %s", d.body)
		}
	}
	close(f.node.entered)
	// The other queue was not touched.
	if d := f.request("$JS.API.STREAM.DELETE.x", ""); !strings.Contains(d.body, "10059") {
		t.Errorf("answer %s", d.body)
	}
}

func TestRequestsAreAuditedWhileSomebodyListens(t *testing.T) {
	t.Parallel()
	f := start(t, func(cfg *api.Config) {
		cfg.Requester = func(*core.Stage) *jsapi.ClientInfo { return &jsapi.ClientInfo{Name: "me"} }
		cfg.Interested = func(_ *core.Account, subject string) bool { return subject == "$JS.EVENT.ADVISORY.API" }
	})
	audits := f.subscribe("$JS.EVENT.ADVISORY.API")
	answer := f.request("$JS.API.STREAM.INFO.x", `{"offset":1}`)
	var a jsapi.APIAudit
	if err := json.Unmarshal([]byte((<-audits).body), &a); err != nil {
		t.Fatal(err)
	}
	if a.Subject != "$JS.API.STREAM.INFO.x" || a.Request != `{"offset":1}` || a.Response != answer.body || a.Client.Name != "me" {
		t.Errorf("audit %+v", a)
	}
}

func TestAccountsDoNotReachEachOther(t *testing.T) {
	t.Parallel()
	f := start(t, nil)
	f.create(`{"name":"S","subjects":["s"],"allow_direct":true}`).publish("s", "", "secret")
	other := f.accounts.Get("B")
	f.node.accounts[other] = &memoryAccount{node: f.node, streams: map[string]*memoryStream{}}
	f.server.Serve(other)
	b := newClient(t, f.accounts, other)
	if d := b.request("$JS.API.STREAM.INFO.S", ""); !strings.Contains(d.body, "10059") {
		t.Errorf("info: %s", d.body)
	}
	if n := b.publish("$JS.API.DIRECT.GET.S", "_INBOX.x", "", `{"seq":1}`); n != core.NoInterest {
		t.Error("direct get of another account's stream has a receiver")
	}
	if d := b.request("$JS.API.STREAM.NAMES", ""); !strings.Contains(d.body, `"total":0`) {
		t.Errorf("names: %s", d.body)
	}
}

func TestRequestsWithoutReplyAreServed(t *testing.T) {
	t.Parallel()
	f := start(t, nil)
	f.publish("$JS.API.STREAM.CREATE.S", "", "", `{"name":"S"}`)
	f.request("$JS.API.STREAM.DELETE.x", "") // behind it in the queue
	if f.streams.stream("S") == nil {
		t.Error("the stream is missing")
	}
}
