package jsapi_test

import (
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/tidings-io/tidings/internal/jsapi"
)

func TestStreamUpdatesThatCannotBe(t *testing.T) {
	t.Parallel()
	decode := func(body string) *jsapi.StreamConfig {
		t.Helper()
		var r jsapi.StreamCreateRequest
		if err := jsapi.Decode([]byte(strings.Replace(body, "{", `{"name":"U",`, 1)), &r, true); err != nil {
			t.Fatalf("%s: %v", body, err)
		}
		return &r.StreamConfig
	}
	f := func(before, after, want string) {
		t.Helper()
		old, err := decode(before).Checked(jsapi.StreamRules{Existing: true})
		if err != nil {
			t.Fatalf("%s: %v", before, err)
		}
		_, err = old.CheckedUpdate(decode(after), jsapi.StreamRules{})
		got := "ok"
		if err != nil {
			got = strconv.Itoa(int(err.Code)) + " " + err.Description
		}
		if got != want {
			t.Errorf("%s -> %s:\n got  %s\n want %s", before, after, got, want)
		}
	}
	const cannot = "10052 stream configuration update can not "
	f(`{"max_msgs":1}`, `{"max_msgs":1}`, "ok")
	f(`{"max_msgs":1}`, `{"storage":"memory"}`, cannot+"change storage type")
	f(`{"max_msgs":1}`, `{"storage":"memory","retention":"workqueue"}`, cannot+"change storage type")
	f(`{"max_msgs":1}`, `{"retention":"interest"}`, "ok")
	f(`{"retention":"interest"}`, `{"max_msgs":1}`, "ok")
	f(`{"max_msgs":1}`, `{"retention":"workqueue"}`, cannot+"change retention policy to/from workqueue")
	f(`{"retention":"workqueue"}`, `{"retention":"interest"}`, cannot+"change retention policy to/from workqueue")
	f(`{"deny_delete":true}`, `{"max_msgs":1}`, cannot+"cancel deny message deletes")
	f(`{"deny_purge":true}`, `{"max_msgs":1}`, cannot+"cancel deny purge")
	f(`{"deny_purge":true}`, `{"deny_purge":true,"allow_rollup_hdrs":true}`, "10052 roll-ups require the purge permission")
	f(`{"deny_purge":true}`, `{"deny_purge":true,"subject_delete_marker_ttl":1000000000}`, cannot+"cancel deny purge")
	f(`{"allow_msg_ttl":true}`, `{"max_msgs":1}`, "10052 message TTL status can not be disabled")
	f(`{"subject_delete_marker_ttl":1000000000}`, `{"allow_msg_ttl":true}`, "ok")
	f(`{"allow_msg_counter":true}`, `{"max_msgs":1}`, cannot+"change message counter setting")
	f(`{"max_msgs":1}`, `{"allow_msg_counter":true}`, cannot+"change message counter setting")
	f(`{"allow_msg_schedules":true}`, `{"max_msgs":1}`, "10052 message schedules can not be disabled")
	f(`{"max_msgs":1}`, `{"allow_msg_schedules":true}`, "ok")
	f(`{"persist_mode":"async"}`, `{"max_msgs":1}`, cannot+"change persist mode")
	f(`{"max_msgs":1}`, `{"persist_mode":"async"}`, cannot+"change persist mode")
	f(`{"allow_atomic":true}`, `{"allow_batched":true}`, "ok")
	f(`{"mirror":{"name":"O"}}`, `{"max_msgs":1}`, "ok")
	f(`{"mirror":{"name":"O"}}`, `{"subjects":["u.>"]}`, "ok")
	f(`{"mirror":{"name":"O"}}`, `{"mirror":{"name":"O"}}`, "ok")
	f(`{"mirror":{"name":"O"}}`, `{"mirror":{"name":"O","opt_start_seq":4}}`, "10055 stream mirror configuration can not be updated")
	f(`{"max_msgs":1}`, `{"mirror":{"name":"O"}}`, "10055 stream mirror configuration can not be updated")
	f(`{"max_msgs":1}`, `{"subjects":["a"],"mirror":{"name":"O"}}`, "10034 stream mirrors can not contain subjects")
	f(`{"max_msgs":1}`, `{"sources":[{"name":"O"}]}`, "ok")
	f(`{"first_seq":5,"compression":"s2","discard":"new","no_ack":true}`, `{"max_consumers":5}`, "ok")
	f(`{"max_msgs":1}`, `{"sealed":true}`, "ok")
	f(`{"sealed":true}`, `{"sealed":false}`, cannot+"unseal a sealed stream")
	f(`{"sealed":true}`, `{"sealed":true,"deny_delete":true,"deny_purge":true,"description":"x"}`, "ok")
	f(`{"sealed":true}`, `{"sealed":true,"description":"x"}`, cannot+"cancel deny message deletes")
	f(`{"sealed":true}`, `{"sealed":true,"deny_delete":true}`, cannot+"cancel deny purge")
	f(`{"max_msgs":1}`, `{"NAME":"V"}`, "10056 stream name in subject does not match request")
	f(`{"max_msgs":1}`, `{"max_age":5}`, "10052 max age needs to be >= 100ms")
}

