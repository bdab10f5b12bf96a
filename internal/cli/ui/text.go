package ui

import (
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// Printable returns text with everything a terminal would act upon, and bytes
// that are not UTF-8, written as \xNN or \uNNNN. Newlines and tabs stay.
func Printable(text string) string {
	if isPrintable(text) {
		return text
	}
	var out strings.Builder
	for i := 0; i < len(text); {
		r, size := utf8.DecodeRuneInString(text[i:])
		switch {
		case r == utf8.RuneError && size == 1, r < utf8.RuneSelf && !shown(r):
			fmt.Fprintf(&out, "\\x%02x", text[i])
		case !shown(r):
			fmt.Fprintf(&out, "\\u%04x", r)
		default:
			out.WriteRune(r)
		}
		i += size
	}
	return out.String()
}

func isPrintable(text string) bool {
	for _, r := range text {
		if r == utf8.RuneError || !shown(r) {
			return false
		}
	}
	return true
}

func shown(r rune) bool { return r == '\n' || r == '\t' || unicode.IsGraphic(r) }

// Bytes writes a number of bytes with a binary unit: 512 B, 1.5 KiB, 20 MiB.
func Bytes(n float64) string {
	units := []string{"B", "KiB", "MiB", "GiB", "TiB"}
	i := 0
	for n >= 1024 && i < len(units)-1 {
		n /= 1024
		i++
	}
	if i == 0 {
		return fmt.Sprintf("%.0f B", n)
	}
	return fmt.Sprintf("%.3g %s", round(n), units[i])
}

// round keeps %.3g from switching to exponents between 1000 and 1023.
func round(n float64) float64 {
	if n > 999 {
		return 999
	}
	return n
}

// Count writes a whole number with thousands separated: 1,234,567.
func Count[T int | int64 | uint64](n T) string {
	digits := fmt.Sprint(n)
	sign := ""
	if digits[0] == '-' {
		sign, digits = "-", digits[1:]
	}
	var out strings.Builder
	for i, d := range digits {
		if i > 0 && (len(digits)-i)%3 == 0 {
			out.WriteByte(',')
		}
		out.WriteRune(d)
	}
	return sign + out.String()
}

// Duration writes a time with three significant digits: 84.2µs, 1.25ms, 3.1s.
func Duration(d time.Duration) string {
	unit := time.Nanosecond
	for _, u := range []time.Duration{time.Microsecond, time.Millisecond, time.Second} {
		if d >= u {
			unit = u
		}
	}
	if d >= time.Minute {
		return d.Round(time.Second).String()
	}
	return d.Round(max(unit/100, 1)).String()
}
