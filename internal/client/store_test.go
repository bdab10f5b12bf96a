package client_test

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tidings-io/tidings/internal/client"
)

func TestSavedContextIsLoadedAgainAndPrivate(t *testing.T) {
	t.Parallel()
	want := client.Context{
		Name: "prod", Description: "a \"<b>\"",
		Settings: client.Settings{
			client.Server: "tls://a,tls://b", client.User: "ann", client.Password: "secret",
			client.TLSFirst: "true", client.Timeout: "2s", client.InboxPrefix: "me",
		},
	}
	store := newStore(t, want)
	got, err := store.Load("prod")
	if err != nil {
		t.Fatal(err)
	}
	want.Origin, want.Path = client.OriginTidings, got.Path
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("loaded (-want +got):\n%s", diff)
	}
	info, err := os.Stat(got.Path)
	if err != nil {
		t.Fatal(err)
	}
	if runtime.GOOS != "windows" && info.Mode().Perm() != 0o600 {
		t.Errorf("mode: got %v, want 0600", info.Mode().Perm())
	}
}

func TestContextNamesCannotLeaveTheDirectory(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"", "../x", "a/b", `a\b`, ".hidden", "-x", "ä", "a b", "a\x00", strings.Repeat("x", 101)} {
		if client.CheckContextName(name) == nil {
			t.Errorf("name %q is accepted", name)
		}
	}
	for _, name := range []string{"a", "A-b_c.d", "9"} {
		if err := client.CheckContextName(name); err != nil {
			t.Error(err)
		}
	}
}

func TestContextsOfTheNatsToolAreReadNotWritten(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	store, err := client.NewStore(environment(map[string]string{"XDG_CONFIG_HOME": dir}))
	if err != nil {
		t.Fatal(err)
	}
	theirs := filepath.Join(dir, "nats", "context")
	if err := os.MkdirAll(theirs, 0o700); err != nil {
		t.Fatal(err)
	}
	write := func(name, content string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(theirs, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("stock.json", `{"description":"d","url":"nats://h","user":"u","password":"p","token":"","creds":"/c",
		"cert":"/cert","key":"/key","ca":"/ca","tls_first":true,"inbox_prefix":"i","jetstream_domain":"x","color_scheme":""}`)
	write("vault.json", `{"url":"nats://h","nsc":"nsc://o/a/u"}`)
	write("both.json", `{"url":"nats://theirs"}`)
	write("notes.txt", `x`)
	if err := store.Save(client.Context{Name: "both", Settings: client.Settings{client.Server: "nats://ours"}}); err != nil {
		t.Fatal(err)
	}

	got, err := store.Load("stock")
	if err != nil {
		t.Fatal(err)
	}
	want := client.Settings{
		client.Server: "nats://h", client.User: "u", client.Password: "p", client.Credentials: "/c",
		client.TLSCertificate: "/cert", client.TLSKey: "/key", client.TLSCA: "/ca", client.TLSFirst: "true", client.InboxPrefix: "i",
	}
	if diff := cmp.Diff(want, got.Settings); diff != "" || got.Origin != client.OriginNats || got.Description != "d" {
		t.Errorf("stock: origin %s, description %q, settings (-want +got):\n%s", got.Origin, got.Description, diff)
	}
	if _, err := store.Load("vault"); err == nil || !strings.Contains(err.Error(), `uses "nsc", which is not supported`) {
		t.Errorf("vault: got %v", err)
	}
	if err := store.Remove("stock"); err == nil {
		t.Error("a context of the nats tool was removed")
	}

	entries, err := store.List()
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	for _, e := range entries {
		line := e.Name + " " + string(e.Origin)
		if e.Hidden {
			line += " hidden"
		}
		if e.Err != nil {
			line += " broken"
		}
		lines = append(lines, line)
	}
	if diff := cmp.Diff([]string{"both tidings", "both nats hidden", "stock nats", "vault nats broken"}, lines); diff != "" {
		t.Errorf("list (-want +got):\n%s", diff)
	}
}

func TestRemovingTheSelectedContextUnselectsIt(t *testing.T) {
	t.Parallel()
	store := newStore(t, client.Context{Name: "a", Settings: client.Settings{client.Server: "h"}})
	if err := store.Select("missing"); !errors.Is(err, client.ErrNoContext) {
		t.Errorf("select a missing context: got %v", err)
	}
	if err := store.Select("a"); err != nil {
		t.Fatal(err)
	}
	if err := store.Remove("a"); err != nil {
		t.Fatal(err)
	}
	if selected, err := store.Selected(); selected != "" || err != nil {
		t.Errorf("selected: got %q, %v", selected, err)
	}
}

func TestBrokenContextFilesAreRefusedByKey(t *testing.T) {
	t.Parallel()
	f := func(content, want string) {
		t.Helper()
		store := newStore(t, client.Context{Name: "a", Settings: client.Settings{client.Server: "h"}})
		c, err := store.Load("a")
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(c.Path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err = store.Load("a"); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want it to contain %q", content, err, want)
		}
		if err := store.Remove("a"); err != nil {
			t.Errorf("%s: cannot be removed: %v", content, err)
		}
	}
	f(`{"server":"h","pasword":"x"}`, `unknown key "pasword"`)
	f(`{"server":"h","tls-ca":"x"}`, `unknown key "tls-ca"`)
	f(`{"server":7}`, `key "server" has a value of the wrong kind`)
	f(`{"server":"h","timeout":"soon"}`, `timeout "soon": not a time`)
	f(`[]`, `not a JSON object`)
	f(``, `not a JSON object`)
}

func TestRelativeFilesBecomeAbsolute(t *testing.T) {
	t.Parallel()
	got, err := client.Settings{client.Credentials: "x.creds", client.NKey: "~/x.nk", client.TLSCA: "/ca", client.User: "u"}.Absolute()
	if err != nil {
		t.Fatal(err)
	}
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	want := client.Settings{client.Credentials: filepath.Join(dir, "x.creds"), client.NKey: "~/x.nk", client.TLSCA: "/ca", client.User: "u"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}
