package wire_test

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tidings-io/tidings/internal/wire"
)

// loose bounds nothing and allows headers.
var loose = wire.Limits{Headers: true}

// parseCases is the table of the client protocol: what is read from some bytes,
// and which error ends it. It also seeds FuzzParser.
var parseCases = []struct {
	name   string
	limits wire.Limits
	input  string
	want   []string // as text renders operations
	err    error
}{
	{"nothing", loose, "", nil, nil},
	{"ping", loose, "PING\r\n", []string{"PING"}, nil},
	{"bare line feed", loose, "PING\n", []string{"PING"}, nil},
	{"any case", loose, "pInG\r\npong\r\nSuB a 1\r\n", []string{"PING", "PONG", "SUB a [] 1"}, nil},
	{"text behind ping", loose, "PING hello\r\n", []string{"PING"}, nil},
	{"ok and error of a peer", loose, "+OK\r\n-ERR 'no'\r\n", []string{"+OK", "-ERR 'no'"}, nil},
	{"connect", loose, "CONNECT {\"a\":1}\r\n", []string{`CONNECT {"a":1}`}, nil},
	{"connect without blank", loose, "CONNECT{}\r\n", []string{"CONNECT {}"}, nil},
	{"connect without options", loose, "CONNECT\r\n", []string{"CONNECT "}, nil},
	{"info", loose, "INFO\t{}\r\n", []string{"INFO {}"}, nil},

	{"publish", loose, "PUB a 5\r\nhello\r\n", []string{"PUB a [] -1 hello"}, nil},
	{"publish with reply", loose, "PUB a r 5\r\nhello\r\n", []string{"PUB a [r] -1 hello"}, nil},
	{"publish nothing", loose, "PUB a 0\r\n\r\n", []string{"PUB a [] -1 "}, nil},
	{
		"publish again", loose, "PUB a 1\r\n1\r\nPUB a 2\r\n22\r\nPUB b 1\r\n3\r\nPUB a 1\r\n4\r\n",
		[]string{"PUB a [] -1 1", "PUB a [] -1 22 same", "PUB b [] -1 3", "PUB a [] -1 4"},
		nil,
	},
	{"publish again in another case", loose, "PUB a 1\r\n1\r\npub a 1\r\n2\r\n", []string{"PUB a [] -1 1", "PUB a [] -1 2"}, nil},
	{
		"publish again with a reply", loose, "PUB a 1\r\n1\r\nPUB a r 1\r\n2\r\nPUB a 1\r\n3\r\n",
		[]string{"PUB a [] -1 1", "PUB a [r] -1 2", "PUB a [] -1 3"},
		nil,
	},
	{"publish to a longer subject", loose, "PUB a 1\r\n1\r\nPUB aa 1\r\n2\r\n", []string{"PUB a [] -1 1", "PUB aa [] -1 2"}, nil},
	{"a subject that is a number", loose, "PUB 1 1\r\n1\r\nPUB 1 1 1\r\n2\r\n", []string{"PUB 1 [] -1 1", "PUB 1 [1] -1 2"}, nil},
	{
		"new options between equal subjects", loose, "PUB a 1\r\n1\r\nCONNECT {}\r\nPUB a 1\r\n2\r\n",
		[]string{"PUB a [] -1 1", "CONNECT {}", "PUB a [] -1 2"},
		nil,
	},
	{
		"a header between equal subjects", loose, "PUB a 1\r\n1\r\nHPUB a 0 1\r\n2\r\nPUB a 1\r\n3\r\n",
		[]string{"PUB a [] -1 1", "PUB a [] -1 2", "PUB a [] -1 3"},
		nil,
	},
	{"odd blanks", loose, "PUB \t a\t r  5 \t\r\nhello\r\n", []string{"PUB a [r] -1 hello"}, nil},
	{"blank before the line end", loose, "PUB a 1 \r\nx\r\n", []string{"PUB a [] -1 x"}, nil},
	{"line feed before the payload", loose, "PUB a r 1\nx\r\n", []string{"PUB a [r] -1 x"}, nil},
	{"leading zeros", loose, "PUB a 0001\r\nx\r\nPUB a 01\r\ny\r\n", []string{"PUB a [] -1 x", "PUB a [] -1 y same"}, nil},
	{"payload that looks like protocol", loose, "PUB a 8\r\nPING\r\n\r\n\r\n", []string{"PUB a [] -1 PING\r\n\r\n"}, nil},
	{
		"long subject", loose, "PUB " + strings.Repeat("s", 200) + " 1\r\nx\r\nPUB " + strings.Repeat("s", 200) + " 1\r\ny\r\n",
		[]string{"PUB " + strings.Repeat("s", 200) + " [] -1 x", "PUB " + strings.Repeat("s", 200) + " [] -1 y"},
		nil,
	},
	{"headers", loose, "HPUB a 12 13\r\nNATS/1.0\r\n\r\nx\r\n", []string{"HPUB a [] 12 NATS/1.0\r\n\r\nx"}, nil},
	{"headers with reply", loose, "HPUB a r 12 12\r\nNATS/1.0\r\n\r\n\r\n", []string{"HPUB a [r] 12 NATS/1.0\r\n\r\n"}, nil},

	{"subscribe", loose, "SUB a.* 1\r\nSUB a.> q 2\r\n", []string{"SUB a.* [] 1", "SUB a.> [q] 2"}, nil},
	{
		"unsubscribe", loose, "UNSUB 1\r\nUNSUB 1 5\r\nUNSUB 1 x\r\nUNSUB 1 -5\r\n",
		[]string{"UNSUB 1 0", "UNSUB 1 5", "UNSUB 1 0", "UNSUB 1 0"},
		nil,
	},

	{"unknown verb", loose, "PING\r\nHELLO\r\n", []string{"PING"}, wire.ErrUnknownOperation},
	{"verb of a server", loose, "MSG a 1 0\r\n\r\n", nil, wire.ErrUnknownOperation},
	{"empty line", loose, "\r\n", nil, wire.ErrUnknownOperation},
	{"control characters like a verb", loose, "\x10\x09NG\r\n", nil, wire.ErrUnknownOperation},
	{"verb without blank", loose, "PUBa 1\r\n", nil, wire.ErrUnknownOperation},
	{"verb alone", loose, "SUB\r\n", nil, wire.ErrUnknownOperation},
	{"publish without arguments", loose, "PUB \r\n", nil, wire.ErrArguments},
	{"publish without size", loose, "PUB a\r\n", nil, wire.ErrArguments},
	{"publish with too much", loose, "PUB a b c 1\r\n", nil, wire.ErrArguments},
	{"headers with too little", loose, "HPUB a 1\r\n", nil, wire.ErrArguments},
	{"headers with too much", loose, "HPUB a b c 1 1\r\n", nil, wire.ErrArguments},
	{"subscribe without id", loose, "SUB a\r\n", nil, wire.ErrArguments},
	{"subscribe with too much", loose, "SUB a b c d\r\n", nil, wire.ErrArguments},
	{"unsubscribe without id", loose, "UNSUB \r\n", nil, wire.ErrArguments},
	{"unsubscribe with too much", loose, "UNSUB 1 2 3\r\n", nil, wire.ErrArguments},
	{"size that is no number", loose, "PUB a x\r\n", nil, wire.ErrSize},
	{"negative size", loose, "PUB a -1\r\n", nil, wire.ErrSize},
	{"size beyond numbers", loose, "PUB a 99999999999999999999\r\n", nil, wire.ErrSize},
	{"size just beyond numbers", loose, "PUB a 2147483648\r\n", nil, wire.ErrSize},
	{"header size that is no number", loose, "HPUB a x 1\r\n", nil, wire.ErrSize},
	{"header larger than the message", loose, "HPUB a 2 1\r\n", nil, wire.ErrHeaderSize},
	{"headers off", wire.Limits{}, "HPUB a 0 1\r\n", nil, wire.ErrHeadersOff},
	{"headers off and no such verb", wire.Limits{}, "HPUX", nil, wire.ErrUnknownOperation},
	{"headers off and a verb without blank", wire.Limits{}, "HPUBx 1", nil, wire.ErrUnknownOperation},
	{"headers off and a long line", wire.Limits{ControlLine: 3}, "HPUB a 0 1 and more\r\n", nil, wire.ErrHeadersOff},
	{"payload too large", wire.Limits{Payload: 4}, "PUB a 4\r\n1234\r\nPUB a 5\r\n", []string{"PUB a [] -1 1234"}, wire.ErrPayload},
	{"header and payload too large", wire.Limits{Payload: 4, Headers: true}, "HPUB a 1 5\r\n", nil, wire.ErrPayload},
	{"payload longer than announced", loose, "PUB a 1\r\nxy\r\n", nil, wire.ErrUnknownOperation},
	{"payload longer than announced, again", loose, "PUB a 1\r\nx\r\nPUB a 1\r\nxyz", []string{"PUB a [] -1 x"}, wire.ErrUnknownOperation},
	{"payload ended by line feed", loose, "PUB a 1\r\nx\nPING\r\n", nil, wire.ErrUnknownOperation},
	{"payload ended by half a line end", loose, "PUB a 1\r\nx\rPING\r\n", nil, wire.ErrUnknownOperation},

	{"line as long as allowed", wire.Limits{ControlLine: 3}, "SUB a 1\r\nPUB a 1\r\nx\r\n", []string{"SUB a [] 1", "PUB a [] -1 x"}, nil},
	{"line too long", wire.Limits{ControlLine: 3}, "SUB a 12\r\n", nil, wire.ErrControlLine},
	{"line too long, again", wire.Limits{ControlLine: 3}, "PUB a 1\r\nx\r\nPUB a 10\r\n0123456789\r\n", []string{"PUB a [] -1 x"}, wire.ErrControlLine},
	{"blanks before arguments do not count", wire.Limits{ControlLine: 3}, "SUB    a 1\r\n", []string{"SUB a [] 1"}, nil},
	{"line too long by blanks behind", wire.Limits{ControlLine: 3}, "SUB a 1  \r\n", nil, wire.ErrControlLine},
	{"line too long by blanks before", loose, "SUB" + strings.Repeat(" ", 5000) + "a 1\r\n", nil, wire.ErrControlLine},
	{"CR within SUB separates", loose, "SUB a\r1\r\n", []string{"SUB a [] 1"}, nil},
	{"line that does not end", wire.Limits{ControlLine: 8}, "SUB 0123456789", nil, wire.ErrControlLine},
	{"ping that does not end", wire.Limits{ControlLine: 8}, "PING 0123456789", nil, wire.ErrControlLine},
	{"ping that is too long", wire.Limits{ControlLine: 8}, "PING 0123456789\r\n", nil, wire.ErrControlLine},
	{"connect that is too long", wire.Limits{ControlLine: 8}, "CONNECT {012345678}\r\n", nil, wire.ErrControlLine},
}

