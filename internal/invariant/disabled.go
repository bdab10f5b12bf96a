//go:build !invariants && !race

package invariant

// Enabled says whether assertions are checked in this build.
const Enabled = false
