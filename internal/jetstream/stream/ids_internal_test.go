package stream

import (
	"math/rand/v2"
	"strconv"
	"testing"
)

// The ids of a window are found, others are not, over many blocks, growing and
// shrinking.
func TestIDsAreKnownAsLongAsTheWindow(t *testing.T) {
	t.Parallel()
	const window = 5000
	r := rand.New(rand.NewPCG(1, 2))
	var d ids
	known := map[int]naiveID{}
	now := int64(0)
	for step := range 200_000 {
		now += int64(r.IntN(3))
		if step%50_000 == 49_999 {
			now += window // silence: all of them end
		}
		n := r.IntN(20_000)
		h := hashID([]byte(strconv.Itoa(n)))
		seq, ok := d.find(h, now-window)
		want, there := known[n]
		there = there && want.at > now-window
		if ok != there || ok && seq != want.seq {
			t.Fatalf("step %d: id %d is %v with sequence %d, want %v %+v", step, n, ok, seq, there, want)
		}
		if there {
			continue
		}
		d.forget(now - window)
		d.add(h, uint64(step), now)
		known[n] = naiveID{uint64(step), now}
		if kept := (len(d.blocks) - 2) * idBlock; kept > d.len() || len(d.heads) > max(4*fewHeads, 8*d.len()) {
			t.Fatalf("step %d: %d blocks and %d heads for %d ids", step, len(d.blocks), len(d.heads), d.len())
		}
	}
}

type naiveID struct {
	seq uint64
	at  int64
}

func TestIDsAreNumberedAnewBeforeTheNumbersEnd(t *testing.T) {
	t.Parallel()
	var d ids
	d.add(hashID([]byte("a")), 1, 1)
	// As if there had been four billion ids before.
	shift := uint32(idsNumber-2) - d.next
	shift -= shift % idBlock
	d.base, d.first, d.next = d.base+shift, d.first+shift, d.next+shift
	for i, n := range d.heads {
		if n != 0 {
			d.heads[i] = n + shift
		}
	}
	for i := range 2 * idBlock {
		d.add(hashID([]byte(strconv.Itoa(i))), uint64(i+2), 2)
	}
	for i := range 2 * idBlock {
		if seq, ok := d.find(hashID([]byte(strconv.Itoa(i))), 0); !ok || seq != uint64(i+2) {
			t.Fatalf("id %d: sequence %d, %v", i, seq, ok)
		}
	}
	if seq, ok := d.find(hashID([]byte("a")), 0); !ok || seq != 1 {
		t.Errorf("id a: sequence %d, %v", seq, ok)
	}
	if d.next >= idsNumber {
		t.Errorf("next number is %d", d.next)
	}
}
