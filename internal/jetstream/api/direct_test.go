package api_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tidings-io/tidings/internal/jetstream/api"
)

// kept returns a fixture with the stream K: k.0 to k.3, twice, sequence 3 deleted,
// every other message with a header.
func kept(t testing.TB) *fixture {
	f := start(t, nil)
	s := f.create(`{"name":"K","subjects":["k.>"],"allow_direct":true}`)
	for i := range 8 {
		header := ""
		if i%2 == 1 {
			header = fmt.Sprintf("NATS/1.0\r\nX: %d\r\n\r\n", i)
		}
		s.publish(fmt.Sprintf("k.%d", i%4), header, fmt.Sprintf("body%d", i))
	}
	s.remove(3)
	return f
}

// show writes an answer on one line: the sequence for a message, or the status.
func show(d delivery) string {
	var b strings.Builder
	lines := strings.Split(strings.TrimSuffix(d.header, "\r\n\r\n"), "\r\n")
	if status := strings.TrimPrefix(lines[0], "NATS/1.0"); status != "" {
		b.WriteString(strings.TrimSpace(status))
	}
	for _, line := range lines[1:] {
		key, value, _ := strings.Cut(line, ": ")
		switch key {
		case "Nats-Sequence":
			b.WriteString("seq " + value)
		case "Nats-Num-Pending":
			b.WriteString(" pending " + value)
		case "Nats-Last-Sequence":
			b.WriteString(" last " + value)
		case "Nats-UpTo-Sequence":
			b.WriteString(" upto " + value)
		}
	}
	if d.body != "" {
		b.WriteString(" " + d.body)
	}
	return strings.TrimSpace(b.String())
}

func TestDirectGetAddsWhereTheMessageStands(t *testing.T) {
	t.Parallel()
	f := kept(t)
	got := f.request("$JS.API.DIRECT.GET.K", `{"seq":2}`)
	want := "NATS/1.0\r\nX: 1\r\nNats-Stream: K\r\nNats-Subject: k.1\r\nNats-Sequence: 2\r\nNats-Time-Stamp: 2026-01-02T03:04:07.000000006Z\r\n\r\n"
	if got.header != want || got.body != "body1" {
		t.Errorf("answer %q %q, want %q", got.header, got.body, want)
	}
	got = f.request("$JS.API.DIRECT.GET.K.k.0", "")
	want = "NATS/1.0\r\nNats-Stream: K\r\nNats-Subject: k.0\r\nNats-Sequence: 5\r\nNats-Time-Stamp: 2026-01-02T03:04:10.000000006Z\r\n\r\n"
	if got.header != want || got.body != "body4" {
		t.Errorf("answer %q %q, want %q", got.header, got.body, want)
	}
}

