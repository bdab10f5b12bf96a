package auth_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/tidings-io/tidings/internal/auth"
	"github.com/tidings-io/tidings/internal/core"
	"github.com/tidings-io/tidings/internal/subject"
	"github.com/tidings-io/tidings/internal/wire"
)

// permissions returns what a user with c may do.
func permissions(tb testing.TB, c auth.PermissionsConfig) core.Permissions {
	tb.Helper()
	g, err := auth.New(auth.Config{Users: []auth.User{{Name: "u", Password: "p", Permissions: &c}}}, core.NewAccounts())
	if err != nil {
		tb.Fatal(err)
	}
	id, err := g.Authenticate(auth.Request{Connect: wire.ConnectOptions{User: "u", Password: "p"}})
	if err != nil {
		tb.Fatal(err)
	}
	return id.Permissions
}

func list(subjects ...string) []string { return subjects }

func TestPermissionsThatRestrictNothingAreNil(t *testing.T) {
	t.Parallel()
	for _, c := range []auth.PermissionsConfig{
		{},
		{Publish: auth.SubjectsConfig{Allow: list()}},
		{Subscribe: auth.SubjectsConfig{Deny: list()}},
	} {
		if p := permissions(t, c); p != nil {
			t.Errorf("%+v gives permissions, want nil", c)
		}
	}
}

func TestPublishPermissionsAreAboutTheLiteralSubject(t *testing.T) {
	t.Parallel()
	f := func(allow, deny []string, allowed, refused string) {
		t.Helper()
		p := permissions(t, auth.PermissionsConfig{Publish: auth.SubjectsConfig{Allow: allow, Deny: deny}})
		for want, subjects := range map[bool]string{true: allowed, false: refused} {
			for s := range strings.FieldsSeq(subjects) {
				if got := p.MayPublish(s); got != want {
					t.Errorf("allow %q deny %q: MayPublish(%q) = %v, want %v", allow, deny, s, got, want)
				}
			}
		}
		if !p.MaySubscribe(">", "") || !p.MayDeliver("foo") || p.FiltersDeliveries(">") {
			t.Errorf("allow %q deny %q: publish permissions limit subscriptions", allow, deny)
		}
	}
	f(list("foo"), nil, "foo", "bar _INBOX.a foo.a")
	f(list("c", "d.*"), nil, "c d.x d.* d.>", "d d.x.y a")
	f(list("foo.*.z", "foo.a.>"), nil, "foo.b.z foo.a.b foo.a.z.y", "foo.b.c foo.a foo.b.z.y")
	f(nil, list("foo.*"), "foo foo.a.b >", "foo.a foo.* foo.>")
	f(list(">"), list("$SYS.>"), "a $SYS", "$SYS.REQ.USER.INFO")
	f(list("foo.*"), list("foo.a"), "foo.b", "foo.a bar")
	f(list("foo.*x"), nil, "foo.*x", "foo.yx")
}

// subscriptions are written "subject" or "subject/queue".
func checkSubscriptions(t *testing.T, allow, deny []string, allowed, refused string) {
	t.Helper()
	p := permissions(t, auth.PermissionsConfig{Subscribe: auth.SubjectsConfig{Allow: allow, Deny: deny}})
	for want, subscriptions := range map[bool]string{true: allowed, false: refused} {
		for s := range strings.FieldsSeq(subscriptions) {
			pattern, queue, _ := strings.Cut(s, "/")
			if got := p.MaySubscribe(pattern, queue); got != want {
				t.Errorf("allow %q deny %q: MaySubscribe(%q, %q) = %v, want %v", allow, deny, pattern, queue, got, want)
			}
		}
	}
	if !p.MayPublish("foo") {
		t.Errorf("allow %q deny %q: subscribe permissions limit publishing", allow, deny)
	}
}

