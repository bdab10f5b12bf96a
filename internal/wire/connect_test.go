package wire_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tidings-io/tidings/internal/wire"
)

func TestConnectChangesOnlyWhatItSays(t *testing.T) {
	t.Parallel()
	f := func(arg string, want wire.ConnectOptions) {
		t.Helper()
		got := wire.DefaultConnect()
		if err := wire.ParseConnect([]byte(arg), &got); err != nil {
			t.Errorf("ParseConnect(%s): %v", arg, err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("ParseConnect(%s) (-want +got):\n%s", arg, diff)
		}
	}
	f(`{}`, wire.ConnectOptions{Echo: true, Verbose: true, Pedantic: true})
	f(`{"echo":false,"verbose":false}`, wire.ConnectOptions{Pedantic: true})
	f(`{"something_new":[1,2]}`, wire.DefaultConnect())
	f(`{"user":"u","pass":"p","auth_token":"t","jwt":"j","nkey":"n","sig":"s","account":"A"}`, wire.ConnectOptions{
		Echo: true, Verbose: true, Pedantic: true,
		User: "u", Password: "p", Token: "t", JWT: "j", NKey: "n", Signature: "s", Account: "A",
	})
	f(`{"protocol":1,"headers":true,"no_responders":true,"tls_required":true,"name":"n","lang":"go","version":"1"}`, wire.ConnectOptions{
		Echo: true, Verbose: true, Pedantic: true,
		Protocol: 1, Headers: true, NoResponders: true, TLSRequired: true, Name: "n", Lang: "go", Version: "1",
	})
}

func TestConnectRefusesWhatIsNoObject(t *testing.T) {
	t.Parallel()
	for _, arg := range []string{``, `{`, `[]`, `"x"`, `{"echo":"yes"}`, `{} {}`} {
		o := wire.DefaultConnect()
		if err := wire.ParseConnect([]byte(arg), &o); err == nil || !strings.Contains(err.Error(), "CONNECT options") {
			t.Errorf("ParseConnect(%q) gives error %v", arg, err)
		}
	}
}

func TestInfoIsOneLineThatParsesBack(t *testing.T) {
	t.Parallel()
	info := wire.ServerInfo{
		ServerID: "ID", ServerName: "one\ntwo", Version: "2.15.2", Proto: 1, GoVersion: "go1.26", Host: "127.0.0.1", Port: 4222,
		Headers: true, MaxPayload: 1 << 20, ClientID: 7, ClientIP: "127.0.0.1", Nonce: "n", ConnectURLs: []string{"127.0.0.1:4223"},
	}
	line := wire.AppendInfo(nil, &info)
	p := &wire.Parser{}
	if n, err := p.Next(line); n != len(line) || err != nil || p.Op.Kind != wire.Info {
		t.Fatalf("Next(%q) = %d, %v, %v", line, n, err, p.Op.Kind)
	}
	var got wire.ServerInfo
	if err := json.Unmarshal(p.Op.Arg, &got); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(info, got); diff != "" {
		t.Errorf("INFO (-sent +read):\n%s", diff)
	}
}

func TestInfoLeavesOutWhatIsEmpty(t *testing.T) {
	t.Parallel()
	const want = `INFO {"server_id":"","server_name":"","version":"","proto":0,"go":"","host":"","port":0,"headers":false,"max_payload":0}` + "\r\n"
	if got := string(wire.AppendInfo(nil, &wire.ServerInfo{})); got != want {
		t.Errorf("AppendInfo = %s, want %s", got, want)
	}
}

func TestErrorLineIsQuoted(t *testing.T) {
	t.Parallel()
	if got := string(wire.AppendErr(nil, wire.TextStale)); got != "-ERR 'Stale Connection'\r\n" {
		t.Errorf("AppendErr = %q", got)
	}
}

func TestInfoTemplateGivesTheLineThatAppendInfoGives(t *testing.T) {
	t.Parallel()
	info := wire.ServerInfo{ServerID: "N1", ServerName: `a "client_id":1,"client_ip":"-" b`, Host: "::1", Port: 4222, ConnectURLs: []string{"x:1"}, APILevel: 5}
	template := wire.NewInfoTemplate(info)
	for _, c := range []struct {
		id uint64
		ip string
	}{{1, "127.0.0.1"}, {1<<64 - 1, "2001:db8::1"}, {7, ""}} {
		want := info
		want.ClientID, want.ClientIP = c.id, c.ip
		if got, want := string(template.Append(nil, c.id, c.ip)), string(wire.AppendInfo(nil, &want)); got != want {
			t.Errorf("line is %s, want %s", got, want)
		}
	}
}
