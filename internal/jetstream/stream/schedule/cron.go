package schedule

import (
	"strconv"
	"strings"
	"time"
)

// cron is six fields, each as the set of its values.
type cron struct {
	second, minute, hour, day, month, weekday uint64
	// anyDay and anyWeekday: the field has a star. If neither has, a day that one
	// of them names is enough.
	anyDay, anyWeekday bool
}

type field struct {
	low, high int
	names     []string // of low, low+1 …
}

var (
	seconds  = field{0, 59, nil}
	minutes  = field{0, 59, nil}
	hours    = field{0, 23, nil}
	days     = field{1, 31, nil}
	months   = field{1, 12, []string{"jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"}}
	weekdays = field{0, 6, []string{"sun", "mon", "tue", "wed", "thu", "fri", "sat"}}
)

func parseCron(pattern string) (c cron, ok bool) {
	texts := strings.Fields(pattern)
	if len(texts) != 6 {
		return c, false
	}
	for i, target := range [...]struct {
		field field
		set   *uint64
		star  *bool
	}{
		{seconds, &c.second, nil},
		{minutes, &c.minute, nil},
		{hours, &c.hour, nil},
		{days, &c.day, &c.anyDay},
		{months, &c.month, nil},
		{weekdays, &c.weekday, &c.anyWeekday},
	} {
		set, star, ok := target.field.parse(texts[i])
		if !ok {
			return c, false
		}
		*target.set = set
		if target.star != nil {
			*target.star = star
		}
	}
	return c, c.possible()
}

// parse reads a list of values, ranges and stars, each with or without a step.
func (f field) parse(text string) (set uint64, star, ok bool) {
	for item := range strings.SplitSeq(text, ",") {
		span, stepText, stepped := strings.Cut(item, "/")
		step := 1
		if stepped {
			n, ok := number(stepText)
			if !ok || n == 0 {
				return 0, false, false
			}
			step = n
		}
		low, high, ok := f.span(span, stepped)
		if !ok {
			return 0, false, false
		}
		star = star || !stepped && (span == "*" || span == "?")
		for v := low; v <= high; v += step {
			set |= 1 << v
		}
	}
	return set, star, true
}

// span reads "*", "?", a value or a range. A value with a step begins a range to
// the end.
func (f field) span(text string, stepped bool) (low, high int, ok bool) {
	if text == "*" || text == "?" {
		return f.low, f.high, true
	}
	from, to, isRange := strings.Cut(text, "-")
	low, ok = f.value(from)
	switch {
	case !ok:
		return 0, 0, false
	case isRange:
		high, ok = f.value(to)
	case stepped:
		high = f.high
	default:
		high = low
	}
	return low, high, ok && low <= high
}

func (f field) value(text string) (int, bool) {
	for i, name := range f.names {
		if strings.EqualFold(text, name) {
			return f.low + i, true
		}
	}
	n, ok := number(text)
	return n, ok && n >= f.low && n <= f.high
}

// number reads a small decimal number without a sign.
func number(text string) (int, bool) {
	if text == "" || len(text) > 4 || strings.Trim(text, "0123456789") != "" {
		return 0, false
	}
	n, err := strconv.Atoi(text)
	return n, err == nil
}

// longest is the number of days a month can have.
var longest = [...]int{0, 31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31}

// possible reports whether any day is named: the 30th of February is not.
func (c *cron) possible() bool {
	if !c.anyWeekday && !c.anyDay {
		return true
	}
	for month := 1; month <= 12; month++ {
		if c.month>>month&1 != 0 && c.day&(1<<(longest[month]+1)-1) != 0 {
			return true
		}
	}
	return false
}

func (c *cron) dayMatches(t time.Time) bool {
	day := c.day>>t.Day()&1 != 0
	weekday := c.weekday>>t.Weekday()&1 != 0
	if c.anyDay || c.anyWeekday {
		return day && weekday
	}
	return day || weekday
}

// searchYears is how far next looks: a 29th of February on a given weekday comes
// back within 40 years, also around 2100.
const searchYears = 41

// next returns the first time after t, in t's zone.
func (c *cron) next(t time.Time) (time.Time, bool) {
	t = t.Truncate(time.Second).Add(time.Second)
	for last := t.Year() + searchYears; t.Year() <= last; {
		switch {
		case c.month>>t.Month()&1 == 0:
			t = later(t, time.Date(t.Year(), t.Month()+1, 1, 0, 0, 0, 0, t.Location()))
		case !c.dayMatches(t):
			t = later(t, time.Date(t.Year(), t.Month(), t.Day()+1, 0, 0, 0, 0, t.Location()))
		case c.hour>>t.Hour()&1 == 0:
			t = t.Add(time.Hour - time.Duration(t.Minute())*time.Minute - time.Duration(t.Second())*time.Second)
		case c.minute>>t.Minute()&1 == 0:
			t = t.Add(time.Minute - time.Duration(t.Second())*time.Second)
		case c.second>>t.Second()&1 == 0:
			t = t.Add(time.Second)
		default:
			return t, true
		}
	}
	return time.Time{}, false
}

// later returns next, the beginning of a day after t, unless the clock has no such
// time because it is set forward there; then an hour more is in the new day.
func later(t, next time.Time) time.Time {
	if next.Day() == t.Day() && next.Month() == t.Month() || !next.After(t) {
		return next.Add(time.Hour)
	}
	return next
}