func TestSubscriptionIsAllowedIfAllItsSubjectsAre(t *testing.T) {
	t.Parallel()
	f := func(allow, deny []string, allowed, refused string) {
		t.Helper()
		checkSubscriptions(t, allow, deny, allowed, refused)
	}
	f(list("foo"), nil, "foo foo/q", "bar > * _INBOX.x _INBOX.>")
	f(list("foo.*"), nil, "foo.a foo.* foo.a/q", "foo.> foo.a.b foo.*.* > foo")
	f(list("foo.*.z", "foo.a.>"), nil, "foo.*.z foo.a.* foo.a.b", "foo.*.* foo.> foo.b")
	f(list("*"), nil, "foo *", "> foo.a")
	f(list(">"), nil, "foo > *.a", "")
	f(list("foo.*x"), nil, "foo.*x", "foo.yx foo.*")

	// Denied subjects within a wider subscription do not forbid it.
	f(list("foo.>"), list("foo.x", "foo.y.>"), "foo.a foo.* foo.> foo.y foo.*.z foo.*.*",
		"foo foo.x foo.y.z foo.y.> foo.y.* > * *.a")
	f(nil, list("foo.x", "foo.y.>"), "foo.a foo.* foo.> >", "foo.x foo.y.* foo.y.>")
	f(nil, list("foo.*.c"), "foo.> foo.*.* foo.b.* *.b.c", "foo.*.c foo.b.c")
	f(list("foo.*"), list("foo.*"), "", "foo.a foo.*")
}

func TestQueuePermissionsAreAboutTheNameOfTheGroup(t *testing.T) {
	t.Parallel()
	f := func(allow, deny []string, allowed, refused string) {
		t.Helper()
		checkSubscriptions(t, allow, deny, allowed, refused)
	}
	f(list("foo q", "bar"), nil, "foo/q bar bar/q bar/r", "foo foo/r > foo.a")
	f(list("foo", "foo q"), nil, "foo foo/q", "foo/r")
	f(list("foo q*", "bar v.*", "z *.p", "y >", "w *"), nil, "foo/q* bar/v.1 z/a.p y/a.b w/a",
		"foo/qq bar/v.1.2 bar/v z/p y w w/a.b foo bar")
	f(list("> q"), nil, "a/q", "a _INBOX.x")
	f(list("foo  q"), nil, "foo/q", "foo")
	f(list("foo\tq"), nil, "foo/q", "foo")

	// An entry with a queue narrows a plain one that covers the same subject.
	f(list("foo.>", "foo.a q"), nil, "foo.a foo.a/q foo.b/r foo.>/r foo.>/q", "foo.a/r")
	f(list("foo.a", "foo.> q"), nil, "foo.a foo.a/q foo.b/q", "foo.a/r foo.b foo.b/r")

	f(nil, list("foo q"), "foo foo/r foo.a *", "foo/q")
	f(nil, list("foo *"), "foo foo/q.r", "foo/q")
	f(nil, list("foo >"), "foo", "foo/q foo/q.r")
	f(nil, list("foo.* q"), "foo.* foo.a foo.a/r", "foo.*/q foo.a/q foo.>/q")
	f(nil, list("foo.a", "foo.> q"), "foo.b foo.b/r foo.> foo.>/r", "foo.a foo.a/q foo.a/r foo.b/q foo.>/q")
	f(nil, list("foo", "foo q"), "bar", "foo foo/q foo/r")
	f(list("foo.> q"), list("foo.a"), "foo.b/q foo.>/q", "foo.a/q foo.b foo.a foo.>/r")
	f(list("foo.>"), list("foo.> prod", "foo.> *.x"), "foo.a foo.a/dev", "foo.a/prod foo.a/b.x foo.>/prod")

	// A group that could get what its name is denied is refused as a whole.
	f(nil, list("foo q"), ">/r > */r", ">/q */q")
}

