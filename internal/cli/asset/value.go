package asset

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// Words for the absence of a limit and of a value.
const (
	Unlimited = "unlimited"
	none      = "none"
)

const day = 24 * time.Hour

// ParseDuration reads a time: what Go writes, such as 1h30m, also with days
// (30d) and weeks (2w) before the rest. A bare number but 0 is refused: nobody
// knows its unit.
func ParseDuration(text string) (time.Duration, error) {
	rest := strings.TrimSpace(text)
	bad := fmt.Errorf("%q is not a time; write one such as 500ms, 30s, 5m, 12h or 30d", text)
	var total time.Duration
	for _, unit := range []struct {
		mark byte
		size time.Duration
	}{{'w', 7 * day}, {'d', day}} {
		i := strings.IndexByte(rest, unit.mark)
		if i < 0 {
			continue
		}
		n, err := strconv.ParseInt(rest[:i], 10, 64)
		if err != nil || n < 0 || n > int64((math.MaxInt64-total)/unit.size) {
			return 0, bad
		}
		total, rest = total+time.Duration(n)*unit.size, rest[i+1:]
		if rest == "" {
			return total, nil
		}
	}
	d, err := time.ParseDuration(rest)
	if err != nil || d < 0 || d > math.MaxInt64-total {
		return 0, bad
	}
	return total + d, nil
}

// FormatDuration writes a time so that [ParseDuration] reads it: 30d, 1d12h,
// 1h30m, 0s.
func FormatDuration(d time.Duration) string {
	days := ""
	if d >= day {
		days = strconv.FormatInt(int64(d/day), 10) + "d"
		if d %= day; d == 0 {
			return days
		}
	}
	text := d.String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return days + text
}

var sizeUnits = []string{"B", "KiB", "MiB", "GiB", "TiB"}

// ParseSize reads a number of bytes: 512, 64KiB, 10MB, 1G. All units are powers
// of 1024.
func ParseSize(text string) (int64, error) {
	bad := fmt.Errorf("%q is not a size; write one such as 4096, 64KiB, 10MiB or 1GiB", text)
	trimmed := strings.TrimSpace(text)
	digits := strings.IndexFunc(trimmed, func(r rune) bool { return r < '0' || r > '9' })
	if digits < 0 {
		digits = len(trimmed)
	}
	n, err := strconv.ParseInt(trimmed[:digits], 10, 64)
	if err != nil {
		return 0, bad
	}
	unit := strings.ToLower(strings.TrimSpace(trimmed[digits:]))
	for i, u := range sizeUnits {
		u = strings.ToLower(u)
		if unit == u || i == 0 && unit == "" || i > 0 && (unit == u[:1] || unit == u[:1]+"b") {
			if n > math.MaxInt64>>(10*i) {
				return 0, bad
			}
			return n << (10 * i), nil
		}
	}
	return 0, bad
}

// FormatSize writes a number of bytes exactly, so that [ParseSize] reads it:
// with the largest unit that leaves a whole number.
func FormatSize(n int64) string {
	i := 0
	for i < len(sizeUnits)-1 && n != 0 && n%1024 == 0 {
		n, i = n/1024, i+1
	}
	return strconv.FormatInt(n, 10) + sizeUnits[i]
}

func parseCount(text string) (int64, error) {
	n, err := strconv.ParseInt(strings.ReplaceAll(text, ",", ""), 10, 64)
	if err != nil || n < 0 {
		return 0, fmt.Errorf("%q is not a whole number; write one such as 1000", text)
	}
	return n, nil
}

func formatCount(n int64) string { return strconv.FormatInt(n, 10) }

func parseSwitch(text string) (bool, error) {
	switch strings.ToLower(text) {
	case "true", "yes", "y", "on":
		return true, nil
	case "false", "no", "n", "off":
		return false, nil
	}
	return false, fmt.Errorf("%q is neither yes nor no", text)
}

// ParseMoment reads a point in time: RFC 3339, a date, or so long before now.
func ParseMoment(text string, now time.Time) (time.Time, error) {
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04:05", "2006-01-02 15:04:05", time.DateOnly} {
		if at, err := time.ParseInLocation(layout, text, time.Local); err == nil {
			return at.UTC(), nil
		}
	}
	if d, err := ParseDuration(text); err == nil {
		return now.Add(-d).UTC(), nil
	}
	return time.Time{}, fmt.Errorf("%q is no point in time; write one such as 2026-03-01T12:00:00Z, 2026-03-01, or 1h for an hour ago", text)
}

var errOnce = errors.New("is given more than once")

// one returns the only text of a list.
func one(texts []string) (string, error) {
	if len(texts) != 1 {
		return "", errOnce
	}
	return strings.TrimSpace(texts[0]), nil
}
