package conversation

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// textMaxBytes bounds what one text expands to.
const textMaxBytes = 64 << 20

// text is the parsed form of TEXT: literal bytes and names of variables in turn.
type text []textPart

// textPart is either a literal or, when variable is set, the name of a variable.
type textPart struct {
	literal  string
	variable string
}

// parseText reads the escapes of src.
func parseText(src string) (text, error) {
	var (
		parts text
		buf   strings.Builder
	)
	flush := func() {
		if buf.Len() > 0 {
			parts = append(parts, textPart{literal: buf.String()})
			buf.Reset()
		}
	}
	for len(src) > 0 {
		var err error
		switch {
		case src[0] == '\\':
			src, err = unescape(&buf, src)
		case strings.HasPrefix(src, "${"):
			var name string
			name, src, err = cutVariable(src)
			flush()
			parts = append(parts, textPart{variable: name})
		default:
			buf.WriteByte(src[0])
			src = src[1:]
		}
		if err != nil {
			return nil, err
		}
		if buf.Len() > textMaxBytes {
			return nil, fmt.Errorf("text is longer than %d bytes", textMaxBytes)
		}
	}
	flush()
	return parts, nil
}

// unescape writes the value of the escape at the start of src to buf and
// returns what follows it.
func unescape(buf *strings.Builder, src string) (string, error) {
	if len(src) < 2 {
		return "", errors.New(`text ends in a lone \; write \\`)
	}
	switch src[1] {
	case 'r':
		buf.WriteByte('\r')
	case 'n':
		buf.WriteByte('\n')
	case 't':
		buf.WriteByte('\t')
	case '\\', '$':
		buf.WriteByte(src[1])
	case 'x':
		if len(src) < 4 {
			return "", errors.New(`\x needs two hexadecimal digits`)
		}
		b, err := strconv.ParseUint(src[2:4], 16, 8)
		if err != nil {
			return "", fmt.Errorf(`\x%s: not two hexadecimal digits`, src[2:4])
		}
		buf.WriteByte(byte(b))
		return src[4:], nil
	case '{':
		return repeatText(buf, src)
	default:
		return "", fmt.Errorf(`unknown escape \%c; known are \r \n \t \\ \$ \xHH \{text*count}`, src[1])
	}
	return src[2:], nil
}

// repeatText expands \{text*count} at the start of src.
func repeatText(buf *strings.Builder, src string) (string, error) {
	body, rest, ok := strings.Cut(src[2:], "}")
	if !ok {
		return "", errors.New(`\{ without }`)
	}
	star := strings.LastIndexByte(body, '*')
	if star < 0 {
		return "", fmt.Errorf(`\{%s}: no *count`, body)
	}
	count, err := strconv.Atoi(body[star+1:])
	if err != nil || count < 0 {
		return "", fmt.Errorf(`\{%s}: %q is no count`, body, body[star+1:])
	}
	var unit strings.Builder
	for inner := body[:star]; len(inner) > 0; {
		if inner[0] != '\\' {
			unit.WriteByte(inner[0])
			inner = inner[1:]
			continue
		}
		if inner, err = unescape(&unit, inner); err != nil {
			return "", err
		}
	}
	if unit.Len() > 0 && count > textMaxBytes/unit.Len() {
		return "", fmt.Errorf(`\{%s}: longer than %d bytes`, body, textMaxBytes)
	}
	buf.WriteString(strings.Repeat(unit.String(), count))
	return rest, nil
}

// cutVariable splits ${name} from the start of src.
func cutVariable(src string) (name, rest string, err error) {
	name, rest, ok := strings.Cut(src[2:], "}")
	if !ok {
		return "", "", errors.New("${ without }")
	}
	if !isName(name) {
		return "", "", fmt.Errorf("${%s}: a name is a lower-case letter, then letters, digits and _", name)
	}
	return name, rest, nil
}

// expand puts the values of vars into t.
func (t text) expand(vars map[string]string) (string, error) {
	var buf strings.Builder
	for _, part := range t {
		if part.variable == "" {
			buf.WriteString(part.literal)
			continue
		}
		value, ok := vars[part.variable]
		if !ok {
			return "", fmt.Errorf("variable ${%s} has no value; only an earlier <~ or <info gives one", part.variable)
		}
		buf.WriteString(value)
	}
	return buf.String(), nil
}

// isName tells whether s can name a connection or a variable.
func isName(s string) bool {
	for i := range len(s) {
		c := s[i]
		lower := c >= 'a' && c <= 'z'
		if !lower && (i == 0 || !(c == '_' || c >= '0' && c <= '9' || c >= 'A' && c <= 'Z')) {
			return false
		}
	}
	return s != ""
}