func TestDeniedSubjectsAreFilteredAtDelivery(t *testing.T) {
	t.Parallel()
	p := permissions(t, auth.PermissionsConfig{
		Subscribe: auth.SubjectsConfig{Deny: list("foo.x", "foo.y.>", "*.*.c", "bar q")},
	})
	for s, want := range map[string]bool{
		"foo.a": true, "foo.y": true, "bar": true, "foo.x": false, "foo.y.z": false, "a.b.c": false,
	} {
		if got := p.MayDeliver(s); got != want {
			t.Errorf("MayDeliver(%q) = %v, want %v", s, got, want)
		}
	}
	for s, want := range map[string]bool{
		">": true, "foo.>": true, "foo.*": true, "foo.*.z": true, "*.y.z": true, "*.x": true, "a.>": true, "*.*.*": true,
		"*": false, "bar": false, "foo.a": false, "bar.*": false, "a.*.d": false, "*.*.*.d.e.f": true, "a.b.*.d": false,
	} {
		if got := p.FiltersDeliveries(s); got != want {
			t.Errorf("FiltersDeliveries(%q) = %v, want %v", s, got, want)
		}
	}
}

func FuzzPermissionsAgreeWithTheirDefinition(f *testing.F) {
	f.Add("foo.* bar.>", "foo.x *.y", "foo.>")
	f.Add(">", "a.*.c >", "a.b.c")
	f.Add("", "*.> a", "*.*")
	f.Add("a.b", "", "a.*")
	f.Fuzz(func(t *testing.T, allowText, denyText, s string) {
		allow, deny := strings.Fields(allowText), strings.Fields(denyText)
		if len(allow)+len(deny) == 0 || !subject.ValidSubscription(s) {
			return
		}
		for _, pattern := range slices.Concat(allow, deny) {
			if !subject.ValidSubscription(pattern) {
				return
			}
		}
		sets := auth.SubjectsConfig{Allow: allow, Deny: deny}
		p := permissions(t, auth.PermissionsConfig{Publish: sets, Subscribe: sets})
		check := func(name string, got, want bool) {
			t.Helper()
			if got != want {
				t.Errorf("allow %q deny %q: %s(%q) = %v, want %v", allow, deny, name, s, got, want)
			}
		}
		matches := func(pattern string) bool { return subject.Matches(pattern, s) }
		covers := func(pattern string) bool { return subject.SubsetMatch(s, pattern) }
		overlaps := func(pattern string) bool { return subject.Overlap(s, pattern) }
		check("MayPublish", p.MayPublish(s), (len(allow) == 0 || slices.ContainsFunc(allow, matches)) && !slices.ContainsFunc(deny, matches))
		check("MaySubscribe", p.MaySubscribe(s, ""), (len(allow) == 0 || slices.ContainsFunc(allow, covers)) && !slices.ContainsFunc(deny, covers))
		check("MayDeliver", p.MayDeliver(s), !slices.ContainsFunc(deny, matches))
		check("FiltersDeliveries", p.FiltersDeliveries(s), slices.ContainsFunc(deny, overlaps))
	})
}

func thousandPatterns(tb testing.TB) core.Permissions {
	var subjects []string
	for i := range 1000 {
		subjects = append(subjects, fmt.Sprintf("tenant.%d.*.orders.>", i))
	}
	sets := auth.SubjectsConfig{Allow: subjects, Deny: list("*.*.internal.>")}
	return permissions(tb, auth.PermissionsConfig{Publish: sets, Subscribe: sets})
}

func TestChecksDoNotAllocate(t *testing.T) {
	p := thousandPatterns(t)
	allocs := testing.AllocsPerRun(100, func() {
		if !p.MayPublish("tenant.999.eu.orders.new") || !p.MayDeliver("tenant.999.eu.orders.new") ||
			!p.MaySubscribe("tenant.5.*.orders.>", "") {
			t.Fatal("refused")
		}
	})
	if allocs != 0 {
		t.Errorf("got %v allocations, want 0", allocs)
	}
}

func BenchmarkMayPublishWithAThousandPatterns(b *testing.B) {
	p := thousandPatterns(b)
	b.ReportAllocs()
	for b.Loop() {
		p.MayPublish("tenant.999.eu.orders.new")
	}
}
