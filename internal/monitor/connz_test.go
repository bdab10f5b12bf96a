package monitor_test

import (
	"encoding/json"
	"math"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tidings-io/tidings/internal/monitor"
)

// ids returns the numbers of the connections on a page.
func ids(t testing.TB, h http.Handler, path string) []uint64 {
	t.Helper()
	var page monitor.Connz
	w := get(h, path)
	if err := json.Unmarshal(w.Body.Bytes(), &page); err != nil {
		t.Fatalf("%s: status %d: %v\n%s", path, w.Code, err, w.Body)
	}
	list := []uint64{}
	for _, c := range page.Connections {
		list = append(list, c.ID)
	}
	if page.NumConnections != len(list) {
		t.Errorf("%s: num_connections is %d of %d", path, page.NumConnections, len(list))
	}
	return list
}

func TestConnzSortsAsTheOptionSays(t *testing.T) {
	t.Parallel()
	now := time.Now()
	at := func(seconds int) time.Time { return now.Add(time.Duration(seconds) * time.Second) }
	source := &fake{
		open: []monitor.Connection{
			{ID: 3, Start: at(-30), LastActivity: at(-1), RTT: 20, Pending: 5, InMsgs: 1, OutMsgs: 9, InBytes: 7, OutBytes: 2, Subscriptions: 1},
			{ID: 1, Start: at(-50), LastActivity: at(-20), RTT: 10, Pending: 6, InMsgs: 2, OutMsgs: 8, InBytes: 6, OutBytes: 3, Subscriptions: 2},
			{ID: 2, Start: at(-40), LastActivity: at(-10), RTT: 30, Pending: 6, InMsgs: 3, OutMsgs: 7, InBytes: 5, OutBytes: 4, Subscriptions: 0},
		},
		closed: []monitor.Connection{
			{ID: 4, Start: at(-60), LastActivity: at(-58), Stop: at(-15), Reason: "Client Closed"},
			{ID: 5, Start: at(-45), LastActivity: at(-41), Stop: at(-40), Reason: "Stale Connection"},
			{ID: 6, Start: at(-45), LastActivity: at(-44), Stop: at(-10), Reason: "Client Closed"},
		},
	}
	pages := monitor.New(source, "")
	f := func(options string, want ...uint64) {
		t.Helper()
		if diff := cmp.Diff(want, ids(t, pages, "/connz?"+options)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", options, diff)
		}
	}
	f("", 1, 2, 3)
	f("sort=cid", 1, 2, 3)
	f("sort=start", 1, 2, 3)
	f("sort=subs", 1, 3, 2)
	f("sort=pending", 1, 2, 3)
	f("sort=msgs_to", 3, 1, 2)
	f("sort=msgs_from", 2, 1, 3)
	f("sort=bytes_to", 2, 1, 3)
	f("sort=bytes_from", 3, 1, 2)
	f("sort=last", 3, 2, 1)
	f("sort=idle", 1, 2, 3)
	f("sort=uptime", 3, 2, 1)
	f("sort=rtt", 2, 3, 1)
	f("sort=stop&state=closed", 6, 4, 5)
	f("sort=reason&state=closed", 4, 6, 5)
	f("sort=uptime&state=any", 5, 3, 6, 2, 4, 1)
	f("sort=idle&state=ALL", 4, 6, 5, 1, 2, 3)
	f("state=closed", 4, 5, 6)
	f("sort=stop&state=closed&limit=1&offset=1", 4)
}

