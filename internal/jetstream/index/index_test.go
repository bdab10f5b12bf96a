package index_test

import (
	"testing"

	"github.com/tidings-io/tidings/internal/jetstream/index"
)

func TestStateFollowsAppendRemoveAndSkip(t *testing.T) {
	t.Parallel()
	x := index.New(5)
	f := func(what string, want index.State) {
		t.Helper()
		if got := x.State(); got != want {
			t.Errorf("%s: got %+v, want %+v", what, got, want)
		}
	}
	f("new", index.State{First: 5, Last: 4})
	x.Append(5, []byte("a.1"), 40, index.Place{File: 1})
	x.Append(6, []byte("a.2"), 50|index.HasHeader, index.Place{File: 1, Offset: 40})
	f("two messages", index.State{First: 5, Last: 6, Messages: 2, Bytes: 38 + 52, Subjects: 2})
	x.Append(9, []byte("a.1"), 40, index.Place{File: 2})
	f("a gap", index.State{First: 5, Last: 9, Messages: 3, Bytes: 38 + 52 + 38, Subjects: 2, Deleted: 2})
	x.Remove(5)
	x.Remove(6)
	f("first removed", index.State{First: 9, Last: 9, Messages: 1, Bytes: 38, Subjects: 1})
	x.Remove(9)
	f("all removed", index.State{First: 10, Last: 9})
	x.Skip(20)
	f("skipped", index.State{First: 21, Last: 20})
	x.Append(21, []byte("b"), 40, index.Place{File: 1})
	x.Clear(100)
	f("cleared", index.State{First: 100, Last: 99})
}

func TestEncodedIndexKeepsMessagesAndIDs(t *testing.T) {
	t.Parallel()
	x := index.New(1)
	x.Append(1, []byte("gone"), 40, index.Place{File: 1})
	b := x.Append(2, []byte("b"), 41, index.Place{File: 1, Offset: 40})
	x.Append(7, []byte("c"), 42, index.Place{File: 1, Offset: 81})
	x.Remove(1)
	x.Skip(9)
	y, err := index.Decode(x.AppendState(nil))
	if err != nil {
		t.Fatal(err)
	}
	if got, want := y.State(), x.State(); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	if s, ok := y.Subject([]byte("b")); !ok || s.ID != b {
		t.Errorf("got %+v, %v, want ID %d", s, ok, b)
	}
	c := y.NewCursor(y.NewFilter("c", "x.>"), 1)
	if got := c.Pending(); got != 1 {
		t.Errorf("got %d pending, want 1", got)
	}
	if e, ok := c.Next(); !ok || e.Seq != 7 || c.Position() != 8 {
		t.Errorf("got %+v, %v at %d", e, ok, c.Position())
	}
}
