package client_test

import (
	"strings"
	"testing"

	"github.com/tidings-io/tidings/internal/client"
)

func TestURLsAreShownWithoutSecrets(t *testing.T) {
	t.Parallel()
	f := func(in, want string) {
		t.Helper()
		if got := client.RedactURL(in); got != want {
			t.Errorf("RedactURL(%q): got %q, want %q", in, got, want)
		}
	}
	f("nats://host:4222", "nats://host:4222")
	f("nats://ann:secret@host", "nats://ann:********@host")
	f("nats://token@host", "nats://********@host")
	f("ann:se:c@ret@host", "ann:********@host")
	f("", "")
}

func FuzzRedactURLKeepsNoPassword(f *testing.F) {
	f.Add("nats://", "host")
	f.Add("", "a.b:1,c")
	f.Fuzz(func(t *testing.T, before, after string) {
		const secret = "S3CR3T-S3CR3T"
		if strings.Contains(before+after, "S3CR") {
			return
		}
		if got := client.RedactURL(before + "u:" + secret + "@" + after); strings.Contains(got, secret) {
			t.Errorf("RedactURL shows the password: %q", got)
		}
	})
}

func TestEveryFieldHasADescription(t *testing.T) {
	t.Parallel()
	for _, f := range client.Fields {
		if f.Usage == "" || len(f.Env) == 0 {
			t.Errorf("%s: usage %q, environment %v", f.Name, f.Usage, f.Env)
		}
		if f.Secret() && strings.Contains(f.Shown("geheim"), "geheim") {
			t.Errorf("%s shows its value", f.Name)
		}
	}
}

func TestSubjectsAreChecked(t *testing.T) {
	t.Parallel()
	f := func(subject string, publish, subscribe bool) {
		t.Helper()
		if err := client.CheckPublishSubject(subject); (err == nil) != publish {
			t.Errorf("publish to %q: got %v", subject, err)
		}
		if err := client.CheckSubscribeSubject(subject); (err == nil) != subscribe {
			t.Errorf("subscribe to %q: got %v", subject, err)
		}
	}
	f("a.b", true, true)
	f("$SYS.x", true, true)
	f("a*.b>", true, true)
	f("a.*", false, true)
	f(">", false, true)
	f("a.>.b", false, false)
	f("", false, false)
	f(".a", false, false)
	f("a..b", false, false)
	f("a.", false, false)
	f("a b", false, false)
	f("a\r\nPUB x 1", false, false)
}
