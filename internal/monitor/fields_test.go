package monitor_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tidings-io/tidings/internal/monitor"
)

// open are fields whose members are named by the server's owner or by requests, or
// which are of the JetStream API, by their name or path.
var open = []string{
	"http_req_stats", "metadata", "feature_flags",
	"state", "consumer_detail", "direct_consumer_detail", "mirror", "sources",
	"account_details.stream_detail.cluster", "account_details.stream_detail.config",
}

// names adds the paths of the fields of v to set.
func names(v any, path string, set map[string]bool) {
	switch v := v.(type) {
	case map[string]any:
		for name, member := range v {
			p := strings.TrimPrefix(path+"."+name, ".")
			set[p] = true
			if !slices.Contains(open, name) && !slices.Contains(open, p) {
				names(member, p, set)
			}
		}
	case []any:
		for _, element := range v {
			names(element, path, set)
		}
	}
}

func TestFieldsHaveTheNamesThatToolsKnow(t *testing.T) {
	pages := map[string][]string{
		"varz":     {"/varz"},
		"connz":    {"/connz?auth=1&subs=1&state=any", "/connz?auth=1&subs=detail"},
		"subsz":    {"/subsz?subs=1"},
		"healthz":  {"/healthz", "/healthz?stream=S", "/healthz?details=1"},
		"jsz":      {"/jsz?raft=1", "/jsz?consumers=1&config=1&direct-consumers=1"},
		"accstatz": {"/accstatz?unused=1"},
		"accountz": {"/accountz", "/accountz?acc=ORDERS", "/accountz?acc=$SYS"},
	}
	known := knownFields(t)
	bare := monitor.New(bareServer(), "")
	ofBare := map[string]map[string]bool{}
	for page := range pages {
		ofBare[page] = map[string]bool{}
		names(decode(t, get(bare, "/"+page)), "", ofBare[page])
	}
	// Not parallel: a limit of memory is shown where there is one.
	defer debug.SetMemoryLimit(debug.SetMemoryLimit(64 << 30))
	ill := fullServer()
	ill.js.problems = []monitor.HealthProblem{{Type: "CONSUMER", Account: "ORDERS", Stream: "S", Consumer: "C", Error: "ill"}}
	full := monitor.New(ill, "/base")
	for page, paths := range pages {
		inFull, inBare := map[string]bool{}, ofBare[page]
		for _, path := range paths {
			names(decode(t, get(full, "/base"+path)), "", inFull)
		}
		for name := range inFull {
			if known[page][name] == "" {
				t.Errorf("%s: field %s is not in testdata/fields.txt", page, name)
			}
		}
		for name, presence := range known[page] {
			if presence == "bare" {
				if inFull[name] || !ofBare[page][name] {
					t.Errorf("%s: field %s belongs to a server that has nothing", page, name)
				}
				continue
			}
			if want := presence != "later"; inFull[name] != want {
				t.Errorf("%s: field %s, %s: shown by a server that has everything: %v, want %v", page, name, presence, inFull[name], want)
			}
			if presence != "ours" && inBare[name] != (presence == "always") {
				t.Errorf("%s: field %s, %s: shown by a server that has nothing: %v", page, name, presence, inBare[name])
			}
		}
	}
}

func TestListsAreWrittenAsTheirTypesSay(t *testing.T) {
	t.Parallel()
	source := fullServer()
	source.open[0].Name = "\"é<&>\u2028\x01\\"
	pages := monitor.New(source, "")
	f := func(path string, into any) {
		t.Helper()
		got := get(pages, path).Body.String()
		if err := json.Unmarshal([]byte(got), into); err != nil {
			t.Fatalf("%s: %v\n%s", path, err, got)
		}
		want, err := json.MarshalIndent(into, "", "  ")
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(want), got); diff != "" {
			t.Errorf("%s (-json.MarshalIndent +page):\n%s", path, diff)
		}
	}
	f("/connz", &monitor.Connz{})
	f("/connz?auth=1&subs=1&state=any", &monitor.Connz{})
	f("/connz?auth=1&subs=detail&state=any", &monitor.Connz{})
	f("/connz?user=nobody", &monitor.Connz{})
	f("/subsz", &monitor.Subsz{})
	f("/subsz?subs=1", &monitor.Subsz{})
	f("/varz", &monitor.Varz{})
}

// knownFields reads testdata/fields.txt: page → field → presence.
func knownFields(t *testing.T) map[string]map[string]string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", "fields.txt"))
	if err != nil {
		t.Fatal(err)
	}
	known := map[string]map[string]string{}
	for line := range strings.Lines(string(text)) {
		words := strings.Fields(line)
		if len(words) == 0 || words[0] == "#" {
			continue
		}
		if len(words) != 3 || !slices.Contains([]string{"always", "sometimes", "later", "ours", "bare"}, words[2]) {
			t.Fatalf("testdata/fields.txt: %q: want PAGE FIELD PRESENCE", line)
		}
		if known[words[0]] == nil {
			known[words[0]] = map[string]string{}
		}
		known[words[0]][words[1]] = words[2]
	}
	return known
}

// fullServer has something to show in every field.
func fullServer() *fake {
	f := crowd(2)
	f.server = monitor.Server{
		ID: "N1", Name: "one", Version: "2.15.2", Tidings: "0.1.0", GitCommit: "abc", Tags: []string{"x"},
		Metadata: map[string]string{"rack": "7"}, Start: moment, ConfigLoaded: moment, ConfigDigest: "sha256:0",
		Client: monitor.Listener{Host: "127.0.0.1", Port: 4222, AuthRequired: true},
		HTTP:   monitor.HTTP{Host: "127.0.0.1", Port: 8222, BasePath: "/base"},
		TLS:    monitor.TLS{Required: true, Verify: true, Timeout: time.Second, NotAfter: moment},
		Limits: monitor.Limits{Connections: 1, Subscriptions: 2, ControlLine: 3, Payload: 4, Pending: 5},
		Timing: monitor.Timing{PingInterval: 1, PingMax: 2, AuthTimeout: 3, WriteDeadline: 4, WriteTimeout: "retry"},
	}
	f.totals = monitor.Totals{Subscriptions: 4, Connections: 2}
	f.open[0].Stalls = 3
	f.accs = []monitor.Account{{Name: "$SYS", System: true}, {Name: "ORDERS", Connections: 2, Subscriptions: 4}}
	f.js = fullJetStream()
	f.closed = []monitor.Connection{{ID: 9, Kind: "Client", Type: "nats", Start: moment, LastActivity: moment, Stop: moment.Add(time.Minute), Reason: "Client Closed"}}
	return f
}

// bareServer has one connection about which nothing is known.
func bareServer() *fake {
	return &fake{open: []monitor.Connection{{ID: 1, Subscriptions: 1, Account: "$G"}}}
}
