package index_test

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/tidings-io/tidings/internal/jetstream/index"
)

func appendTo(x *index.Index, subject string) (seq uint64, id index.ID) {
	seq = x.State().Last + 1
	return seq, x.Append(seq, []byte(subject), 40, index.Place{File: 1})
}

func TestSubjectsWithoutMessagesAreForgotten(t *testing.T) {
	t.Parallel()
	x := index.New(1)
	const window = 1000
	for i := range 200_000 {
		seq, _ := appendTo(x, fmt.Sprintf("job.%d", i*7919%1_000_003))
		if seq > window {
			x.Remove(seq - window)
		}
	}
	if got := index.Dead(x); got > window {
		t.Errorf("%d subjects without messages are kept beside %d with, want fewer", got, window)
	}
	if err := index.Check(x); err != nil {
		t.Error(err)
	}
	x.RemoveBefore(x.State().Last+1, nil)
	for range 300 { // removals of others let the last ones go
		seq, _ := appendTo(x, "one")
		x.Remove(seq)
	}
	if got := index.Dead(x); got > 200 {
		t.Errorf("%d subjects without messages are kept, want few", got)
	}
}

func TestIDsOfForgottenSubjectsAreGivenOutAgain(t *testing.T) {
	t.Parallel()
	x, highest := index.New(1), index.ID(0)
	for i := range 100_000 {
		seq, id := appendTo(x, fmt.Sprintf("job.%d", i))
		highest = max(highest, id)
		if i >= 10 {
			x.Remove(seq - 10)
		}
	}
	if highest > 2000 {
		t.Errorf("got ID %d with 10 subjects at a time, want them to be dense", highest)
	}
}

func TestOneMessagePerSubjectNeedsNoSearch(t *testing.T) {
	t.Parallel()
	x := index.New(1)
	for i := range 5000 {
		text := []byte(fmt.Sprintf("key.%d", i%100))
		s, ok := x.Subject(text)
		_, id := appendTo(x, string(text))
		if ok {
			x.Remove(s.First)
		}
		if index.Loose(x, id) {
			t.Fatalf("message %d: its subject's bounds must be looked for", i)
		}
	}
}

func TestFirstAndLastOfSubjectAreExactAfterRemoval(t *testing.T) {
	t.Parallel()
	x := index.New(1)
	for range 5 {
		appendTo(x, "a")
		appendTo(x, "b")
	}
	f := func(remove, first, last uint64) {
		t.Helper()
		x.Remove(remove)
		if s, _ := x.Subject([]byte("a")); s.First != first || s.Last != last {
			t.Errorf("without %d: got %d to %d, want %d to %d", remove, s.First, s.Last, first, last)
		}
	}
	f(1, 3, 9)
	f(9, 3, 7)
	f(5, 3, 7)
	f(3, 7, 7)
}

func TestFirstOfSubjectMayBeFarBehindItsLast(t *testing.T) {
	t.Parallel()
	x := index.New(1)
	appendTo(x, "a")
	x.Skip(1 << 40)
	appendTo(x, "a")
	appendTo(x, "a")
	f := func(what string, first, last, count uint64) {
		t.Helper()
		if s, _ := x.Subject([]byte("a")); s.First != first || s.Last != last || s.Count != count {
			t.Errorf("%s: got %+v, want %d to %d, %d", what, s, first, last, count)
		}
	}
	f("three", 1, 1<<40+2, 3)
	x.Remove(1<<40 + 1)
	f("two", 1, 1<<40+2, 2)
	x.Remove(1)
	f("one", 1<<40+2, 1<<40+2, 1)
	if holes := x.Deleted(0, 5); len(holes) > 0 {
		t.Errorf("got holes %d, want none", holes)
	}
}

func TestSubjectsAreOrderedAndLimitedToThePattern(t *testing.T) {
	t.Parallel()
	x := index.New(1)
	for _, s := range []string{"b.2", "a", "b.10", "b", "b.1.x", "c.1", "b.1", "b-1.1"} {
		appendTo(x, s)
	}
	f := func(pattern string, want ...string) {
		t.Helper()
		var got []string
		for text := range x.Subjects(pattern) {
			got = append(got, string(text))
		}
		if !slices.Equal(got, want) {
			t.Errorf("%q: got %q, want %q", pattern, got, want)
		}
	}
	f(">", "a", "b", "b-1.1", "b.1", "b.1.x", "b.10", "b.2", "c.1")
	f("b.>", "b.1", "b.1.x", "b.10", "b.2")
	f("b.*", "b.1", "b.10", "b.2")
	f("*.1", "b-1.1", "b.1", "c.1")
	f("*", "a", "b")
	f("b.1", "b.1")
	f("b.3")
	f("d.>")
}

