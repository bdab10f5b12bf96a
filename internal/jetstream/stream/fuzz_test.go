package stream_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/tidings-io/tidings/internal/jetstream/stream"
	"github.com/tidings-io/tidings/internal/jsapi"
	"github.com/tidings-io/tidings/internal/record"
)

// everything is a stream with all that can be switched on together.
func everything(t testing.TB) *world {
	t.Helper()
	return newWorld(t, jsapi.StreamConfig{
		Name: "S", Subjects: []string{"a.>"}, AllowRollup: true, AllowMsgTTL: true, AllowMsgSchedules: true,
		AllowAtomicPublish: true, AllowBatchPublish: true, Metadata: map[string]string{stream.MetadataDelay: "true"}, MaxAge: 3 * time.Minute, SubjectDeleteMarkerTTL: time.Second,
	})
}

// busy has something of everything in its state.
func busy(t testing.TB) *world {
	t.Helper()
	w := everything(t)
	w.publish("a.x", "body", "Nats-Msg-Id: m", "Nats-TTL: never")
	w.publish("a.y", "", "Nats-TTL: 10s")
	w.publish("a.z", "", "Nats-Schedule: @every 1m", "Nats-Schedule-Target: a.t")
	w.publish("a.x", "", "Nats-Batch-Id: b", "Nats-Batch-Sequence: 1")
	w.publish("a.x", "", "Nats-Batch-Id: c", "Nats-Batch-Sequence: 1", "Nats-Required-Api-Level: 99")
	rec, at := w.message("a.x", "")
	w.m.PublishFast(rec, at, jsapi.BatchReply{ID: "f", Seq: 1})
	w.publish("a.x", "later", "Tidings-Delay: 5m", "Nats-Msg-Id: later")
	w.m.SetSource("O > >", "oBUNmQBp", 7)
	return w
}

func FuzzDecode(f *testing.F) {
	state := busy(f).m.AppendState(nil)
	f.Add(state)
	for _, n := range []int{0, 1, len(state) / 2, len(state) - 1} {
		f.Add(state[:n])
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := stream.Decode(b, newMemory())
		if err != nil {
			if !errors.Is(err, stream.ErrInvalid) {
				t.Fatalf("error %v is not ErrInvalid", err)
			}
			return
		}
		if again, err := stream.Decode(m.AppendState(nil), newMemory()); err != nil || again.Config().Name != m.Config().Name {
			t.Fatalf("what was decoded does not decode again: %v", err)
		}
	})
}

func TestNoStateIsReadThatIsCutOff(t *testing.T) {
	t.Parallel()
	w := busy(t)
	state := w.m.AppendState(nil)
	for n := range state {
		if _, err := stream.Decode(state[:n], w.space); !errors.Is(err, stream.ErrInvalid) {
			t.Fatalf("%d of %d bytes: error %v", n, len(state), err)
		}
	}
	if _, err := stream.Decode(append(state, 0), w.space); !errors.Is(err, stream.ErrInvalid) {
		t.Errorf("one byte more: error %v", err)
	}
}

// Whatever a header block holds, the stream goes on and can be written and read.
func FuzzHeaders(f *testing.F) {
	for _, h := range []string{
		"NATS/1.0\r\nNats-TTL: 5\r\nNats-Msg-Id: m\r\n\r\n", "NATS/1.0\r\n", "", "x", "\r\n\r\n", "NATS/1.0\r\n: \r\n\r\n",
		"NATS/1.0\r\nNats-Schedule: @every 5s\r\nNats-Schedule-Target: a.q\r\nNats-Schedule-Source: a.x\r\n\r\n",
		"NATS/1.0\r\nNats-Batch-Id: b\r\nNats-Batch-Sequence: 1\r\nNats-Batch-Commit: 1\r\n\r\n",
		"NATS/1.0\r\nNats-Scheduler: a.y\r\nNats-Schedule-Next: purge\r\n\r\n", "NATS/1.0\r\nNats-Rollup: all\r\n\r\n",
		"NATS/1.0\r\nNats-Incr: -1\r\n\r\n", "NATS/1.0\r\nNats-Stream-Source: O 1 > > x\r\n\r\n",
	} {
		f.Add([]byte(h), "body")
	}
	f.Fuzz(func(t *testing.T, block []byte, body string) {
		counters := newWorld(t, jsapi.StreamConfig{Name: "S", Subjects: []string{"a.>"}, AllowMsgCounter: true})
		for _, w := range []*world{everything(t), counters} {
			for _, on := range []string{"a.x", "a.y"} {
				m := record.Message{Time: w.now, Subject: []byte(on), Header: block, Body: []byte(body)}
				rec := record.Build(nil, &m)
				at := w.space.put(1, rec)
				w.m.Publish(record.View(rec), at)
				w.m.PublishSourced(record.View(rec), at)
				w.now += int64(time.Second)
			}
			w.m.Expire(w.now + int64(time.Minute))
			w.reload()
			if out := messagesVerb(w, nil, nil); strings.Contains(out, "cannot be read") {
				t.Errorf("messages:\n%s", out)
			}
		}
	})
}
