package bench

import (
	"fmt"
	"time"

	"github.com/tidings-io/tidings/internal/cli/ui"
)

// Result is what a load measured.
type Result struct {
	Load     string   `json:"load"` // pub, sub, request, stream, consume or kv
	Subject  string   `json:"subject,omitempty"`
	Stream   string   `json:"stream,omitempty"`
	Bucket   string   `json:"bucket,omitempty"`
	Mode     string   `json:"mode,omitempty"` // how it was stored or consumed
	Size     int      `json:"size,omitempty"` // bytes of a body that was sent
	Publish  *Rate    `json:"publish,omitempty"`
	Receive  *Rate    `json:"receive,omitempty"`
	Request  *Rate    `json:"request,omitempty"`
	Put      *Rate    `json:"put,omitempty"`
	Get      *Rate    `json:"get,omitempty"`
	Missing  int64    `json:"missing,omitempty"`  // published but not received
	Timeouts int64    `json:"timeouts,omitempty"` // requests without an answer
	Unacked  int64    `json:"unacked,omitempty"`  // stored or not: no acknowledgement came
	Latency  *Latency `json:"latency,omitempty"`

	PutLatency *Latency `json:"put_latency,omitempty"`
	GetLatency *Latency `json:"get_latency,omitempty"`
}

// Rate is what some clients did together.
type Rate struct {
	Clients        int     `json:"clients"`
	Messages       int64   `json:"messages"`
	Bytes          int64   `json:"bytes"` // of bodies
	Seconds        float64 `json:"seconds"`
	PerSecond      float64 `json:"messages_per_second"`
	BytesPerSecond float64 `json:"bytes_per_second"`
	Slowest        float64 `json:"slowest_client_per_second"`
	Fastest        float64 `json:"fastest_client_per_second"`
}

// span is the work of one client.
type span struct {
	messages, bytes int64
	start, end      time.Time
}

// newRate sums the clients up: from the first start to the last end.
func newRate(spans []span) *Rate {
	r := &Rate{Clients: len(spans)}
	var start, end time.Time
	for i, s := range spans {
		r.Messages += s.messages
		r.Bytes += s.bytes
		if own := perSecond(s.messages, s.end.Sub(s.start)); i == 0 {
			r.Slowest, r.Fastest = own, own
		} else {
			r.Slowest, r.Fastest = min(r.Slowest, own), max(r.Fastest, own)
		}
		if s.messages == 0 {
			continue
		}
		if start.IsZero() || s.start.Before(start) {
			start = s.start
		}
		if s.end.After(end) {
			end = s.end
		}
	}
	d := end.Sub(start)
	r.Seconds = d.Seconds()
	r.PerSecond = perSecond(r.Messages, d)
	r.BytesPerSecond = perSecond(r.Bytes, d)
	return r
}

// perSecond is 0 where no time passed, such as for a single message.
func perSecond(n int64, d time.Duration) float64 {
	if d <= 0 {
		return 0
	}
	return float64(n) / d.Seconds()
}

// Show writes the result for a person.
func (r *Result) Show(s *ui.Screen) {
	var rows [][]string
	for _, line := range []struct {
		name string
		rate *Rate
	}{{"publish", r.Publish}, {"receive", r.Receive}, {"request", r.Request}, {"put", r.Put}, {"get", r.Get}} {
		if line.rate != nil {
			rows = append(rows, line.rate.row(line.name))
		}
	}
	s.Table([]string{"", "clients", "messages", "seconds", "messages/s", "bytes/s", "slowest client", "fastest client"},
		rows, 2, 3, 4, 5, 6, 7, 8)
	if r.Missing > 0 {
		s.Out.Printf("\nmissing: %s messages were published but not received\n", ui.Count(r.Missing))
	}
	if r.Timeouts > 0 {
		s.Out.Printf("\ntimeouts: %s requests got no answer in time\n", ui.Count(r.Timeouts))
	}
	if r.Unacked > 0 {
		s.Out.Printf("\nunacknowledged: for %s messages no acknowledgement came in time\n", ui.Count(r.Unacked))
	}
	for _, l := range []*Latency{r.Latency, r.PutLatency, r.GetLatency} {
		if l != nil {
			l.show(s.Out)
		}
	}
}

func (r *Rate) row(name string) []string {
	return []string{
		name, ui.Count(r.Clients), ui.Count(r.Messages), fmt.Sprintf("%.3f", r.Seconds),
		ui.Count(int64(r.PerSecond)), ui.Bytes(r.BytesPerSecond),
		ui.Count(int64(r.Slowest)) + "/s", ui.Count(int64(r.Fastest)) + "/s",
	}
}

func (l *Latency) show(w *ui.Printer) {
	w.Printf("\nlatency, %s (%s samples)\n", l.Of, ui.Count(l.Samples))
	if l.Negative > 0 {
		w.Printf("  %s samples left out: the sender's clock is ahead of this machine's\n", ui.Count(l.Negative))
	}
	if l.Samples == 0 {
		return
	}
	for _, line := range []struct {
		name  string
		value time.Duration
	}{
		{"min", l.Min},
		{"mean", l.Mean},
		{"p50", l.P50},
		{"p90", l.P90},
		{"p99", l.P99},
		{"p99.9", l.P999},
		{"max", l.Max},
	} {
		w.Printf("  %-6s %s\n", line.name, ui.Duration(line.value))
	}
	w.Println()
	ui.Histogram(w, l.bars())
}
