package bench

import (
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"

	"github.com/tidings-io/tidings/internal/cli/ui"
)

// Latencies from 100 ns to 10 minutes are kept apart to within 1 % (two
// digits): 30 KiB per client. Larger ones count as the largest.
const (
	latencyMin    = 100
	latencyMax    = int64(10 * time.Minute)
	latencyDigits = 2
)

// recorder collects the latencies of one client. It is not safe for concurrent
// use.
type recorder struct {
	histogram *hdrhistogram.Histogram
	negative  int64 // the sender's clock was ahead of ours
}

func newRecorder() *recorder {
	return &recorder{histogram: hdrhistogram.New(latencyMin, latencyMax, latencyDigits)}
}

func (r *recorder) record(nanoseconds int64) {
	if nanoseconds < 0 {
		r.negative++
		return
	}
	// Out of range is impossible after the min, so there is no error to handle.
	_ = r.histogram.RecordValue(min(nanoseconds, latencyMax))
}

// Latency summarizes latencies. Times are in nanoseconds in JSON.
type Latency struct {
	Of       string        `json:"of"` // what lies between the two clocks read
	Samples  int64         `json:"samples"`
	Negative int64         `json:"negative,omitempty"` // left out: the clocks disagree
	Min      time.Duration `json:"min_ns"`
	Mean     time.Duration `json:"mean_ns"`
	P50      time.Duration `json:"p50_ns"`
	P90      time.Duration `json:"p90_ns"`
	P99      time.Duration `json:"p99_ns"`
	P999     time.Duration `json:"p999_ns"`
	Max      time.Duration `json:"max_ns"`
	Buckets  []Bucket      `json:"histogram"`
}

// Bucket counts the latencies above the bucket before it and up to UpTo.
type Bucket struct {
	UpTo  time.Duration `json:"up_to_ns"`
	Count int64         `json:"count"`
}

// merge summarizes all recorders; nil if they hold nothing.
func merge(of string, recorders []*recorder) *Latency {
	all := newRecorder()
	for _, r := range recorders {
		all.histogram.Merge(r.histogram)
		all.negative += r.negative
	}
	h := all.histogram
	if h.TotalCount() == 0 && all.negative == 0 {
		return nil
	}
	at := func(percentile float64) time.Duration { return time.Duration(h.ValueAtPercentile(percentile)) }
	return &Latency{
		Of: of, Samples: h.TotalCount(), Negative: all.negative,
		Min: time.Duration(h.Min()), Mean: time.Duration(h.Mean()), Max: time.Duration(h.Max()),
		P50: at(50), P90: at(90), P99: at(99), P999: at(99.9),
		Buckets: buckets(h),
	}
}

// buckets counts into steps of 1, 2, 5, 10 …, from the first to the last one
// that is not empty.
func buckets(h *hdrhistogram.Histogram) []Bucket {
	var out []Bucket
	edge, steps := int64(latencyMin), []int64{2, 5, 10}
	decade, step := int64(latencyMin), 0
	for _, bar := range h.Distribution() {
		if bar.Count == 0 {
			continue
		}
		for bar.From > edge {
			if len(out) > 0 || bar.From <= decade*steps[step] {
				out = append(out, Bucket{UpTo: time.Duration(decade * steps[step])})
			}
			edge = decade * steps[step]
			if step++; step == len(steps) {
				decade, step = decade*10, 0
			}
		}
		if len(out) == 0 {
			out = append(out, Bucket{UpTo: time.Duration(edge)})
		}
		out[len(out)-1].Count += bar.Count
	}
	return out
}

// bars prepares the buckets for [ui.Histogram].
func (l *Latency) bars() []ui.Bar {
	bars := make([]ui.Bar, len(l.Buckets))
	for i, b := range l.Buckets {
		bars[i] = ui.Bar{Label: "≤ " + ui.Duration(b.UpTo), Count: b.Count}
	}
	return bars
}
