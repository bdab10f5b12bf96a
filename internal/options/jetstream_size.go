package options

import (
	"math"
	"strconv"
	"strings"

	"github.com/tidings-io/tidings/internal/conf"
)

// sizeSuffixes are what a size in quotes may end in, after a number of that many
// powers of 1024, the position in the text.
const sizeSuffixes = "KMGT"

// readSize reads a number of bytes, or a text such as "10G", whose units are
// powers of 1024.
func readSize(s *conf.Section, dst *int64, names ...string) bool {
	e := s.Entry(names...)
	if e == nil {
		return false
	}
	if e.Value.Kind != conf.KindText {
		return s.Int(dst, math.MinInt64, math.MaxInt64, names...)
	}
	text, err := e.Value.Text()
	if err != nil {
		s.Fail(e, err)
		return false
	}
	if text == "" {
		return false
	}
	n, ok := parseSize(text)
	if !ok {
		s.Failf(e, "%q is not a size; write a number of bytes, with or without a unit: 500MB, \"500M\", 10GiB, \"10G\"", text)
		return false
	}
	*dst = n
	return true
}

// parseSize reads "10G", "10GB" or "10GiB", in any case, as so many times 1024
// to the power of the unit, and a number alone as bytes.
func parseSize(text string) (int64, bool) {
	upper := strings.ToUpper(text)
	upper = strings.TrimSuffix(strings.TrimSuffix(upper, "B"), "I")
	shift := 0
	if len(upper) > 0 {
		if i := strings.IndexByte(sizeSuffixes, upper[len(upper)-1]); i >= 0 {
			shift, upper = 10*(i+1), upper[:len(upper)-1]
		} else if upper != text {
			return 0, false // "10B", "10i"
		}
	}
	n, err := strconv.ParseInt(upper, 10, 64)
	if err != nil || n < 0 || n > math.MaxInt64>>shift {
		return 0, false
	}
	return n << shift, true
}

// readCapacity reads a size; less than 0 leaves it to be chosen at the start.
func readCapacity(s *conf.Section, dst *int64, names ...string) {
	if readSize(s, dst, names...) {
		*dst = max(*dst, SizeAtStart)
	}
}
