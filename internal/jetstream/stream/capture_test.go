package stream_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/tidings-io/tidings/internal/jetstream/stream"
	"github.com/tidings-io/tidings/internal/jsapi"
)

// meanwhile is what may happen to a stream between two parts of its state.
func meanwhile(w *world, r *rand.Rand) {
	switch r.IntN(12) {
	case 0:
		w.now += int64(time.Duration(r.IntN(4)) * time.Second)
	case 1:
		w.m.Expire(w.now)
	case 2:
		w.publish("a.z", "", "Nats-Schedule: @every 1m", "Nats-Schedule-Target: a.t")
	case 3:
		w.publish(fmt.Sprint("a.", r.IntN(50)), "", "Nats-Rollup: sub")
	case 4:
		w.publish("a.x", "", "Nats-TTL: 3s")
	case 5:
		w.publish("a.x", "", "Nats-Batch-Id: b", fmt.Sprint("Nats-Batch-Sequence: ", 1+r.IntN(2)))
	case 6:
		w.publish("a.x", "later", "Tidings-Delay: 2s")
	case 7:
		w.m.SetSource("O > >", "oBUNmQBp", r.Uint64N(100))
	case 8:
		if r.IntN(40) == 0 {
			w.publish("a.x", "", "Nats-Rollup: all")
		}
	default:
		for range r.IntN(60) {
			w.publish(fmt.Sprint("a.", r.IntN(200)), "body", fmt.Sprint("Nats-Msg-Id: ", r.IntN(100_000)))
		}
	}
}

func TestPartsTogetherAreTheStateAtTheLastOne(t *testing.T) {
	t.Parallel()
	eachSeed(t, func(t *testing.T, r *rand.Rand) {
		cfg := randomConfig(r)
		cfg.AllowMsgSchedules, cfg.AllowAtomicPublish = cfg.Discard == jsapi.DiscardOld, cfg.Discard == jsapi.DiscardOld
		cfg.Metadata = map[string]string{stream.MetadataDelay: "true"}
		w := newWorld(t, cfg)
		for range r.IntN(40) {
			meanwhile(w, r)
		}
		c, d := w.m.Capture(), stream.NewDecoder(w.space)
		for size := r.IntN(4000); ; {
			part, last := c.Next(nil, size)
			if last {
				part = append(part, "behind"...)
			}
			rest, done, err := d.Part(part)
			if err != nil || done != last {
				t.Fatalf("last %t, done %t: %v", last, done, err)
			}
			if last {
				if string(rest) != "behind" {
					t.Fatalf("%q is left", rest)
				}
				break
			}
			meanwhile(w, r)
		}
		if got, want := d.Machine().AppendState(nil), w.m.AppendState(nil); !bytes.Equal(got, want) {
			t.Fatalf("%d bytes differ from %d", len(got), len(want))
		}
	})
}

func TestIDsThatAreForgottenMeanwhileAreForgotten(t *testing.T) {
	t.Parallel()
	for steps := range 12 {
		w := everything(t)
		for i := range 3000 {
			w.publish("a.x", "", fmt.Sprint("Nats-Msg-Id: ", i))
		}
		c, d := w.m.Capture(), stream.NewDecoder(w.space)
		for i := 0; ; i++ {
			part, last := c.Next(nil, 8000)
			_, _, err := d.Part(part)
			if err != nil {
				t.Fatal(err)
			}
			if last {
				break
			}
			if i == steps {
				w.now += int64(2*time.Minute - 3500*time.Millisecond) // some of the first end
			}
			if i == steps+2 {
				w.now += int64(time.Hour) // all
			}
			w.publish("a.x", "", fmt.Sprint("Nats-Msg-Id: more ", i))
		}
		if got, want := d.Machine().AppendState(nil), w.m.AppendState(nil); !bytes.Equal(got, want) {
			t.Errorf("after %d: %d bytes differ from %d", steps, len(got), len(want))
		}
	}
}

func FuzzDecoder(f *testing.F) {
	w := busy(f)
	c := w.m.Capture()
	for last := false; !last; {
		var part []byte
		part, last = c.Next(nil, 20)
		f.Add(part, part)
		w.publish("a.x", "more", "Nats-Msg-Id: more")
	}
	f.Add(w.m.AppendState(nil), []byte{})
	f.Fuzz(func(t *testing.T, a, b []byte) {
		d := stream.NewDecoder(newMemory())
		for _, part := range [][]byte{a, b} {
			_, done, err := d.Part(part)
			if err != nil {
				return
			}
			if done {
				if _, err := stream.Decode(d.Machine().AppendState(nil), newMemory()); err != nil {
					t.Fatalf("what was decoded does not decode again: %v", err)
				}
				return
			}
		}
	})
}
