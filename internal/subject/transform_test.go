package subject_test

import (
	"errors"
	"strconv"
	"strings"
	"testing"

	"github.com/tidings-io/tidings/internal/subject"
)

func mustTransform(t *testing.T, source, destination string) *subject.Transform {
	t.Helper()
	tr, err := subject.NewTransform(source, destination)
	if err != nil {
		t.Fatal(err)
	}
	return tr
}

func TestTransformRewritesMatchingSubjects(t *testing.T) {
	t.Parallel()
	f := func(source, destination, literal, want string) {
		t.Helper()
		tr := mustTransform(t, source, destination)
		got, ok := tr.Apply(literal, 0)
		if got != want || ok != (want != "") {
			t.Errorf("%q to %q: Apply(%q) = %q, %v, want %q", source, destination, literal, got, ok, want)
		}
	}

	// The examples of ADR-30.
	f(">", "uno.>", "one.two.three", "uno.one.two.three")
	f(">", "eins.>", "four.five.six", "eins.four.five.six")
	f(">", ">", "one.two.three", "one.two.three")
	f(">", "eins.zwei.drei.vier.>", "four.five.six", "eins.zwei.drei.vier.four.five.six")
	f("one.>", "uno.>", "one.two.three", "uno.two.three")
	f("one.two.>", "uno.dos.>", "one.two.three", "uno.dos.three")
	f("one", "uno", "one", "uno")
	f("one.*.three.*.five", "uno.$2.$1", "one.two.three.four.five", "uno.four.two")
	f("one.*.three.*.five", "uno.{{wildcard(2)}}.{{wildcard(1)}}", "one.two.three.four.five", "uno.four.two")
	f("*.two.three.>", "uno.$1.>", "one.two.three.four.five", "uno.one.four.five")
	f("*", "{{split(1,-)}}", "-abc-def--ghij-", "abc.def.ghij")
	f("*", "{{splitfromleft(1,3)}}", "12345", "123.45")
	f("*", "{{SplitFromRight(1,3)}}", "12345", "12.345")
	f("*", "{{SliceFromLeft(1,3)}}", "1234567890", "123.456.789.0")
	f("*", "{{SliceFromRight(1,3)}}", "1234567890", "1.234.567.890")

	// What does not match, or is no literal, is left alone.
	f("foo", "bar", "foo.x", "")
	f("foo.*", "bar.$1", "foo", "")
	f("foo.*", "bar.$1", "foo.>", "")
	f("foo.*", "bar.$1", "foo.", "")
	f("fo*", "bar", "foo", "")
	f("fo*", "bar", "fo*", "bar")

	// Wildcards may be dropped, repeated and spelled in several ways.
	f("foo.*.*", "bar", "foo.a.b", "bar")
	f("foo.*.*", "bar.$2", "foo.a.b", "bar.b")
	f("foo.*", "bar.$1.$1", "foo.a", "bar.a.a")
	f("foo.*", "bar.{{ Wildcard ( 1 ) }}", "foo.a", "bar.a")
	f("foo.*", "bar.{{WILDCARD(1)}}", "foo.a", "bar.a")
	f("foo.*.>", "$1.>", "foo.a.b.c", "a.b.c")

	// Other dollars and braces, and wildcard characters, are literal tokens.
	f("foo.*", "$SYS.$1", "foo.a", "$SYS.a")
	f("foo.*", "$.$x.$1x.x$1", "foo.a", "$.$x.$1x.x$1")
	f("foo", "bar>.x*.{a}", "foo", "bar>.x*.{a}")
	f("*.*.*.*.*.*.*.*.*.*", "$10.$9.$8.$7.$6.$5.$4.$3.$2.$1", "0.1.2.3.4.5.6.7.8.9", "9.8.7.6.5.4.3.2.1.0")
}

