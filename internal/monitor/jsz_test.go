package monitor_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/tidings-io/tidings/internal/monitor"
)

func TestJszTellsAsMuchAsAskedFor(t *testing.T) {
	t.Parallel()
	source := fullServer()
	pages := monitor.New(source, "")
	f := func(options, want string) {
		t.Helper()
		page := decode(t, get(pages, "/jsz"+options))
		var got []string
		accounts, _ := page["account_details"].([]any)
		for _, a := range accounts {
			account := a.(map[string]any)
			got = append(got, account["name"].(string))
			streams, _ := account["stream_detail"].([]any)
			for _, s := range streams {
				stream := s.(map[string]any)
				got = append(got, stream["name"].(string))
				if stream["config"] != nil {
					got = append(got, "config")
				}
				consumers, _ := stream["consumer_detail"].([]any)
				direct, _ := stream["direct_consumer_detail"].([]any)
				for _, c := range slices.Concat(consumers, direct) {
					consumer := c.(map[string]any)
					got = append(got, consumer["name"].(string))
					if consumer["config"] != nil {
						got = append(got, "config")
					}
				}
			}
		}
		if text := strings.Join(got, " "); text != want {
			t.Errorf("%s: shows %q, want %q", options, text, want)
		}
		if page["streams"] != 2.0 || page["consumers"] != 2.0 || page["messages"] != 8.0 || page["bytes"] != 800.0 || page["storage"] != 800.0 || page["total"] != 2.0 {
			t.Errorf("%s: totals of %v", options, page)
		}
	}
	f("", "")
	f("?config=1", "")
	f("?accounts=true", "BILLS ORDERS")
	f("?accounts=true&limit=1", "BILLS")
	f("?accounts=true&limit=1&offset=1", "ORDERS")
	f("?accounts=true&offset=7", "")
	f("?streams=true", "BILLS B ORDERS S")
	f("?streams=true&config=true&limit=1", "BILLS B config")
	f("?consumers=1", "BILLS B C ORDERS S C")
	f("?acc=ORDERS", "ORDERS")
	f("?acc=ORDERS&consumers=1&config=1&direct-consumers=1&leader-only=1&stream-leader-only=1", "ORDERS S config C config COPY config")
	f("?acc=BILLS&direct-consumers=1", "BILLS B COPY")
	f("?acc=NOBODY", "")
}

func TestJszCountsWhatTheServerLeadsWhenAsked(t *testing.T) {
	t.Parallel()
	pages := monitor.New(fullServer(), "")
	plain, raft := decode(t, get(pages, "/jsz")), decode(t, get(pages, "/jsz?raft=1"))
	if plain["streams_leader"] != nil || raft["streams_leader"] != 2.0 || raft["consumers_leader"] != 2.0 {
		t.Errorf("leads %v without raft, %v streams and %v consumers with; want nothing, 2 and 2", plain["streams_leader"], raft["streams_leader"], raft["consumers_leader"])
	}
}

func TestAccountsReserveWhatTheyMayUse(t *testing.T) {
	t.Parallel()
	page := decode(t, get(monitor.New(fullServer(), ""), "/jsz?acc=ORDERS"))
	account := page["account_details"].([]any)[0].(map[string]any)
	if account["reserved_memory"] != 5000.0 || account["reserved_storage"] != 0.0 {
		t.Errorf("reserved %v and %v bytes, want 5000 and, without a limit, 0", account["reserved_memory"], account["reserved_storage"])
	}
	if page["reserved_memory"] != 40.0 || page["reserved_storage"] != 4000.0 {
		t.Errorf("the server reserves %v and %v bytes, want what its streams do: 40 and 4000", page["reserved_memory"], page["reserved_storage"])
	}
}

func TestJszSaysThatJetStreamIsOff(t *testing.T) {
	t.Parallel()
	page := decode(t, get(monitor.New(bareServer(), ""), "/jsz?consumers=1"))
	if page["disabled"] != true || page["accounts"] != 0.0 {
		t.Errorf("disabled: %v, accounts: %v; want true and 0", page["disabled"], page["accounts"])
	}
}

