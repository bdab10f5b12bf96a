package subject_test

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tidings-io/tidings/internal/subject"
)

// shares counts, over every percent once, where a message goes.
func shares(m *subject.Mapping, cluster string) map[string]int {
	got := map[string]int{}
	for percent := range uint32(100) {
		action, transform := m.Choose(percent, cluster)
		if action == subject.Map {
			got[transform.Destination()]++
		} else {
			got[action.String()]++
		}
	}
	return got
}

func TestMappingSharesMessagesByWeight(t *testing.T) {
	t.Parallel()
	type destinations = []subject.Destination
	f := func(source, cluster string, d destinations, want map[string]int) {
		t.Helper()
		m, err := subject.NewMapping(source, d...)
		if err != nil {
			t.Error(err)
			return
		}
		if diff := cmp.Diff(want, shares(m, cluster)); diff != "" {
			t.Errorf("shares of %q with %v (-want +got):\n%s", source, d, diff)
		}
	}

	f("foo", "", destinations{{Subject: "bar", Weight: 100}}, map[string]int{"bar": 100})
	f("foo", "", destinations{{Subject: "bar", Weight: 0}}, map[string]int{"pass": 100})
	f("foo", "", destinations{{Subject: "bar", Weight: 40}, {Subject: "baz", Weight: 60}},
		map[string]int{"bar": 40, "baz": 60})

	// What is left passes, unless the source is a destination itself.
	f("foo", "", destinations{{Subject: "bar", Weight: 50}}, map[string]int{"bar": 50, "pass": 50})
	f("foo", "", destinations{{Subject: "bar", Weight: 50}, {Subject: "foo", Weight: 20}},
		map[string]int{"bar": 50, "foo": 20, "drop": 30})
	f("foo", "", destinations{{Subject: "foo", Weight: 20}}, map[string]int{"foo": 20, "drop": 80})
	f("foo", "", destinations{{Subject: "foo", Weight: 0}, {Subject: "bar", Weight: 30}},
		map[string]int{"bar": 30, "drop": 70})
	f("foo.>", "", destinations{{Subject: "bar.>", Weight: 30}, {Subject: "foo.>", Weight: 30}},
		map[string]int{"bar.>": 30, "foo.>": 30, "drop": 40})
	f("foo.*", "", destinations{{Subject: "bar.$1", Weight: 30}, {Subject: "foo.$1", Weight: 20}},
		map[string]int{"bar.$1": 30, "foo.$1": 20, "pass": 50})

	// A cluster with destinations of its own uses only these.
	scoped := destinations{{Subject: "bar", Weight: 50, Cluster: "X"}, {Subject: "baz", Weight: 90}}
	f("foo", "X", scoped, map[string]int{"bar": 50, "pass": 50})
	f("foo", "x", scoped, map[string]int{"baz": 90, "pass": 10})
	f("foo", "", scoped, map[string]int{"baz": 90, "pass": 10})
	f("foo", "", destinations{{Subject: "bar", Weight: 100, Cluster: "X"}}, map[string]int{"pass": 100})
	f("foo", "X", destinations{{Subject: "foo", Weight: 50, Cluster: "Y"}, {Subject: "bar", Weight: 50, Cluster: "X"}},
		map[string]int{"bar": 50, "drop": 50})
	f("foo", "", destinations{{Subject: "bar", Weight: 100, Cluster: "X"}, {Subject: "baz", Weight: 100, Cluster: "Y"}, {Subject: "q", Weight: 100}},
		map[string]int{"q": 100})
}

func TestMappingAppliesTheChosenTransform(t *testing.T) {
	t.Parallel()
	m, err := subject.NewMapping("foo.*", subject.Destination{Subject: "bar.{{split(1,-)}}", Weight: 50})
	if err != nil {
		t.Fatal(err)
	}
	const mapped, passed = uint64(0), uint64(99) << 32
	f := func(literal string, random uint64, want string, wantAction subject.Action) {
		t.Helper()
		got, action := m.Apply(literal, "", random)
		if got != want || action != wantAction {
			t.Errorf("Apply(%q) = %q, %v, want %q, %v", literal, got, action, want, wantAction)
		}
	}
	f("foo.a-b", mapped, "bar.a.b", subject.Map)
	f("foo.a-b", passed, "foo.a-b", subject.Pass)
	f("other", mapped, "other", subject.Pass)
	f("foo.>", mapped, "foo.>", subject.Pass)
	f("foo.-", mapped, "", subject.Drop)
}

func TestMappingErrorsNameDestinationAndReason(t *testing.T) {
	t.Parallel()
	f := func(source string, reason error, text string, d ...subject.Destination) {
		t.Helper()
		_, err := subject.NewMapping(source, d...)
		if !errors.Is(err, reason) {
			t.Errorf("%q: got error %v, want %v", source, err, reason)
			return
		}
		if err.Error() != text {
			t.Errorf("got text %q, want %q", err, text)
		}
	}
	f("foo..x", subject.ErrInvalidSource, `mapping of "foo..x": source is not a valid subject`,
		subject.Destination{Subject: "bar", Weight: 100})
	f("foo", subject.ErrNoDestination, `mapping of "foo": mapping needs at least one destination`)
	f("foo", subject.ErrDuplicateDestination, `mapping of "foo": destination "bar": cluster "X": duplicate destination`,
		subject.Destination{Subject: "bar", Weight: 50}, subject.Destination{Subject: "bar", Weight: 50, Cluster: "X"})
	f("foo", subject.ErrWeightRange, `mapping of "foo": destination "bar": weight must be 0 to 100 percent`,
		subject.Destination{Subject: "bar", Weight: 101})
	f("foo", subject.ErrWeightSum, `mapping of "foo": destination "baz": weights must add up to 100 percent at most`,
		subject.Destination{Subject: "bar", Weight: 60}, subject.Destination{Subject: "baz", Weight: 50})
	f("foo.*", subject.ErrIndexOutOfRange, `mapping of "foo.*": destination "bar.$2": transform from "foo.*" to "bar.$2": `+
		`token "$2": wildcard index out of range: "2"; the source has 1 "*" wildcards, counted from 1`,
		subject.Destination{Subject: "bar.$2", Weight: 100})
}
