// Package invariant holds assertions: statements that are true unless the code
// itself is wrong.
//
// They are active in builds with the tag invariants or with the race detector;
// elsewhere [Enabled] is a constant false and the compiler drops the branch. A
// broken one panics with the values, so that the process stops rather than
// stores a guess. What may go wrong outside the code (a disk, a peer, a user) is
// an error, never an assertion.
//
// Arguments of [That] are evaluated even where it does nothing. On a hot path,
// guard it:
//
//	if invariant.Enabled {
//		invariant.That(off%block == 0, "offset %d is not aligned", off)
//	}
package invariant

import "fmt"

// That panics with the formatted message if ok is false and [Enabled] is true.
// It is safe for concurrent use.
func That(ok bool, format string, args ...any) {
	if Enabled && !ok {
		panic("invariant broken: " + fmt.Sprintf(format, args...))
	}
}