func TestTransformFunctionsCutTokens(t *testing.T) {
	t.Parallel()
	f := func(function, token, want string) {
		t.Helper()
		tr := mustTransform(t, "foo.*", "bar.{{"+function+"}}")
		if want != "" {
			want = "bar." + want
		}
		got, ok := tr.Apply("foo."+token, 0)
		if got != want || ok != (want != "") {
			t.Errorf("%s of %q = %q, %v, want %q", function, token, got, ok, want)
		}
	}

	f("split(1,-)", "abc", "abc")
	f("split(1,--)", "a--b-c", "a.b-c")
	f("split(1,))", "a)b", "a.b")
	f("split(1,*)", "a*b", "a.b")
	f("split(1,é)", "aéb", "a.b")
	f("split(1,)", "aéc", "a.é.c")
	f("split( 1 , - )", "a-b", "a.b")
	f("split(1,-)", "--", "") // nothing is left
	f("split(1,-)", "a-*-b", "")
	f("split(1,-)", "a->", "")

	f("splitfromleft(1,3)", "123", "123")
	f("splitfromleft(1,3)", "12", "12")
	f("splitfromleft(1,3)", "1234", "123.4")
	f("splitfromright(1,3)", "123", "123")
	f("splitfromright(1,3)", "12", "12")
	f("splitfromright(1,3)", "1234", "1.234")

	f("slicefromleft(1,3)", "123456", "123.456")
	f("slicefromleft(1,3)", "12", "12")
	f("slicefromleft(1,2)", "éü", "é.ü") // sizes count bytes
	f("slicefromright(1,3)", "123456", "123.456")
	f("slicefromright(1,3)", "12", "12")
	f("slicefromright(1,3)", "1234567", "1.234.567")
	f("slicefromright(1,2)", "123", "1.23")

	f("left(1,3)", "12345", "123")
	f("left(1,3)", "123", "123")
	f("left(1,3)", "12", "12")
	f("left(1,1)", ">>", "")
	f("right(1,3)", "12345", "345")
	f("right(1,3)", "12", "12")
	f("right(1,2147483647)", "12", "12")
}

