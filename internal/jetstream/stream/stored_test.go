package stream_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tidings-io/tidings/internal/jetstream/index"
	"github.com/tidings-io/tidings/internal/jetstream/stream"
	"github.com/tidings-io/tidings/internal/jsapi"
)

func TestStoredMessagesAreRepublishedWithWhereTheyAre(t *testing.T) {
	t.Parallel()
	f := func(republish jsapi.Republish, want ...string) {
		t.Helper()
		w := newWorld(t, jsapi.StreamConfig{Name: "S", Subjects: []string{"a.>"}, Republish: &republish, FirstSeq: 7})
		var got []string
		w.m.OnStored = func(s stream.Stored) {
			if to, h, body, ok := w.m.Republish(nil, &s); ok {
				got = append(got, to+"\n"+string(h)+string(body))
			}
		}
		w.publish("a.x", "one", "A: b", "Nats-Stream: forged")
		w.publish("a.y", "two")
		w.publish("a.x", "three")
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("republished (-want +got):\n%s", diff)
		}
	}
	at := func(ms int64) string {
		return time.Unix(0, epoch+ms*int64(time.Millisecond)).UTC().Format(time.RFC3339Nano)
	}
	f(jsapi.Republish{Source: "a.x", Destination: "r.x"},
		"r.x\nNATS/1.0\r\nA: b\r\nNats-Stream: S\r\nNats-Subject: a.x\r\nNats-Sequence: 7\r\nNats-Time-Stamp: "+at(1)+
			"\r\nNats-Last-Sequence: 0\r\n\r\none",
		"r.x\nNATS/1.0\r\nNats-Stream: S\r\nNats-Subject: a.x\r\nNats-Sequence: 9\r\nNats-Time-Stamp: "+at(3)+
			"\r\nNats-Last-Sequence: 7\r\n\r\nthree",
	)
	f(jsapi.Republish{Source: "a.y", Destination: "r.y", HeadersOnly: true},
		"r.y\nNATS/1.0\r\nNats-Stream: S\r\nNats-Subject: a.y\r\nNats-Sequence: 8\r\nNats-Time-Stamp: "+at(2)+
			"\r\nNats-Last-Sequence: 0\r\nNats-Msg-Size: 3\r\n\r\n")
}

// erasing is a Space that notes what it is to make unreadable.
type erasing struct {
	*memory
	erased []uint64
}

func (s *erasing) Erase(e index.Entry) { s.erased = append(s.erased, e.Seq) }

func TestDeletedMessagesAreErasedIfAskedFor(t *testing.T) {
	t.Parallel()
	w := newWorld(t, jsapi.StreamConfig{Name: "S", Subjects: []string{"a.>"}})
	space := &erasing{memory: w.space}
	w.use(stream.New(*w.m.Config(), epoch, space))
	w.publish("a.x", "secret")
	w.publish("a.x", "known")
	for seq, erase := range map[uint64]bool{1: true, 2: false} {
		if err := w.m.Delete(seq, erase, w.now); err != nil {
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff([]uint64{1}, space.erased); diff != "" {
		t.Errorf("erased (-want +got):\n%s", diff)
	}
}

// What such streams store is made of what they had stored, after a crash again.
func TestStreamsThatReadBackEraseNothing(t *testing.T) {
	t.Parallel()
	for _, counts := range []bool{true, false} {
		cfg := jsapi.StreamConfig{Name: "S", Subjects: []string{"a.>"}, AllowMsgCounter: counts, AllowMsgSchedules: !counts}
		w := newWorld(t, cfg)
		space := &erasing{memory: w.space}
		w.use(stream.New(*w.m.Config(), epoch, space))
		if counts {
			w.publish("a.x", "", "Nats-Incr: 1")
		} else {
			w.publish("a.x", "text")
		}
		if err := w.m.Delete(1, true, w.now); err != nil {
			t.Fatal(err)
		}
		if len(space.erased) > 0 {
			t.Errorf("erased %v", space.erased)
		}
	}
}

// A refused message must not leave anything where the machine keeps records.
func TestRefusedMessagesAreNotKept(t *testing.T) {
	t.Parallel()
	w := newWorld(t, jsapi.StreamConfig{
		Name: "S", Subjects: []string{"a.>"}, Storage: jsapi.MemoryStorage, Discard: jsapi.DiscardNew, MaxMsgs: 1,
	})
	w.publish("a.x", "one", "Nats-Msg-Id: m")
	w.publish("a.x", "full")
	w.publish("a.x", "again", "Nats-Msg-Id: m")
	w.publish("a.x", "wrong", "Nats-Expected-Stream: Z")
	if n := len(w.space.records); n != 1 {
		t.Errorf("%d records are kept for one message", n)
	}
	if _, err := w.m.Purge(jsapi.StreamPurgeRequest{}, w.now); err != nil || len(w.space.records) != 0 {
		t.Errorf("%d records are kept after a purge: %v", len(w.space.records), err)
	}
}
