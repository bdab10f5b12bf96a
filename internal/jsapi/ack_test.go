package jsapi_test

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tidings-io/tidings/internal/jsapi"
)

var ackSubjects = []struct {
	subject string
	want    jsapi.AckSubject
	second  bool
}{
	{"$JS.ACK.E.P.1.2.3.1795228848686495563.6", jsapi.AckSubject{
		Stream: "E", Consumer: "P", Deliveries: 1, StreamSeq: 2, ConsumerSeq: 3, Time: 1795228848686495563, Pending: 6,
	}, false},
	{"$JS.ACK._.0123abcd.E.P.1.2.3.4.0", jsapi.AckSubject{
		AccountHash: "0123abcd", Stream: "E", Consumer: "P", Deliveries: 1, StreamSeq: 2, ConsumerSeq: 3, Time: 4,
	}, true},
	{"$JS.ACK.hub.0123abcd.E.P.9.18446744073709551615.3.4.5", jsapi.AckSubject{
		Domain: "hub", AccountHash: "0123abcd", Stream: "E", Consumer: "P",
		Deliveries: 9, StreamSeq: 1<<64 - 1, ConsumerSeq: 3, Time: 4, Pending: 5,
	}, true},
}

func TestAckSubjectsParseAndAppend(t *testing.T) {
	t.Parallel()
	for _, c := range ackSubjects {
		got, ok := jsapi.ParseAckSubject(c.subject)
		if !ok || got != c.want {
			t.Errorf("%s: %s", c.subject, cmp.Diff(got, c.want))
		}
		appended := jsapi.AppendAckV1(nil, &c.want)
		if c.second {
			appended = jsapi.AppendAckV2(nil, &c.want)
		}
		if string(appended) != c.subject {
			t.Errorf("got %s, want %s", appended, c.subject)
		}
	}
	got, ok := jsapi.ParseAckSubject(ackSubjects[1].subject + ".random.more")
	if !ok || got != ackSubjects[1].want {
		t.Errorf("tokens after the last are not passed over: %+v, %t", got, ok)
	}
}

func TestOtherSubjectsAreNoAckSubjects(t *testing.T) {
	t.Parallel()
	for _, subject := range []string{
		"", "$JS.ACK", "$JS.ACK.", "$JS.ACK.E.P.1.2.3.4", "$JS.ACK.E.P.1.2.3.4.5.6", "$JS.ACK.E..1.2.3.4.5",
		"$JS.ACK..P.1.2.3.4.5", "$JS.ACK.E.P.x.2.3.4.5", "$JS.ACK.E.P.1.-2.3.4.5", "$JS.ACK.E.P.1.2.+3.4.5",
		"$JS.ACK.E.P.1.2.3.9223372036854775808.5", "$JS.ACK.E.P.1.2.3.4.18446744073709551616",
		"$JS.ACK..h.E.P.1.2.3.4.5", "$JS.ACK._..E.P.1.2.3.4.5", "$JS.FC.E.P.x", "foo.E.P.1.2.3.4.5",
	} {
		if got, ok := jsapi.ParseAckSubject(subject); ok {
			t.Errorf("%q was taken as %+v", subject, got)
		}
	}
}

func TestAckSubjectsDoNotAllocate(t *testing.T) {
	buf := make([]byte, 0, 256)
	for _, c := range ackSubjects {
		if n := testing.AllocsPerRun(100, func() {
			a, _ := jsapi.ParseAckSubject(c.subject)
			buf = jsapi.AppendAckV1(buf[:0], &a)
			buf = jsapi.AppendAckV2(buf[:0], &a)
		}); n != 0 {
			t.Errorf("%s: %v allocations", c.subject, n)
		}
	}
	payloads := [][]byte{nil, []byte("+ACK"), []byte("+OK"), []byte("-NAK"), []byte("+WPI"), []byte("+NXT"), []byte("+NXT 5")}
	if n := testing.AllocsPerRun(100, func() {
		for _, payload := range payloads {
			_, _ = jsapi.ParseAck(payload)
		}
	}); n != 0 {
		t.Errorf("payloads: %v allocations", n)
	}
}