// The numbers are those that nats-server 2.15.2 delivers to.
func TestPartitionsAreThoseOfOtherServers(t *testing.T) {
	t.Parallel()
	f := func(source, function, literal, want string) {
		t.Helper()
		got, ok := mustTransform(t, source, "{{"+function+"}}").Apply(literal, 0)
		if got != want || !ok {
			t.Errorf("%s of %q = %q, %v, want %q", function, literal, got, ok, want)
		}
	}

	f("foo.*.*", "partition(1000)", "foo.a.b", "614")
	f("foo.*.*", "partition(1000)", "foo.aaa.b", "52")
	f("foo.*.*", "partition(1000)", "foo.12345.67", "731")
	f("foo.*.*", "partition(1000,1)", "foo.a.b", "220")
	f("foo.*.*", "partition(1000,1)", "foo.aaa.b", "330")
	f("foo.*.*", "partition(1000,1)", "foo.12345.67", "824")
	f("foo.*.*", "Partition( 1000 , 1 , 2 )", "foo.a.b", "946")
	f("foo.*.*", "partition(1000,1,2)", "foo.aaa.b", "224")
	f("foo.*.*", "partition(1000,1,2)", "foo.12345.67", "663")
	f("foo.*.*", "partition(10,2,1)", "foo.a.b", "8")
	f("foo.*.*", "partition(10,1,1)", "foo.aaa.b", "9")
	f("foo.*.*", "partition(2147483647,1)", "foo.a.b", "1678518573")
	f("foo.*.*", "partition(1)", "foo.a.b", "0")
	f("foo", "partition(1000)", "foo", "261")

	got, _ := mustTransform(t, "foo.>", "bar.{{partition(1000)}}.>").Apply("foo.a.b.c", 0)
	if want := "bar.305.a.b.c"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestRandomTokensAreSpreadAndDecidedByTheGivenNumber(t *testing.T) {
	t.Parallel()
	tr := mustTransform(t, "foo", "{{random(4)}}.{{random(4)}}")
	seen := map[string]int{}
	for i := range uint64(1600) {
		got, ok := tr.Apply("foo", i)
		if !ok {
			t.Fatalf("Apply with %d failed", i)
		}
		if again, _ := tr.Apply("foo", i); again != got {
			t.Fatalf("number %d gave %q and then %q", i, got, again)
		}
		seen[got]++
	}
	if len(seen) != 16 {
		t.Errorf("got %d different subjects, want 16: %v", len(seen), seen)
	}
	for s, n := range seen {
		if n < 50 {
			t.Errorf("%q came %d times of 1600, want about 100", s, n)
		}
	}
}

func TestTransformErrorsNameTokenAndReason(t *testing.T) {
	t.Parallel()
	f := func(source, destination string, reason error, token string) {
		t.Helper()
		_, err := subject.NewTransform(source, destination)
		if !errors.Is(err, reason) {
			t.Errorf("%q to %q: got error %v, want %v", source, destination, err, reason)
			return
		}
		var detailed *subject.TransformError
		if !errors.As(err, &detailed) || detailed.Token != token {
			t.Errorf("%q to %q: got token %q, want %q", source, destination, detailed.Token, token)
		}
		if !strings.Contains(err.Error(), strconv.Quote(destination)) {
			t.Errorf("error %q does not name the destination %q", err, destination)
		}
	}

	f("", "bar", subject.ErrInvalidSource, "")
	f("foo..x", "bar", subject.ErrInvalidSource, "")
	f("foo.>.x", "bar", subject.ErrInvalidSource, "")
	f("foo", "", subject.ErrInvalidDestination, "")
	f("foo", "bar..x", subject.ErrInvalidDestination, "")
	f("foo", "bar x", subject.ErrInvalidDestination, "bar x")
	f("foo.>", ".>", subject.ErrInvalidDestination, "")
	f("foo.>", ">.>", subject.ErrInvalidDestination, ">")
	f("foo", "bar.>.x", subject.ErrInvalidDestination, ">")
	f("foo.*", "bar.*", subject.ErrWildcardInDestination, "*")
	f("foo.>", "bar", subject.ErrFullWildcardMismatch, "")
	f("foo", "bar.>", subject.ErrFullWildcardMismatch, "")
	f("foo.*", "bar.{{wildcard(1)}}.>", subject.ErrFullWildcardMismatch, "")
	f("foo.*.>", "bar.$1.$2", subject.ErrFullWildcardMismatch, "")

	f("foo.*", "bar.$2", subject.ErrIndexOutOfRange, "$2")
	f("foo.*", "bar.$0", subject.ErrIndexOutOfRange, "$0")
	f("foo.*", "bar.$-1", subject.ErrIndexOutOfRange, "$-1")
	f("foo", "bar.$1", subject.ErrIndexOutOfRange, "$1")
	f("foo.*", "bar.$99999999999999999999", subject.ErrIndexOutOfRange, "$99999999999999999999")
	f("foo.*", "{{wildcard(2)}}", subject.ErrIndexOutOfRange, "{{wildcard(2)}}")
	f("foo.*", "{{partition(10,1,2)}}", subject.ErrIndexOutOfRange, "{{partition(10,1,2)}}")
	f("foo.>", "{{partition(10,1)}}.>", subject.ErrIndexOutOfRange, "{{partition(10,1)}}")
	f("foo", "{{partition(10,1)}}", subject.ErrIndexOutOfRange, "{{partition(10,1)}}")
	f("foo.*", "{{split(2,-)}}", subject.ErrIndexOutOfRange, "{{split(2,-)}}")

	f("foo.*", "{{nope(1)}}", subject.ErrUnknownFunction, "{{nope(1)}}")
	f("foo.*", "{{wildcard}}", subject.ErrFunctionSyntax, "{{wildcard}}")
	f("foo.*", "{{}}", subject.ErrFunctionSyntax, "{{}}")
	f("foo.*", "{{wildcard(1)", subject.ErrFunctionSyntax, "{{wildcard(1)")
	f("foo.*", "{{wildcard(1}}", subject.ErrFunctionSyntax, "{{wildcard(1}}")
	f("foo.*", "x{{wildcard(1)}}", subject.ErrFunctionSyntax, "x{{wildcard(1)}}")
	f("foo.*", "{{wildcard(1)}}x", subject.ErrFunctionSyntax, "{{wildcard(1)}}x")
	f("foo.*", "{{split(1,.)}}", subject.ErrFunctionSyntax, "{{split(1,")

	f("foo.*", "{{wildcard()}}", subject.ErrTooFewArguments, "{{wildcard()}}")
	f("foo.*", "{{partition( )}}", subject.ErrTooFewArguments, "{{partition( )}}")
	f("foo.*", "{{random()}}", subject.ErrTooFewArguments, "{{random()}}")
	f("foo.*", "{{split(1)}}", subject.ErrTooFewArguments, "{{split(1)}}")
	f("foo.*", "{{left(1)}}", subject.ErrTooFewArguments, "{{left(1)}}")
	f("foo.*", "{{wildcard(1,1)}}", subject.ErrTooManyArguments, "{{wildcard(1,1)}}")
	f("foo.*", "{{random(3,1)}}", subject.ErrTooManyArguments, "{{random(3,1)}}")
	f("foo.*", "{{split(1,,)}}", subject.ErrTooManyArguments, "{{split(1,,)}}")
	f("foo.*", "{{right(1,1,1)}}", subject.ErrTooManyArguments, "{{right(1,1,1)}}")

	f("foo.*", "{{wildcard(x)}}", subject.ErrInvalidArgument, "{{wildcard(x)}}")
	f("foo.*", "{{partition(0)}}", subject.ErrInvalidArgument, "{{partition(0)}}")
	f("foo.*", "{{partition(-1,1)}}", subject.ErrInvalidArgument, "{{partition(-1,1)}}")
	f("foo.*", "{{partition(2147483648,1)}}", subject.ErrInvalidArgument, "{{partition(2147483648,1)}}")
	f("foo.*", "{{partition(10,)}}", subject.ErrInvalidArgument, "{{partition(10,)}}")
	f("foo.*", "{{random(0)}}", subject.ErrInvalidArgument, "{{random(0)}}")
	f("foo.*", "{{split(1,a b)}}", subject.ErrInvalidArgument, "{{split(1,a b)}}")
	f("foo.*", "{{slicefromleft(1,0)}}", subject.ErrInvalidArgument, "{{slicefromleft(1,0)}}")
	f("foo.*", "{{left(1,x)}}", subject.ErrInvalidArgument, "{{left(1,x)}}")
}

func TestImportTransformUsesEveryWildcardAndNoOtherFunction(t *testing.T) {
	t.Parallel()
	ok := func(source, destination, literal, want string) {
		t.Helper()
		tr, err := subject.NewImportTransform(source, destination)
		if err != nil {
			t.Error(err)
			return
		}
		if got, _ := tr.Apply(literal, 0); got != want {
			t.Errorf("%q to %q: Apply(%q) = %q, want %q", source, destination, literal, got, want)
		}
	}
	ok("foo", "bar", "foo", "bar")
	ok("foo.*", "bar.$1", "foo.a", "bar.a")
	ok("foo.*.*", "bar.$2.{{wildcard(1)}}", "foo.a.b", "bar.b.a")
	ok("foo.*.*", "bar.*.x.*", "foo.a.b", "bar.a.x.b")
	ok("foo.*.>", "bar.$1.>", "foo.a.b", "bar.a.b")
	ok("foo.*", "bar.$1.$1", "foo.a", "bar.a.a")

	refused := func(source, destination string, reason error) {
		t.Helper()
		if _, err := subject.NewImportTransform(source, destination); !errors.Is(err, reason) {
			t.Errorf("%q to %q: got error %v, want %v", source, destination, err, reason)
		}
	}
	refused("foo.*", "bar", subject.ErrUnusedWildcard)
	refused("foo.*.*", "bar.$1", subject.ErrUnusedWildcard)
	refused("foo.*.*", "bar.*", subject.ErrUnusedWildcard)
	refused("foo.*.*", "bar.*.$1", subject.ErrUnusedWildcard)
	refused("foo", "bar.*", subject.ErrIndexOutOfRange)
	refused("foo.>", "bar", subject.ErrFullWildcardMismatch)
	refused("foo.*", "bar.{{left(1,2)}}", subject.ErrFunctionNotAllowed)
	refused("foo.*", "bar.$1.{{partition(3,1)}}", subject.ErrFunctionNotAllowed)
	refused("foo", "bar.{{partition(3)}}", subject.ErrFunctionNotAllowed)
}

func TestReverseUndoesATransform(t *testing.T) {
	t.Parallel()
	f := func(source, destination, wantSource, wantDestination string) {
		t.Helper()
		reverse, err := mustTransform(t, source, destination).Reverse()
		if err != nil {
			t.Error(err)
			return
		}
		if reverse.Source() != wantSource || reverse.Destination() != wantDestination {
			t.Errorf("reverse of %q to %q = %q to %q, want %q to %q", source, destination,
				reverse.Source(), reverse.Destination(), wantSource, wantDestination)
		}
	}
	f("foo", "bar", "bar", "foo")
	f("foo.*", "bar.$1", "bar.*", "foo.$1")
	f("a.*.b.*.*", "$3.x.$1.$2", "*.x.*.*", "a.$2.b.$3.$1")
	f("foo.*.>", "$1.bar.>", "*.bar.>", "foo.$1.>")
	f(">", ">", ">", ">")

	refused := func(source, destination string) {
		t.Helper()
		if _, err := mustTransform(t, source, destination).Reverse(); !errors.Is(err, subject.ErrNotReversible) {
			t.Errorf("reverse of %q to %q: got error %v, want ErrNotReversible", source, destination, err)
		}
	}
	refused("foo.*", "bar")
	refused("foo.*", "bar.$1.$1")
	refused("foo.*.*", "bar.$2")
	refused("foo.*", "bar.$1.{{random(2)}}")
	refused("foo.*", "bar.{{left(1,2)}}")
	refused("foo.$1.*", "bar.$1")
}

func FuzzTransformMakesLiteralsOfLiterals(f *testing.F) {
	for _, seed := range [][3]string{
		{"foo.*.*", "bar.$2.{{partition(3,1)}}", "foo.a.b"},
		{"foo.*.>", "{{SplitFromRight(1,2)}}.>", "foo.abcd.x.y"},
		{"*", "{{split(1,-)}}.{{slicefromright(1,2)}}", "a-b->"},
		{"*.*", "{{left(1,1)}}.{{right(2,1)}}.{{random(9)}}", "*a.b>"},
		{">", ">", "a"},
		{"a", "{{partition(4)}}.{{wildcard(", "a"},
		{"*.x.*", "$1.{{wildcard( 2 )}}", "q.x.r"},
	} {
		f.Add(seed[0], seed[1], seed[2], uint64(1))
	}
	f.Fuzz(func(t *testing.T, source, destination, literal string, random uint64) {
		tr, err := subject.NewTransform(source, destination)
		if err != nil {
			if _, ok := errors.AsType[*subject.TransformError](err); !ok {
				t.Fatalf("error %v is no TransformError", err)
			}
			return
		}
		got, ok := tr.Apply(literal, random)
		if ok && (!subject.ValidLiteral(got) || !subject.Matches(source, literal)) {
			t.Errorf("%q to %q: Apply(%q) = %q", source, destination, literal, got)
		}
		if reverse, err := tr.Reverse(); ok && err == nil {
			if back, ok := reverse.Apply(got, random); !ok || back != literal {
				t.Errorf("%q to %q: Apply(%q) = %q, reversed %q, %v", source, destination, literal, got, back, ok)
			}
		}
	})
}
