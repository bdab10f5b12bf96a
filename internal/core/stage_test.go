package core_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/tidings-io/tidings/internal/core"
)

// staging is a receiver that stages pieces of its own choice and does with a
// full stage what flush says.
type staging struct {
	ordered
	deliver func(*core.Stage)
	flush   func(*core.Stage)
}

func (s *staging) Deliver(st *core.Stage, _ *core.Subscription, _ *core.Message) { s.deliver(st) }
func (s *staging) Flush(st *core.Stage)                                          { s.flush(st) }

// stage hands deliver a stage, and what it has at the end to flush.
func stage(t *testing.T, deliver, flush func(*core.Stage)) {
	t.Helper()
	as := core.NewAccounts()
	subscribe(as, &staging{deliver: deliver, flush: flush}, "a", "", "1")
	p := publisher(t, as)
	p.Publish(message("a", ""))
	p.Flush()
}

// pieces appends pieces of b, copied and referred to, to st.
func pieces(st *core.Stage, b []byte, sizes ...int) {
	for i := 0; len(b) > 0; i++ {
		n := min(len(b), sizes[i%len(sizes)])
		if i%2 == 0 {
			st.Append(b[:n])
		} else {
			st.Refer(b[:n])
		}
		b = b[n:]
	}
}

func randomBytes(n int) []byte {
	b := make([]byte, n)
	r := rand.New(rand.NewPCG(uint64(n), 1))
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	return b
}

func TestTakeReturnsExactlyTheRest(t *testing.T) {
	t.Parallel()
	f := func(size int, sizes ...int) {
		t.Helper()
		want := randomBytes(size)
		step := 1 + size/300
		for from := 0; from <= size; from = min(from+step, max(from+1, size)) {
			flushes := 0
			stage(t, func(st *core.Stage) { pieces(st, want, sizes...) }, func(st *core.Stage) {
				flushes++
				if st.Len() != size {
					t.Fatalf("%v: stage has %d bytes, want %d", sizes, st.Len(), size)
				}
				var got []byte
				st.Take(from, func(c *core.Chunk) {
					got = append(got, c.Rest()...)
					c.Release()
				})
				if !bytes.Equal(got, want[from:]) {
					t.Fatalf("%v: Take(%d) of %d bytes returns %d other bytes", sizes, from, size, len(got))
				}
				if st.Len() != 0 || len(st.Vector(nil)) != 0 {
					t.Fatalf("%v: after Take the stage has %d bytes", sizes, st.Len())
				}
				st.Take(0, func(c *core.Chunk) { t.Fatalf("%v: a second Take returns %q", sizes, c.Rest()) })
			})
			if flushes != 1 {
				t.Fatalf("%v: %d flushes, want 1", sizes, flushes)
			}
		}
	}
	f(200, 200)                                            // copies only
	f(200, 7, 13, 1)                                       // copies and views
	f(200, 1)                                              // a view after each byte
	f(3*core.ChunkLarge, 10, 2*core.ChunkLarge, 20, 1<<20) // views larger than a chunk
	f(core.ChunkLarge, 30_000, 1, 5, 2)
}

// What is staged comes out in order, through as many flushes as it takes.
func TestFullStageIsFlushedInOrder(t *testing.T) {
	t.Parallel()
	want := randomBytes(20 * core.ChunkLarge)
	for _, sizes := range [][]int{
		{100},
		{5000},
		{core.ChunkSmall},
		{core.ChunkLarge},
		{core.ChunkLarge + 1},
		{5 * core.ChunkLarge},
		{30_000, 30_000},
		{10, 3 * core.ChunkLarge, core.ChunkLarge},
		{1, 1000},
	} {
		var got []byte
		flushes := 0
		stage(t, func(st *core.Stage) { pieces(st, want, sizes...) }, func(st *core.Stage) {
			flushes++
			got = append(got, bytes.Join(st.Vector(nil), nil)...)
		})
		if !bytes.Equal(got, want) {
			t.Errorf("pieces of %v bytes: what came out of %d flushes is not what went in", sizes, flushes)
		}
	}
}

// A door that fills its own stage in the middle of a batch keeps its order, and
// what was staged for others leaves first.
func TestFullOwnStageFlushesEverybodyFirst(t *testing.T) {
	t.Parallel()
	as := core.NewAccounts()
	var order []string
	self, other := &ordered{"self", &order}, &ordered{"other", &order}
	subscribe(as, self, "a", "", "1")
	subscribe(as, other, "a", "", "1")
	p := as.Publisher(core.Sender{Self: self, Account: as.Global(), Echo: true})
	defer p.Release()
	want := strings.Builder{}
	for i := range 300 {
		payload := fmt.Sprintf("%d-%s", i, strings.Repeat("x", 1000))
		if k := p.Publish(message("a", payload)); k != 2 {
			t.Fatalf("Publish = %d, want 2", k)
		}
		p.Own().Append([]byte("PONG "))
		fmt.Fprintf(&want, "MSG a 1 %d\r\n%s\r\nPONG ", len(payload), payload)
	}
	p.Flush()
	var own, others strings.Builder
	for _, s := range order {
		if b, ok := strings.CutPrefix(s, "self: "); ok {
			own.WriteString(b)
			continue
		}
		others.WriteString(strings.TrimPrefix(s, "other: "))
		if strings.ReplaceAll(own.String(), "PONG ", "") != "" && others.Len() < own.Len()-300*len("PONG ") {
			t.Fatal("the door's own messages left before those for others")
		}
	}
	if own.String() != want.String() {
		t.Error("the door's own stage came out in another order")
	}
	if others.String() != strings.ReplaceAll(want.String(), "PONG ", "") {
		t.Error("the other receiver's messages came out in another order")
	}
}

func TestChunkHasRoomAsAsked(t *testing.T) {
	t.Parallel()
	for _, n := range []int{0, 1, core.ChunkSmall, core.ChunkSmall + 1, core.ChunkLarge, core.ChunkLarge + 1, 1 << 20} {
		c := core.NewChunk(n)
		if c.Room() < n || len(c.Rest()) != 0 {
			t.Errorf("NewChunk(%d) has room for %d bytes and holds %d", n, c.Room(), len(c.Rest()))
		}
		c.Bytes = append(c.Bytes, make([]byte, n)...)
		c.Sent = n / 2
		if len(c.Rest()) != n-n/2 {
			t.Errorf("chunk has %d bytes left of %d after %d", len(c.Rest()), n, n/2)
		}
		c.Release()
	}
}
