package bench

import (
	"strings"
	"testing"
)

func TestPlansOfStoresAreChecked(t *testing.T) {
	t.Parallel()
	f := func(err error, want string) {
		t.Helper()
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
	stream := func(change func(*StreamPlan)) error {
		p := StreamPlan{Mode: Async, Clients: 1, Messages: 1, Window: 1, Batch: 1}
		change(&p)
		return p.Validate()
	}
	f(stream(func(*StreamPlan) {}), "")
	f(stream(func(p *StreamPlan) { p.Mode = "x" }), "use one of async, sync, batch")
	f(stream(func(p *StreamPlan) { p.Window = 0 }), "window 0")
	f(stream(func(p *StreamPlan) { p.Batch = BatchMax + 1 }), "batch 1001")
	f(stream(func(p *StreamPlan) { p.Subject = "a" }), "go together")
	f(stream(func(p *StreamPlan) { p.Store.Name, p.Subject = "S", "a.*" }), "wildcards")
	f(stream(func(p *StreamPlan) { p.Store.Name, p.Subject, p.Store.Keep = "S", "a", true }), "there already")
	f(stream(func(p *StreamPlan) { p.Store.Replicas = 6 }), "replicas 6")
	consume := func(change func(*ConsumePlan)) error {
		p := ConsumePlan{Mode: Pull, Clients: 1, Messages: 1, Batch: 1}
		change(&p)
		return p.Validate()
	}
	f(consume(func(*ConsumePlan) {}), "")
	f(consume(func(p *ConsumePlan) { p.Messages = 0 }), "how many to store")
	f(consume(func(p *ConsumePlan) { p.Messages, p.Store.Name = 0, "S" }), "")
	f(consume(func(p *ConsumePlan) { p.Mode = "push" }), "use one of pull, no-ack, ordered")
	kv := func(change func(*KVPlan)) error {
		p := KVPlan{Clients: 1, Concurrency: 1, Messages: 1, Keys: 1, History: 1}
		change(&p)
		return p.Validate()
	}
	f(kv(func(*KVPlan) {}), "")
	f(kv(func(p *KVPlan) { p.Keys = 0 }), "keys 0")
	f(kv(func(p *KVPlan) { p.PutPercent = 101 }), "put-percent 101")
	f(kv(func(p *KVPlan) { p.Clients, p.Concurrency = 200, 200 }), "at most 10000 at once")
}

func TestRefusalsAreFoundInAcknowledgements(t *testing.T) {
	t.Parallel()
	f := func(ack, want string) {
		t.Helper()
		err := checkAck("s", []byte(ack))
		if want == "" && err != nil || want != "" && (err == nil || err.Error() != want) {
			t.Errorf("%s: got %v", ack, err)
		}
	}
	f(`{"stream":"S","seq":1}`, "")
	f(`{"stream":"error","seq":1}`, "")
	f(``, "")
	f(`{"error":{"code":503,"err_code":10077,"description":"maximum bytes exceeded"},"stream":"S","seq":0}`,
		`publish to "s": maximum bytes exceeded`)
}
