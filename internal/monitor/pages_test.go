package monitor_test

import (
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/tidings-io/tidings/internal/monitor"
)

func TestUnusableOptionsAreRefusedByName(t *testing.T) {
	t.Parallel()
	pages := monitor.New(fullServer(), "")
	f := func(path, want string) {
		t.Helper()
		w := get(pages, path)
		got := strings.TrimSpace(w.Body.String())
		if w.Code != http.StatusBadRequest || got != want {
			t.Errorf("%s: status %d %q, want 400 %q", path, w.Code, got, want)
		}
		if typ := w.Header().Get("Content-Type"); !strings.HasPrefix(typ, "text/plain") {
			t.Errorf("%s: content type %q", path, typ)
		}
	}
	f("/connz?sort=name", `sort "name": write one of bytes_from, bytes_to, cid, idle, last, msgs_from, msgs_to, pending, reason, rtt, start, stop, subs, uptime`)
	f("/connz?sort=stop", `sort "stop": only closed connections have it; add state=closed`)
	f("/connz?sort=reason&state=any", `sort "reason": only closed connections have it; add state=closed`)
	f("/connz?state=gone", `state "gone": write open, closed or any`)
	f("/connz?subs=full", `subs "full": write true, false or detail`)
	f("/connz?auth=x", `auth "x": write true or false (or 1 or 0)`)
	f("/connz?cid=-1", `cid "-1": not the number of a connection; write a positive integer`)
	f("/connz?limit=many", `limit "many": not a number that can be used; write an integer`)
	f("/connz?offset=1e9", `offset "1e9": not a number that can be used; write an integer`)
	f("/connz?filter_subject=a..b", `filter_subject "a..b": not a subject; write tokens with dots between them, "*" and ">" are allowed`)
	f("/subsz?subs=x", `subs "x": write true, false or detail`)
	f("/subsz?limit=x", `limit "x": not a number that can be used; write an integer`)
	f("/subsz?test=a.*", `test "a.*": not a subject that can be published to; write tokens with dots between them and no wildcards`)
	f("/jsz?consumers=x", `consumers "x": write true or false (or 1 or 0)`)
	f("/jsz?limit=x", `limit "x": not a number that can be used; write an integer`)
	f("/accountz?acc=X", `acc "X": there is no account of that name; ask without it for those there are`)
	f("/healthz?js-enabled-only=x", `js-enabled-only "x": write true or false (or 1 or 0)`)
	f("/varz?callback=alert(1)//", `callback: not the name of a JavaScript function; use letters, digits, _, $ and dots between names, at most 128 characters`)
}

func TestSubszListsCountsAndTests(t *testing.T) {
	t.Parallel()
	source := crowd(1500)
	source.totals.Subscriptions = 3000
	source.subs[5][0].Account = "OTHER"
	pages := monitor.New(source, "")
	f := func(path string, subscriptions, total, listed int) {
		t.Helper()
		page := decode(t, get(pages, path))
		list, _ := page["subscriptions_list"].([]any)
		if page["num_subscriptions"] != float64(subscriptions) || page["total"] != float64(total) || len(list) != listed {
			t.Errorf("%s: %v subscriptions, total %v, %d listed; want %d, %d, %d", path, page["num_subscriptions"], page["total"], len(list), subscriptions, total, listed)
		}
	}
	f("/subsz", 3000, 0, 0)
	f("/subscriptionsz", 3000, 0, 0)
	f("/subsz?test=orders.1.x", 3000, 0, 0)
	f("/subsz?acc=OTHER", 1, 0, 0)
	f("/subsz?subs=1", 3000, 3000, 1024)
	f("/subsz?subs=detail&limit=10&offset=2995", 3000, 3000, 5)
	f("/subsz?subs=1&test=orders.1.x", 3000, 1, 1)
	f("/subsz?subs=1&test=work.x&limit=3", 3000, 1500, 3)
	f("/subsz?subs=1&acc=OTHER", 1, 1, 1)
	f("/subsz?subs=1&acc=NONE", 0, 0, 0)
	body := get(pages, "/subsz?subs=1&limit=2").Body.String()
	want := `{
      "account": "ORDERS",
      "account_tag": "ORDERS",
      "subject": "work.\u003e",
      "qgroup": "workers",
      "sid": "2",
      "msgs": 0,
      "cid": 1
    }`
	if !strings.Contains(body, want) {
		t.Errorf("got\n%s\nwithout\n%s", body, want)
	}
}

func TestHealthzAnswersAsAServerWithoutJetStream(t *testing.T) {
	t.Parallel()
	pages := monitor.New(bareServer(), "")
	f := func(options string, status int, want string) {
		t.Helper()
		w := get(pages, "/healthz"+options)
		if w.Code != status || w.Body.String() != want || w.Header().Get("Content-Type") != "application/json" {
			t.Errorf("%s: %d %s %q, want %d %s", options, w.Code, w.Body, w.Header().Get("Content-Type"), status, want)
		}
	}
	ok := `{"status":"ok"}`
	f("", http.StatusOK, ok)
	f("?js-enabled=true&details=1", http.StatusOK, ok)
	f("?js-enabled-only=1", http.StatusOK, ok)
	f("?js-server-only=1&js-meta-only=0", http.StatusOK, ok)
	f("?account=A&stream=S&consumer=C", http.StatusOK, ok)
	f("?stream=S", http.StatusBadRequest, `{"status":"error","error":"\"account\" must not be empty when checking stream health"}`)
	f("?account=A&consumer=C", http.StatusBadRequest, `{"status":"error","error":"\"stream\" must not be empty when checking consumer health"}`)
}