func TestSealingDeniesAllChanges(t *testing.T) {
	t.Parallel()
	old, err := (&jsapi.StreamConfig{Name: "S"}).Checked(jsapi.StreamRules{})
	if err != nil {
		t.Fatal(err)
	}
	next := old
	next.Sealed = true
	sealed, err := old.CheckedUpdate(&next, jsapi.StreamRules{})
	if err != nil {
		t.Fatal(err)
	}
	if sealed.Discard != jsapi.DiscardNew || !sealed.DenyDelete || !sealed.DenyPurge {
		t.Errorf("got %+v", sealed)
	}
}

func TestConsumerUpdatesThatCannotBe(t *testing.T) {
	t.Parallel()
	stream, err := (&jsapi.StreamConfig{Name: "L", Subjects: []string{"l.>"}}).Checked(jsapi.StreamRules{})
	if err != nil {
		t.Fatal(err)
	}
	start, later := time.Unix(1700000000, 0).UTC(), time.Unix(1800000000, 0).UTC()
	pull := jsapi.ConsumerConfig{Durable: "P", Name: "P", AckPolicy: jsapi.AckExplicit}
	push := pull
	push.DeliverSubject = "dl"
	f := func(before jsapi.ConsumerConfig, change func(*jsapi.ConsumerConfig), want string) {
		t.Helper()
		old, err := before.Checked(&stream, jsapi.ConsumerRules{})
		if err != nil {
			t.Fatal(err)
		}
		next := before
		change(&next)
		_, err = old.CheckedUpdate(&next, &stream, jsapi.ConsumerRules{})
		got := "ok"
		if err != nil {
			got = strconv.Itoa(int(err.Code)) + " " + err.Description
		}
		if got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	f(pull, func(c *jsapi.ConsumerConfig) {
		c.Description, c.AckWait, c.MaxDeliver, c.FilterSubjects = "z", time.Second, 5, []string{"l.a", "l.b"}
		c.MaxAckPending, c.HeadersOnly, c.MaxRequestBatch, c.SampleFreq = 5, true, 5, "5"
		c.PriorityGroups, c.PriorityPolicy = []string{"g"}, jsapi.PriorityOverflow
	}, "ok")
	f(pull, func(c *jsapi.ConsumerConfig) { c.AckPolicy = jsapi.AckAll }, "10012 ack policy can not be updated")
	f(pull, func(c *jsapi.ConsumerConfig) { c.DeliverPolicy = jsapi.DeliverNew }, "10012 deliver policy can not be updated")
	f(pull, func(c *jsapi.ConsumerConfig) { c.ReplayPolicy = jsapi.ReplayOriginal }, "10012 replay policy can not be updated")
	f(pull, func(c *jsapi.ConsumerConfig) { c.MaxWaiting = 5 }, "10012 max waiting can not be updated")
	f(pull, func(c *jsapi.ConsumerConfig) { c.MemoryStorage = true }, "10012 storage type can not be updated")
	f(pull, func(c *jsapi.ConsumerConfig) { c.DeliverSubject = "dl" }, "10012 can not update pull consumer to push based")
	f(pull, func(c *jsapi.ConsumerConfig) { c.RateLimit = 5 }, "10086 consumer in pull mode can not have rate limit set")
	f(push, func(c *jsapi.ConsumerConfig) { c.DeliverSubject, c.DeliverGroup, c.RateLimit = "d2", "g", 5 }, "ok")
	f(push, func(c *jsapi.ConsumerConfig) { c.DeliverSubject = "" }, "10012 can not update push consumer to pull based")
	f(push, func(c *jsapi.ConsumerConfig) { c.Heartbeat = time.Second }, "10012 heart beats can not be updated")
	beating := push
	beating.Heartbeat, beating.FlowControl = time.Second, true
	f(beating, func(c *jsapi.ConsumerConfig) { c.FlowControl = false }, "10012 flow control can not be updated")
	bySeq := pull
	bySeq.DeliverPolicy, bySeq.OptStartSeq = jsapi.DeliverByStartSequence, 3
	f(bySeq, func(c *jsapi.ConsumerConfig) { c.OptStartSeq = 4 }, "10012 start sequence can not be updated")
	byTime := pull
	byTime.DeliverPolicy, byTime.OptStartTime = jsapi.DeliverByStartTime, &start
	f(byTime, func(c *jsapi.ConsumerConfig) { c.OptStartTime = &later }, "10012 start time can not be updated")
	f(byTime, func(c *jsapi.ConsumerConfig) { same := start.Local(); c.OptStartTime = &same }, "ok")
}

func TestRulesOfServerAndAccountHold(t *testing.T) {
	t.Parallel()
	stream, err := (&jsapi.StreamConfig{Name: "S"}).Checked(jsapi.StreamRules{DuplicateWindowMax: time.Minute, Clustered: true})
	if err != nil || stream.DuplicateWindow != time.Minute {
		t.Errorf("got a window of %v, %v", stream.DuplicateWindow, err)
	}
	stream.DuplicateWindow = 2 * time.Minute
	stream.Replicas = 3
	if _, err := stream.Checked(jsapi.StreamRules{DuplicateWindowMax: time.Minute, Clustered: true}); err == nil || err.Code != jsapi.ErrStreamInvalidConfig {
		t.Errorf("a window over the server's: %v", err)
	}
	if _, err := stream.Checked(jsapi.StreamRules{}); err == nil || err.Code != jsapi.ErrStreamReplicasNotSupported {
		t.Errorf("three replicas on one server: %v", err)
	}
	f := func(c jsapi.ConsumerConfig, rules jsapi.ConsumerRules, retention jsapi.Retention, want jsapi.Code) {
		t.Helper()
		stream.Retention = retention
		_, err := c.Checked(&stream, rules)
		if want == 0 && err != nil || want != 0 && (err == nil || err.Code != want) {
			t.Errorf("got %v, want %d", err, want)
		}
	}
	explicit := jsapi.AckExplicit
	f(jsapi.ConsumerConfig{MaxRequestBatch: 6}, jsapi.ConsumerRules{MaxRequestBatch: 5}, jsapi.RetainLimits, jsapi.ErrConsumerMaxRequestBatchExceeded)
	f(jsapi.ConsumerConfig{AckPolicy: explicit, MaxAckPending: 6}, jsapi.ConsumerRules{MaxAckPending: 5}, jsapi.RetainLimits, jsapi.ErrConsumerMaxPendingAckExcess)
	f(jsapi.ConsumerConfig{AckPolicy: explicit}, jsapi.ConsumerRules{MaxAckPending: 5}, jsapi.RetainLimits, 0)
	f(jsapi.ConsumerConfig{Replicas: 5}, jsapi.ConsumerRules{Clustered: true}, jsapi.RetainLimits, jsapi.ErrConsumerReplicasExceedsStream)
	f(jsapi.ConsumerConfig{Replicas: 1}, jsapi.ConsumerRules{Clustered: true}, jsapi.RetainInterest, jsapi.ErrConsumerReplicasShouldMatchStream)
	f(jsapi.ConsumerConfig{Replicas: 3}, jsapi.ConsumerRules{Clustered: true}, jsapi.RetainInterest, 0)
	f(jsapi.ConsumerConfig{Name: "a", Durable: "b"}, jsapi.ConsumerRules{}, jsapi.RetainLimits, jsapi.ErrConsumerCreateDurableAndNameMismatch)
	f(jsapi.ConsumerConfig{Description: strings.Repeat("d", 4097)}, jsapi.ConsumerRules{}, jsapi.RetainLimits, jsapi.ErrConsumerDescriptionTooLong)
	f(jsapi.ConsumerConfig{Metadata: map[string]string{"a": strings.Repeat("d", 128<<10)}}, jsapi.ConsumerRules{}, jsapi.RetainLimits, jsapi.ErrConsumerMetadataLength)
}

func TestLongTextsAreRefused(t *testing.T) {
	t.Parallel()
	for _, c := range []jsapi.StreamConfig{
		{Name: strings.Repeat("n", 256)},
		{Name: "S", Description: strings.Repeat("d", 4097)},
		{Name: "S", Metadata: map[string]string{"k": strings.Repeat("v", 128<<10-1)}}, // the server adds its own
	} {
		if _, err := c.Checked(jsapi.StreamRules{}); err == nil || err.Code != jsapi.ErrStreamInvalidConfig {
			t.Errorf("%.20q: got %v", c.Name, err)
		}
	}
}

func TestMetadataOfTheServerIsAddedToAnswersOnly(t *testing.T) {
	t.Parallel()
	c := jsapi.StreamConfig{Name: "S", Metadata: map[string]string{"a": "b", jsapi.MetaServerVersion: "x", jsapi.MetaRequiredLevel: "9"}}
	stored, err := c.Checked(jsapi.StreamRules{})
	if err != nil {
		t.Fatal(err)
	}
	if len(stored.Metadata) != 2 || stored.Metadata[jsapi.MetaRequiredLevel] != "0" || c.Metadata[jsapi.MetaRequiredLevel] != "9" {
		t.Errorf("stored %v, request became %v", stored.Metadata, c.Metadata)
	}
	shown := stored
	shown.Metadata = jsapi.ServerMetadata(stored.Metadata, "2.15.0")
	if shown.Metadata[jsapi.MetaServerLevel] != "5" || shown.Metadata[jsapi.MetaServerVersion] != "2.15.0" || len(stored.Metadata) != 2 {
		t.Errorf("shown %v, stored %v", shown.Metadata, stored.Metadata)
	}
	if !shown.Equal(&stored) {
		t.Error("an answer is not equal to what it shows")
	}
}

// FuzzChecked checks that a checked configuration stays as it is when it is
// checked again.
func FuzzChecked(f *testing.F) {
	f.Add([]byte(`{"name":"S","subjects":["a.>","b"],"max_age":1000000000,"republish":{"dest":"c.>"},"subject_transform":{"src":"a.*","dest":"x.$1"}}`),
		[]byte(`{"stream_name":"S","config":{"ack_policy":"explicit","filter_subjects":["a.b","b"],"backoff":[1,2]}}`))
	f.Add([]byte(`{"name":"S","sources":[{"name":"O","subject_transforms":[{"src":"a","dest":"b"}]}],"allow_msg_schedules":true}`),
		[]byte(`{"config":{"deliver_subject":"d","flow_control":true,"idle_heartbeat":1000000000}}`))
	f.Fuzz(func(t *testing.T, streamBody, consumerBody []byte) {
		var sr jsapi.StreamCreateRequest
		if jsapi.Decode(streamBody, &sr, false) != nil {
			return
		}
		rules := jsapi.StreamRules{Clustered: true, Existing: true}
		s, err := sr.Checked(rules)
		if err != nil {
			return
		}
		if again, err := s.Checked(rules); err != nil || !s.Equal(&again) {
			t.Errorf("%s: %v\n%+v\n%+v", streamBody, err, s, again)
		}
		var cr jsapi.ConsumerCreateRequest
		if jsapi.Decode(consumerBody, &cr, false) != nil {
			return
		}
		c, err := cr.Config.Checked(&s, jsapi.ConsumerRules{})
		if err != nil {
			return
		}
		c.Metadata = nil
		again, err := c.Checked(&s, jsapi.ConsumerRules{})
		if again.Metadata = nil; err != nil || !c.Equal(&again) {
			t.Errorf("%s: %v\n%+v\n%+v", consumerBody, err, c, again)
		}
	})
}
