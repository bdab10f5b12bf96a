package wire_test

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tidings-io/tidings/internal/wire"
)

// headerCases are header blocks and what they say; they also seed FuzzHeader.
var headerCases = []struct {
	block  string
	status string // "code|description"
	fields string // "key=value;" for each
	err    error
}{
	{"NATS/1.0\r\n\r\n", "|", "", nil},
	{"NATS/1.0\r\nA: b\r\n\r\n", "|", "A=b;", nil},
	{"NATS/1.0\r\nA:b\r\nA:  c \r\na:\r\n\r\n", "|", "A=b;A=c;a=;", nil},
	{"NATS/1.0\r\nA: b: c\r\n\r\n", "|", "A=b: c;", nil},
	{"NATS/1.0 503\r\n\r\n", "503|", "", nil},
	{"NATS/1.0 503\r\nNats-Subject: a.b\r\n\r\n", "503|", "Nats-Subject=a.b;", nil},
	{"NATS/1.0 100  Idle Heartbeat \r\n\r\n", "100|Idle Heartbeat", "", nil},

	{"", "|", "", wire.ErrHeader},
	{"NATS/1.0", "|", "", wire.ErrHeader},
	{"NATS/1.0\r\n", "|", "", wire.ErrHeader},
	{"NATS/1.1\r\n\r\n", "|", "", wire.ErrHeader},
	{"HTTP/1.0\r\n\r\n", "|", "", wire.ErrHeader},
	{"NATS/1.0\r\nA: b\r\n", "|", "", wire.ErrHeader},
	{"NATS/1.0\r\nA: b\r\n\r\nx", "|", "", wire.ErrHeader},
	{"NATS/1.0\r\nno colon\r\n\r\n", "|", "", wire.ErrHeader},
	{"NATS/1.0\r\n: no key\r\n\r\n", "|", "", wire.ErrHeader},
}

func renderFields(h wire.Header) string {
	var b strings.Builder
	for _, f := range h.Fields {
		b.WriteString(string(f.Key) + "=" + string(f.Value) + ";")
	}
	return b.String()
}

func TestHeaderBlockIsParsed(t *testing.T) {
	t.Parallel()
	for _, c := range headerCases {
		h, err := wire.ParseHeader([]byte(c.block))
		if !errors.Is(err, c.err) {
			t.Errorf("ParseHeader(%q) gives error %v, want %v", c.block, err, c.err)
		}
		if err != nil {
			continue
		}
		if got := h.Status + "|" + h.Description; got != c.status {
			t.Errorf("ParseHeader(%q) has status %q, want %q", c.block, got, c.status)
		}
		if got := renderFields(h); got != c.fields {
			t.Errorf("ParseHeader(%q) has fields %q, want %q", c.block, got, c.fields)
		}
	}
}

func FuzzHeader(f *testing.F) {
	for _, c := range headerCases {
		f.Add([]byte(c.block))
	}
	f.Fuzz(func(t *testing.T, block []byte) {
		h, err := wire.ParseHeader(slices.Clip(bytes.Clone(block)))
		if err != nil {
			return
		}
		again, err := wire.ParseHeader(h.Append(nil))
		if err != nil {
			t.Fatalf("%q is appended as %q, which does not parse", block, h.Append(nil))
		}
		if diff := cmp.Diff(h, again); diff != "" {
			t.Fatalf("%q parses differently after it was appended (-first +second):\n%s", block, diff)
		}
	})
}

// A delivery that the server makes itself announces its sizes right.
func TestNoRespondersMessageIsWellFormed(t *testing.T) {
	t.Parallel()
	line := wire.AppendNoResponders([]byte("x"), []byte("_INBOX.1"), []byte("7"), []byte("orders.new"))
	const want = "xHMSG _INBOX.1 7 42 42\r\nNATS/1.0 503\r\nNats-Subject: orders.new\r\n\r\n\r\n"
	if string(line) != want {
		t.Fatalf("AppendNoResponders = %q, want %q", line, want)
	}
	p := &wire.Parser{Limits: wire.Limits{Headers: true}}
	// As a publish of the same sizes, the parser accepts it.
	publish := bytes.Replace(line[1:], []byte("HMSG _INBOX.1 7"), []byte("HPUB _INBOX.1"), 1)
	if n, err := p.Next(publish); n != len(publish) || err != nil {
		t.Fatalf("Next(%q) = %d, %v", publish, n, err)
	}
	h, err := wire.ParseHeader(p.Op.Payload[:p.Op.HeaderLen])
	if err != nil || h.Status != "503" || renderFields(h) != "Nats-Subject=orders.new;" {
		t.Fatalf("header is %+v, %v", h, err)
	}
}
