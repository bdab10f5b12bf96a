package monitor

import (
	"runtime/metrics"
	"sync"
	"time"
)

// processMeter tells how much of a processor this process uses: over the time
// since it was asked before, at least meterWindow.
type processMeter struct {
	mu struct {
		sync.Mutex
		at      time.Time
		used    time.Duration // of CPU, at that time
		percent float64       // over the window before
	}
}

const meterWindow = time.Second

func (m *processMeter) start(now time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.mu.at, m.mu.used = now, cpuTime()
}

// cpu returns the share in percent of one processor, so that it can pass 100.
func (m *processMeter) cpu(now time.Time) float64 { return m.share(now, cpuTime()) }

// share takes the CPU time used until now.
func (m *processMeter) share(now time.Time, used time.Duration) float64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	passed := now.Sub(m.mu.at)
	if passed < meterWindow {
		return m.mu.percent
	}
	percent := 100 * float64(used-m.mu.used) / float64(passed)
	m.mu.at, m.mu.used = now, used
	m.mu.percent = float64(int64(percent*10+0.5)) / 10
	return m.mu.percent
}

// heldMemory is what the Go runtime holds, in bytes.
func heldMemory() int64 {
	s := []metrics.Sample{
		{Name: "/memory/classes/total:bytes"},
		{Name: "/memory/classes/heap/released:bytes"},
	}
	metrics.Read(s)
	if s[0].Value.Kind() != metrics.KindUint64 || s[1].Value.Kind() != metrics.KindUint64 {
		return 0
	}
	return int64(s[0].Value.Uint64() - s[1].Value.Uint64())
}
