package conf

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// unitFactors maps a unit in lower case to its factor: a single letter counts
// in thousands, two or three letters count in 1024.
var unitFactors = buildUnits("kmgtpe")

func buildUnits(letters string) map[string]int64 {
	units := map[string]int64{"": 1}
	decimal, binary := int64(1), int64(1)
	for _, letter := range letters {
		decimal *= 1000
		binary *= 1024
		units[string(letter)] = decimal
		for _, suffix := range []string{"b", "i", "ib"} {
			units[string(letter)+suffix] = binary
		}
	}
	return units
}

var (
	wholeNumber   = regexp.MustCompile(`^(-?[0-9]+)([A-Za-z]*)$`)
	decimalNumber = regexp.MustCompile(`^-?[0-9]+\.[0-9]+([eE][+-]?[0-9]+)?`)
	dottedText    = regexp.MustCompile(`^-?[0-9]+\.[0-9]+\.`)
	dateShaped    = regexp.MustCompile(`^[0-9]+-`)
)

// bareValue fills v from raw, the text of a value without quotes that is not a
// variable. It returns how many bytes of raw belong to the value: a comment
// may follow a decimal number without a blank. A non-empty problem says why
// the text cannot stand without quotes.
func bareValue(v *Value, raw string) (used int, problem string) {
	switch first := raw[0]; {
	case isDigit(first) || first == '-' && len(raw) > 1 && isDigit(raw[1]):
		return numericValue(v, raw)
	case first == '-':
		return 0, "text that begins with \"-\" must stand in quotes"
	case first == '.' && len(raw) > 1 && isDigit(raw[1]):
		return 0, fmt.Sprintf("%q is not a number; write 0%s, or put text in quotes", raw, raw)
	}
	if truth, ok := boolWord(raw); ok {
		v.Kind, v.truth = KindBool, truth
		return len(raw), ""
	}
	return textValue(v, raw)
}

func boolWord(word string) (value, ok bool) {
	switch strings.ToLower(word) {
	case "true", "yes", "on":
		return true, true
	case "false", "no", "off":
		return false, true
	}
	return false, false
}

// numericValue reads text that begins like a number: a number, a date, or
// text such as an address or a duration.
func numericValue(v *Value, raw string) (int, string) {
	if parts := wholeNumber.FindStringSubmatch(raw); parts != nil {
		if factor, ok := unitFactors[strings.ToLower(parts[2])]; ok {
			return intValue(v, raw, parts[1], factor)
		}
		return textValue(v, raw)
	}
	if dateShaped.MatchString(raw) {
		when, err := time.Parse("2006-01-02T15:04:05Z", raw)
		if err != nil || len(raw) != len("2006-01-02T15:04:05Z") { // Parse also takes fractions
			return 0, fmt.Sprintf("%q is not a date; write it as 2026-01-31T12:00:00Z, or put text in quotes", raw)
		}
		v.Kind, v.when = KindTime, when
		return len(raw), ""
	}
	if dottedText.MatchString(raw) {
		return textValue(v, raw)
	}
	if number := decimalNumber.FindString(raw); number != "" {
		rest := raw[len(number):]
		if rest == "" || rest[0] == '#' || strings.HasPrefix(rest, "//") {
			return floatValue(v, number)
		}
		return 0, fmt.Sprintf("%q is not a number: %q cannot follow the decimals; put text in quotes", raw, rest)
	}
	if digits := strings.TrimLeft(strings.TrimPrefix(raw, "-"), "0123456789"); digits[0] == '.' {
		return 0, fmt.Sprintf("%q is not a number: a digit must follow the point; put text in quotes", raw)
	}
	return textValue(v, raw)
}

func intValue(v *Value, raw, digits string, factor int64) (int, string) {
	n, err := strconv.ParseInt(digits, 10, 64)
	product := n * factor
	if err != nil || product/factor != n {
		return 0, fmt.Sprintf("%s is out of the range of 64-bit numbers; write a smaller one, or put text in quotes", raw)
	}
	v.Kind, v.number = KindInt, product
	return len(raw), ""
}

func floatValue(v *Value, number string) (int, string) {
	f, err := strconv.ParseFloat(number, 64)
	if err != nil {
		return 0, number + " is out of the range of decimal numbers; write a smaller one, or put text in quotes"
	}
	v.Kind, v.float = KindFloat, f
	return len(number), ""
}

// textValue takes raw as text with escapes.
func textValue(v *Value, raw string) (int, string) {
	if !isDigit(raw[0]) && strings.IndexByte(raw, '\'') >= 0 {
		return 0, "a single quote inside bare text; put the whole text in double quotes"
	}
	text, _, problem := unescape(raw)
	if problem != "" {
		return 0, problem
	}
	v.Kind, v.text = KindText, text
	return len(raw), ""
}

func isDigit(b byte) bool { return '0' <= b && b <= '9' }
