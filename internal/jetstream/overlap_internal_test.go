package jetstream

import (
	"math/rand/v2"
	"strconv"
	"testing"

	"github.com/tidings-io/tidings/internal/subject"
)

func TestOverlappingStreamsAreThoseThatAComparisonFinds(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(1, 2))
	random := func() string {
		s := ""
		for i := range 1 + rng.IntN(4) {
			if i > 0 {
				s += "."
			}
			s += []string{"a", "b", "c", "*", ">"}[rng.IntN(5)]
			if s[len(s)-1] == '>' {
				break
			}
		}
		return s
	}
	var tree subjects
	type capture struct {
		stream  *Stream
		subject string
	}
	var captures []capture
	for step := range 5000 {
		if rng.IntN(3) > 0 || len(captures) == 0 {
			c := capture{&Stream{name: strconv.Itoa(step)}, random()}
			tree.add(c.stream, c.subject)
			captures = append(captures, c)
		} else {
			i := rng.IntN(len(captures))
			tree.remove(captures[i].stream, captures[i].subject)
			captures = append(captures[:i], captures[i+1:]...)
		}
		if len(captures) > 40 {
			captures, tree = nil, subjects{}
		}
		asked := random()
		found := map[*Stream]bool{}
		tree.overlapping(asked, func(s *Stream) bool { found[s] = true; return true })
		want := 0
		for _, c := range captures {
			if subject.Overlap(asked, c.subject) {
				want++
				if !found[c.stream] {
					t.Fatalf("step %d: %q overlaps with %q, which is not found", step, asked, c.subject)
				}
			}
		}
		if len(found) != want {
			t.Fatalf("step %d: %q overlaps with %d, found %d", step, asked, want, len(found))
		}
	}
	for _, c := range captures {
		tree.remove(c.stream, c.subject)
	}
	if !tree.root.empty() {
		t.Error("the tree keeps nodes that nobody needs")
	}
}
