//go:build !unix

package monitor

import (
	"runtime/metrics"
	"time"
)

// cpuTime is the CPU time this process has used as far as the Go runtime knows:
// it looks once for each garbage collection.
func cpuTime() time.Duration {
	s := []metrics.Sample{
		{Name: "/cpu/classes/total:cpu-seconds"},
		{Name: "/cpu/classes/idle:cpu-seconds"},
	}
	metrics.Read(s)
	if s[0].Value.Kind() != metrics.KindFloat64 || s[1].Value.Kind() != metrics.KindFloat64 {
		return 0
	}
	return time.Duration((s[0].Value.Float64() - s[1].Value.Float64()) * float64(time.Second))
}

// residentMemory is the memory that the Go runtime holds, in bytes.
func residentMemory() int64 { return heldMemory() }