func TestLongSubjectsHavePagesOfTheirOwn(t *testing.T) {
	t.Parallel()
	x := index.New(1)
	long := strings.Repeat("long", 16_000)
	for i := range 200 {
		appendTo(x, fmt.Sprintf("short.%03d", i))
		appendTo(x, fmt.Sprintf("%s.%d", long, i%5))
	}
	if err := index.Check(x); err != nil {
		t.Fatal(err)
	}
	s, ok := x.Subject([]byte(long + ".3"))
	if !ok || s.Count != 40 || !bytes.Equal(x.SubjectText(s.ID, nil), []byte(long+".3")) {
		t.Errorf("got %+v, %v, want 40 messages", s, ok)
	}
}

func TestFilterFollowsSubjectsThatComeAndGo(t *testing.T) {
	t.Parallel()
	x := index.New(1)
	f := x.NewFilter("a.*", "b.1")
	c := x.NewCursor(f, 1)
	for i := range 20_000 {
		seq, id := appendTo(x, fmt.Sprintf("%c.%d", 'a'+rune(i%3), i/3%4000))
		want := i%3 == 0 || i%3 == 1 && i/3%4000 == 1
		if got := f.MatchID(id); got != want {
			t.Fatalf("message %d: got %v, want %v", seq, got, want)
		}
		if seq > 600 {
			x.Remove(seq - 600)
		}
		if got, want := c.Pending(), x.Count(1, x.NewFilter("a.*", "b.1")); got != want {
			t.Fatalf("message %d: got %d pending, want %d", seq, got, want)
		}
	}
}

func TestBitmapsOfManyFiltersAreBounded(t *testing.T) {
	t.Parallel()
	x := index.New(1)
	for i := range 300 {
		appendTo(x, fmt.Sprintf("%d.%d", i%3, i))
	}
	filters := make([]*index.Filter, 500)
	for i := range filters {
		filters[i] = x.NewFilter(fmt.Sprintf("%d.*", i%3))
	}
	for range 3 {
		for i, f := range filters {
			if got := x.Count(1, f); got != 100 {
				t.Fatalf("filter %d: got %d, want 100", i, got)
			}
		}
	}
	if got := index.Bitmaps(x); got > 64 {
		t.Errorf("got %d bitmaps, want 64 at most", got)
	}
}

func TestFilterOfEverythingIsNil(t *testing.T) {
	t.Parallel()
	x := index.New(1)
	if x.NewFilter() != nil || x.NewFilter("a", ">") != nil {
		t.Error("got a filter, want none")
	}
}

func TestChargeIsWhatServersCount(t *testing.T) {
	t.Parallel()
	f := func(c index.Charge, header bool, overhead uint64) {
		t.Helper()
		if got := c.Of(32+20, header); got != 20+overhead {
			t.Errorf("%+v, %v: got %d, want %d", c, header, got, 20+overhead)
		}
	}
	f(index.FileCharge, false, 30)
	f(index.FileCharge, true, 34)
	f(index.MemoryCharge, false, 16)
	f(index.MemoryCharge, true, 16)
}

func TestFilesAreCountedUntilTheirLastMessageLeaves(t *testing.T) {
	t.Parallel()
	x := index.New(1)
	x.Append(1, []byte("a"), 40, index.Place{File: 9})
	x.Append(2, []byte("a"), 50, index.Place{File: 3})
	x.Append(3, []byte("a"), 60, index.Place{File: 9, Offset: 40})
	if got := slices.Collect(x.Files()); !slices.Equal(got, []uint32{3, 9}) {
		t.Errorf("got files %d, want 3 and 9", got)
	}
	if n, size := x.File(9); n != 2 || size != 100 {
		t.Errorf("got %d, %d, want 2 messages of 100 bytes", n, size)
	}
	if x.Move(1, index.Place{File: 9, Offset: 1}, index.Place{File: 4}) {
		t.Error("a message was moved from where it is not")
	}
	for e := range x.InFile(9) {
		x.Move(e.Seq, e.Place, index.Place{File: 4, Offset: uint32(e.Seq)})
	}
	x.Remove(2)
	if got := slices.Collect(x.Files()); !slices.Equal(got, []uint32{4}) {
		t.Errorf("got files %d, want 4", got)
	}
}
