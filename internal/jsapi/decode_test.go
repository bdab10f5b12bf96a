package jsapi_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tidings-io/tidings/internal/jsapi"
)

func TestRequestsThatAreNotUnderstoodAreExplained(t *testing.T) {
	t.Parallel()
	f := func(body, want string) {
		t.Helper()
		err := jsapi.Decode([]byte(body), &jsapi.StreamCreateRequest{}, true)
		if err == nil || err.Code != jsapi.ErrInvalidJSON || err.Description != "invalid JSON: "+want {
			t.Errorf("%.60s: got %v, want %q", body, err, want)
		}
	}
	f(`{"name":"T","foo":1}`, `json: unknown field "foo"`)
	f(`{"name":"T","mirror":{"foo":1}}`, `json: unknown field "foo"`)
	f(`{"name":"T","template_owner":""}`, `json: unknown field "template_owner"`)
	f(`{`, "unexpected EOF")
	f(`x`, "invalid character 'x' looking for beginning of value at offset 1")
	f(`[]`, "request is array, it must be an object")
	f(`{"name":"T"} x`, "invalid character 'x' after the request at offset 14")
	f(`{"name":5}`, `field "name" can not be number, it must be a string`)
	f(`{"max_msgs":"x"}`, `field "max_msgs" can not be string, it must be a number of type int64`)
	f(`{"max_msgs":1.5}`, `field "max_msgs" can not be number 1.5, it must be a number of type int64`)
	f(`{"max_msg_size":2147483648}`, `field "max_msg_size" can not be number 2147483648, it must be a number of type int32`)
	f(`{"max_age":"1s"}`, `field "max_age" can not be string, it must be a number of nanoseconds`)
	f(`{"first_seq":-1}`, `field "first_seq" can not be number -1, it must be a number of type uint64`)
	f(`{"subjects":"a"}`, `field "subjects" can not be string, it must be a list`)
	f(`{"sealed":1}`, `field "sealed" can not be number, it must be true or false`)
	f(`{"mirror":1}`, `field "mirror" can not be number, it must be an object`)
	f(`{"retention":"x"}`, `can not unmarshal "\"x\""`)
	f(`{"retention":null}`, `can not unmarshal "null"`)
	f(`{"discard":1}`, `can not unmarshal "1"`)
	f(`{"storage":""}`, `can not unmarshal "\"\""`)
	f(`{"compression":"x"}`, "unknown compression algorithm")
	f(`{"persist_mode":"x"}`, `can not unmarshal "\"x\""`)
	f(`{"a":`+strings.Repeat("[", 40)+strings.Repeat("]", 40)+`}`, "request is nested deeper than 32")
	f(`{"name":"`+strings.Repeat("x", jsapi.RequestMaxBytes)+`"}`, "request of 8388619 bytes is larger than 8388608")

	consumer := func(body, want string) {
		t.Helper()
		err := jsapi.Decode([]byte(body), &jsapi.ConsumerCreateRequest{}, true)
		if err == nil || err.Description != "invalid JSON: "+want {
			t.Errorf("%s: got %v, want %q", body, err, want)
		}
	}
	consumer(`{"action":"foo"}`, `unknown consumer action: "foo"`)
	consumer(`{"config":{"priority_policy":""}}`, `unknown priority policy: ""`)
	consumer(`{"config":{"priority_policy":null}}`, `unknown priority policy: null`)
	consumer(`{"config":{"foo":1}}`, `json: unknown field "foo"`)
	consumer(`{"config":{"max_deliver":""}}`, `field "config.max_deliver" can not be string, it must be a number of type int`)
	consumer(`{"config":{"pause_until":"x"}}`, `parsing time "x" as "2006-01-02T15:04:05Z07:00": cannot parse "x" as "2006"`)
}

func TestLenientDecodingPassesOverUnknownFields(t *testing.T) {
	t.Parallel()
	var r jsapi.StreamCreateRequest
	if err := jsapi.Decode([]byte(`{"foo":{"bar":[1]},"NAME":"T","name":"U","persist_mode":""}`), &r, false); err != nil {
		t.Fatal(err)
	}
	if r.Name != "U" {
		t.Errorf("got name %q", r.Name)
	}
	if err := jsapi.Decode([]byte(" \r\n"), &r, true); err != nil || r.Name != "U" {
		t.Errorf("a blank body: %v, name %q", err, r.Name)
	}
}

