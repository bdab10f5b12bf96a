package index_test

import (
	"bytes"
	"errors"
	"testing"

	"github.com/tidings-io/tidings/internal/jetstream/index"
)

// states are encoded indexes of different kinds.
func states() [][]byte {
	empty := index.New(1)
	skipped := index.New(1 << 50)
	skipped.Skip(1 << 51)
	x := index.New(7)
	for i := range uint64(300) {
		text := device(nil, int(i%70))
		x.Append(7+i+i/100*5000, text, 100|uint32(i%3/2)*index.HasHeader, index.Place{File: uint32(i / 50), Offset: uint32(i * 100)})
	}
	for i := range uint64(300) {
		if i%5 == 1 {
			x.Remove(7 + i)
		}
	}
	memory := index.New(1)
	memory.SetCharge(index.MemoryCharge)
	memory.Append(1, []byte("a"), 40, index.Place{File: 1<<31 + 5, Offset: 1<<32 - 1})
	memory.Append(2, []byte("a.b"), 40, index.Place{File: 1})
	var list [][]byte
	for _, x := range []*index.Index{empty, skipped, x, memory} {
		list = append(list, x.AppendState(nil))
	}
	return list
}

func FuzzDecode(f *testing.F) {
	for _, b := range states() {
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		x, err := index.Decode(b)
		if err != nil {
			if !errors.Is(err, index.ErrInvalid) {
				t.Errorf("got %v, want ErrInvalid in it", err)
			}
			return
		}
		if err := index.Check(x); err != nil {
			t.Fatal(err)
		}
		again := x.AppendState(nil)
		y, err := index.Decode(again)
		if err != nil {
			t.Fatal(err)
		}
		if x.State() != y.State() || !bytes.Equal(y.AppendState(nil), again) {
			t.Errorf("got %+v, want %+v", y.State(), x.State())
		}
		for e, ok := x.Next(0, nil); ok; e, ok = x.Next(e.Seq+1, nil) {
			x.Remove(e.Seq)
		}
		if s := x.State(); s.Messages+s.Bytes+s.Subjects > 0 {
			t.Errorf("got %+v after all was removed", s)
		}
	})
}

func TestDecodeRefusesEveryShorterState(t *testing.T) {
	t.Parallel()
	for _, b := range states() {
		for n := range len(b) {
			if _, err := index.Decode(b[:n]); !errors.Is(err, index.ErrInvalid) {
				t.Fatalf("%d of %d bytes: got %v, want ErrInvalid", n, len(b), err)
			}
		}
		if _, err := index.Decode(append(bytes.Clone(b), 0)); !errors.Is(err, index.ErrInvalid) {
			t.Errorf("a byte more: got %v, want ErrInvalid", err)
		}
	}
}

func TestDecodeSurvivesEveryFlippedBit(t *testing.T) {
	t.Parallel()
	for _, b := range states() {
		for bit := range 8 * len(b) {
			c := bytes.Clone(b)
			c[bit/8] ^= 1 << (bit % 8)
			x, err := index.Decode(c)
			if err != nil {
				continue
			}
			if err := index.Check(x); err != nil {
				t.Fatalf("bit %d: %v", bit, err)
			}
		}
	}
}
