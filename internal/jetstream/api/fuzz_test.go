package api_test

import (
	"encoding/json"
	"testing"

	"github.com/tidings-io/tidings/internal/core"
	"github.com/tidings-io/tidings/internal/jsapi"
)

// operations that end in one answer of JSON, on a stream with consumers.
var fuzzed = []string{
	"INFO", "STREAM.CREATE.S", "STREAM.CREATE.N", "STREAM.UPDATE.S", "STREAM.NAMES", "STREAM.LIST", "STREAM.INFO.S",
	"STREAM.DELETE.N", "STREAM.PURGE.S", "STREAM.MSG.GET.S", "STREAM.MSG.DELETE.S", "STREAM.SNAPSHOT.S",
	"CONSUMER.CREATE.S", "CONSUMER.CREATE.S.c", "CONSUMER.CREATE.S.c.s.1", "CONSUMER.DURABLE.CREATE.S.d",
	"CONSUMER.NAMES.S", "CONSUMER.LIST.S", "CONSUMER.INFO.S.c", "CONSUMER.DELETE.S.c", "CONSUMER.PAUSE.S.c",
	"CONSUMER.UNPIN.S.c", "CONSUMER.RESET.S.c",
}

func FuzzRequests(f *testing.F) {
	for _, body := range []string{
		``, `{}`, `[]`, `null`, `"x"`, `{"name":"S"}`, `{"offset":-1}`, `{"seq":18446744073709551615}`,
		`{"stream_name":"S","config":{"name":"c","filter_subject":"s.1"}}`,
		`{"deliver_subject":"x","chunk_size":-1,"window_size":9999999999}`,
		`{"multi_last":["s.*"],"up_to_seq":1}`, `{"batch":9,"seq":1}`, `{"start_time":"2026-01-02T03:04:06Z"}`,
		`{"pause_until":"9999-01-02T03:04:06Z"}`, `{"group":"g"}`, `{"last_by_subj":"s.\u0000"}`,
	} {
		for i := range fuzzed {
			f.Add(uint8(i), body, "")
		}
		f.Add(uint8(0), body, "Nats-Required-Api-Level: 99999999999999999999")
	}
	x := start(f, nil)
	f.Fuzz(func(t *testing.T, op uint8, body, header string) {
		x.t = t
		if x.streams.stream("S") == nil {
			s := x.create(`{"name":"S","subjects":["s.>"],"allow_direct":true}`)
			s.publish("s.1", "", "x")
			s.publish("s.2", "NATS/1.0\r\nA: b\r\n\r\n", "y")
		}
		operation := fuzzed[int(op)%len(fuzzed)]
		answers := x.ask("$JS.API."+operation, header, body)
		var r jsapi.Response
		if d := <-answers; json.Unmarshal([]byte(d.body), &r) != nil || r.Type == "" {
			t.Errorf("%s %q: answer %q", operation, body, d.body)
		}
		for _, subject := range []string{"$JS.API.DIRECT.GET.S", "$JS.API.DIRECT.GET.S.s.1"} {
			inbox := "_INBOX.direct"
			got := x.subscribeOnce(inbox)
			x.publish(subject, inbox, header, body)
			if n := got(); n == 0 {
				t.Errorf("%s %q: no answer", subject, body)
			}
		}
	})
}

// subscribeOnce counts what comes on a subject until the result is called.
func (c *client) subscribeOnce(subject string) func() int {
	s := &counter{}
	sub := core.NewSubscription(s, []byte(subject), nil, []byte("s"))
	c.account.Subscribe(sub)
	return func() int {
		c.account.Unsubscribe(sub)
		return s.got
	}
}

// counter counts what it gets in the goroutine that publishes.
type counter struct {
	client
	got int
}

func (s *counter) Deliver(*core.Stage, *core.Subscription, *core.Message) { s.got++ }
