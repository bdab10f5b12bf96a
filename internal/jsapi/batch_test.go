package jsapi_test

import (
	"encoding/json"
	"testing"

	"github.com/tidings-io/tidings/internal/jsapi"
)

func TestRepliesOfFastBatchesParse(t *testing.T) {
	t.Parallel()
	f := func(reply string, want jsapi.BatchReply) {
		t.Helper()
		got, ours, ok := jsapi.ParseBatchReply(reply)
		if !ours || !ok || got != want {
			t.Errorf("%s: got %+v, %t, %t", reply, got, ours, ok)
		}
	}
	f("_INBOX.a.b.uuid.10.ok.1.0.$FI", jsapi.BatchReply{Prefix: "_INBOX.a.b", ID: "uuid", Flow: 10, Seq: 1, Op: jsapi.BatchStart})
	f("fb.u2.0.fail.77.4.$FI", jsapi.BatchReply{Prefix: "fb", ID: "u2", FailOnGap: true, Seq: 77, Op: jsapi.BatchPing})
	for _, reply := range []string{
		".$FI", "x.$FI", "u.10.ok.1.0.$FI", ".u.10.ok.1.0.$FI", "p..10.ok.1.0.$FI", "p.u.65536.ok.1.0.$FI", "p.u.x.ok.1.0.$FI",
		"p.u.10.no.1.0.$FI", "p.u.10.ok.0.0.$FI", "p.u.10.ok.x.0.$FI", "p.u.10.ok.1.5.$FI", "p.u.10.ok.1..$FI",
	} {
		if got, ours, ok := jsapi.ParseBatchReply(reply); !ours || ok {
			t.Errorf("%q was taken as %+v, %t, %t", reply, got, ours, ok)
		}
	}
	for _, reply := range []string{"", "_INBOX.a", "p.u.10.ok.1.0.$FX", "$FI"} {
		if got, ours, _ := jsapi.ParseBatchReply(reply); ours {
			t.Errorf("%q was taken as %+v", reply, got)
		}
	}
}

func TestRepliesOfFastBatchesDoNotAllocate(t *testing.T) {
	if n := testing.AllocsPerRun(100, func() { jsapi.ParseBatchReply("_INBOX.a.b.uuid.10.ok.1.0.$FI") }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func FuzzBatchReply(f *testing.F) {
	f.Add("_INBOX.a.b.uuid.10.ok.1.0.$FI")
	f.Fuzz(func(t *testing.T, reply string) {
		if b, ours, ok := jsapi.ParseBatchReply(reply); ok && (!ours || b.Prefix == "" || b.ID == "" || b.Seq == 0 || b.Op > jsapi.BatchPing) {
			t.Errorf("%q: %+v", reply, b)
		}
	})
}

func TestFlowAcksOfFastBatches(t *testing.T) {
	t.Parallel()
	f := func(ack jsapi.FlowAck, want string) {
		t.Helper()
		if got, err := json.Marshal(ack); err != nil || string(got) != want {
			t.Errorf("got %s, %v, want %s", got, err, want)
		}
	}
	f(jsapi.FlowAck{Type: jsapi.FlowAckOK, Msgs: 10}, `{"type":"ack","seq":0,"msgs":10}`)
	f(jsapi.FlowAck{Type: jsapi.FlowAckGap, LastSeq: 3, Seq: 5}, `{"type":"gap","last_seq":3,"seq":5}`)
	f(jsapi.FlowAck{Type: jsapi.FlowAckError, Seq: 5, Error: jsapi.ErrStreamNotFound.New()},
		`{"type":"err","seq":5,"error":{"code":404,"err_code":10059,"description":"stream not found"}}`)
}
