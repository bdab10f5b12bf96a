package serverlog

import (
	"context"
	"fmt"
	"log/slog"
	"strconv"
	"time"
	"unicode"
	"unicode/utf8"
)

// lineMax is the longest line in bytes, newline included; the rest is cut. It
// keeps a line within one UDP datagram and one write to a pipe's buffer.
const lineMax = 32 << 10

// cutMark ends a line that was cut.
const cutMark = " [cut]\n"

// handler implements [slog.Handler] over a Log. It is immutable: WithAttrs and
// WithGroup return extended copies.
type handler struct {
	log    *Log
	attrs  []byte // " key=value" of WithAttrs, already formatted
	prefix string // "group." of each open group
}

func (h *handler) Enabled(_ context.Context, level slog.Level) bool {
	return h.log.Enabled(level)
}

func (h *handler) Handle(_ context.Context, r slog.Record) error {
	buf := h.log.getBuffer()
	line, text := h.appendRecord((*buf)[:0], r)
	*buf = line
	err := h.log.write(r.Level, line, text)
	h.log.putBuffer(buf)
	return err
}

func (h *handler) WithAttrs(attrs []slog.Attr) slog.Handler {
	with := *h
	with.attrs = append([]byte(nil), h.attrs...)
	for _, a := range attrs {
		with.attrs = appendAttr(with.attrs, h.prefix, a)
	}
	return &with
}

func (h *handler) WithGroup(name string) slog.Handler {
	if name == "" {
		return h
	}
	with := *h
	with.prefix = h.prefix + name + "."
	return &with
}

// appendRecord appends the line of r and returns where its text begins: after
// pid, time and level.
func (h *handler) appendRecord(dst []byte, r slog.Record) (line []byte, text int) {
	dst = append(dst, h.log.pid...)
	if !h.log.hideTime && !r.Time.IsZero() {
		dst = h.log.inZone(r.Time).AppendFormat(dst, "2006/01/02 15:04:05.000000 ")
	}
	dst = append(dst, label(r.Level)...)
	text = len(dst)
	dst = appendText(dst, r.Message)
	dst = append(dst, h.attrs...)
	r.Attrs(func(a slog.Attr) bool {
		dst = appendAttr(dst, h.prefix, a)
		return len(dst) < lineMax
	})
	return endLine(dst), text
}

// endLine ends the line in dst with a newline, and cuts it if it is too long.
func endLine(dst []byte) []byte {
	if len(dst) < lineMax {
		return append(dst, '\n')
	}
	end := lineMax - len(cutMark)
	for end > 0 && !utf8.RuneStart(dst[end]) {
		end--
	}
	return append(dst[:end], cutMark...)
}

// appendAttr appends " prefix.key=value", the members of a group one by one.
func appendAttr(dst []byte, prefix string, a slog.Attr) []byte {
	v := a.Value.Resolve()
	if v.Kind() == slog.KindGroup {
		if a.Key != "" {
			prefix += a.Key + "."
		}
		for _, member := range v.Group() {
			dst = appendAttr(dst, prefix, member)
		}
		return dst
	}
	if a.Key == "" && v.Kind() == slog.KindAny && v.Any() == nil {
		return dst // the zero Attr is to be ignored, says slog.Handler
	}
	dst = append(dst, ' ')
	dst = appendWord(dst, prefix, a.Key)
	dst = append(dst, '=')
	return appendValue(dst, v)
}

func appendValue(dst []byte, v slog.Value) []byte {
	switch v.Kind() {
	case slog.KindString:
		return appendWord(dst, v.String(), "")
	case slog.KindInt64:
		return strconv.AppendInt(dst, v.Int64(), 10)
	case slog.KindUint64:
		return strconv.AppendUint(dst, v.Uint64(), 10)
	case slog.KindFloat64:
		return strconv.AppendFloat(dst, v.Float64(), 'g', -1, 64)
	case slog.KindBool:
		return strconv.AppendBool(dst, v.Bool())
	case slog.KindDuration:
		return append(dst, v.Duration().String()...)
	case slog.KindTime:
		return v.Time().AppendFormat(dst, time.RFC3339Nano)
	case slog.KindAny, slog.KindGroup, slog.KindLogValuer: // the last two are resolved by now
		return appendAny(dst, v.Any())
	default:
		return appendAny(dst, v.Any())
	}
}

// appendAny prints errors, Stringers and everything else as package fmt does,
// which also survives a method that panics.
func appendAny(dst []byte, v any) []byte {
	if b, ok := v.([]byte); ok {
		return appendWord(dst, string(b), "")
	}
	return appendWord(dst, fmt.Sprintf("%+v", v), "")
}

// appendWord appends a and b as one word, in Go's quotes if it would not read as
// one otherwise.
func appendWord(dst []byte, a, b string) []byte {
	if len(a)+len(b) == 0 || needsQuotes(a) || needsQuotes(b) {
		return strconv.AppendQuote(dst, clip(a)+clip(b))
	}
	dst = append(dst, clip(a)...)
	return append(dst, clip(b)...)
}

// clip bounds what one value can make us copy and escape.
func clip(s string) string {
	return s[:min(len(s), lineMax)]
}

func needsQuotes(s string) bool {
	for i := 0; i < len(s); {
		b := s[i]
		if b < utf8.RuneSelf {
			if b <= ' ' || b == '=' || b == '"' || b == 0x7f {
				return true
			}
			i++
			continue
		}
		r, size := utf8.DecodeRuneInString(s[i:])
		if r == utf8.RuneError || !unicode.IsPrint(r) {
			return true
		}
		i += size
	}
	return false
}

// appendText appends the message of a record: as it is, except that what could
// break the line or the terminal is escaped.
func appendText(dst []byte, s string) []byte {
	s = clip(s)
	for i := 0; i < len(s); {
		b := s[i]
		if ' ' <= b && b < 0x7f {
			dst = append(dst, b)
			i++
			continue
		}
		r, size := utf8.DecodeRuneInString(s[i:])
		switch {
		case r == utf8.RuneError && size == 1:
			dst = append(dst, `\x`...)
			dst = append(dst, "0123456789abcdef"[b>>4], "0123456789abcdef"[b&15])
		case unicode.IsPrint(r):
			dst = append(dst, s[i:i+size]...)
		default:
			var quoted [16]byte // longest: '\U0010ffff'
			q := strconv.AppendQuoteRune(quoted[:0], r)
			dst = append(dst, q[1:len(q)-1]...)
		}
		i += size
	}
	return dst
}