// text renders an operation.
func text(op *wire.Op) string {
	switch op.Kind {
	case wire.Pub, wire.HPub:
		s := fmt.Sprintf("%v %s [%s] %d %s", op.Kind, op.Subject, op.Reply, op.HeaderLen, op.Payload)
		if op.Same {
			s += " same"
		}
		return s
	case wire.Sub:
		return fmt.Sprintf("SUB %s [%s] %s", op.Subject, op.Queue, op.SID)
	case wire.Unsub:
		return fmt.Sprintf("UNSUB %s %d", op.SID, op.Max)
	case wire.Connect, wire.Info, wire.Err:
		return fmt.Sprintf("%v %s", op.Kind, op.Arg)
	case wire.None, wire.Ping, wire.Pong, wire.OK:
	}
	return op.Kind.String()
}

// parse feeds input to a new parser in pieces, which cuts at the given places,
// and returns the operations in order and the error at the end of them.
func parse(t *testing.T, limits wire.Limits, input []byte, piece func() int) (ops []string, err error) {
	t.Helper()
	p := &wire.Parser{Limits: limits}
	var lastSubject []byte
	read, done, need := 0, 0, 0
	for read < len(input) {
		read = min(len(input), read+max(1, piece()))
		for {
			// A copy of just this size: whoever reads or keeps more is caught.
			b := slices.Clip(bytes.Clone(input[done:read]))
			n, err := p.Next(b)
			if err != nil {
				return ops, err
			}
			if n == 0 {
				need = p.Need
				if need != 0 && need <= len(b) {
					t.Fatalf("Next of %q needs %d bytes, and has them", b, need)
				}
				break
			}
			if n < need || n > len(b) {
				t.Fatalf("Next of %q took %d bytes after it needed %d", b, n, need)
			}
			need = 0
			done += n
			if p.Op.Kind == wire.Pub || p.Op.Kind == wire.HPub {
				checkPublish(t, &p.Op, b[:n], lastSubject)
			}
			if p.Op.Kind == wire.Pub {
				lastSubject = bytes.Clone(p.Op.Subject)
			}
			ops = append(ops, text(&p.Op))
			clear(b)
		}
	}
	return ops, nil
}

