package interest_test

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/tidings-io/tidings/internal/interest"
)

// indexOf returns an index with plain subscriptions to the subjects, which are
// also the ids.
func indexOf(subjects ...string) *index {
	x := interest.NewIndex[int]()
	for _, s := range subjects {
		x.Insert(newSub(s, "", s))
	}
	return x
}

func TestWildcardsMatchWholeTokens(t *testing.T) {
	t.Parallel()
	x := indexOf(">", "*", "*.*", "a", "a.>", "a.*", "a.*.c", "*.b.*", "*.*.>", "a.b.c", "a.b.>", "a*", "a.b*")
	f := func(literal, want string) {
		t.Helper()
		var m interest.Matches[int]
		if got := strings.ReplaceAll(answer(x, literal, &m), "/", ""); got != want {
			t.Errorf("match of %q is [%s], want [%s]", literal, got, want)
		}
	}
	f("a", "* > a")
	f("b", "* >")
	f("a.b", "*.* > a.* a.>")
	f("a.b.c", "*.*.> *.b.* > a.*.c a.> a.b.> a.b.c")
	f("a.x.c", "*.*.> > a.*.c a.>")
	f("x.b.c", "*.*.> *.b.* >")
	f("a*", "* > a*")
	f("a.b*", "*.* > a.* a.> a.b*")
	f("", "")
	f("a.", "")
	f(".a", "")
	f("a..c", "")
}

// A message can be published to a subject with a wildcard in it, which is then
// an ordinary token.
func TestWildcardInAPublishedSubjectFindsNobodyTwice(t *testing.T) {
	t.Parallel()
	x := indexOf("foo.bar.*", "foo.*.*", "foo.*", "foo.>", "*.>", "*.b")
	f := func(literal, want string) {
		t.Helper()
		var m interest.Matches[int]
		if got := strings.ReplaceAll(answer(x, literal, &m), "/", ""); got != want {
			t.Errorf("match of %q is [%s], want [%s]", literal, got, want)
		}
	}
	f("foo.*.x", "*.> foo.*.* foo.>")
	f("foo.*", "*.> foo.* foo.>")
	f("foo.>", "*.> foo.* foo.>")
	f("x.>", "*.>")
	f("*.x", "*.>")
	f("*.b", "*.> *.b")
}

func TestQueueGroupIsOneGroupOverAllItsSubjects(t *testing.T) {
	t.Parallel()
	x := interest.NewIndex[int]()
	for i, s := range []string{"a.b", "a.b", "a.*", ">", "b"} {
		x.Insert(newSub(s, "q", strconv.Itoa(i)))
	}
	x.Insert(newSub("a.b", "other", "5"))
	x.Insert(newSub("a.b", "", "6"))
	var m interest.Matches[int]
	if got, want := answer(x, "a.b", &m), "/6 other/5 q/0 q/1 q/2 q/3"; got != want {
		t.Errorf("match is [%s], want [%s]", got, want)
	}
	groupNames(t, &m)
	if got, want := answer(x, "b", &m), "q/3 q/4"; got != want {
		t.Errorf("match is [%s], want [%s]", got, want)
	}
}

func TestLongSubjects(t *testing.T) {
	t.Parallel()
	many := strings.Repeat("a.", 3000) + "a"
	x := indexOf(many, ">", strings.Repeat("*.", 3000)+"*", strings.Repeat("a.", 2999)+"*.>")
	var m interest.Matches[int]
	if answer(x, many, &m); len(m.Plain) != 4 {
		t.Errorf("a subject of 3001 tokens finds %d subscriptions, want 4", len(m.Plain))
	}
	longest := strings.Repeat("x", 1<<16-1)
	x.Insert(newSub(longest, "", "1"))
	if answer(x, longest, &m); len(m.Plain) != 2 {
		t.Errorf("the longest subject finds %d subscriptions, want 2", len(m.Plain))
	}
	if answer(x, longest+"x", &m); !m.Empty() {
		t.Errorf("a subject above the limit finds %d subscriptions", len(m.Plain))
	}
}

func TestSubscriptionKnowsItsParts(t *testing.T) {
	t.Parallel()
	for _, c := range [][3]string{{"a", "", "1"}, {"a.*", "q", "12"}, {"a.b.c", "queue", ""}, {strings.Repeat("s", 60000), strings.Repeat("q", 5000), "id"}} {
		s := newSub(c[0], c[1], c[2])
		if got := [3]string{s.Subject(), s.Queue(), s.ID()}; got != c {
			t.Errorf("parts are %q, want %q", got, c)
		}
	}
}

