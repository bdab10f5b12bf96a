package monitor

import (
	"strconv"
	"time"
)

// uptime writes a duration in whole seconds the way NATS tools do: 1y2d3h4m5s,
// from the largest unit that is not zero.
func uptime(d time.Duration) string {
	left := int64(max(d, 0) / time.Second)
	var b [32]byte
	text := b[:0]
	for _, unit := range [...]struct {
		seconds int64
		letter  byte
	}{{365 * 24 * 3600, 'y'}, {24 * 3600, 'd'}, {3600, 'h'}, {60, 'm'}} {
		n := left / unit.seconds
		left %= unit.seconds
		if n > 0 || len(text) > 0 {
			text = append(strconv.AppendInt(text, n, 10), unit.letter)
		}
	}
	return string(append(strconv.AppendInt(text, left, 10), 's'))
}
