package jetstream_test

import (
	"os"
	"runtime/debug"
	"testing"
)

// TestMain lets the heap grow: thousands of small servers come and go, and much of
// the time would go into collecting them.
func TestMain(m *testing.M) {
	debug.SetGCPercent(400)
	os.Exit(m.Run())
}
