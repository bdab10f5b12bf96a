package jsapi_test

import (
	"bytes"
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tidings-io/tidings/internal/jsapi"
)

// The files of testdata hold what a server of version 2.15 sent: one answer, or
// the subject and body of one event, in each line.

func lines(t *testing.T, name string) []string {
	t.Helper()
	text, err := os.ReadFile("testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	return strings.Split(strings.TrimSpace(string(text)), "\n")
}

// sameBytes expects that a line, read into a value and written again, is the
// same byte by byte: order of fields, what is left out, escapes.
func sameBytes(t *testing.T, line string, into any) {
	t.Helper()
	decoder := json.NewDecoder(strings.NewReader(line))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(into); err != nil {
		t.Errorf("%v\n%s", err, line)
		return
	}
	got, err := json.Marshal(into)
	if err != nil || string(got) != line {
		t.Errorf("%T: %v\n%s", into, err, cmp.Diff(strings.Split(string(got), ","), strings.Split(line, ",")))
	}
}

func TestResponsesAreWrittenAsExistingServersDo(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, line := range lines(t, "responses.jsonl") {
		var head struct{ Type string }
		if err := json.Unmarshal([]byte(line), &head); err != nil {
			t.Fatal(err)
		}
		kind := strings.TrimPrefix(head.Type, "io.nats.jetstream.api.v1.")
		seen[kind] = true
		into := responseOf(kind)
		if into == nil {
			t.Errorf("no type for %q", kind)
			continue
		}
		sameBytes(t, line, into)
	}
	for o := jsapi.AccountInfo; o <= jsapi.ConsumerLeaderStepdown; o++ {
		kind := strings.TrimPrefix(o.ResponseType(), "io.nats.jetstream.api.v1.")
		if kind != "" && !seen[kind] {
			t.Errorf("no answer of type %q is tested", kind)
		}
	}
}

func responseOf(kind string) any {
	switch kind {
	case "account_info_response":
		return &jsapi.AccountInfoResponse{}
	case "stream_create_response", "stream_update_response":
		return &jsapi.StreamCreateResponse{}
	case "stream_info_response":
		return &jsapi.StreamInfoResponse{}
	case "stream_names_response":
		return &jsapi.StreamNamesResponse{}
	case "stream_list_response":
		return &jsapi.StreamListResponse{}
	case "stream_delete_response", "stream_msg_delete_response", "consumer_delete_response",
		"stream_leader_stepdown_response", "consumer_leader_stepdown_response",
		"stream_remove_peer_response", "stream_evacuate_peer_response", "stream_cancel_move_response",
		"meta_leader_stepdown_response":
		return &jsapi.SuccessResponse{}
	case "stream_purge_response":
		return &jsapi.StreamPurgeResponse{}
	case "stream_msg_get_response":
		return &jsapi.MsgGetResponse{}
	case "stream_snapshot_response":
		return &jsapi.StreamSnapshotResponse{}
	case "stream_restore_response":
		return &jsapi.StreamRestoreResponse{}
	case "consumer_create_response", "consumer_info_response":
		return &jsapi.ConsumerCreateResponse{}
	case "consumer_names_response":
		return &jsapi.ConsumerNamesResponse{}
	case "consumer_list_response":
		return &jsapi.ConsumerListResponse{}
	case "consumer_pause_response":
		return &jsapi.ConsumerPauseResponse{}
	case "consumer_unpin_response":
		return &jsapi.ConsumerUnpinResponse{}
	case "consumer_reset_response":
		return &jsapi.ConsumerResetResponse{}
	}
	return nil
}

func TestPubAcksAreWrittenAsExistingServersDo(t *testing.T) {
	t.Parallel()
	for _, line := range lines(t, "pubacks.jsonl") {
		var ack jsapi.PubAck
		if err := json.Unmarshal([]byte(line), &ack); err != nil {
			t.Fatal(err)
		}
		if got := jsapi.AppendPubAck(nil, &ack); string(got) != line {
			t.Errorf("got  %s\nwant %s", got, line)
		}
	}
}

func TestPubAckDoesNotAllocate(t *testing.T) {
	ack := jsapi.PubAck{Stream: "ORDERS", Domain: "hub", Seq: 1 << 60, Duplicate: true, BatchID: "b", BatchSize: 5}
	buf := make([]byte, 0, 256)
	if n := testing.AllocsPerRun(100, func() { buf = jsapi.AppendPubAck(buf[:0], &ack) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func FuzzPubAckNames(f *testing.F) {
	f.Add("ORDERS", "1")
	f.Add("a\"\\\x00é\u2028", "\xff\x7f<&>")
	f.Fuzz(func(t *testing.T, stream, id string) {
		ack := jsapi.PubAck{Stream: stream, Seq: 1, BatchID: id}
		text := jsapi.AppendPubAck(nil, &ack)
		var got jsapi.PubAck
		if err := json.Unmarshal(text, &got); err != nil {
			t.Fatalf("%v: %s", err, text)
		}
		if got.Stream != strings.ToValidUTF8(stream, "\ufffd") && !bytes.ContainsRune([]byte(got.Stream), '\ufffd') {
			t.Errorf("%q became %q", stream, got.Stream)
		}
	})
}

func TestEventsAreWrittenAsExistingServersDo(t *testing.T) {
	t.Parallel()
	for _, line := range lines(t, "events.txt") {
		subject, body, _ := strings.Cut(line, " ")
		var head jsapi.Event
		if err := json.Unmarshal([]byte(body), &head); err != nil {
			t.Fatal(err)
		}
		into, kind := eventOf(subject)
		if into == nil {
			t.Errorf("no type for %s", subject)
			continue
		}
		if got := kind.New(head.ID, head.Timestamp); got != head {
			t.Errorf("got %+v, want %+v", got, head)
		}
		sameBytes(t, body, into)
	}
}

func eventOf(subject string) (any, jsapi.EventKind) {
	for kind, into := range map[jsapi.EventKind]any{
		jsapi.EventStreamCreated:          &jsapi.StreamAction{},
		jsapi.EventStreamDeleted:          &jsapi.StreamAction{},
		jsapi.EventStreamUpdated:          &jsapi.StreamAction{},
		jsapi.EventStreamSnapshotCreate:   &jsapi.SnapshotCreated{},
		jsapi.EventStreamSnapshotComplete: &jsapi.SnapshotCompleted{},
		jsapi.EventStreamRestoreCreate:    &jsapi.RestoreCreated{},
		jsapi.EventStreamRestoreComplete:  &jsapi.RestoreCompleted{},
		jsapi.EventStreamBatchAbandoned:   &jsapi.BatchAbandoned{},
		jsapi.EventConsumerCreated:        &jsapi.ConsumerAdvice{},
		jsapi.EventConsumerDeleted:        &jsapi.ConsumerAdvice{},
		jsapi.EventConsumerPause:          &jsapi.ConsumerPaused{},
		jsapi.EventConsumerPinned:         &jsapi.GroupPinned{},
		jsapi.EventConsumerUnpinned:       &jsapi.GroupUnpinned{},
		jsapi.EventConsumerMaxDeliver:     &jsapi.MaxDeliverReached{},
		jsapi.EventConsumerNak:            &jsapi.MsgRefused{},
		jsapi.EventConsumerTerminated:     &jsapi.MsgTerminated{},
		jsapi.EventConsumerAckMetric:      &jsapi.AckMetric{},
		jsapi.EventStreamLeaderElected:    &jsapi.LeaderElected{},
		jsapi.EventStreamQuorumLost:       &jsapi.QuorumLost{},
		jsapi.EventConsumerLeaderElected:  &jsapi.LeaderElected{},
		jsapi.EventDomainLeaderElected:    &jsapi.DomainLeaderElected{},
		jsapi.EventAPIAudit:               &jsapi.APIAudit{},
	} {
		names, ok := strings.CutPrefix(subject, kind.Subject)
		if !ok || names != "" && names[0] != '.' {
			continue
		}
		if names == "" || kind.For(strings.Split(names[1:], ".")...) == subject {
			return into, kind
		}
	}
	return nil, jsapi.EventKind{}
}
