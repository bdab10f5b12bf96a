package wire

import (
	"bytes"
	"errors"
)

// Kind is the operation a client sent.
type Kind uint8

// The operations of the client protocol.
const (
	None Kind = iota
	Pub
	HPub
	Sub
	Unsub
	Connect
	Ping
	Pong
	Info
	OK
	Err
)

// String is the operation's verb.
func (k Kind) String() string {
	return [...]string{"none", "PUB", "HPUB", "SUB", "UNSUB", "CONNECT", "PING", "PONG", "INFO", "+OK", "-ERR"}[k]
}

// Parse errors. The connection is closed after any of them.
var (
	// ErrUnknownOperation: the bytes begin no operation a client may send, or a
	// payload is not followed by CRLF.
	ErrUnknownOperation = errors.New("unknown protocol operation")
	// ErrControlLine: the line is longer than Limits.ControlLine.
	ErrControlLine = errors.New("maximum control line exceeded")
	// ErrPayload: the announced size is above Limits.Payload.
	ErrPayload = errors.New("maximum payload exceeded")
	// ErrHeadersOff: HPUB while Limits.Headers is false.
	ErrHeadersOff = errors.New("message headers not supported")
	// ErrArguments: too few or too many arguments.
	ErrArguments = errors.New("wrong number of arguments")
	// ErrSize: a size is missing, not a number, negative or above 2 147 483 647.
	ErrSize = errors.New("bad or missing size")
	// ErrHeaderSize: the header is announced larger than the whole message.
	ErrHeaderSize = errors.New("header size above total size")
)

// Limits bound what one operation may take. Zero ControlLine or Payload means
// no limit.
type Limits struct {
	ControlLine int  // bytes of a line's arguments
	Payload     int  // bytes of header and payload together
	Headers     bool // HPUB is allowed
}

// Op is one parsed operation. The slices are views of the parsed buffer.
type Op struct {
	Kind Kind
	// Same: the subject is byte for byte the one of the previous Pub that this
	// parser returned, so a look-up made for that one still answers.
	Same bool
	// HeaderLen is the length of the header block at the start of Payload; -1
	// for a message without headers.
	HeaderLen int
	// Rewritten: Tail is not a view of the input, and overwritten by the next
	// operation.
	Rewritten bool
	Max       int // Unsub: messages since Sub after which to stop; 0 = now
	Subject   []byte
	Reply     []byte
	Queue     []byte
	SID       []byte
	Payload   []byte // header block and body, without the closing CRLF
	Tail      []byte // "[reply ][#header ]#total\r\n" + Payload + "\r\n"
	Arg       []byte // Connect, Info: the JSON; Err: the text
}

// blanksMax bounds the blanks before the arguments, in bytes.
const blanksMax = 4096

// headMax bounds the remembered "PUB subject " prefix.
const headMax = 128

// maxSize is the largest size that is a number at all, in bytes.
const maxSize = 1<<31 - 1

// Parser parses one connection's input. The zero value with Limits set is ready.
// It is not safe for concurrent use.
type Parser struct {
	Limits Limits
	Op     Op
	// Need is set when Next returns 0: the number of bytes, from the start of
	// its argument, below which calling again is pointless; 0 when unknown.
	Need int

	headLen int // length of the remembered "PUB subject " prefix
	head    [headMax]byte
	scratch []byte // a Tail that had to be rewritten
}

// Reset forgets everything but the limits, before other input is parsed.
func (p *Parser) Reset() {
	p.Op, p.Need, p.headLen, p.scratch = Op{}, 0, 0, nil
}

// Next parses the first operation of b into p.Op and returns its length in
// bytes. It returns 0 and no error when b holds no complete operation yet.
func (p *Parser) Next(b []byte) (int, error) {
	p.Need = 0
	if h := p.headLen; h > 0 && len(b) > h && string(b[:h]) == string(p.head[:h]) {
		if n, ok := p.again(b, h); ok {
			return n, nil
		}
		if p.Need > 0 {
			return 0, nil
		}
	}
	if len(b) == 0 {
		return 0, nil
	}
	switch b[0] | 0x20 {
	case 'p':
		if len(b) > 1 {
			if b[1]|0x20 == 'u' {
				return p.publish(b, "pub", Pub)
			}
			if b[1]|0x20 == 'o' {
				return p.bare(b, "pong", Pong)
			}
		}
		return p.bare(b, "ping", Ping)
	case 'h':
		return p.publish(b, "hpub", HPub)
	case 's':
		return p.subscribe(b)
	case 'u':
		return p.unsubscribe(b)
	case 'c':
		return p.argument(b, "connect", Connect)
	case 'i':
		return p.argument(b, "info", Info)
	case '+':
		return p.bare(b, "+ok", OK)
	case '-':
		return p.argument(b, "-err", Err)
	}
	return 0, ErrUnknownOperation
}

// again parses a PUB whose line begins as the last one did: only the size and
// the payload are left. It gives up (false, Need 0) on anything unusual.
func (p *Parser) again(b []byte, h int) (int, bool) {
	size, i := 0, h
	for i < len(b) && b[i]-'0' <= 9 && i-h < 9 {
		size = size*10 + int(b[i]-'0')
		i++
	}
	if i == h || i+1 >= len(b) || b[i] != '\r' || b[i+1] != '\n' {
		return 0, false
	}
	if l := p.Limits; (l.Payload > 0 && size > l.Payload) || (l.ControlLine > 0 && i-4 > l.ControlLine) {
		return 0, false
	}
	end := i + 2 + size
	if end+2 > len(b) {
		p.Need = end + 2
		return 0, false
	}
	if b[end] != '\r' || b[end+1] != '\n' {
		return 0, false
	}
	op := &p.Op
	op.Kind, op.Same, op.HeaderLen, op.Rewritten = Pub, true, -1, false
	op.Subject, op.Reply = b[4:h-1], nil
	op.Payload, op.Tail = b[i+2:end], b[h:end+2]
	return end + 2, true
}