// The expectations are what nats-server 2.15.2 answers, except where
// docs/differences.md says so.
func TestDirectGetFindsOneMessage(t *testing.T) {
	t.Parallel()
	f := kept(t)
	at := func(seq int) string { return epoch.Add(time.Duration(seq) * time.Second).Format(time.RFC3339Nano) }
	get := func(subject, body, want string) {
		t.Helper()
		if got := show(f.request("$JS.API.DIRECT.GET.K"+subject, body)); got != want {
			t.Errorf("%s %s: %q, want %q", subject, body, got, want)
		}
	}
	get("", ``, "408 Empty Request")
	get("", `{}`, "408 Empty Request")
	get("", `xx`, "408 Malformed Request")
	get("", `[]`, "408 Malformed Request")
	get("", `{"seq":`, "408 Malformed Request")
	get("", `{"seq":"a"}`, "408 Malformed Request")
	get("", `{"zz":1}`, "408 Empty Request")
	get("", `{"batch":3}`, "408 Empty Request")
	get("", `{"up_to_seq":3}`, "408 Empty Request")
	get("", `{"multi_last":[]}`, "408 Empty Request")
	get("", `{"seq":1}`, "seq 1 body0")
	get("", ` {"seq": 1}`, "seq 1 body0")
	get("", `{"seq":3}`, "404 Message Not Found")
	get("", `{"seq":99}`, "404 Message Not Found")
	get("", `{"seq":0}`, "408 Empty Request")
	get("", `{"seq":1,"up_to_seq":3}`, "seq 1 body0")
	get("", `{"seq":1,"max_bytes":3}`, "seq 1 body0")
	get("", `{"last_by_subj":"k.1"}`, "seq 6 body5")
	get("", `{"last_by_subj":"k.\u0031"}`, "seq 6 body5")
	get("", `{"last_by_subj":"k.*"}`, "seq 8 body7")
	get("", `{"last_by_subj":"k.9"}`, "404 Message Not Found")
	get("", `{"next_by_subj":"k.1"}`, "seq 2 body1")
	get("", `{"seq":3,"next_by_subj":"k.1"}`, "seq 6 body5")
	get("", `{"seq":7,"next_by_subj":"k.1"}`, "404 Message Not Found")
	get("", `{"start_time":"`+at(4)+`"}`, "seq 4 body3")
	get("", `{"start_time":"`+at(3)+`"}`, "seq 4 body3")
	get("", `{"start_time":"`+at(4)+`","next_by_subj":"k.1"}`, "seq 6 body5")
	get("", `{"start_time":"2099-01-01T00:00:00Z"}`, "404 Message Not Found")
	get("", `{"start_time":"2009-01-01T00:00:00Z"}`, "seq 1 body0")
	for _, body := range []string{
		`{"seq":1,"last_by_subj":"k.1"}`,
		`{"seq":1,"start_time":"` + at(4) + `"}`,
		`{"last_by_subj":"k.1","start_time":"` + at(4) + `"}`,
		`{"last_by_subj":"k.1","next_by_subj":"k.1"}`,
		`{"batch":3,"last_by_subj":"k.1"}`,
		`{"multi_last":["k.1"],"last_by_subj":"k.1"}`,
		`{"multi_last":["k.1"],"next_by_subj":"k.1"}`,
		`{"multi_last":["k.1"],"up_to_seq":3,"up_to_time":"` + at(4) + `"}`,
	} {
		get("", body, "408 Bad Request")
	}
	get(".k.1", ``, "seq 6 body5")
	get(".k.*", ``, "seq 8 body7")
	get(".k.9", ``, "404 Message Not Found")
	get(".k.1", `{}`, "seq 6 body5")
	get(".k.1", `xx`, "408 Malformed Request")
	get(".k.1", `{"seq":1}`, "408 Bad Request")
	get(".k.1", `{"no_hdr":true}`, "body5")
	get("", `{"seq":2,"no_hdr":true}`, "body1")
	get("", `{"seq":99,"no_hdr":true}`, "404 Message Not Found")
}

