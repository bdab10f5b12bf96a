package consumer_test

import (
	"bytes"
	"errors"
	"testing"

	"github.com/tidings-io/tidings/internal/jetstream/consumer"
	"github.com/tidings-io/tidings/internal/jetstream/index"
	"github.com/tidings-io/tidings/internal/jsapi"
)

// seedMachine is a machine in the middle of things.
func seedMachine(tb testing.TB) (*consumer.Machine, *sink, [][]byte) {
	tb.Helper()
	c, s := busy(tb, 100, jsapi.ConsumerConfig{AckPolicy: jsapi.AckExplicit, MaxDeliver: 3})
	var deltas [][]byte
	for i := range 5 {
		c.Pull(int64(i), inbox, []byte("7"))
		for c.Run(int64(i)) {
		}
		for _, n := range []int{0, 3, 4} {
			c.Ack(int64(i), &s.acks[s.count-1-n], []byte([]string{"+ACK", "-NAK", "+TERM"}[i%3]), nil)
		}
		deltas = append(deltas, c.Delta(nil))
	}
	return c, s, deltas
}

func stream(n int) *index.Index {
	x := index.New(1)
	for seq := range uint64(n) {
		x.Append(seq+1, []byte("orders.new"), 164, index.Place{File: 1})
	}
	return x
}

func decode(tb testing.TB, state []byte, x *index.Index, env consumer.Env) (*consumer.Machine, error) {
	tb.Helper()
	cfg := jsapi.ConsumerConfig{Durable: "C", AckPolicy: jsapi.AckExplicit, MaxDeliver: 3}
	checked, err := cfg.Checked(&jsapi.StreamConfig{Name: "S", Subjects: []string{"orders.>"}}, jsapi.ConsumerRules{})
	if err != nil {
		tb.Fatal(err)
	}
	return homeOf(x, true).Decode(state, &checked, "C", env)
}

func FuzzDecode(f *testing.F) {
	c, _, deltas := seedMachine(f)
	f.Add(c.AppendState(nil))
	for _, d := range deltas {
		if err := c.ApplyDelta(d, nil); err != nil {
			f.Fatal(err)
		}
	}
	f.Add(c.AppendState(nil))
	latest, _ := busy(f, 100, jsapi.ConsumerConfig{AckPolicy: jsapi.AckExplicit, DeliverPolicy: jsapi.DeliverLastPerSubject, FilterSubject: ">"})
	f.Add(latest.AppendState(nil))
	f.Fuzz(func(t *testing.T, state []byte) {
		w := newWorld()
		w.quiet, w.x = true, stream(100)
		c, err := decode(t, state, w.x, w)
		if err != nil {
			if !errors.Is(err, consumer.ErrInvalid) {
				t.Fatalf("%v is no ErrInvalid", err)
			}
			return
		}
		first := c.AppendState(nil)
		again, err := decode(t, first, w.x, w)
		if err != nil {
			t.Fatalf("a state that was decoded is written as %x, which is: %v", first, err)
		}
		if second := again.AppendState(nil); !bytes.Equal(first, second) {
			t.Fatalf("%x is decoded and written as %x", first, second)
		}
		use(t, c)
	})
}

// use has the machine do a bit of everything.
func use(t *testing.T, c *consumer.Machine) {
	t.Helper()
	now := max(c.Deadline(), 1)
	c.Pull(now, inbox, []byte("10"))
	c.Run(now)
	c.Info(now)
	c.Needs(50)
	if b := c.Delta(nil); len(b) > 0 {
		if err := c.ApplyDelta(b, nil); err != nil {
			t.Fatalf("its own delta %x: %v", b, err)
		}
		c.Committed()
	}
	c.Rest()
}

func FuzzApplyDelta(f *testing.F) {
	_, _, deltas := seedMachine(f)
	for i := range deltas {
		f.Add(deltas[i], deltas[len(deltas)-1-i])
	}
	f.Fuzz(func(t *testing.T, a, b []byte) {
		c, s := busy(t, 100, jsapi.ConsumerConfig{AckPolicy: jsapi.AckExplicit, MaxDeliver: 3})
		for _, delta := range [][]byte{a, a, b, a} {
			before := c.AppendState(nil)
			if err := c.ApplyDelta(delta, nil); err != nil {
				if !errors.Is(err, consumer.ErrInvalid) {
					t.Fatalf("%v is no ErrInvalid", err)
				}
				if !bytes.Equal(c.AppendState(nil), before) {
					t.Fatal("a delta that is not valid changed something")
				}
				continue
			}
			state := c.AppendState(nil)
			if _, err := decode(t, state, s.x, s); err != nil {
				t.Fatalf("after %x the state is %x, which is: %v", delta, state, err)
			}
			if err := c.ApplyDelta(delta, nil); err != nil || !bytes.Equal(c.AppendState(nil), state) {
				t.Fatalf("a second %x changed something: %v", delta, err)
			}
		}
		use(t, c)
	})
}

// TestDeltasAreReadWhole cuts deltas and a state at each byte.
func TestDeltasAreReadWhole(t *testing.T) {
	t.Parallel()
	c, s, deltas := seedMachine(t)
	replay, _ := busy(t, 100, jsapi.ConsumerConfig{AckPolicy: jsapi.AckExplicit, MaxDeliver: 3})
	for _, d := range deltas {
		for n := range d {
			if err := replay.ApplyDelta(d[:n], nil); !errors.Is(err, consumer.ErrInvalid) {
				t.Fatalf("%d of %d bytes of a delta: %v", n, len(d), err)
			}
		}
	}
	state := c.AppendState(nil)
	for n := range state {
		if _, err := decode(t, state[:n], s.x, s); !errors.Is(err, consumer.ErrInvalid) {
			t.Fatalf("%d of %d bytes of a state: %v", n, len(state), err)
		}
	}
}