// checkPublish checks what must hold for every publish.
func checkPublish(t *testing.T, op *wire.Op, input, lastSubject []byte) {
	t.Helper()
	if op.Same && (op.Kind != wire.Pub || !bytes.Equal(op.Subject, lastSubject)) {
		t.Fatalf("Same is set for %q after %q", op.Subject, lastSubject)
	}
	line, payload, _ := bytes.Cut(op.Tail, []byte("\r\n"))
	if string(payload) != string(op.Payload)+"\r\n" {
		t.Fatalf("Tail %q does not end with payload %q", op.Tail, op.Payload)
	}
	// The arguments after the subject as the sender wrote them, one blank apart.
	args, _, _ := bytes.Cut(input, []byte("\n"))
	fields := strings.FieldsFunc(strings.TrimSuffix(string(args), "\r"), func(r rune) bool { return r == ' ' || r == '\t' })
	if strings.EqualFold(fields[0], "HPUB") && op.Kind == wire.Pub {
		fields = append(fields[:len(fields)-2], fields[len(fields)-1]) // an empty header is none
	}
	if want := strings.Join(fields[2:], " "); string(line) != want {
		t.Fatalf("Tail begins with %q, want %q", line, want)
	}
	if !op.Rewritten && !bytes.HasSuffix(input, op.Tail) {
		t.Fatalf("Tail %q is not the end of %q", op.Tail, input)
	}
	if op.HeaderLen > len(op.Payload) || (op.HeaderLen >= 0) != (op.Kind == wire.HPub) {
		t.Fatalf("%v with a header of %d bytes in %d", op.Kind, op.HeaderLen, len(op.Payload))
	}
}

