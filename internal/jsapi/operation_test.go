package jsapi_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tidings-io/tidings/internal/jsapi"
	"github.com/tidings-io/tidings/internal/subject"
)

func TestAPISubjectsParse(t *testing.T) {
	t.Parallel()
	f := func(text string, want jsapi.APISubject) {
		t.Helper()
		got, ok := jsapi.ParseAPISubject(text)
		if !ok || got != want {
			t.Errorf("%s: %t %s", text, ok, cmp.Diff(got, want))
		}
	}
	f("$JS.API.INFO", jsapi.APISubject{Operation: jsapi.AccountInfo})
	f("$JS.hub.API.INFO", jsapi.APISubject{Operation: jsapi.AccountInfo, Domain: "hub"})
	f("$JS.API.STREAM.CREATE.S", jsapi.APISubject{Operation: jsapi.StreamCreate, Stream: "S"})
	f("$JS.API.STREAM.NAMES", jsapi.APISubject{Operation: jsapi.StreamNames})
	f("$JS.API.STREAM.MSG.GET.S", jsapi.APISubject{Operation: jsapi.StreamMsgGet, Stream: "S"})
	f("$JS.API.DIRECT.GET.S", jsapi.APISubject{Operation: jsapi.DirectGet, Stream: "S"})
	f("$JS.API.DIRECT.GET.S.a.b", jsapi.APISubject{Operation: jsapi.DirectGet, Stream: "S", Filter: "a.b"})
	f("$JS.API.CONSUMER.CREATE.S", jsapi.APISubject{Operation: jsapi.ConsumerCreate, Stream: "S"})
	f("$JS.API.CONSUMER.CREATE.S.C", jsapi.APISubject{Operation: jsapi.ConsumerCreate, Stream: "S", Consumer: "C"})
	f("$JS.API.CONSUMER.CREATE.S.C.a.>", jsapi.APISubject{Operation: jsapi.ConsumerCreate, Stream: "S", Consumer: "C", Filter: "a.>"})
	f("$JS.API.CONSUMER.DURABLE.CREATE.S.C", jsapi.APISubject{Operation: jsapi.ConsumerDurableCreate, Stream: "S", Consumer: "C"})
	f("$JS.API.CONSUMER.MSG.NEXT.S.C", jsapi.APISubject{Operation: jsapi.ConsumerMsgNext, Stream: "S", Consumer: "C"})
	f("$JS.API.CONSUMER.LEADER.STEPDOWN.S.C", jsapi.APISubject{Operation: jsapi.ConsumerLeaderStepdown, Stream: "S", Consumer: "C"})
	f("$JS.API.ACCOUNT.PURGE.A", jsapi.APISubject{Operation: jsapi.AccountPurge, Account: "A"})
	f("$JS.API.ACCOUNT.STREAM.MOVE.A.S", jsapi.APISubject{Operation: jsapi.AccountStreamMove, Account: "A", Stream: "S"})
	for _, text := range []string{
		"", "$JS", "$JS.API", "$JS.API.", "$JS.API.NOPE", "$JS.API.INFO.x", "$JS.API.STREAM.CREATE", "$JS.API.STREAM.CREATE.",
		"$JS.API.STREAM.CREATE.a.b", "$JS.API.STREAM.CREATEX.a", "$JS.API.CONSUMER.INFO.S", "$JS.API.CONSUMER.INFO.S.C.x",
		"$JS.API.CONSUMER.CREATE.S.", "$JS.API.CONSUMER.CREATE.S.C.", "$JS..API.INFO", "$JS.hub.INFO", "JS.API.INFO",
		"$JS.API.ACCOUNT.STREAM.MOVE.A", "$JS.API.ACCOUNT.STREAM.MOVE.A.S.x", "$JS.API.DIRECT.GET",
	} {
		if got, ok := jsapi.ParseAPISubject(text); ok {
			t.Errorf("%q was taken as %+v", text, got)
		}
	}
}

func TestOperationsAreFoundInTheirOwnSubjects(t *testing.T) {
	t.Parallel()
	args := [][]string{nil, {"x"}, {"x", "y"}, {"x", "y", "z", "z"}}
	for o := jsapi.AccountInfo; o <= jsapi.AccountStreamCancelMove; o++ {
		pattern, also := o.Pattern(jsapi.DomainPrefix("hub"))
		parsed := 0
		for _, a := range args {
			text := o.Subject(jsapi.DomainPrefix("hub"), a...)
			got, ok := jsapi.ParseAPISubject(text)
			matches := subject.Matches(pattern, text) || also != "" && subject.Matches(also, text)
			if ok != matches {
				t.Errorf("%s: parsed %t, subscribed %t", text, ok, matches)
			}
			if !ok {
				continue
			}
			parsed++
			if got.Operation != o || got.Domain != "hub" {
				t.Errorf("%s is taken as %s of domain %q", text, got.Operation, got.Domain)
			}
		}
		if parsed == 0 {
			t.Errorf("%s: no subject of it is understood", o)
		}
	}
	if got, want := jsapi.StreamCreate.ResponseType(), "io.nats.jetstream.api.v1.stream_create_response"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if got := jsapi.ConsumerMsgNext.ResponseType() + jsapi.NoOperation.ResponseType(); got != "" {
		t.Errorf("got %q, want none", got)
	}
}

func FuzzParseAPISubject(f *testing.F) {
	f.Add("$JS.API.CONSUMER.CREATE.S.C.a.>")
	f.Add("$JS.hub.API.INFO")
	f.Fuzz(func(t *testing.T, text string) {
		s, ok := jsapi.ParseAPISubject(text)
		if !ok {
			return
		}
		var args []string
		for _, arg := range []string{s.Account, s.Stream, s.Consumer, s.Filter} {
			if arg != "" {
				args = append(args, arg)
			}
		}
		if got := s.Operation.Subject(jsapi.DomainPrefix(s.Domain), args...); got != text {
			t.Errorf("%q is read as %+v, which is written %q", text, s, got)
		}
	})
}
