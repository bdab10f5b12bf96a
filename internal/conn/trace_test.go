package conn_test

import (
	"strings"
	"testing"

	"github.com/nats-io/nats.go"

	"github.com/tidings-io/tidings/internal/testserver"
)

func TestTraceShowsOperationsWithoutSecrets(t *testing.T) {
	t.Parallel()
	s := testserver.StartConfig(t, `
trace: true
max_traced_msg_len: 4
authorization { user: anna, password: "s3cr3t" }
`)
	nc, err := nats.Connect(s.URL, nats.UserInfo("anna", "s3cr3t"))
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	if _, err := nc.SubscribeSync("trace.me"); err != nil {
		t.Fatal(err)
	}
	if err := nc.Publish("trace.me", []byte("0123456789")); err != nil {
		t.Fatal(err)
	}
	if err := nc.Flush(); err != nil {
		t.Fatal(err)
	}
	log := s.Log()
	for _, want := range []string{"verb=CONNECT", "verb=SUB", "subject=trace.me", "payload=0123...", "->> message", "text=\"PONG"} {
		if !strings.Contains(log, want) {
			t.Errorf("the trace lacks %q", want)
		}
	}
	if strings.Contains(log, "s3cr3t") {
		t.Error("the trace shows a password")
	}
	if t.Failed() {
		t.Log(log)
	}
}

func TestTraceHeadersShowsNoBody(t *testing.T) {
	t.Parallel()
	s := testserver.StartConfig(t, "trace_headers: true\n")
	nc, err := nats.Connect(s.URL)
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	m := &nats.Msg{Subject: "trace.me", Header: nats.Header{"Color": {"red"}}, Data: []byte("the body")}
	if err := nc.PublishMsg(m); err != nil {
		t.Fatal(err)
	}
	if err := nc.Flush(); err != nil {
		t.Fatal(err)
	}
	if log := s.Log(); !strings.Contains(log, "Color: red") || strings.Contains(log, "the body") {
		t.Errorf("the trace shows not just the headers:\n%s", log)
	}
}
