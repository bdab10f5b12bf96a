package monitor

import (
	"testing"
	"time"
)

func TestCPUIsTheShareSinceTheLastLook(t *testing.T) {
	t.Parallel()
	now := time.Now()
	m := &processMeter{}
	m.mu.at = now
	f := func(after, used time.Duration, want float64) {
		t.Helper()
		if got := m.share(now.Add(after), used); got != want {
			t.Errorf("after %v: %v%%, want %v%%", after, got, want)
		}
	}
	f(time.Second/2, time.Second, 0) // too soon to tell
	f(10*time.Second, time.Second, 10)
	f(10*time.Second+time.Second/2, 5*time.Second, 10)
	f(12*time.Second, 5*time.Second, 200)
	f(15*time.Second, 5*time.Second, 0)
}

func TestProcessUsesMemoryAndTime(t *testing.T) {
	t.Parallel()
	if residentMemory() <= 0 || heldMemory() <= 0 {
		t.Errorf("memory: %d resident, %d held", residentMemory(), heldMemory())
	}
	if cpuTime() < 0 {
		t.Errorf("CPU time %v", cpuTime())
	}
}

func TestUptimeIsWrittenInTheUnitsOfNATSTools(t *testing.T) {
	t.Parallel()
	f := func(d time.Duration, want string) {
		t.Helper()
		if got := uptime(d); got != want {
			t.Errorf("%v: %s, want %s", d, got, want)
		}
	}
	f(-time.Second, "0s")
	f(0, "0s")
	f(1999*time.Millisecond, "1s")
	f(123*time.Second, "2m3s")
	f(time.Hour, "1h0m0s")
	f(49*time.Hour+2*time.Second, "2d1h0m2s")
	f((366*24+5)*time.Hour, "1y1d5h0m0s")
}
