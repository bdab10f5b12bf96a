package jetstream

import (
	"maps"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestLossesAreASetOfSequences compares random histories with a set.
func TestLossesAreASetOfSequences(t *testing.T) {
	t.Parallel()
	for seed := range uint64(300) {
		r := rand.New(rand.NewPCG(seed, 5))
		var l losses
		set := map[uint64]bool{}
		for step := range 60 {
			seq := 1 + r.Uint64N(40)
			switch r.IntN(5) {
			case 0, 1:
				last, news := seq+r.Uint64N(4), false
				for n := seq; n <= last; n++ {
					news = news || !set[n]
					set[n] = true
				}
				if got := l.add(seq, last); got != news {
					t.Fatalf("seed %d step %d: adding %d-%d is news: %v, want %v", seed, step, seq, last, got, news)
				}
			case 2, 3:
				if got := l.remove(seq); got != set[seq] {
					t.Fatalf("seed %d step %d: %d was lost: %v, want %v", seed, step, seq, got, set[seq])
				}
				delete(set, seq)
			case 4:
				first := r.Uint64N(12)
				l.forget(first)
				maps.DeleteFunc(set, func(n uint64, _ bool) bool { return n < first })
			}
			if d := cmp.Diff(slices.Sorted(maps.Keys(set)), l.listed()); d != "" {
				t.Fatalf("seed %d step %d (-want +got):\n%s", seed, step, d)
			}
			for i := 1; i < len(l.Messages); i++ {
				if l.Messages[i].First <= l.Messages[i-1].Last+1 {
					t.Fatalf("seed %d step %d: ranges touch: %+v", seed, step, l.Messages)
				}
			}
			var again losses
			if err := again.restore(l.appendState(nil)); err != nil || !slices.Equal(l.listed(), again.listed()) {
				t.Fatalf("seed %d step %d: %+v is read back as %+v, error %v", seed, step, l, again, err)
			}
		}
	}
}

func TestLossesAreBounded(t *testing.T) {
	t.Parallel()
	var l losses
	for seq := range uint64(10 * lostRangesMax) {
		l.add(3*seq+1, 3*seq+1)
		l.entry("entry")
	}
	l.add(1<<40, 1<<50)
	if len(l.Messages) > lostRangesMax || len(l.Entries) > lostEntriesMax {
		t.Errorf("%d ranges and %d entries are kept", len(l.Messages), len(l.Entries))
	}
	if l.forget(100); !l.add(1<<40, 1<<50) || len(l.listed()) != lostListedMax {
		t.Errorf("%d sequences are listed", len(l.listed()))
	}
	if got := l.ranges(); len(got) > 200 {
		t.Errorf("ranges are written as %q", got)
	}
}
