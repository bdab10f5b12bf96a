package interest_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/tidings-io/tidings/internal/interest"
	"github.com/tidings-io/tidings/internal/subject"
)

// life is the destination of a subscription that comes and goes. Times are
// ticks of one clock.
type life struct{ removed atomic.Int64 }

type living = interest.Subscription[*life]

// Readers must find what stays and must not find what went before they began,
// while writers change the same chains, groups, tables and shapes.
func TestReadersSeeWhatStaysAndNothingThatWent(t *testing.T) {
	t.Parallel()
	const writers, readers, rounds = 3, 3, 4000
	patterns := []string{"a.b.c", "a.b.d", "a.*.c", "a.>", "*.b.c", ">", "a.b.*", "x.y"}
	published := []string{"a.b.c", "a.b.d", "x.y"}

	x := interest.NewIndex[*life]()
	var clock atomic.Int64
	var stay struct {
		sync.Mutex
		list []*living
	}
	var writing, reading sync.WaitGroup
	done := make(chan struct{})
	for w := range writers {
		writing.Go(func() {
			r := rand.New(rand.NewPCG(uint64(w), 9))
			var mine []*living
			for i := range rounds {
				pattern := patterns[r.IntN(len(patterns))]
				if r.IntN(4) == 0 { // a subject of its own makes tables grow and shrink
					pattern = fmt.Sprintf("a.b.w%d-%d", w, i%200)
				}
				queue := []string{"", "q", "r"}[r.IntN(3)]
				s := interest.New(&life{}, []byte(pattern), []byte(queue), fmt.Appendf(nil, "%d-%d", w, i))
				x.Insert(s)
				if i%100 == 0 {
					stay.Lock()
					stay.list = append(stay.list, s)
					stay.Unlock()
				} else {
					mine = append(mine, s)
				}
				for len(mine) > r.IntN(64) {
					k := r.IntN(len(mine))
					if !x.Remove(mine[k]) {
						t.Errorf("Remove of %q is false", mine[k].Subject())
					}
					mine[k].Dest.removed.Store(clock.Add(1))
					mine = slices.Delete(mine, k, k+1)
				}
			}
		})
	}
	for n := range readers {
		reading.Go(func() {
			r := rand.New(rand.NewPCG(uint64(n), 10))
			var m interest.Matches[*life]
			for {
				select {
				case <-done:
					return
				default:
				}
				stay.Lock()
				want := slices.Clip(stay.list)
				stay.Unlock()
				literal := published[r.IntN(len(published))]
				began := clock.Add(1)
				x.Match(x.Key([]byte(literal)), []byte(literal), &m)
				found := map[*living]int{}
				for _, s := range m.Plain {
					found[s]++
				}
				for _, g := range m.Groups {
					for _, s := range g.Members {
						found[s]++
					}
				}
				for s, times := range found {
					if gone := s.Dest.removed.Load(); gone != 0 && gone < began {
						t.Errorf("match of %q at %d finds %q, which went at %d", literal, began, s.Subject(), gone)
					}
					if times != 1 {
						t.Errorf("match of %q finds %q %d times", literal, s.Subject(), times)
					}
				}
				for _, s := range want {
					if subject.Matches(s.Subject(), literal) && found[s] == 0 {
						t.Errorf("match of %q misses %q %q, which stays", literal, s.Subject(), s.Queue())
					}
				}
			}
		})
	}
	writing.Wait()
	close(done)
	reading.Wait()
}

// Whoever keeps a result while its stamp is valid has the present answer.
func TestRememberedMatchIsNeverStale(t *testing.T) {
	t.Parallel()
	x := interest.NewIndex[*life]()
	literal := []byte("a.b")
	var wg sync.WaitGroup
	var clock atomic.Int64
	done := make(chan struct{})
	for w := range 2 {
		wg.Go(func() {
			for i := range 5000 {
				s := interest.New(&life{}, []byte([]string{"a.b", "a.*", "*.b", ">"}[i%4]), nil, fmt.Appendf(nil, "%d-%d", w, i))
				x.Insert(s)
				x.Remove(s)
				s.Dest.removed.Store(clock.Add(1))
			}
		})
	}
	go func() { wg.Wait(); close(done) }()
	var m interest.Matches[*life]
	var stamp interest.Stamp
	for have := false; ; {
		began := clock.Add(1)
		if !have || !stamp.Valid() {
			stamp = x.Stamp(x.Key(literal))
			x.Match(x.Key(literal), literal, &m)
			have = true
		}
		for _, s := range m.Plain {
			if gone := s.Dest.removed.Load(); gone != 0 && gone < began {
				t.Fatalf("at %d the stamp is valid for a result with %q, which went at %d", began, s.Subject(), gone)
			}
		}
		select {
		case <-done:
			return
		default:
		}
	}
}