func TestDirectGetSendsSeveralMessages(t *testing.T) {
	t.Parallel()
	f := kept(t)
	at := epoch.Add(4 * time.Second).Format(time.RFC3339Nano)
	get := func(body string, want ...string) {
		t.Helper()
		answers := f.ask("$JS.API.DIRECT.GET.K", "", body)
		var got []string
		for range want {
			got = append(got, show(<-answers))
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: (-want +got)\n%s", body, diff)
		}
		if n := len(answers); n > 0 {
			t.Errorf("%s: %d answers more", body, n)
		}
	}
	get(`{"batch":3,"seq":1}`, "seq 1 pending 6 last 0 body0", "seq 2 pending 5 last 1 body1", "seq 4 pending 4 last 2 body3", "204 EOB pending 4 last 4")
	get(`{"batch":3,"seq":1,"next_by_subj":"k.1"}`, "seq 2 pending 1 last 0 body1", "seq 6 pending 0 last 2 body5", "204 EOB pending 0 last 6")
	get(`{"batch":1,"seq":8}`, "seq 8 pending 0 last 0 body7", "204 EOB pending 0 last 8")
	get(`{"batch":9,"seq":7}`, "seq 7 pending 1 last 0 body6", "seq 8 pending 0 last 7 body7", "204 EOB pending 0 last 8")
	get(`{"batch":3,"seq":99}`, "404 Message Not Found")
	get(`{"batch":3,"max_bytes":20,"seq":1}`, "seq 1 pending 6 last 0 body0", "seq 2 pending 5 last 1 body1", "204 EOB pending 5 last 2")
	get(`{"batch":3,"max_bytes":1,"seq":1}`, "seq 1 pending 6 last 0 body0", "204 EOB pending 6 last 1")
	get(`{"batch":-1,"seq":1}`, "204 EOB pending 7 last 0")
	get(`{"batch":2,"start_time":"`+at+`"}`, "seq 4 pending 4 last 0 body3", "seq 5 pending 3 last 4 body4", "204 EOB pending 3 last 5")
	get(`{"batch":2,"seq":1,"no_hdr":true}`, "body0", "body1", "204 EOB pending 5 last 2")
	get(`{"batch":2,"next_by_subj":"k.9"}`, "404 Message Not Found")

	get(`{"multi_last":["k.1","k.2"]}`, "seq 6 pending 1 last 0 body5", "seq 7 pending 0 last 6 body6", "204 EOB pending 0 last 7 upto 8")
	get(`{"multi_last":["k.1","k.1","k.*"],"batch":2}`, "seq 5 pending 3 last 0 body4", "seq 6 pending 2 last 5 body5", "204 EOB pending 2 last 6 upto 8")
	get(`{"multi_last":["k.*"],"batch":2,"up_to_seq":8,"seq":7}`, "seq 7 pending 1 last 0 body6", "seq 8 pending 0 last 7 body7", "204 EOB pending 0 last 8 upto 8")
	get(`{"multi_last":["k.*"],"up_to_seq":4}`, "seq 1 pending 2 last 0 body0", "seq 2 pending 1 last 1 body1", "seq 4 pending 0 last 2 body3", "204 EOB pending 0 last 4 upto 4")
	get(`{"multi_last":["k.*"],"up_to_time":"`+at+`"}`, "seq 1 pending 1 last 0 body0", "seq 2 pending 0 last 1 body1", "204 EOB pending 0 last 2 upto 3")
	get(`{"multi_last":["k.1"],"seq":7}`, "204 EOB pending 0 last 0 upto 8")
	get(`{"multi_last":["k.1"],"start_time":"`+at+`"}`, "seq 6 pending 0 last 0 body5", "204 EOB pending 0 last 6 upto 8")
	get(`{"multi_last":["k.*"],"max_bytes":20}`, "seq 5 pending 3 last 0 body4", "seq 6 pending 2 last 5 body5", "204 EOB pending 2 last 6 upto 8")
	get(`{"multi_last":["z"]}`, "404 No Results")
	get(`{"multi_last":["k..1"]}`, "404 No Results")
	get(`{"multi_last":["k.*"],"up_to_time":"2000-01-01T00:00:00Z"}`, "404 No Results")
}

func TestDirectGetRefusesMoreThanTheLimitOfSubjects(t *testing.T) {
	t.Parallel()
	f := start(t, nil)
	s := f.create(`{"name":"BIG","subjects":["big.>"],"allow_direct":true}`)
	for i := range 1025 {
		s.publish(fmt.Sprintf("big.%d", i), "", "x")
	}
	if got := show(f.request("$JS.API.DIRECT.GET.BIG", `{"multi_last":["big.*"]}`)); got != "413 Too Many Results" {
		t.Errorf("1025 subjects: %q", got)
	}
	answers := f.ask("$JS.API.DIRECT.GET.BIG", "", `{"multi_last":["big.*"],"up_to_seq":1024}`)
	for range 1024 {
		<-answers
	}
	if got := show(<-answers); got != "204 EOB pending 0 last 1024 upto 1024" {
		t.Errorf("1024 subjects: %q", got)
	}
}

func TestDirectGetFollowsMessagesThatAreMoved(t *testing.T) {
	t.Parallel()
	f := kept(t)
	s := f.streams.stream("K")
	s.moves = 5
	if got := show(f.request("$JS.API.DIRECT.GET.K", `{"seq":4}`)); got != "seq 4 body3" {
		t.Errorf("moved: %q", got)
	}
	s.damaged = 4
	if got := show(f.request("$JS.API.DIRECT.GET.K", `{"seq":4}`)); got != "500 record is damaged" {
		t.Errorf("damaged: %q", got)
	}
}

func TestDirectGetKeepsWhatIsAskedForAgain(t *testing.T) {
	t.Parallel()
	f := kept(t)
	s := f.streams.stream("K")
	for range 3 {
		if got := show(f.request("$JS.API.DIRECT.GET.K.k.1", "")); got != "seq 6 body5" {
			t.Errorf("get: %q", got)
		}
	}
	if n := s.reads; n != 2 {
		t.Errorf("%d reads for three gets, want 2", n)
	}
	s.publish("k.1", "", "new")
	if got := show(f.request("$JS.API.DIRECT.GET.K.k.1", "")); got != "seq 9 new" {
		t.Errorf("after a publish: %q", got)
	}
	s.remove(6, 9)
	if got := show(f.request("$JS.API.DIRECT.GET.K.k.1", "")); got != "seq 2 body1" {
		t.Errorf("after removals: %q", got)
	}
	if got := show(f.request("$JS.API.DIRECT.GET.K", `{"seq":6}`)); got != "404 Message Not Found" {
		t.Errorf("removed: %q", got)
	}
}

