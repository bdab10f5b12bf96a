package conf

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

var plainEscapes = map[byte]byte{
	't': '\t', 'n': '\n', 'r': '\r', 'b': '\b', 'f': '\f', '"': '"', '\\': '\\', '/': '/',
}

const escapeList = `\t \n \r \b \f \" \\ \/ \xHH \uHHHH`

// unescape replaces the escapes of raw. A non-empty problem tells what is
// wrong with the escape at offset at.
func unescape(raw string) (text string, at int, problem string) {
	if strings.IndexByte(raw, '\\') < 0 {
		return raw, 0, ""
	}
	var out strings.Builder
	for i := 0; i < len(raw); {
		if raw[i] != '\\' {
			out.WriteByte(raw[i])
			i++
			continue
		}
		size, problem := appendEscape(&out, raw[i+1:])
		if problem != "" {
			return "", i, problem
		}
		i += 1 + size
	}
	return out.String(), 0, ""
}

// appendEscape writes what the escape at the start of s, after its backslash,
// stands for, and returns its length.
func appendEscape(out *strings.Builder, s string) (size int, problem string) {
	if s == "" {
		return 0, "a backslash at the end of text; write \\\\ for one backslash"
	}
	if b, ok := plainEscapes[s[0]]; ok {
		out.WriteByte(b)
		return 1, ""
	}
	switch s[0] {
	case 'x':
		n, ok := hexDigits(s[1:], 2)
		if !ok {
			return 0, `\x needs two hexadecimal digits, as in \x41`
		}
		out.WriteByte(byte(n))
		return 3, ""
	case 'u':
		n, ok := hexDigits(s[1:], 4)
		if !ok {
			return 0, `\u needs four hexadecimal digits, as in \u0041`
		}
		if utf16.IsSurrogate(rune(n)) {
			if len(s) >= 11 && s[5] == '\\' && s[6] == 'u' {
				if low, ok := hexDigits(s[7:], 4); ok {
					if r := utf16.DecodeRune(rune(n), rune(low)); r != utf8.RuneError {
						out.WriteRune(r)
						return 11, ""
					}
				}
			}
			return 0, `a lone surrogate \u` + s[1:5] + `; write the pair, or the character itself`
		}
		out.WriteRune(rune(n))
		return 5, ""
	}
	r, _ := utf8.DecodeRuneInString(s)
	return 0, fmt.Sprintf("unknown escape \\%s; known are %s; write \\\\ for one backslash, or use single quotes", string(r), escapeList)
}

func hexDigits(s string, n int) (uint64, bool) {
	if len(s) < n {
		return 0, false
	}
	value, err := strconv.ParseUint(s[:n], 16, 32)
	return value, err == nil
}
