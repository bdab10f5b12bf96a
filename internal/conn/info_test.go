package conn_test

import (
	"encoding/json"
	"net"
	"strings"
	"testing"

	"github.com/tidings-io/tidings/internal/wire"
)

func TestInfoTellsOfJetStreamWhereItIsOn(t *testing.T) {
	t.Parallel()
	f := func(on bool, domain string, wantDomain string) {
		t.Helper()
		s := start(t, func(su *setup) { su.JetStream, su.Domain = on, domain })
		c, err := net.Dial("tcp", s.addr)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		buf := make([]byte, 4096)
		n, err := c.Read(buf)
		if err != nil {
			t.Fatal(err)
		}
		line, _, _ := strings.Cut(string(buf[:n]), "\r\n")
		var info wire.ServerInfo
		if err := json.Unmarshal([]byte(strings.TrimPrefix(line, "INFO ")), &info); err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		if info.JetStream != on || info.Domain != wantDomain {
			t.Errorf("JetStream %v with domain %q: INFO has %v and %q, want %v and %q", on, domain, info.JetStream, info.Domain, on, wantDomain)
		}
	}
	f(true, "hub", "hub")
	f(true, "", "")
	f(false, "hub", "")
}