func TestFlowSubjectsParseAndAppend(t *testing.T) {
	t.Parallel()
	f := func(subject string, want jsapi.FlowSubject) {
		t.Helper()
		got, ok := jsapi.ParseFlowSubject(subject)
		if !ok || got != want {
			t.Errorf("%s: %s", subject, cmp.Diff(got, want))
		}
		appended := jsapi.AppendFlowV1(nil, &want)
		if want.AccountHash != "" {
			appended = jsapi.AppendFlowV2(nil, &want)
		}
		if string(appended) != subject {
			t.Errorf("got %s, want %s", appended, subject)
		}
	}
	f("$JS.FC.S.C.x1", jsapi.FlowSubject{Stream: "S", Consumer: "C", ID: "x1"})
	f("$JS.FC._.hash1234.S.C.x1", jsapi.FlowSubject{AccountHash: "hash1234", Stream: "S", Consumer: "C", ID: "x1"})
	f("$JS.FC.hub.hash1234.S.C.x1", jsapi.FlowSubject{Domain: "hub", AccountHash: "hash1234", Stream: "S", Consumer: "C", ID: "x1"})
	for _, subject := range []string{"", "$JS.FC.S.C", "$JS.FC.S.C.x.y", "$JS.FC..C.x", "$JS.FC.S..x", "$JS.FC.S.C.", "$JS.FC..h.S.C.x", "$JS.FC.d..S.C.x"} {
		if got, ok := jsapi.ParseFlowSubject(subject); ok {
			t.Errorf("%q was taken as %+v", subject, got)
		}
	}
}

func TestAccountHashIsTheOneOfExistingServers(t *testing.T) {
	t.Parallel()
	if got := jsapi.AccountHash("A"); got != "NUmM6cRx" {
		t.Errorf("got %q", got)
	}
}

func TestAckPayloads(t *testing.T) {
	t.Parallel()
	f := func(payload string, want jsapi.Ack) {
		t.Helper()
		got, err := jsapi.ParseAck([]byte(payload))
		if err != nil || !cmp.Equal(got, want) {
			t.Errorf("%q: %v %s", payload, err, cmp.Diff(got, want))
		}
	}
	f("", jsapi.Ack{Kind: jsapi.Acknowledged})
	f("+ACK", jsapi.Ack{Kind: jsapi.Acknowledged})
	f("+OK", jsapi.Ack{Kind: jsapi.Acknowledged})
	f("-NAK", jsapi.Ack{Kind: jsapi.Refused})
	f("-NAK 2s", jsapi.Ack{Kind: jsapi.Refused, Delay: 2 * time.Second})
	f(`-NAK {"delay":5}`, jsapi.Ack{Kind: jsapi.Refused, Delay: 5})
	f(`-NAK {"delay":-5}`, jsapi.Ack{Kind: jsapi.Refused})
	f("-NAK ", jsapi.Ack{Kind: jsapi.Refused})
	f("-NAK x", jsapi.Ack{Kind: jsapi.Refused})
	f(`-NAK {"delay":"1s"}`, jsapi.Ack{Kind: jsapi.Refused})
	f("+WPI", jsapi.Ack{Kind: jsapi.InProgress})
	f("+NXT", jsapi.Ack{Kind: jsapi.NextPull})
	f("+NXT 5", jsapi.Ack{Kind: jsapi.NextPull, Pull: []byte("5")})
	f(`+NXT {"batch":5}`, jsapi.Ack{Kind: jsapi.NextPull, Pull: []byte(`{"batch":5}`)})
	f("+TERM", jsapi.Ack{Kind: jsapi.Terminated})
	f("+TERM bad thing", jsapi.Ack{Kind: jsapi.Terminated, Why: "bad thing"})
	for _, payload := range []string{"ACK", "+ack", "+ACKX", "+FOO 1", "+ACK 1"} {
		if got, err := jsapi.ParseAck([]byte(payload)); !errors.Is(err, jsapi.ErrAckPayload) {
			t.Errorf("%q was taken as %+v, %v", payload, got, err)
		}
	}
}

func FuzzAckSubject(f *testing.F) {
	for _, c := range ackSubjects {
		f.Add(c.subject)
	}
	f.Fuzz(func(t *testing.T, subject string) {
		a, ok := jsapi.ParseAckSubject(subject)
		if !ok {
			return
		}
		text := string(jsapi.AppendAckV1(nil, &a))
		if a.AccountHash != "" {
			text = string(jsapi.AppendAckV2(nil, &a))
		}
		if again, ok := jsapi.ParseAckSubject(text); !ok || again != a {
			t.Errorf("%q is read as %+v, which is written %q", subject, a, text)
		}
	})
}
