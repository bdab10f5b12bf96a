package ui

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

var sparks = []rune("▁▂▃▄▅▆▇█")

// Sparkline draws the last width values as one line of bars, the highest for
// the largest of them. Values below zero count as zero.
func Sparkline(values []float64, width int) string {
	values = values[max(0, len(values)-width):]
	largest := 0.0
	for _, v := range values {
		largest = max(largest, v)
	}
	var out strings.Builder
	for range width - len(values) {
		out.WriteByte(' ')
	}
	for _, v := range values {
		i := 0
		if largest > 0 {
			i = int(max(v, 0) / largest * float64(len(sparks)-1))
		}
		out.WriteRune(sparks[i])
	}
	return out.String()
}

// Plot draws the last width values as columns of height lines, with the scale
// at the left, as text writes a value. It returns the lines from top to bottom.
func Plot(values []float64, width, height int, text func(float64) string) []string {
	values = values[max(0, len(values)-width):]
	largest := 0.0
	for _, v := range values {
		largest = max(largest, v)
	}
	if largest == 0 {
		largest = 1 // an empty plot still has a scale
	}
	top, bottom := text(largest), text(0)
	margin := max(utf8.RuneCountInString(top), utf8.RuneCountInString(bottom))
	lines := make([]string, height)
	for row := range height {
		label := ""
		switch row {
		case 0:
			label = top
		case height - 1:
			label = bottom
		}
		pad := strings.Repeat(" ", margin-utf8.RuneCountInString(label))
		lines[row] = fmt.Sprintf("%s%s ┤%s", pad, label, plotRow(values, width, largest, height, row))
	}
	return lines
}

// plotRow draws one line of a plot, row 0 at the top.
func plotRow(values []float64, width int, largest float64, height, row int) string {
	var out strings.Builder
	out.WriteString(strings.Repeat(" ", width-len(values)))
	for _, v := range values {
		eighths := int(max(v, 0) / largest * float64(height*len(sparks)))
		switch above := eighths - (height-1-row)*len(sparks); {
		case above >= len(sparks):
			out.WriteRune(sparks[len(sparks)-1])
		case above > 0:
			out.WriteRune(sparks[above-1])
		default:
			out.WriteByte(' ')
		}
	}
	return strings.TrimRight(out.String(), " ")
}
