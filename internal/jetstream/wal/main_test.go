package wal_test

import (
	"os"
	"runtime/debug"
	"testing"
)

// TestMain lets the heap grow: thousands of small logs come and go, and half of the
// time would go into collecting them.
func TestMain(m *testing.M) {
	debug.SetGCPercent(800)
	os.Exit(m.Run())
}