func TestDirectGetOfANewStreamIsNotAnsweredFromAnOldOne(t *testing.T) {
	t.Parallel()
	f := kept(t)
	for range 3 {
		f.request("$JS.API.DIRECT.GET.K", `{"seq":1}`)
	}
	f.request("$JS.API.STREAM.DELETE.K", "")
	f.server.Unregister(f.account, "K")
	f.create(`{"name":"K","subjects":["k.>"],"allow_direct":true}`).publish("k.1", "", "new")
	if got := show(f.request("$JS.API.DIRECT.GET.K", `{"seq":1}`)); got != "seq 1 new" {
		t.Errorf("get: %q", got)
	}
}

func TestDirectGetHasNoRespondersUnlessTheStreamAllowsIt(t *testing.T) {
	t.Parallel()
	f := kept(t)
	nobody := func(subject string) {
		t.Helper()
		if n := f.publish(subject, "_INBOX.x", "", ""); n != 0 {
			t.Errorf("%s has %d receivers, want none", subject, n)
		}
	}
	nobody("$JS.API.DIRECT.GET.X")
	nobody("$JS.API.DIRECT.GET")
	nobody("$JS.API.CONSUMER.MSG.NEXT.K.C")
	f.server.Unregister(f.account, "K")
	nobody("$JS.API.DIRECT.GET.K")
	f.create(`{"name":"N","subjects":["n"]}`)
	nobody("$JS.API.DIRECT.GET.N")
}

func TestMirrorsAnswerDirectGetsOfTheirOrigin(t *testing.T) {
	t.Parallel()
	f := start(t, nil)
	f.create(`{"name":"M","mirror":{"name":"K"},"mirror_direct":true}`).publish("k.1", "", "x")
	d := f.request("$JS.API.DIRECT.GET.K.k.1", "")
	if show(d) != "seq 1 x" || !strings.Contains(d.header, "Nats-Stream: M\r\n") {
		t.Errorf("answer %q %q", d.header, d.body)
	}
}

func TestAChangeLeavesTheDoorOpen(t *testing.T) {
	t.Parallel()
	f := kept(t)
	s := f.streams.stream("K")
	before := f.account.Subscriptions()
	s.cfg.Description = "new"
	f.server.Register(f.account, s)
	if got := show(f.request("$JS.API.DIRECT.GET.K", `{"seq":1}`)); got != "seq 1 body0" {
		t.Errorf("answer %q", got)
	}
	s.cfg.AllowDirect = false
	f.server.Register(f.account, s)
	if got := f.account.Subscriptions(); got != before-1 { // one inbox more, two subjects less
		t.Errorf("%d subscriptions, %d before", got, before)
	}
}

func TestDirectGetAsksForTheRequiredLevel(t *testing.T) {
	t.Parallel()
	f := kept(t)
	if got := show(<-f.ask("$JS.API.DIRECT.GET.K", "Nats-Required-Api-Level: 6", `{"seq":1}`)); got != "412 Required Api Level" {
		t.Errorf("level 6: %q", got)
	}
	if got := show(<-f.ask("$JS.API.DIRECT.GET.K", "Nats-Required-Api-Level: 5", `{"seq":1}`)); got != "seq 1 body0" {
		t.Errorf("level 5: %q", got)
	}
}

func TestManySmallMessagesAtATimeAreBounded(t *testing.T) {
	t.Parallel()
	f := start(t, func(cfg *api.Config) { cfg.BatchMaxBytes = 10_000 })
	s := f.create(`{"name":"S","subjects":["s"],"allow_direct":true}`)
	for range 1000 {
		s.publish("s", "", "")
	}
	answers := f.subscribe("answers")
	for _, bare := range []string{"", `,"no_hdr":true`} {
		f.publish("$JS.API.DIRECT.GET.S", "answers", "", `{"seq":1,"batch":1000`+bare+`}`)
		n, size := 0, 0
		for d := range answers {
			if strings.Contains(d.header, "204") {
				break
			}
			n++
			size += len("answers") + len(d.header) + len(d.body)
		}
		if n < 10 || size > 11_000 {
			t.Errorf("%d messages in %d bytes", n, size)
		}
	}
}
