package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/tidings-io/tidings/internal/cli/ui"
	"github.com/tidings-io/tidings/internal/client"
)

// roundTrips is the result of `tidings rtt` for one server. Times are in
// nanoseconds.
type roundTrips struct {
	Server  string        `json:"server"`
	Count   int           `json:"count"`
	Min     time.Duration `json:"min_ns"`
	Average time.Duration `json:"average_ns"`
	P50     time.Duration `json:"p50_ns"`
	P90     time.Duration `json:"p90_ns"`
	P99     time.Duration `json:"p99_ns"`
	Max     time.Duration `json:"max_ns"`
	Error   string        `json:"error,omitempty"` // why there are no times
}

func (a *app) rttCommand() *cobra.Command {
	var count int
	cmd := &cobra.Command{
		Use:   "rtt",
		Short: "Measure the round-trip time to servers",
		Long: `Connect to each server named by --server (or the context) and measure how long it
takes to answer a ping, --count times. If some servers cannot be reached, the others
are measured all the same and the command fails at the end.`,
		Example: `  tidings rtt
  tidings rtt --server nats://127.0.0.1:4222,nats://127.0.0.1:4223 --count 100 --json`,
		GroupID: groupMessages,
		Args:    arguments(0, 0, ""),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if count < 1 {
				return usage(fmt.Errorf("--count %d: at least one round trip", count))
			}
			return a.rtt(cmd.Context(), count)
		},
	}
	cmd.Flags().IntVarP(&count, "count", "n", 10, "round trips to measure")
	return cmd
}

func (a *app) rtt(ctx context.Context, count int) error {
	settings, err := a.resolve()
	if err != nil {
		return err
	}
	var results []roundTrips
	var failed error
	for _, server := range settings.Servers() {
		result, err := a.rttServer(ctx, settings.For(server), count)
		if ctx.Err() != nil {
			return errInterrupted
		}
		if err != nil {
			result = roundTrips{Server: client.RedactURL(server), Error: err.Error()}
			failed = errors.Join(failed, err)
		}
		if a.global.json {
			if err := a.writeJSON(result); err != nil {
				return err
			}
		}
		results = append(results, result)
	}
	if !a.global.json {
		a.showRoundTrips(results)
	}
	return failed
}

func (a *app) rttServer(ctx context.Context, settings *client.Resolved, count int) (roundTrips, error) {
	nc, err := a.dial(ctx, settings, client.Options{})
	if err != nil {
		return roundTrips{}, err
	}
	defer nc.Close()
	times := make([]time.Duration, 0, count)
	for range count {
		d, err := nc.RTT()
		if err != nil {
			return roundTrips{}, client.Explain("measure "+connectedTo(nc), err)
		}
		times = append(times, d)
		if ctx.Err() != nil {
			return roundTrips{}, errInterrupted
		}
	}
	result := summarize(times)
	result.Server = connectedTo(nc)
	return result, nil
}

// summarize computes the figures of at least one round trip.
func summarize(times []time.Duration) roundTrips {
	slices.Sort(times)
	var sum time.Duration
	for _, d := range times {
		sum += d
	}
	// The smallest time that at least share of all are not above (nearest rank).
	percentile := func(share int) time.Duration { return times[(len(times)*share+99)/100-1] }
	return roundTrips{
		Count: len(times), Min: times[0], Max: times[len(times)-1],
		Average: sum / time.Duration(len(times)),
		P50:     percentile(50), P90: percentile(90), P99: percentile(99),
	}
}

func (a *app) showRoundTrips(results []roundTrips) {
	var rows [][]string
	for _, r := range results {
		if r.Error != "" {
			continue // the error itself is shown at the end
		}
		row := []string{r.Server, ui.Count(r.Count)}
		for _, d := range []time.Duration{r.Min, r.Average, r.P50, r.P90, r.P99, r.Max} {
			row = append(row, ui.Duration(d))
		}
		rows = append(rows, row)
	}
	if len(rows) > 0 {
		a.screen.Table([]string{"server", "count", "min", "average", "p50", "p90", "p99", "max"}, rows, 2, 3, 4, 5, 6, 7, 8)
	}
}