func TestConnzChoosesWhatTheOptionsAskFor(t *testing.T) {
	t.Parallel()
	source := crowd(2000)
	source.open[4].Account, source.open[4].User = "OTHER", "eve"
	pages := monitor.New(source, "")
	f := func(options string, total, offset, limit int, want ...uint64) {
		t.Helper()
		got := ids(t, pages, "/connz?"+options)
		if !slices.Equal(got, want) {
			t.Errorf("%s: connections %v, want %v", options, got, want)
		}
		var page monitor.Connz
		if err := json.Unmarshal(get(pages, "/connz?"+options).Body.Bytes(), &page); err != nil {
			t.Fatal(err)
		}
		if page.Total != total || page.Offset != offset || page.Limit != limit {
			t.Errorf("%s: total %d, offset %d, limit %d; want %d, %d, %d", options, page.Total, page.Offset, page.Limit, total, offset, limit)
		}
	}
	f("limit=2", 2000, 0, 2, 1, 2)
	f("limit=2&offset=1998", 2000, 1998, 2, 1999, 2000)
	f("limit=2&offset=-7", 2000, 0, 2, 1, 2)
	f("offset=2000", 2000, 2000, 1024)
	most := strconv.Itoa(math.MaxInt)
	f("offset="+most+"&limit="+most, 2000, math.MaxInt, math.MaxInt)
	f("cid=7", 2000, 0, 1, 7)
	f("cid=7&offset=3&limit=9", 2000, 0, 1, 7)
	f("cid=5000", 2000, 0, 1)
	f("user=eve", 2000, 0, 1024, 5)
	f("acc=OTHER", 1, 0, 1024, 5)
	f("acc=NONE", 0, 0, 1024)
	f("mqtt_client=m", 2000, 0, 1024)
	f("filter_subject=orders.8.*", 2000, 0, 1024, 9)
	f("filter_subject=orders.9.new", 2000, 0, 1024, 10)
	f("filter_subject=%3E&limit=1", 2000, 0, 1, 1)
	f("filter_subject=nothing", 2000, 0, 1024)
	if got := len(ids(t, pages, "/connz")); got != 1024 {
		t.Errorf("without a limit %d connections are listed, want 1024", got)
	}
	if got := len(ids(t, pages, "/connz?limit=0")); got != 1024 {
		t.Errorf("with limit 0 %d connections are listed, want 1024", got)
	}
}

func TestConnzTellsUsersOnlyWhenAsked(t *testing.T) {
	t.Parallel()
	source := crowd(2)
	source.open[1].Account = "$G"
	pages := monitor.New(source, "")
	plain := get(pages, "/connz?subs=1").Body.String()
	for _, word := range []string{"authorized_user", "account", "name_tag", "ORDERS"} {
		if strings.Contains(plain, word) {
			t.Errorf("without auth the page has %q:\n%s", word, plain)
		}
	}
	var page monitor.Connz
	if err := json.Unmarshal(get(pages, "/connz?auth=true").Body.Bytes(), &page); err != nil {
		t.Fatal(err)
	}
	a, b := page.Connections[0], page.Connections[1]
	if a.AuthorizedUser != "worker" || a.Account != "ORDERS" || a.NameTag != "ORDERS" {
		t.Errorf("with auth: user %q, account %q, tag %q", a.AuthorizedUser, a.Account, a.NameTag)
	}
	if b.Account != "" || b.NameTag != "$G" {
		t.Errorf("the global account is shown as account %q, tag %q; want none and $G", b.Account, b.NameTag)
	}
}

func TestConnzShowsOneConnection(t *testing.T) {
	t.Parallel()
	stop := moment.Add(26*time.Hour + 62*time.Second)
	source := &fake{closed: []monitor.Connection{{
		ID: 4, Kind: "Client", Type: "nats", IP: "::1", Port: 9, Start: moment, LastActivity: moment.Add(26 * time.Hour), Stop: stop,
		Reason: "Client Closed", RTT: 2536552, Name: "a<b", TLSVersion: 0x0303, TLSCipher: 0xc02f, Stalls: 2, Subscriptions: 7,
	}}}
	want := `{
      "cid": 4,
      "kind": "Client",
      "type": "nats",
      "ip": "::1",
      "port": 9,
      "start": "2026-01-02T03:04:05Z",
      "last_activity": "2026-01-03T05:04:05Z",
      "stop": "2026-01-03T05:05:07Z",
      "reason": "Client Closed",
      "rtt": "2.536ms",
      "uptime": "1d2h1m2s",
      "idle": "1m2s",
      "pending_bytes": 0,
      "in_msgs": 0,
      "out_msgs": 0,
      "in_bytes": 0,
      "out_bytes": 0,
      "stalls": 2,
      "subscriptions": 7,
      "name": "a\u003cb",
      "tls_version": "1.2",
      "tls_cipher_suite": "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"
    }`
	got := get(monitor.New(source, ""), "/connz?state=closed&subs=detail").Body.String()
	if !strings.Contains(got, want) {
		t.Errorf("got\n%s\nwithout\n%s", got, want)
	}
}
