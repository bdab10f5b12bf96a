package client_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tidings-io/tidings/internal/client"
)

// newStore returns a store in a directory of its own, with the contexts saved.
func newStore(t *testing.T, contexts ...client.Context) *client.Store {
	t.Helper()
	dir := t.TempDir()
	store, err := client.NewStore(environment(map[string]string{"XDG_CONFIG_HOME": dir}))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range contexts {
		if err := store.Save(c); err != nil {
			t.Fatal(err)
		}
	}
	return store
}

func environment(vars map[string]string) func(string) string {
	return func(key string) string { return vars[key] }
}

func TestSettingsComeFromTheStrongestLayer(t *testing.T) {
	t.Parallel()
	store := newStore(t,
		client.Context{Name: "one", Settings: client.Settings{
			client.Server: "nats://one", client.User: "ann", client.Password: "secret", client.Timeout: "1s",
		}},
		client.Context{Name: "two", Settings: client.Settings{client.Server: "nats://two", client.Token: "t"}},
	)
	if err := store.Select("one"); err != nil {
		t.Fatal(err)
	}
	type vars = map[string]string
	// want lists "name=value from source" for what is not a default.
	f := func(flags client.Settings, context string, env vars, want ...string) {
		t.Helper()
		r, err := client.Resolve(client.Inputs{Flags: flags, Context: context, Getenv: environment(env), Store: store})
		if err != nil {
			t.Errorf("Resolve(%v, %q, %v): %v", flags, context, env, err)
			return
		}
		var got []string
		for _, field := range client.Fields {
			if v := r.Value(field.Name); v.Text != "" && v.Source != "default" {
				got = append(got, string(field.Name)+"="+v.Text+" from "+v.Source)
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("Resolve(%v, %q, %v) (-want +got):\n%s", flags, context, env, diff)
		}
	}
	// the selected context alone, and with one setting overridden
	f(nil, "", nil, "server=nats://one from context one", "user=ann from context one",
		"password=secret from context one", "timeout=1s from context one")
	f(client.Settings{client.Timeout: "2s"}, "", nil, "server=nats://one from context one", "user=ann from context one",
		"password=secret from context one", "timeout=2s from flag --timeout")
	// a server named elsewhere gets nothing of the selected context
	f(client.Settings{client.Server: "other"}, "", nil, "server=other from flag --server")
	f(nil, "", vars{"NATS_URL": "env"}, "server=env from environment NATS_URL")
	f(nil, "", vars{"NATS_URL": "env", "TIDINGS_URL": "ours"}, "server=ours from environment TIDINGS_URL")
	// a context that is named is joined with the other layers
	f(client.Settings{client.Server: "other"}, "two", nil, "server=other from flag --server", "token=t from context two")
	f(nil, "two", vars{"NATS_URL": "env"}, "server=nats://two from context two", "token=t from context two")
	f(nil, "", vars{"NATS_URL": "env", "NATS_CONTEXT": "two"}, "server=env from environment NATS_URL", "token=t from context two")
	f(nil, "one", vars{"NATS_CONTEXT": "two"}, "server=nats://one from context one", "user=ann from context one",
		"password=secret from context one", "timeout=1s from context one")
	// ways to authenticate never mix
	f(client.Settings{client.Token: "mine"}, "", nil, "server=nats://one from context one",
		"token=mine from flag --token", "timeout=1s from context one")
	f(client.Settings{client.Password: "new"}, "", nil, "server=nats://one from context one", "user=ann from context one",
		"password=new from flag --password", "timeout=1s from context one")
	f(client.Settings{client.Server: "nats://u:p@host"}, "two", nil, "server=nats://u:p@host from flag --server")
	f(client.Settings{client.User: "me", client.Password: "pw"}, "", vars{"NATS_URL": "nats://u:p@host"},
		"server=nats://host from environment NATS_URL", "user=me from flag --user", "password=pw from flag --password")
	// a certificate and its key stay together
	f(client.Settings{client.TLSCertificate: "c"}, "", vars{"NATS_URL": "env", "NATS_KEY": "k"},
		"server=env from environment NATS_URL", "tls-certificate=c from flag --tls-certificate")
}

func TestBadSettingsAreNamedWithTheirSource(t *testing.T) {
	t.Parallel()
	f := func(flags client.Settings, env map[string]string, want string) {
		t.Helper()
		_, err := client.Resolve(client.Inputs{Flags: flags, Getenv: environment(env)})
		if err == nil || err.Error() != want {
			t.Errorf("got  %v\nwant %s", err, want)
		}
	}
	f(client.Settings{client.Timeout: "5"}, nil, `timeout "5": not a time above zero; write 500ms, 5s or 1m (flag --timeout)`)
	f(nil, map[string]string{"NATS_TIMEOUT": "-1s"}, `timeout "-1s": not a time above zero; write 500ms, 5s or 1m (environment NATS_TIMEOUT)`)
	f(client.Settings{client.Server: "http://x"}, nil, `server "http://x": scheme "http" is unknown; use one of nats, tls, ws, wss (flag --server)`)
	f(client.Settings{client.Server: "nats://u:geheim@:4222"}, nil, `server "nats://u:********@:4222": the host is missing; write nats://HOST:PORT (flag --server)`)
	f(client.Settings{client.Server: "nats://a:70000"}, nil, `server "nats://a:70000": port 70000 is not between 1 and 65535 (flag --server)`)
	f(client.Settings{client.Server: "a,,b"}, nil, `server "a,,b": an entry is empty; write nats://HOST:PORT (flag --server)`)
	f(client.Settings{client.TLSFirst: "perhaps"}, nil, `tls-first "perhaps": not a yes or no; write true or false (flag --tls-first)`)
	f(client.Settings{client.User: ""}, nil, `user is empty; leave it out or give it a value (flag --user)`)
	f(client.Settings{client.InboxPrefix: "a.*"}, nil, `inbox-prefix: subject "a.*": wildcards are for subscriptions; name one subject (flag --inbox-prefix)`)
}

func TestContextInUseIsExplained(t *testing.T) {
	t.Parallel()
	store := newStore(t, client.Context{Name: "one", Settings: client.Settings{client.Server: "one"}})
	f := func(in client.Inputs, env map[string]string, describe, why string) {
		t.Helper()
		in.Getenv, in.Store = environment(env), store
		r, err := client.Resolve(in)
		if err != nil {
			t.Fatal(err)
		}
		if got := r.Describe(); got != describe {
			t.Errorf("Describe: got %q, want %q", got, describe)
		}
		if !strings.Contains(r.ContextWhy, why) {
			t.Errorf("ContextWhy: got %q, want it to contain %q", r.ContextWhy, why)
		}
	}
	f(client.Inputs{}, nil, "no context, server from default", "none is selected")
	f(client.Inputs{Context: "one"}, nil, "context one", "named by --context")
	f(client.Inputs{}, map[string]string{"TIDINGS_CONTEXT": "one"}, "context one", "named by TIDINGS_CONTEXT")
	f(client.Inputs{}, map[string]string{"NATS_URL": "x", "NATS_CONTEXT": "one"},
		"context one, server from environment NATS_URL", "named by NATS_CONTEXT")
	if err := store.Select("one"); err != nil {
		t.Fatal(err)
	}
	f(client.Inputs{}, nil, "context one", "selected")
	f(client.Inputs{Flags: client.Settings{client.Server: "x"}}, nil, "no context, server from --server", "left out because a server was named")
}

func TestServersAreURLsInTheOrderGiven(t *testing.T) {
	t.Parallel()
	r, err := client.Resolve(client.Inputs{
		Flags: client.Settings{client.Server: "b:1, tls://a ,ws://c"}, Getenv: environment(nil),
	})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"nats://b:1", "tls://a", "ws://c"}, r.Servers()); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"tls://a"}, r.For("tls://a").Servers()); diff != "" {
		t.Error(diff)
	}
}
