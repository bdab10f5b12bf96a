package subject_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/tidings-io/tidings/internal/subject"
)

func TestLiteralsAndSubscriptionsAreValidAsTheServerTakesThem(t *testing.T) {
	t.Parallel()
	f := func(s string, literal, subscription bool) {
		t.Helper()
		if got := subject.ValidLiteral(s); got != literal {
			t.Errorf("ValidLiteral(%q) = %v, want %v", s, got, literal)
		}
		if got := subject.ValidLiteral([]byte(s)); got != literal {
			t.Errorf("ValidLiteral([]byte(%q)) = %v, want %v", s, got, literal)
		}
		if got := subject.ValidSubscription(s); got != subscription {
			t.Errorf("ValidSubscription(%q) = %v, want %v", s, got, subscription)
		}
		if got := subject.ValidSubscription([]byte(s)); got != subscription {
			t.Errorf("ValidSubscription([]byte(%q)) = %v, want %v", s, got, subscription)
		}
		if got, want := subject.HasWildcard(s), subscription && !literal; subscription && got != want {
			t.Errorf("HasWildcard(%q) = %v, want %v", s, got, want)
		}
	}

	f("foo", true, true)
	f("foo.bar.baz", true, true)
	f("Foo.bär.日本", true, true)
	f("$JS.API.INFO", true, true)
	f("a\x00b", true, true)
	f("a\vb\f", true, true)

	// Wildcards count only as whole tokens.
	f("*", false, true)
	f(">", false, true)
	f("foo.*", false, true)
	f("foo.*.bar", false, true)
	f("*.*", false, true)
	f("foo.>", false, true)
	f("*.>", false, true)
	f("foo*", true, true)
	f("foo>", true, true)
	f("foo.*bar", true, true)
	f("foo.**", true, true)
	f("foo.>>", true, true)
	f("foo.>bar.baz", true, true)
	f("foo.a>.baz", true, true)
	f("foo.>*", true, true)

	f("", false, false)
	f(".", false, false)
	f(".foo", false, false)
	f("foo.", false, false)
	f("foo..bar", false, false)
	f(">.foo", false, false)
	f("foo.>.bar", false, false)
	f(">.>", false, false)
	f("foo bar", false, false)
	f("foo\tbar", false, false)
	f("foo\rbar", false, false)
	f("foo\nbar", false, false)
	f("foo. ", false, false)
}

func TestTokensAreCounted(t *testing.T) {
	t.Parallel()
	f := func(s string, want int) {
		t.Helper()
		if got := subject.CountTokens(s); got != want {
			t.Errorf("CountTokens(%q) = %d, want %d", s, got, want)
		}
	}
	f("", 0)
	f("foo", 1)
	f("foo.*.>", 3)
	f("foo..", 3)
}

func TestMatchesFollowsWildcards(t *testing.T) {
	t.Parallel()
	f := func(pattern, literal string, want bool) {
		t.Helper()
		if got := subject.Matches(pattern, literal); got != want {
			t.Errorf("Matches(%q, %q) = %v, want %v", pattern, literal, got, want)
		}
		if got := subject.Matches(pattern, []byte(literal)); got != want {
			t.Errorf("Matches(%q, []byte(%q)) = %v, want %v", pattern, literal, got, want)
		}
	}

	f("foo", "foo", true)
	f("foo", "fo", false)
	f("fo", "foo", false)
	f("foo", "foo.bar", false)
	f("foo.bar", "foo", false)
	f("foo", "FOO", false)

	f("*", "foo", true)
	f("*", "foo.bar", false)
	f("foo.*", "foo", false)
	f("foo.*", "foo.bar", true)
	f("foo.*", "foo.bar.baz", false)
	f("foo.*.baz", "foo.bar.baz", true)
	f("*.*", "foo.bar", true)
	f("*.bar", "foo.baz", false)

	f(">", "foo", true)
	f(">", "foo.bar.baz", true)
	f("foo.>", "foo", false)
	f("foo.>", "foo.bar.baz", true)
	f("foo.*.>", "foo.bar", false)
	f("foo.*.>", "foo.bar.baz.x", true)

	// Wildcard characters inside a token, or in the literal, are literals.
	f("foo.*bar", "foo.xbar", false)
	f("foo.*bar", "foo.*bar", true)
	f("foo>", "foo.bar", false)
	f("foo.bar", "foo.*", false)
	f("foo.*", "foo.>", true)
	f("foo.bar.baz", "foo.>", false)
}

func TestSubsetMatchHoldsForEverySubjectOfTheSmallerPattern(t *testing.T) {
	t.Parallel()
	f := func(a, b string, want bool) {
		t.Helper()
		if got := subject.SubsetMatch(a, b); got != want {
			t.Errorf("SubsetMatch(%q, %q) = %v, want %v", a, b, got, want)
		}
		if got := subject.SubsetMatch([]byte(a), b); got != want {
			t.Errorf("SubsetMatch([]byte(%q), %q) = %v, want %v", a, b, got, want)
		}
	}

	f("foo", "foo", true)
	f("foo", "*", true)
	f("foo", ">", true)
	f("foo.bar", "foo.*", true)
	f("foo.*", "foo.*", true)
	f("foo.*", "*.*", true)
	f("foo.*", "foo.>", true)
	f("foo.>", "foo.>", true)
	f("foo.*.>", "foo.>", true)
	f("foo.*.>", "foo.*.>", true)
	f("foo.bar.>", "foo.*.>", true)

	f("*", "foo", false)
	f(">", "*", false)
	f("foo.>", "foo.*", false)
	f("foo.>", "foo.*.>", false)
	f("foo.*", "foo.bar", false)
	f("foo", "foo.>", false)
	f("foo", "foo.*", false)
	f("foo.*", "foo", false)
	f("*.bar", "foo.*", false)
}