func TestBodiesThatBeginAsJSON(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]bool{"": false, " ": false, "x": false, " {": true, "[": true, "1": false} {
		if got := jsapi.HasJSON([]byte(body)); got != want {
			t.Errorf("%q: got %t", body, got)
		}
	}
}

func TestPullRequests(t *testing.T) {
	t.Parallel()
	f := func(body string, want jsapi.PullRequest) {
		t.Helper()
		got, err := jsapi.ParsePull([]byte(body))
		if err != nil || got != want {
			t.Errorf("%q: %v %s", body, err, cmp.Diff(got, want))
		}
	}
	one := jsapi.PullRequest{Batch: 1}
	f("", one)
	f("x", one)
	f("-1", one)
	f("0", one)
	f("1.5", one)
	f("[]", one)
	f("null", one)
	f(`{"foo":1}`, one)
	f(`{"batch":-1}`, one)
	f(" 5", jsapi.PullRequest{Batch: 5})
	f(`{"batch":7,"expires":1000,"max_bytes":5,"no_wait":true,"idle_heartbeat":500,"group":"g","min_pending":1,"min_ack_pending":2,"id":"p","priority":9}`,
		jsapi.PullRequest{
			Batch: 7, Expires: 1000, MaxBytes: 5, NoWait: true, Heartbeat: 500, Group: "g",
			MinPending: 1, MinAckPending: 2, PinID: "p", Priority: 9,
		})
	bad := func(body string, want error) {
		t.Helper()
		if _, err := jsapi.ParsePull([]byte(body)); err == nil || want != nil && !errors.Is(err, want) {
			t.Errorf("%q: got %v, want %v", body, err, want)
		}
	}
	bad(`{"expires":100000000,"idle_heartbeat":60000000}`, jsapi.ErrHeartbeatTooLarge)
	bad(`{"idle_heartbeat":60000000}`, jsapi.ErrHeartbeatTooLarge)
	bad(`{"priority":10}`, jsapi.ErrPriorityRange)
	bad(`{"priority":-1}`, jsapi.ErrPriorityRange)
	bad(`{"expires":"1s"}`, nil)
	bad(`{`, nil)
}

func TestEnumsKeepTheirWords(t *testing.T) {
	t.Parallel()
	config := jsapi.ConsumerConfig{
		DeliverPolicy: jsapi.DeliverLastPerSubject, AckPolicy: jsapi.AckFlowControl,
		ReplayPolicy: jsapi.ReplayOriginal, PriorityPolicy: jsapi.PriorityPrioritized,
	}
	text, err := json.Marshal(config)
	want := `{"deliver_policy":"last_per_subject","ack_policy":"flow_control","replay_policy":"original","num_replicas":0,"priority_policy":"prioritized"}`
	if err != nil || string(text) != want {
		t.Errorf("got %s, %v", text, err)
	}
	if got := jsapi.AckExplicit.String() + jsapi.UpdateOnly.String() + jsapi.Retention(9).String(); got != "explicitupdateinvalid value 9" {
		t.Errorf("got %q", got)
	}
	if _, err := json.Marshal(jsapi.Retention(9)); err == nil {
		t.Error("an invalid value was written")
	}
}

// FuzzDecode checks that what is taken can be written and read again.
func FuzzDecode(f *testing.F) {
	f.Add([]byte(`{"name":"S","subjects":["a.>"],"mirror":{"name":"x"},"max_age":5}`), true)
	f.Add([]byte(`{"stream_name":"S","config":{"ack_policy":"explicit","pause_until":"2030-01-01T00:00:00Z"},"action":"create"}`), false)
	f.Fuzz(func(t *testing.T, body []byte, strict bool) {
		for _, into := range []any{&jsapi.StreamCreateRequest{}, &jsapi.ConsumerCreateRequest{}, &jsapi.MsgGetRequest{}} {
			if jsapi.Decode(body, into, strict) != nil {
				continue
			}
			text, err := json.Marshal(into)
			if err != nil {
				continue // a time beyond the year 9999
			}
			if err := jsapi.Decode(text, into, true); err != nil {
				t.Errorf("%T %s: %v", into, text, err)
			}
		}
		if p, err := jsapi.ParsePull(body); err == nil && (p.Batch < 1 || p.Heartbeat > max(0, p.Expires/2)) {
			t.Errorf("%q: %+v", body, p)
		}
		_, _ = jsapi.ParseAck(body)
	})
}
