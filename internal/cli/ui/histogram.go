package ui

import (
	"strings"
	"unicode/utf8"
)

// Bar is one line of a histogram.
type Bar struct {
	Label string
	Count int64
}

const barWidth = 40

// Histogram draws one line per bar to w: label, a bar in proportion to the
// largest count, the count's share. A count above zero is at least one mark wide.
func Histogram(w *Printer, bars []Bar) {
	var largest, total int64
	width := 0
	for _, b := range bars {
		largest = max(largest, b.Count)
		total += b.Count
		width = max(width, utf8.RuneCountInString(b.Label))
	}
	for _, b := range bars {
		length := 0
		if b.Count > 0 {
			length = max(1, int(b.Count*barWidth/largest))
		}
		share := 0.0
		if total > 0 {
			share = 100 * float64(b.Count) / float64(total)
		}
		pad := strings.Repeat(" ", width-utf8.RuneCountInString(b.Label))
		w.Printf("  %s%s |%-*s| %6.2f %%  %s\n", pad, b.Label, barWidth, strings.Repeat("#", length), share, Count(b.Count))
	}
}
