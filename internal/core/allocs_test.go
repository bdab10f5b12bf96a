//go:build !race

package core_test

import "testing"

// The race detector makes pools forget at random, so this is for builds without.
func TestPathOfAMessageAllocatesNothing(t *testing.T) {
	for _, s := range shapes {
		for _, size := range []int{16, 1024, 10_000} {
			w, input, sinks := s.prepare(t, size)
			w.run(t, input)
			w.run(t, input)
			if got := testing.AllocsPerRun(20, func() { w.run(t, input) }); got != 0 {
				t.Errorf("%s, %d bytes: 100 messages allocate %v times, want 0", s.name, size, got)
			}
			total := 0
			for _, x := range sinks {
				total += x.bytes
			}
			if most := 23 * 100 * size * max(s.plain, min(s.members, 1)); total < most {
				t.Errorf("%s, %d bytes: %d bytes were delivered, want at least %d", s.name, size, total, most)
			}
		}
	}
}