func TestOverlapFindsASubjectThatMatchesBoth(t *testing.T) {
	t.Parallel()
	f := func(a, b string, want bool) {
		t.Helper()
		if got := subject.Overlap(a, b); got != want {
			t.Errorf("Overlap(%q, %q) = %v, want %v", a, b, got, want)
		}
		if got := subject.Overlap(b, a); got != want {
			t.Errorf("Overlap(%q, %q) = %v, want %v", b, a, got, want)
		}
	}

	f("foo", "foo", true)
	f("foo", "bar", false)
	f("foo.*", "*.bar", true)
	f("foo.*", "bar.*", false)
	f("foo.>", "*.bar.baz", true)
	f("foo.>", "foo", false)
	f("foo.*", "foo.*.*", false)
	f("foo.*.>", "foo.>", true)
	f("foo.*.c", "foo.b.*", true)
	f("foo.*.c", "foo.b.d", false)
	f(">", "*", true)
}

func TestSubjectFunctionsDoNotAllocate(t *testing.T) {
	s := []byte("orders.eu.1234.created")
	allocs := testing.AllocsPerRun(100, func() {
		if !subject.ValidLiteral(s) || !subject.Matches("orders.*.>", s) || subject.CountTokens(s) != 4 ||
			!subject.SubsetMatch(s, ">") || !subject.Overlap(s, "*.eu.>") || subject.HasWildcard(s) {
			t.Fatal("unexpected answer")
		}
	})
	if allocs != 0 {
		t.Errorf("got %v allocations, want 0", allocs)
	}
}

// The naive model: split into tokens, compare token by token.

func naiveValidSubscription(s string) bool {
	tokens := strings.Split(s, ".")
	for i, token := range tokens {
		if token == "" || strings.ContainsAny(token, " \t\r\n") || (token == ">" && i < len(tokens)-1) {
			return false
		}
	}
	return true
}

func naiveMatches(pattern, literal []string) bool {
	for i, token := range pattern {
		if token == ">" && i == len(pattern)-1 {
			return len(literal) > i
		}
		if i >= len(literal) || (token != "*" && token != literal[i]) {
			return false
		}
	}
	return len(pattern) == len(literal)
}

// naiveUniverse returns enough literals to tell apart patterns a and b: every
// combination of their own tokens and one that is in neither, up to one token
// more than the longer of the two.
func naiveUniverse(a, b []string) [][]string {
	n := max(len(a), len(b)) + 1
	universe := [][]string{}
	level := [][]string{{}}
	for i := range n {
		words := map[string]bool{"another": true}
		for _, pattern := range [][]string{a, b} {
			if i < len(pattern) && pattern[i] != "*" && pattern[i] != ">" {
				words[pattern[i]] = true
			}
		}
		var next [][]string
		for _, prefix := range level {
			for word := range words {
				next = append(next, append(slices.Clip(prefix), word))
			}
		}
		universe, level = append(universe, next...), next
	}
	return universe
}

func FuzzSubjectsAgreeWithANaiveModel(f *testing.F) {
	for _, seed := range [][2]string{
		{"foo.*", "foo.bar"},
		{"foo.>", "*.bar.>"},
		{">", "*"},
		{"a..b", "a.*.b"},
		{"*.*", "*.>"},
		{">.a", "foo.>.b"},
		{"a b", "\t"},
		{"", "."},
		{"foo*.>", "foo*.*"},
		{"*.c", "a.>"},
	} {
		f.Add(seed[0], seed[1])
	}
	f.Fuzz(func(t *testing.T, a, b string) {
		check := func(name string, got, want bool) {
			t.Helper()
			if got != want {
				t.Errorf("%s of %q, %q = %v, want %v", name, a, b, got, want)
			}
		}
		at, bt := strings.Split(a, "."), strings.Split(b, ".")
		valid := naiveValidSubscription(a)
		check("ValidSubscription", subject.ValidSubscription(a), valid)
		check("ValidLiteral", subject.ValidLiteral(a), valid && !subject.HasWildcard(a))
		check("Matches", subject.Matches(a, b), naiveMatches(at, bt))
		if !valid || !naiveValidSubscription(b) || len(at) > 6 || len(bt) > 6 {
			return
		}
		subset, overlap := true, false
		for _, literal := range naiveUniverse(at, bt) {
			inA, inB := naiveMatches(at, literal), naiveMatches(bt, literal)
			subset = subset && (!inA || inB)
			overlap = overlap || (inA && inB)
		}
		check("SubsetMatch", subject.SubsetMatch(a, b), subset)
		check("Overlap", subject.Overlap(a, b), overlap)
	})
}