func whole() int      { return 1 << 30 }
func singleByte() int { return 1 }

func TestOperationsAreParsed(t *testing.T) {
	t.Parallel()
	for _, c := range parseCases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			for name, piece := range map[string]func() int{"whole": whole, "byte by byte": singleByte} {
				got, err := parse(t, c.limits, []byte(c.input), piece)
				if !errors.Is(err, c.err) || (err != nil) != (c.err != nil) {
					t.Errorf("%s: error is %v, want %v", name, err, c.err)
				}
				if diff := cmp.Diff(c.want, got); diff != "" {
					t.Errorf("%s: operations (-want +got):\n%s", name, diff)
				}
			}
		})
	}
}

func TestOperationIsIncompleteUntilItsLastByte(t *testing.T) {
	t.Parallel()
	for _, line := range []string{
		"PING\r\n", "+OK\r\n", "-ERR 'x'\r\n", "CONNECT {}\r\n", "SUB a q 1\r\n", "UNSUB 1 2\r\n",
		"PUB a r 5\r\nhello\r\n", "HPUB a 12 14\r\nNATS/1.0\r\n\r\nhi\r\n",
	} {
		p := &wire.Parser{Limits: loose}
		for i := range len(line) {
			if n, err := p.Next([]byte(line[:i])); n != 0 || err != nil {
				t.Errorf("Next(%q) = %d, %v, want 0 and no error", line[:i], n, err)
			}
		}
		if n, err := p.Next([]byte(line)); n != len(line) || err != nil {
			t.Errorf("Next(%q) = %d, %v, want %d and no error", line, n, err, len(line))
		}
	}
}

