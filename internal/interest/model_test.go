package interest_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/tidings-io/tidings/internal/interest"
	"github.com/tidings-io/tidings/internal/subject"
)

type (
	sub   = interest.Subscription[int]
	index = interest.Index[int]
)

func newSub(subject, queue, id string) *sub {
	return interest.New(0, []byte(subject), []byte(queue), []byte(id))
}

// model is the same as an index, in the simplest way.
type model []*sub

// answer renders who gets a message on literal: ids, and queue names with ids.
func (m model) answer(literal string) string {
	if slices.Contains(strings.Split(literal, "."), "") {
		return ""
	}
	var who []string
	for _, s := range m {
		if subject.Matches(s.Subject(), literal) {
			who = append(who, s.Queue()+"/"+s.ID())
		}
	}
	slices.Sort(who)
	return strings.Join(who, " ")
}

func answer(x *index, literal string, m *interest.Matches[int]) string {
	x.Match(x.Key([]byte(literal)), []byte(literal), m)
	var who []string
	for _, s := range m.Plain {
		who = append(who, "/"+s.ID())
	}
	for _, g := range m.Groups {
		for _, s := range g.Members {
			who = append(who, g.Name+"/"+s.ID())
		}
	}
	slices.Sort(who)
	return strings.Join(who, " ")
}

// groupNames checks that each queue group is named once.
func groupNames(t *testing.T, m *interest.Matches[int]) {
	t.Helper()
	seen := map[string]bool{}
	for _, g := range m.Groups {
		if seen[g.Name] || len(g.Members) == 0 {
			t.Fatalf("group %q has %d members and was there before: %v", g.Name, len(g.Members), seen[g.Name])
		}
		seen[g.Name] = true
	}
}

var tokens = []string{"a", "b", "c", "*", ">", "aa", "a*", "**", ">>", "x-long-token-x-long-token", "*", ">", "a", "b", "", "1"}

// subjectFrom makes a subject of up to six tokens; it may be invalid.
func subjectFrom(next func() byte) string {
	list := make([]string, next()%6+1)
	for i := range list {
		list[i] = tokens[int(next())%len(tokens)]
	}
	return strings.Join(list, ".")
}

// literals are the subjects that are matched after every step.
var literals = func() []string {
	r := rand.New(rand.NewPCG(1, 2))
	list := []string{
		"", ".", "a.", ".a", "a..b", "*", ">", "a.*", "a.>", "*.a", "*.>", "a.*.b", "a.*.*", "*.*", "a", "b", "c", "a.b", "b.a",
		"a.a", "a.b.c", "a.b.a.b", "a.b.c.a.b.c", "aa", "1", "a*", "a.a*",
	}
	for range 40 {
		list = append(list, subjectFrom(func() byte { return byte(r.Uint32()) }))
	}
	return list
}()

// history runs the steps that data describes on an index and on the model and
// compares them after each step.
func history(t *testing.T, data []byte) {
	next := func() byte {
		if len(data) == 0 {
			return 0
		}
		b := data[0]
		data = data[1:]
		return b
	}
	x := interest.NewIndex[int]()
	var m model
	var found interest.Matches[int]
	known, stamps := map[string]string{}, map[string]interest.Stamp{}
	for _, l := range literals {
		stamps[l] = x.Stamp(x.Key([]byte(l)))
	}
	for step := 0; len(data) > 0 && step < 200; step++ {
		var what string
		switch verb := next() % 8; {
		case verb < 5:
			s := subjectFrom(next)
			if !subject.ValidSubscription(s) {
				continue
			}
			queue := []string{"", "", "q1", "q2"}[next()%4]
			n := newSub(s, queue, strconv.Itoa(step))
			what = fmt.Sprintf("subscribe %q %q", s, queue)
			x.Insert(n)
			m = append(m, n)
		case len(m) > 0:
			i := int(next()) % len(m)
			what = fmt.Sprintf("unsubscribe %q %q", m[i].Subject(), m[i].Queue())
			if !x.Remove(m[i]) || x.Remove(m[i]) {
				t.Fatalf("step %d: %s: want Remove to be true once", step, what)
			}
			m = slices.Delete(m, i, i+1)
		}
		compare(t, x, m, &found, fmt.Sprintf("step %d: %s", step, what))
		for _, l := range literals {
			stamp, now := stamps[l], m.answer(l)
			if now != known[l] && stamp.Valid() {
				t.Fatalf("step %d: %s: the stamp of %q is valid, though its answer went from [%s] to [%s]", step, what, l, known[l], now)
			}
			if !stamp.Valid() {
				known[l], stamps[l] = now, x.Stamp(x.Key([]byte(l)))
			}
		}
	}
}

func compare(t *testing.T, x *index, m model, found *interest.Matches[int], step string) {
	t.Helper()
	for _, l := range literals {
		want := m.answer(l)
		if got := answer(x, l, found); got != want {
			t.Fatalf("%s: match of %q is [%s], want [%s]", step, l, got, want)
		}
		groupNames(t, found)
		if found.Empty() != (want == "") {
			t.Fatalf("%s: match of %q: Empty is %v", step, l, found.Empty())
		}
	}
	var all model
	x.Each(func(s *sub) bool { all = append(all, s); return true })
	if x.Len() != len(m) || len(all) != len(m) {
		t.Fatalf("%s: Len is %d and Each gives %d, want %d", step, x.Len(), len(all), len(m))
	}
	for _, s := range m {
		if !slices.Contains(all, s) {
			t.Fatalf("%s: Each leaves out %q", step, s.Subject())
		}
	}
}

func TestIndexAnswersAsAListDoes(t *testing.T) {
	t.Parallel()
	for seed := range uint64(150) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			t.Parallel()
			r := rand.New(rand.NewPCG(seed, 0))
			data := make([]byte, 600)
			for i := range data {
				data[i] = byte(r.Uint32())
			}
			history(t, data)
		})
	}
}

func FuzzIndex(f *testing.F) {
	r := rand.New(rand.NewPCG(3, 4))
	for n := range 20 {
		data := make([]byte, n*10)
		for i := range data {
			data[i] = byte(r.Uint32())
		}
		f.Add(data)
	}
	f.Fuzz(history)
}
