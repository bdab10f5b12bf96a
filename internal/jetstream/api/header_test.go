package api_test

import (
	"bufio"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/tidings-io/tidings/internal/testserver"
)

// TestHeaderBlocksThatAreNoneHarmNobody publishes as header block what no client
// library would send.
func TestHeaderBlocksThatAreNoneHarmNobody(t *testing.T) {
	t.Parallel()
	p := connect(t)
	p.ask("STREAM.CREATE.S", "", `{"name":"S","subjects":["s.>"],"allow_msg_ttl":true,"allow_direct":true,"republish":{"src":">","dest":"again.>"}}`)
	p.ask("CONSUMER.CREATE.S.bare", "", `{"stream_name":"S","config":{"durable_name":"bare","ack_policy":"none","headers_only":true}}`)
	p.ask("CONSUMER.CREATE.S.whole", "", `{"stream_name":"S","config":{"durable_name":"whole","ack_policy":"none"}}`)
	blocks := []string{"X", "\r\n", "\r\n\r\n", "NATS/1.0", "NATS/1.0\r\n", "NATS/1.0\r\nA: b\r\n", "NATS/1.0\r\nA", "NATS/1.0\r\nA: b", "NATS/1.0\r\n\r\n"}
	var b strings.Builder
	b.WriteString("CONNECT {\"headers\":true}\r\n")
	for i, block := range blocks {
		fmt.Fprintf(&b, "HPUB s.%d %d %d\r\n%sbody\r\n", i, len(block), len(block)+4, block)
	}
	say(t, p.ConnectedUrl(), b.String())
	for i := range blocks {
		for _, name := range []string{"bare", "whole"} {
			if _, err := p.Request("$JS.API.CONSUMER.MSG.NEXT.S."+name, nil, 10*time.Second); err != nil {
				t.Errorf("consumer %s does not deliver the message with block %q: %v", name, blocks[i], err)
			}
		}
		if got := p.ask("STREAM.MSG.GET.S", "", fmt.Sprintf(`{"seq":%d}`, i+1)); !strings.Contains(got, `"data":"Ym9keQ=="`) {
			t.Errorf("message with block %q: %s", blocks[i], got)
		}
	}
	p.has("S", fmt.Sprintf(`"messages":%d,`, len(blocks)))
}

// TestReplySubjectsLongerThan64KiBHarmNobody has a server that takes very long lines.
func TestReplySubjectsLongerThan64KiBHarmNobody(t *testing.T) {
	t.Parallel()
	s := testserver.StartConfig(t, "max_control_line: 300000\njetstream { store_dir: '"+t.TempDir()+"' }\n")
	nc, err := nats.Connect(s.URL)
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	p := &peer{nc, t}
	p.ask("STREAM.CREATE.S", "", `{"name":"S","subjects":["s.>"],"allow_direct":true}`)
	p.ask("CONSUMER.CREATE.S.c", "", `{"stream_name":"S","config":{"durable_name":"c","ack_policy":"explicit"}}`)
	long := strings.Repeat("x", 70_000)
	var b strings.Builder
	b.WriteString("CONNECT {\"verbose\":false}\r\n")
	for _, subject := range []string{
		"s.a", "$JS.API.STREAM.INFO.S", "$JS.API.STREAM.MSG.GET.S", "$JS.API.DIRECT.GET.S.s.a", "$JS.API.CONSUMER.MSG.NEXT.S.c", "$JS.ACK.S.c.1.1.1.1.1",
	} {
		fmt.Fprintf(&b, "PUB %s answers.%s 1\r\n1\r\n", subject, long)
	}
	say(t, s.URL, b.String())
	if got := p.publish("s.b", "x"); got != `{"stream":"S","seq":2}` {
		t.Errorf("publishing then: %s", got)
	}
	p.has("S", `"messages":2,`)
}

// say sends operations as they are, and returns when they have had their effects.
func say(t *testing.T, url, operations string) {
	t.Helper()
	raw, err := net.Dial("tcp", strings.TrimPrefix(url, "nats://"))
	if err != nil {
		t.Fatal(err)
	}
	defer raw.Close()
	if _, err := raw.Write([]byte(operations + "PING\r\n")); err != nil {
		t.Fatal(err)
	}
	for r := bufio.NewReader(raw); ; {
		line, err := r.ReadString('\n')
		if err != nil {
			t.Fatal(err)
		}
		if line == "PONG\r\n" {
			return
		}
	}
}
