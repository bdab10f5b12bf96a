package jsapi_test

import (
	"encoding/json"
	"maps"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tidings-io/tidings/internal/jsapi"
)

const defaultStream = `{"name":"T","subjects":["t.>"],"retention":"limits","max_consumers":-1,"max_msgs":-1,"max_bytes":-1,` +
	`"max_age":0,"max_msgs_per_subject":-1,"max_msg_size":-1,"discard":"old","storage":"file","num_replicas":1,` +
	`"duplicate_window":120000000000,"compression":"none","allow_direct":false,"mirror_direct":false,"sealed":false,` +
	`"deny_delete":false,"deny_purge":false,"allow_rollup_hdrs":false,"consumer_limits":{},"allow_msg_ttl":false,` +
	`"metadata":{"_nats.req.level":"0"}}`

const defaultConsumer = `{"durable_name":"P","name":"P","deliver_policy":"all","ack_policy":"explicit","ack_wait":30000000000,` +
	`"max_deliver":-1,"replay_policy":"instant","max_waiting":512,"max_ack_pending":1000,"num_replicas":0,` +
	`"metadata":{"_nats.req.level":"0"}}`

// cases calls f for each line of a table: what stands before and after " => ".
func cases(t *testing.T, name string, f func(request, answer string)) {
	t.Helper()
	for _, line := range lines(t, name) {
		if strings.HasPrefix(line, "#") {
			continue
		}
		request, answer, ok := strings.Cut(line, " => ")
		if !ok {
			t.Fatalf("%s: no answer in %q", name, line)
		}
		f(request, answer)
	}
}

// sameAnswer compares a configuration or an error with the answer of a table.
func sameAnswer(t *testing.T, request, answer, defaults string, config any, err *jsapi.Error) {
	t.Helper()
	changes, ok := strings.CutPrefix(answer, "ok ")
	if !ok {
		got := "ok"
		if err != nil {
			got = strconv.Itoa(int(err.Code)) + " " + err.Description
		}
		if got != answer {
			t.Errorf("%s\n got  %s\n want %s", request, got, answer)
		}
		return
	}
	if err != nil {
		t.Errorf("%s\n got  %d %s\n want %s", request, err.Code, err.Description, answer)
		return
	}
	end := strings.LastIndexByte(changes, '}') + 1
	want := object(t, defaults)
	maps.Copy(want, object(t, changes[:end]))
	for missing := range strings.FieldsSeq(changes[end:]) {
		delete(want, missing[1:])
	}
	text, marshalErr := json.Marshal(config)
	if marshalErr != nil {
		t.Error(marshalErr)
	}
	if diff := cmp.Diff(object(t, string(text)), want); diff != "" {
		t.Errorf("%s\n(-got +want)\n%s", request, diff)
	}
}

func object(t *testing.T, text string) map[string]any {
	t.Helper()
	var o map[string]any
	if err := json.Unmarshal([]byte(text), &o); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	return o
}

func TestStreamsAreCheckedAsExistingServersDo(t *testing.T) {
	t.Parallel()
	cases(t, "streams.txt", func(request, answer string) {
		mode, body, _ := strings.Cut(request, " ")
		var r jsapi.StreamCreateRequest
		if err := jsapi.Decode([]byte(body), &r, true); err != nil {
			t.Fatalf("%s: %v", request, err)
		}
		rules := jsapi.StreamRules{Pedantic: mode == "pedantic"}
		got, err := r.Checked(rules)
		sameAnswer(t, request, answer, defaultStream, got, err)
		if err != nil {
			return
		}
		again, err := got.Checked(rules)
		if err != nil || !got.Equal(&again) {
			t.Errorf("%s\n checked again: %v %s", request, err, cmp.Diff(got, again))
		}
	})
}

func TestConsumersAreCheckedAsExistingServersDo(t *testing.T) {
	t.Parallel()
	streams := map[string]jsapi.StreamConfig{
		"L":   {Name: "L", Subjects: []string{"l.>"}},
		"W":   {Name: "W", Subjects: []string{"w.>"}, Retention: jsapi.RetainWorkQueue},
		"I":   {Name: "I", Subjects: []string{"i.>"}, Retention: jsapi.RetainInterest},
		"LIM": {Name: "LIM", Subjects: []string{"lim.>"}, ConsumerLimits: jsapi.ConsumerLimits{MaxAckPending: 50, InactiveThreshold: 100 * time.Second}},
	}
	cases(t, "consumers.txt", func(request, answer string) {
		name, rest, _ := strings.Cut(request, " ")
		mode, body, _ := strings.Cut(rest, " ")
		config := streams[name]
		stream, err := config.Checked(jsapi.StreamRules{})
		if err != nil {
			t.Fatal(err)
		}
		var c jsapi.ConsumerConfig
		if err := jsapi.Decode([]byte(body), &c, true); err != nil {
			t.Fatalf("%s: %v", request, err)
		}
		rules := jsapi.ConsumerRules{Pedantic: mode == "pedantic"}
		got, err := c.Checked(&stream, rules)
		sameAnswer(t, request, answer, defaultConsumer, got, err)
		if err != nil {
			return
		}
		again, err := got.Checked(&stream, jsapi.ConsumerRules{})
		if err != nil {
			t.Errorf("%s\n checked again: %v", request, err)
		} else if again.Metadata, got.Metadata = nil, nil; !got.Equal(&again) {
			t.Errorf("%s\n checked again: %s", request, cmp.Diff(got, again))
		}
	})
}