func TestRemoveOfAStrangerIsRefused(t *testing.T) {
	t.Parallel()
	for _, s := range []string{"a", "a.*", "*"} {
		for _, queue := range []string{"", "q"} {
			x := interest.NewIndex[int]()
			if x.Remove(newSub(s, queue, "1")) {
				t.Errorf("Remove(%q %q) from an empty index is true", s, queue)
			}
			x.Insert(newSub(s, queue, "1"))
			x.Insert(newSub(s, "other", "2"))
			if x.Remove(newSub(s, queue, "1")) || x.Len() != 2 {
				t.Errorf("Remove(%q %q) of what was never in is true; Len is %d", s, queue, x.Len())
			}
		}
	}
}

func TestTouchInvalidatesWhatASubscriptionMatches(t *testing.T) {
	t.Parallel()
	for _, c := range [][2]string{{"a.b", "a.b"}, {"a.*", "a.b"}, {"*.b", "a.b"}, {">", "a.b"}} {
		x := interest.NewIndex[int]()
		s := newSub(c[0], "", "1")
		x.Insert(s)
		stamp := x.Stamp(x.Key([]byte(c[1])))
		if !stamp.Valid() {
			t.Errorf("a new stamp of %q is not valid", c[1])
		}
		if x.Touch(s); stamp.Valid() {
			t.Errorf("the stamp of %q is valid after Touch of %q", c[1], c[0])
		}
	}
}

// An inbox that comes and goes leaves alone what is remembered of most others.
func TestStampOutlivesOtherSubscriptions(t *testing.T) {
	t.Parallel()
	x := indexOf("orders.new", "orders.*")
	held := 0
	stamps := make([]interest.Stamp, 1000)
	for i := range stamps {
		stamps[i] = x.Stamp(x.Key(fmt.Appendf(nil, "t%d.x", i)))
	}
	x.Insert(newSub("_INBOX.abc.*", "", "1"))
	x.Insert(newSub("_INBOX.abc.1", "", "2"))
	for i := range stamps {
		if stamps[i].Valid() {
			held++
		}
	}
	if held < 900 {
		t.Errorf("%d of 1000 stamps are valid after two foreign subscriptions, want nearly all", held)
	}
}

func TestExactlyAsManyClaimsSucceedAsAreAllowed(t *testing.T) {
	t.Parallel()
	const limit, claimers = 1000, 8
	s := newSub("a", "", "1")
	s.CountExactly()
	if !s.Exact() || !s.Limit(limit) {
		t.Fatalf("Exact = %v, want true; and Limit must be true before the first message", s.Exact())
	}
	var mu sync.Mutex
	won, lasts := 0, 0
	var wg sync.WaitGroup
	for range claimers {
		wg.Go(func() {
			for range limit {
				ok, last := s.Claim()
				mu.Lock()
				if ok {
					won++
				}
				if last {
					lasts++
				}
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	if won != limit || lasts != 1 {
		t.Errorf("%d claims succeeded and %d were the last, want %d and 1", won, lasts, limit)
	}
	if s.Delivered() != limit {
		t.Errorf("Delivered = %d, want %d", s.Delivered(), limit)
	}
	if s.Limit(limit) || s.Limit(limit/2) {
		t.Error("Limit is true though as many were delivered")
	}
}

func TestMatchAllocatesNothing(t *testing.T) {
	x := indexOf("a.b.c", "a.*.c", ">", "a.>", "*.b.c")
	x.Insert(newSub("a.b.c", "q", "1"))
	x.Insert(newSub("a.b.c", "q", "2"))
	var m interest.Matches[int]
	literal := []byte("a.b.c")
	if got := testing.AllocsPerRun(100, func() { x.Match(x.Key(literal), literal, &m) }); got != 0 {
		t.Errorf("Match allocates %v times, want 0", got)
	}
	if len(m.Plain) != 5 || len(m.Groups) != 1 {
		t.Errorf("Match finds %d and %d groups, want 5 and 1", len(m.Plain), len(m.Groups))
	}
	if m.Release(); !m.Empty() || slices.ContainsFunc(m.Plain[:5], func(s *sub) bool { return s != nil }) {
		t.Error("a released result still refers to subscriptions")
	}
}
