package conversation

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// inboxPrefix begins the reply subjects that the call command makes.
const inboxPrefix = "_INBOX.conversation."

// inboxSID is the subscription of a connection to its reply subjects.
const inboxSID = "conversation"

// inboxMark stands for the reply subject of the connection's last call.
const inboxMark = "@"

// envelope is a message as the commands of a script write it:
//
//	SUBJECT [^REPLY] [[HEADER|HEADER…]] [BODY]
//
// An outgoing header block always begins with the version line; an incoming one
// shows that line only if a status follows.
type envelope struct {
	subject text
	reply   text // nil: none
	headers text // lines separated by |; nil: no header block
	body    text
}

// parseEnvelope reads the form above.
func parseEnvelope(src string) (e envelope, err error) {
	subject, rest, _ := strings.Cut(src, " ")
	if subject == "" {
		return e, errors.New("no subject")
	}
	if e.subject, err = parseText(subject); err != nil {
		return e, err
	}
	if after, ok := strings.CutPrefix(rest, "^"); ok {
		var reply string
		reply, rest, _ = strings.Cut(after, " ")
		if e.reply, err = parseText(reply); err != nil {
			return e, err
		}
	}
	if after, ok := strings.CutPrefix(rest, "["); ok {
		block, body, ok := strings.Cut(after, "]")
		if !ok {
			return e, errors.New("header block without ]; a body that begins with [ needs an empty block [] before it")
		}
		rest = strings.TrimPrefix(body, " ")
		if block != "" {
			if e.headers, err = parseText(block); err != nil {
				return e, err
			}
		}
	}
	e.body, err = parseText(rest)
	return e, err
}

// frame is the PUB or HPUB of e. A reply given here takes the place of e's own.
func (e *envelope) frame(vars map[string]string, reply string) (string, error) {
	subject, err := e.subject.expand(vars)
	if err != nil {
		return "", err
	}
	if e.reply != nil && reply == "" {
		if reply, err = e.reply.expand(vars); err != nil {
			return "", err
		}
	}
	headers, err := e.headers.expand(vars)
	if err != nil {
		return "", err
	}
	body, err := e.body.expand(vars)
	if err != nil {
		return "", err
	}
	if reply != "" {
		subject += " " + reply
	}
	if e.headers == nil {
		return fmt.Sprintf("PUB %s %d\r\n%s\r\n", subject, len(body), body), nil
	}
	block := "NATS/1.0\r\n" + strings.ReplaceAll(headers, "|", "\r\n") + "\r\n\r\n"
	return fmt.Sprintf("HPUB %s %d %d\r\n%s%s\r\n", subject, len(block), len(block)+len(body), block, body), nil
}

// message is one MSG or HMSG that a connection received.
type message struct {
	subject, reply string
	headers        []string // lines of the block, the version line only with a status
	body           string
	lines          int // how many lines of the connection it takes
}

// nextMessage returns the next message without taking it.
func (c *conn) nextMessage(s *session) (message, error) {
	first, err := c.lines(1, unasked, s.deadline())
	if err != nil {
		return message{}, c.mismatch("a message", arrived(first, err))
	}
	m, ok := c.pendingMessage()
	if !ok {
		return message{}, c.mismatch("a message", first[0].text)
	}
	return m, nil
}

// pendingMessage reads the message at the start of pending.
func (c *conn) pendingMessage() (message, bool) {
	fields := strings.Fields(c.pending[0].text)
	headerSize := 0
	switch {
	case len(fields) >= 4 && len(fields) <= 5 && fields[0] == "MSG":
	case len(fields) >= 5 && len(fields) <= 6 && fields[0] == "HMSG":
		size, err := strconv.Atoi(fields[len(fields)-2])
		if err != nil {
			return message{}, false
		}
		headerSize = size
		fields = append(fields[:len(fields)-2], fields[len(fields)-1])
	default:
		return message{}, false
	}
	m := message{subject: fields[1], lines: 1}
	if len(fields) == 5 {
		m.reply = fields[3]
	}
	for m.lines < len(c.pending) && c.pending[m.lines].payload {
		m.lines++
	}
	payload := join(c.pending[1:m.lines])
	if headerSize > len(payload) {
		return message{}, false
	}
	m.body = payload[headerSize:]
	if block := strings.TrimSuffix(payload[:headerSize], "\r\n\r\n"); block != "" {
		m.headers = strings.Split(block, "\r\n")
		if m.headers[0] == "NATS/1.0" {
			m.headers = m.headers[1:]
		}
	}
	return m, true
}

// text is m in the form of an envelope, with control bytes escaped. inbox is
// shown as @.
func (m *message) text(inbox string) string {
	subject := m.subject
	if inbox != "" && subject == inbox {
		subject = inboxMark
	}
	words := []string{subject}
	if m.reply != "" {
		words = append(words, "^"+m.reply)
	}
	if m.headers != nil || strings.HasPrefix(m.body, "[") {
		words = append(words, "["+strings.Join(m.headers, "|")+"]")
	}
	if m.body != "" {
		words = append(words, m.body)
	}
	return escape(strings.Join(words, " "))
}

// escape writes control bytes and backslashes as TEXT has them.
func escape(s string) string {
	var b strings.Builder
	for i := range len(s) {
		switch c := s[i]; {
		case c == '\r':
			b.WriteString(`\r`)
		case c == '\n':
			b.WriteString(`\n`)
		case c == '\t':
			b.WriteString(`\t`)
		case c == '\\':
			b.WriteString(`\\`)
		case c < ' ' || c >= 0x7f:
			fmt.Fprintf(&b, `\x%02x`, c)
		default:
			b.WriteByte(c)
		}
	}
	return b.String()
}

// blanks are the places of a template that any text of a kind fits.
var blanks = map[string]string{
	"any":  `\S+`,
	"rest": `.*`,
	"time": `\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)`,
	"nano": `\d{18,19}`,
	"num":  `-?\d+(?:\.\d+)?`,
}

// blank finds <kind> and <kind:variable> in a template, and ${variable}.
var blank = regexp.MustCompile(`<(any|rest|time|nano|num)(?::([a-z][A-Za-z0-9_]*))?>|\$\{([a-z][A-Za-z0-9_]*)\}`)

// compileTemplate makes the expression for a whole text. With nil vars every
// variable stands for the empty text.
func compileTemplate(template string, vars map[string]string) (*regexp.Regexp, error) {
	var b strings.Builder
	b.WriteString(`(?s)\A`)
	at := 0
	for _, found := range blank.FindAllStringSubmatchIndex(template, -1) {
		b.WriteString(regexp.QuoteMeta(template[at:found[0]]))
		at = found[1]
		switch {
		case found[6] >= 0:
			name := template[found[6]:found[7]]
			value, ok := vars[name]
			if !ok && vars != nil {
				return nil, fmt.Errorf("variable ${%s} has no value", name)
			}
			b.WriteString(regexp.QuoteMeta(value))
		case found[4] >= 0:
			fmt.Fprintf(&b, "(?P<%s>%s)", template[found[4]:found[5]], blanks[template[found[2]:found[3]]])
		default:
			b.WriteString("(?:" + blanks[template[found[2]:found[3]]] + ")")
		}
	}
	b.WriteString(regexp.QuoteMeta(template[at:]) + `\z`)
	re, err := regexp.Compile(b.String())
	if err != nil {
		return nil, fmt.Errorf("template: %w", err)
	}
	return re, nil
}