func TestPagesAreBelowTheBasePath(t *testing.T) {
	t.Parallel()
	pages := monitor.New(fullServer(), "/base")
	pages.Mount("/metrics", "For Prometheus", http.NotFoundHandler())
	f := func(path string, want int) {
		t.Helper()
		if w := get(pages, path); w.Code != want {
			t.Errorf("%s: status %d, want %d", path, w.Code, want)
		}
	}
	f("/base", http.StatusOK)
	f("/base/", http.StatusOK)
	f("/base/varz", http.StatusOK)
	f("/varz", http.StatusNotFound)
	f("/", http.StatusNotFound)
	f("/basevarz", http.StatusNotFound)
	f("/base/varz/", http.StatusNotFound)
	index := get(pages, "/base").Body.String()
	for _, link := range []string{`href="/base/varz"`, `href="/base/connz"`, `href="/base/subsz"`, `href="/base/healthz"`, `href="/base/metrics"`} {
		if !strings.Contains(index, link) {
			t.Errorf("the index has no %s:\n%s", link, index)
		}
	}
}

func TestIndexEscapesTheServersName(t *testing.T) {
	t.Parallel()
	source := fullServer()
	source.server.Name = "<script>"
	if body := get(monitor.New(source, ""), "/").Body.String(); strings.Contains(body, "<script>") {
		t.Errorf("the name is not escaped:\n%s", body)
	}
}

func TestRequestsAreCountedByPage(t *testing.T) {
	t.Parallel()
	pages := monitor.New(fullServer(), "")
	for _, path := range []string{"/", "/connz", "/connz?subs=1", "/subsz", "/subscriptionsz", "/nothing", "/varz"} {
		get(pages, path)
	}
	got := decode(t, get(pages, "/varz"))["http_req_stats"].(map[string]any)
	want := map[string]float64{"/": 1, "/connz": 2, "/subsz": 2, "/varz": 2}
	if len(got) != len(want) {
		t.Errorf("counts %v, want %v", got, want)
	}
	for path, n := range want {
		if got[path] != n {
			t.Errorf("%s: counted %v, want %v", path, got[path], n)
		}
	}
}

func TestAnswersCanBeReadByScriptsOfOtherOrigins(t *testing.T) {
	t.Parallel()
	pages := monitor.New(fullServer(), "")
	plain := get(pages, "/healthz")
	if got := plain.Header().Get("Access-Control-Allow-Origin"); got != "*" {
		t.Errorf("Access-Control-Allow-Origin is %q", got)
	}
	call := get(pages, "/healthz?callback=app.show_$1")
	if got, want := call.Body.String(), "/**/app.show_$1({\"status\":\"ok\"});\n"; got != want {
		t.Errorf("with callback: %q, want %q", got, want)
	}
	if got := call.Header().Get("Content-Type"); got != "application/javascript" {
		t.Errorf("with callback: content type %q", got)
	}
	if got := call.Header().Get("X-Content-Type-Options"); got != "nosniff" {
		t.Errorf("with callback: X-Content-Type-Options %q", got)
	}
}

// slowReader is an asker's connection that remembers its deadline.
type slowReader struct {
	*httptest.ResponseRecorder
	deadline time.Time
}

func (s *slowReader) SetWriteDeadline(at time.Time) error { s.deadline = at; return nil }

func TestAskersWhoDoNotReadAreCutOff(t *testing.T) {
	t.Parallel()
	pages := monitor.New(fullServer(), "")
	for _, path := range []string{"/", "/connz", "/metrics", "/nothing"} {
		w := &slowReader{ResponseRecorder: httptest.NewRecorder()}
		pages.ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, http.NoBody))
		if w.deadline.IsZero() {
			t.Errorf("%s: no deadline for the answer", path)
		}
	}
}

func FuzzCallback(f *testing.F) {
	for _, name := range []string{"f", "a.b", "$", "a..b", "1a", "a(", "é", "", "</script>", strings.Repeat("x", 129)} {
		f.Add(name)
	}
	pages := monitor.New(bareServer(), "")
	safe := regexp.MustCompile(`^[A-Za-z_$][A-Za-z0-9_$]*(\.[A-Za-z_$][A-Za-z0-9_$]*)*$`)
	f.Fuzz(func(t *testing.T, name string) {
		r, err := http.NewRequest(http.MethodGet, "/healthz", http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		q := r.URL.Query()
		q.Set("callback", name)
		r.URL.RawQuery = q.Encode()
		w := serve(pages, r)
		accepted := w.Code == http.StatusOK && name != ""
		if want := len(name) <= 128 && safe.MatchString(name); accepted != want {
			t.Errorf("callback %q: accepted %v, want %v", name, accepted, want)
		}
	})
}

// FuzzOptions: whatever is asked, a page answers with 200 or 400.
func FuzzOptions(f *testing.F) {
	f.Add("/connz", "sort=uptime&state=any&offset=1&limit=1&subs=detail&cid=1&auth=1")
	f.Add("/subsz", "subs=1&test=a.b&acc=%24G&limit=-1&offset=-1")
	f.Add("/healthz", "stream=a&js-enabled=1")
	f.Add("/healthz", "account=ORDERS&stream=S&consumer=C&details=1")
	f.Add("/jsz", "acc=ORDERS&consumers=1&config=1&direct-consumers=1&raft=1")
	f.Add("/jsz", "accounts=1&offset=-1&limit=1")
	f.Add("/accountz", "acc=$SYS")
	pages := monitor.New(fullServer(), "")
	f.Fuzz(func(t *testing.T, path, query string) {
		r, err := http.NewRequest(http.MethodGet, "/", http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		r.URL.Path, r.URL.RawQuery = path, query
		switch w := serve(pages, r); w.Code {
		case http.StatusOK, http.StatusBadRequest, http.StatusNotFound:
		default:
			t.Errorf("%s?%s: status %d", path, query, w.Code)
		}
	})
}
