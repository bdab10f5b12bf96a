package conf

import "strings"

// nearestMaxLength is the longest name, in bytes, for which a suggestion is
// sought.
const nearestMaxLength = 64

// Nearest returns the known name most like name, regardless of case, or "" if
// none is near enough to be a slip of the fingers. The first of equals wins.
func Nearest(name string, known []string) string {
	if len(name) > nearestMaxLength {
		return ""
	}
	name = strings.ToLower(name)
	best, bestDistance := "", 1+max(1, len(name)/3)
	for _, candidate := range known {
		if d := editDistance(name, strings.ToLower(candidate)); d < bestDistance {
			best, bestDistance = candidate, d
		}
	}
	return best
}

// editDistance counts the bytes to insert, delete, replace or swap with their
// neighbour to turn a into b.
func editDistance(a, b string) int {
	before, last, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			row[j] = min(row[j-1]+1, last[j]+1, last[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, last, row = last, row, before
	}
	return last[len(b)]
}
