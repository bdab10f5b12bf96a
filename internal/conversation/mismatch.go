package conversation

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

const (
	historyMax = 24  // lines of a connection an error shows
	shownMax   = 200 // bytes of one line an error shows
)

// mismatchError says what a connection should have got and what it got.
type mismatchError struct {
	conn      string
	want, got string
	history   []string
	unread    []line
}

// mismatch makes the error, with all the connection knows.
func (c *conn) mismatch(want, got string) error {
	return &mismatchError{conn: c.name, want: want, got: got, history: c.history, unread: c.pending}
}

func (e *mismatchError) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: not what was expected\n  want: %s\n  got:  %s\n", e.conn, shown(e.want), shown(e.got))
	if at := firstDifference(e.want, e.got); at > 20 {
		fmt.Fprintf(&b, "  first difference at byte %d: want …%s, got …%s\n", at, shown(e.want[at-10:]), shown(e.got[at-10:]))
	}
	fmt.Fprintf(&b, "  %s so far (> sent, < expected, ~ passed over):", e.conn)
	for _, entry := range e.history {
		b.WriteString("\n    " + entry)
	}
	for i, l := range e.unread {
		if i == historyMax {
			fmt.Fprintf(&b, "\n    ? … %d lines more", len(e.unread)-i)
			break
		}
		b.WriteString("\n    ? " + shown(l.text))
	}
	return b.String()
}

// note adds to the history of c.
func (c *conn) note(entry string) {
	if len(c.history) == historyMax {
		c.history = append(c.history[:0], c.history[1:]...)
	}
	c.history = append(c.history, shown(entry))
}

// shown makes a line readable: control bytes escaped, long ones shortened.
func shown(s string) string {
	tail := ""
	if len(s) > shownMax {
		tail = fmt.Sprintf("… (%d bytes)", len(s))
		s = s[:shownMax]
	}
	var b strings.Builder
	for i, r := range s {
		switch {
		case r == '\r':
			b.WriteString(`\r`)
		case r == '\n' && strings.HasPrefix(s, "any of\n"):
			b.WriteByte('\n')
		case r == '\n':
			b.WriteString(`\n`)
		case r < ' ' || r == 0x7f:
			fmt.Fprintf(&b, `\x%02x`, r)
		case r == utf8.RuneError:
			fmt.Fprintf(&b, `\x%02x`, s[i])
		default:
			b.WriteRune(r)
		}
	}
	return b.String() + tail
}

// firstDifference is the first byte in which a and b differ, or -1 if one of
// them ends before.
func firstDifference(a, b string) int {
	for i := range min(len(a), len(b)) {
		if a[i] != b[i] {
			return i
		}
	}
	return -1
}