// line checks the verb (lower case) at the start of b and finds the end of the
// line. args is what follows the verb without the line end; n is the length of
// the line with it, 0 when it is not complete.
func (p *Parser) line(b []byte, verb string, gap bool) (args []byte, n int, err error) {
	for i := range min(len(verb), len(b)) {
		if c := b[i]; c != verb[i] && (c < 'A' || c > 'Z' || c|0x20 != verb[i]) {
			return nil, 0, ErrUnknownOperation
		}
	}
	if len(b) <= len(verb) {
		return nil, 0, nil
	}
	rest := b[len(verb):]
	if gap && rest[0] != ' ' && rest[0] != '\t' {
		return nil, 0, ErrUnknownOperation
	}
	// Blanks before the arguments do not count.
	lead := 0
	for lead < len(rest) && blank(rest[lead]) {
		lead++
	}
	if lead > blanksMax {
		return nil, 0, ErrControlLine
	}
	i := bytes.IndexByte(rest[lead:], '\n')
	if i < 0 {
		if p.over(len(rest) - lead - 1) { // the last byte may be CR
			return nil, 0, ErrControlLine
		}
		return nil, 0, nil
	}
	n = len(verb) + lead + i + 1
	args = rest[lead : lead+i]
	if i > 0 && args[i-1] == '\r' {
		args = args[:i-1]
	}
	if p.over(len(args)) {
		return nil, 0, ErrControlLine
	}
	return args, n, nil
}

// over tells whether n bytes are more than a line may have.
func (p *Parser) over(n int) bool { return p.Limits.ControlLine > 0 && n > p.Limits.ControlLine }

// arguments is line for a verb that needs a blank before its arguments, with the
// blanks behind them removed.
func (p *Parser) arguments(b []byte, verb string) (args []byte, n int, err error) {
	args, n, err = p.line(b, verb, true)
	for len(args) > 0 && blank(args[len(args)-1]) {
		args = args[:len(args)-1]
	}
	return args, n, err
}

func (p *Parser) bare(b []byte, verb string, k Kind) (int, error) {
	_, n, err := p.line(b, verb, false)
	if n > 0 {
		p.Op.Kind = k
	}
	return n, err
}

// argument parses a verb with one argument. As for existing servers, no blank is
// needed between them.
func (p *Parser) argument(b []byte, verb string, k Kind) (int, error) {
	args, n, err := p.line(b, verb, false)
	if n == 0 || err != nil {
		return 0, err
	}
	p.Op.Kind, p.Op.Arg = k, bytes.TrimRight(args, " \t")
	// New options may change what becomes of a subject that was refused, and not
	// looked up, before.
	p.headLen = 0
	return n, nil
}

func (p *Parser) subscribe(b []byte) (int, error) {
	args, n, err := p.arguments(b, "sub")
	if n == 0 || err != nil {
		return 0, err
	}
	if bytes.IndexByte(args, '\r') >= 0 {
		// Within SUB it separates arguments, as existing servers have it.
		args = bytes.ReplaceAll(args, []byte{'\r'}, []byte{' '})
	}
	var f [3][]byte
	op := &p.Op
	switch split(args, f[:]) {
	case 2:
		op.Subject, op.Queue, op.SID = f[0], nil, f[1]
	case 3:
		op.Subject, op.Queue, op.SID = f[0], f[1], f[2]
	default:
		return 0, ErrArguments
	}
	op.Kind = Sub
	p.headLen = 0
	return n, nil
}

func (p *Parser) unsubscribe(b []byte) (int, error) {
	args, n, err := p.arguments(b, "unsub")
	if n == 0 || err != nil {
		return 0, err
	}
	var f [2][]byte
	op := &p.Op
	switch split(args, f[:]) {
	case 1:
		op.Max = 0
	case 2:
		// What is no number counts as "now", as existing servers have it.
		op.Max = max(number(f[1]), 0)
	default:
		return 0, ErrArguments
	}
	op.Kind, op.SID = Unsub, f[0]
	return n, nil
}

func blank(c byte) bool { return c == ' ' || c == '\t' }

// split cuts s at runs of blanks into f and returns the number of fields, or
// len(f)+1 when there are more.
func split(s []byte, f [][]byte) int {
	k, i := 0, 0
	for {
		for i < len(s) && blank(s[i]) {
			i++
		}
		if i == len(s) {
			return k
		}
		if k == len(f) {
			return k + 1
		}
		from := i
		for i < len(s) && !blank(s[i]) {
			i++
		}
		f[k] = s[from:i:i]
		k++
	}
}

// number is the value of the decimal digits in b, or -1.
func number(b []byte) int {
	if len(b) == 0 {
		return -1
	}
	n := int64(0) // room for one digit more than maxSize, on 32 bits too
	for _, c := range b {
		if c -= '0'; c > 9 {
			return -1
		}
		if n = n*10 + int64(c); n > maxSize {
			return -1
		}
	}
	return int(n)
}
