package index_test

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/tidings-io/tidings/internal/jetstream/index"
)

// capture takes the next part of the history's index. The last one must make the
// parts the index as it is now.
func (h *history) capture() {
	if h.open == nil {
		h.open, h.parts = h.x.Capture(), nil
	}
	if h.rng.IntN(50) == 0 {
		h.open.Drop()
		h.open = nil
		return
	}
	part, last := h.open.Next(nil, h.rng.IntN(3000))
	h.parts = append(h.parts, part)
	if !last {
		return
	}
	h.open = nil
	y, err := decodeParts(h.parts)
	if err != nil {
		h.fail("%d parts: %v", len(h.parts), err)
	}
	h.sameAs(y)
	if h.rng.IntN(4) == 0 {
		h.goOnWith(y)
	}
}

func decodeParts(parts [][]byte) (*index.Index, error) {
	d := index.NewDecoder()
	for i, part := range parts {
		rest, done, err := d.Part(part)
		switch {
		case err != nil:
			return nil, err
		case len(rest) > 0:
			return nil, fmt.Errorf("part %d: %d bytes are left", i, len(rest))
		case done != (i == len(parts)-1):
			return nil, fmt.Errorf("part %d of %d: done is %t", i, len(parts), done)
		}
	}
	return d.Index(), nil
}

// sameAs fails unless y has what the history's index has.
func (h *history) sameAs(y *index.Index) {
	h.t.Helper()
	if err := index.Check(y); err != nil {
		h.fail("decoded: %v", err)
	}
	if !bytes.Equal(y.AppendState(nil), h.x.AppendState(nil)) {
		h.fail("the state of the decoded index differs: %+v, want %+v", y.State(), h.x.State())
	}
	for text, s := range h.x.Subjects(">") {
		if got, _ := y.Subject(text); got != s {
			h.fail("subject %q: got %+v, want %+v", text, got, s)
		}
	}
}

// goOnWith makes the decoded index the history's.
func (h *history) goOnWith(y *index.Index) {
	h.x, h.open = y, nil
	for _, w := range h.watchers {
		w.f = y.NewFilter(w.patterns...)
		w.c = y.NewCursor(w.f, w.pos)
	}
}

// captured are the parts of an index to which everything happens meanwhile.
func captured(t testing.TB, size int) (parts [][]byte, x *index.Index) {
	t.Helper()
	x = index.New(5)
	seq := uint64(4)
	add := func(text string) {
		seq += 1 + seq%7/6
		x.Append(seq, []byte(text), 40+uint32(seq%3), index.Place{File: uint32(seq / 64), Offset: uint32(seq%64) * 50})
	}
	for i := range 120 {
		add(fmt.Sprint("s.", i%50))
	}
	c := x.Capture()
	for i := 0; ; i++ {
		part, last := c.Next(nil, size)
		parts = append(parts, part)
		if last {
			return parts, x
		}
		switch i % 8 {
		case 0:
			add(fmt.Sprint("r.", i)) // before what is listed
		case 1:
			x.RemoveBefore(x.State().First+2, nil)
		case 2:
			add(fmt.Sprint("s.", i%60))
		case 3:
			e, _ := x.Next(seq/2, nil)
			x.Move(e.Seq, e.Place, index.Place{File: 7, Offset: uint32(i)})
		case 4:
			x.Remove(seq)
		case 5:
			x.Skip(seq + 3)
			seq += 3
		case 6:
			if i == 14 {
				x.Clear(seq + 10)
				seq += 9
				for n := range 60 {
					add(fmt.Sprint("t.", n))
				}
			}
		}
	}
}

func TestPartsTogetherAreTheIndexAtTheLastOne(t *testing.T) {
	t.Parallel()
	for size := range 200 {
		parts, x := captured(t, size)
		y, err := decodeParts(parts)
		if err != nil {
			t.Fatalf("parts of %d: %v", size, err)
		}
		if err := index.Check(y); err != nil {
			t.Fatalf("parts of %d: %v", size, err)
		}
		if !bytes.Equal(x.AppendState(nil), y.AppendState(nil)) {
			t.Fatalf("parts of %d: %+v, want %+v", size, y.State(), x.State())
		}
	}
}

func TestPartIsNotMuchLargerThanAskedFor(t *testing.T) {
	t.Parallel()
	x := index.New(1)
	var text []byte
	for i := range 20_000 {
		text = device(text[:0], i)
		x.Append(uint64(i+1), text, 100, index.Place{File: 1, Offset: uint32(100 * i)})
	}
	c := x.Capture()
	for n := 0; ; n++ {
		part, last := c.Next(nil, 10_000)
		if len(part) > 30_000 { // a run is as long as it may be
			t.Errorf("part %d has %d bytes", n, len(part))
		}
		if last {
			return
		}
	}
}

func TestDecoderTellsOfPartsThatAreMissingOrOutOfOrder(t *testing.T) {
	t.Parallel()
	parts, _ := captured(t, 60)
	f := func(what string, parts [][]byte) {
		t.Helper()
		d := index.NewDecoder()
		for _, part := range parts {
			rest, done, err := d.Part(part)
			if err != nil {
				if !errors.Is(err, index.ErrInvalid) {
					t.Errorf("%s: got %v, want ErrInvalid", what, err)
				}
				return
			}
			if done && len(rest) == 0 {
				if err := index.Check(d.Index()); err != nil {
					t.Errorf("%s: %v", what, err)
				}
			}
		}
	}
	for i := range parts {
		f(fmt.Sprint("without ", i), slices.Delete(slices.Clone(parts), i, i+1))
		f(fmt.Sprint("twice ", i), slices.Insert(slices.Clone(parts), i, parts[i]))
		for n := range parts[i] {
			cut := slices.Clone(parts)
			cut[i] = parts[i][:n]
			f(fmt.Sprint(i, " cut at ", n), cut)
		}
	}
}

func FuzzDecoder(f *testing.F) {
	for _, size := range []int{1, 30, 100, 1000} {
		parts, _ := captured(f, size)
		f.Add(bytes.Join(parts, nil), uint16(size))
	}
	f.Fuzz(func(t *testing.T, b []byte, size uint16) {
		d := index.NewDecoder()
		var done bool
		for len(b) > 0 && !done {
			n := min(len(b), int(size)+1)
			rest, end, err := d.Part(b[:n])
			if err != nil {
				if !errors.Is(err, index.ErrInvalid) {
					t.Errorf("got %v, want ErrInvalid in it", err)
				}
				return
			}
			b, done = append(rest, b[n:]...), end
		}
		if !done {
			return
		}
		x := d.Index()
		if err := index.Check(x); err != nil {
			t.Fatal(err)
		}
		y, err := index.Decode(x.AppendState(nil))
		if err != nil || y.State() != x.State() {
			t.Fatalf("%v: %+v, want %+v", err, y.State(), x.State())
		}
	})
}