func TestNeedIsTheSizeOfABegunPublish(t *testing.T) {
	t.Parallel()
	p := &wire.Parser{Limits: loose}
	begun := []byte("PUB a 100\r\nhel")
	for range 2 { // a new subject, then the remembered one
		if n, err := p.Next(begun); n != 0 || err != nil || p.Need != len("PUB a 100\r\n")+102 {
			t.Fatalf("Next = %d, %v, Need = %d, want 0, nil, %d", n, err, p.Need, len("PUB a 100\r\n")+102)
		}
		full := append([]byte("PUB a 100\r\n"), make([]byte, 100)...)
		if n, err := p.Next(append(full, "\r\n"...)); n == 0 || err != nil {
			t.Fatalf("Next of the whole operation = %d, %v", n, err)
		}
	}
}

func TestResetForgetsTheSubject(t *testing.T) {
	t.Parallel()
	p := &wire.Parser{Limits: loose}
	for range 2 {
		if n, err := p.Next([]byte("PUB a 1\r\nx\r\n")); n == 0 || err != nil {
			t.Fatalf("Next = %d, %v", n, err)
		}
		if p.Op.Same {
			t.Fatal("a parser that was reset still knows the subject")
		}
		p.Reset()
	}
}

func TestParsingAllocatesNothing(t *testing.T) {
	for _, input := range []string{
		"PUB orders.new 5\r\nhello\r\n",
		"PUB orders.new _INBOX.1 5\r\nhello\r\n",
		"PUB  orders.new  5 \r\nhello\r\n", // rewritten
		"HPUB orders.new 12 17\r\nNATS/1.0\r\n\r\nhello\r\n",
		"SUB orders.* workers 1\r\n",
		"UNSUB 1 5\r\n",
		"PING\r\n",
		"CONNECT {}\r\n",
	} {
		p, b := &wire.Parser{Limits: loose}, []byte(input)
		if got := testing.AllocsPerRun(100, func() {
			if n, err := p.Next(b); n != len(b) || err != nil {
				t.Fatalf("Next(%q) = %d, %v", b, n, err)
			}
		}); got != 0 {
			t.Errorf("Next(%q) allocates %v times, want 0", input, got)
		}
	}
}

// FuzzParser checks that any bytes give the same operations and the same error
// however they are cut, without panics and without a look beyond the input.
func FuzzParser(f *testing.F) {
	for i, c := range parseCases {
		f.Add([]byte(c.input), uint64(i), uint8(c.limits.ControlLine), uint8(c.limits.Payload), c.limits.Headers)
	}
	f.Fuzz(func(t *testing.T, input []byte, seed uint64, line, payload uint8, headers bool) {
		input = input[:min(len(input), 2048)]
		limits := wire.Limits{ControlLine: int(line), Payload: int(payload), Headers: headers}
		want, wantErr := parse(t, limits, input, whole)
		r := rand.New(rand.NewPCG(seed, 1))
		for name, piece := range map[string]func() int{
			"byte by byte": singleByte,
			"random":       func() int { return r.IntN(16) },
		} {
			got, err := parse(t, limits, input, piece)
			if !errors.Is(err, wantErr) || (err == nil) != (wantErr == nil) {
				t.Errorf("%s: error is %v, in one piece it is %v", name, err, wantErr)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%s: operations (-in one piece +got):\n%s", name, diff)
			}
		}
	})
}