func TestHealthIsThatOfWhatWasAskedAbout(t *testing.T) {
	t.Parallel()
	source := fullServer()
	source.js.problems = nil
	pages := monitor.New(source, "")
	f := func(options string, status int, want string) {
		t.Helper()
		w := get(pages, "/healthz"+options)
		if w.Code != status || w.Body.String() != want {
			t.Errorf("%s: status %d %s, want %d %s", options, w.Code, w.Body, status, want)
		}
	}
	const ok = `{"status":"ok"}`
	f("", 200, ok)
	f("?details=1", 200, ok)
	f("?account=ORDERS", 200, ok)
	f("?account=ORDERS&stream=S", 200, ok)
	f("?account=ORDERS&stream=S&consumer=C", 200, ok)
	f("?account=X", 404, `{"status":"unavailable","error":"JetStream account \"X\" not found"}`)
	f("?account=X&details=1", 404, `{"status":"error","errors":[{"type":"ACCOUNT","account":"X","error":"JetStream account \"X\" not found"}]}`)
	f("?account=ORDERS&stream=X", 404, `{"status":"unavailable","error":"JetStream stream \"X\" not found on account \"ORDERS\""}`)
	f("?account=ORDERS&stream=X&details=1", 404, `{"status":"error","errors":[{"type":"STREAM","account":"ORDERS","stream":"X","error":"JetStream stream \"X\" not found on account \"ORDERS\""}]}`)
	f("?account=ORDERS&stream=S&consumer=X", 404, `{"status":"unavailable","error":"JetStream consumer \"X\" not found for stream \"S\" on account \"ORDERS\""}`)
	f("?stream=S", 400, `{"status":"error","error":"\"account\" must not be empty when checking stream health"}`)
	f("?account=ORDERS&consumer=C&details=1", 400, `{"status":"error","errors":[{"type":"BAD_REQUEST","error":"\"stream\" must not be empty when checking consumer health"}]}`)

	ofStream := monitor.HealthProblem{Type: monitor.ProblemStream, Account: "ORDERS", Stream: "S", Error: "lost"}
	source.js.problems = []monitor.HealthProblem{ofStream, {Type: monitor.ProblemStream, Account: "BILLS", Stream: "B", Error: "torn"}}
	f("", 503, `{"status":"unavailable","error":"lost (and 1 more; ask with details=true)"}`)
	f("?account=BILLS", 503, `{"status":"unavailable","error":"torn"}`)
	f("?account=ORDERS&stream=S&consumer=C&details=1", 503, `{"status":"error","errors":[{"type":"STREAM","account":"ORDERS","stream":"S","error":"lost"}]}`)
	f("?js-enabled-only=1", 200, ok)
	f("?js-enabled=1", 200, ok)
	f("?js-server-only=1", 200, ok)
	f("?js-meta-only=1", 200, ok)

	source.js.problems = []monitor.HealthProblem{{Type: monitor.ProblemJetStream, Error: "disk"}, ofStream}
	for _, only := range []string{"js-enabled-only", "js-server-only", "js-meta-only"} {
		f("?"+only+"=1", 503, `{"status":"unavailable","error":"disk"}`)
	}
	f("?account=BILLS", 503, `{"status":"unavailable","error":"disk"}`)
}

func TestAccstatzCountsTheTrafficOfAccounts(t *testing.T) {
	t.Parallel()
	source := fullServer()
	for i := range source.accs {
		if a := &source.accs[i]; a.Name == "ORDERS" {
			a.Sent, a.Received, a.SlowConsumers = monitor.Traffic{Msgs: 3, Bytes: 30}, monitor.Traffic{Msgs: 2, Bytes: 20}, 1
		}
	}
	pages := monitor.New(source, "")
	f := func(options, want string) {
		t.Helper()
		var page monitor.Accstatz
		if err := json.Unmarshal(get(pages, "/accstatz"+options).Body.Bytes(), &page); err != nil {
			t.Fatal(err)
		}
		var list strings.Builder
		for _, a := range page.Accounts {
			fmt.Fprintf(&list, "%s %d %d sent %d %d received %d %d slow %d;", a.Account, a.Conns, a.Subscriptions,
				a.Sent.Msgs, a.Sent.Bytes, a.Received.Msgs, a.Received.Bytes, a.SlowConsumers)
		}
		if got := list.String(); got != want {
			t.Errorf("%s: %s, want %s", options, got, want)
		}
	}
	const orders = "ORDERS 2 4 sent 3 30 received 2 20 slow 1;"
	f("", orders)
	f("?unused=1", "$SYS 0 0 sent 0 0 received 0 0 slow 0;"+orders)
	if w := get(pages, "/accstatz?unused=x"); w.Code != http.StatusBadRequest {
		t.Errorf("unused=x: status %d, want 400", w.Code)
	}
}

func TestAccountzListsAndDescribes(t *testing.T) {
	t.Parallel()
	pages := monitor.New(fullServer(), "")
	list := decode(t, get(pages, "/accountz"))
	if names, _ := list["accounts"].([]any); len(names) != 2 || names[0] != "$SYS" || names[1] != "ORDERS" || list["system_account"] != "$SYS" {
		t.Errorf("accounts %v, system account %v", list["accounts"], list["system_account"])
	}
	f := func(account string, stores, system bool, clients, subscriptions float64) {
		t.Helper()
		d, _ := decode(t, get(pages, "/accountz?acc="+account))["account_detail"].(map[string]any)
		isSystem, _ := d["is_system"].(bool)
		if d["account_name"] != account || d["jetstream_enabled"] != stores || isSystem != system || d["client_connections"] != clients || d["subscriptions"] != subscriptions {
			t.Errorf("%s: %v", account, d)
		}
	}
	f("ORDERS", true, false, 2, 4)
	f("$SYS", false, true, 0, 0)
	if w := get(pages, "/accountz?acc=X"); w.Code != http.StatusBadRequest || !strings.Contains(w.Body.String(), `"X"`) {
		t.Errorf("an account that is not there: status %d %s, want 400 and its name", w.Code, w.Body)
	}
}
