package cli

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/tidings-io/tidings/internal/cli/ui"
	"github.com/tidings-io/tidings/internal/client"
)

// watchFlags are those of the commands that show something again and again.
type watchFlags struct {
	interval time.Duration
	count    int
}

func (f *watchFlags) add(cmd *cobra.Command) {
	cmd.Flags().DurationVar(&f.interval, "interval", time.Second, "look so often")
	cmd.Flags().IntVarP(&f.count, "count", "n", 0, "end after so many looks; without it, Ctrl-C ends")
}

// shortestInterval keeps a watch from being a load of its own.
const shortestInterval = 50 * time.Millisecond

func (f *watchFlags) check() error {
	switch {
	case f.interval < shortestInterval:
		return usage(fmt.Errorf("--interval %s: at least %s", f.interval, shortestInterval))
	case f.count < 0:
		return usage(fmt.Errorf("--count %d: a number of looks is not negative", f.count))
	}
	return nil
}

const (
	// A sparkline shows so many looks, as there is room for two of them beside
	// the numbers of a table.
	sparkLeast, sparkMost = 8, 30
	sparkNumbers          = 76
	// historyMax is how many looks are kept for plots.
	historyMax = 400
)

// gauge is one watched thing: counters become rates, and values a history.
type gauge struct {
	at      time.Time
	counter uint64
	rate    float64 // of the counter, a second
	rates   []float64
	lags    []float64
}

// look takes the values of one look. A counter that went back begins anew.
func (g *gauge) look(at time.Time, counter, lag uint64) {
	if seconds := at.Sub(g.at).Seconds(); !g.at.IsZero() && seconds > 0 {
		g.rate = 0
		if counter > g.counter {
			g.rate = float64(counter-g.counter) / seconds
		}
		g.rates = kept(append(g.rates, g.rate))
	}
	g.lags = kept(append(g.lags, float64(lag)))
	g.at, g.counter = at, counter
}

// gaugeNamed returns the gauge of that name, a new one the first time.
func gaugeNamed(gauges map[string]*gauge, name string) *gauge {
	g := gauges[name]
	if g == nil {
		g = &gauge{}
		gauges[name] = g
	}
	return g
}

// sparkWidth is how many looks a sparkline shows in that terminal.
func sparkWidth(live *ui.Live) int {
	width, _ := live.Size()
	return min(max((width-sparkNumbers)/2, sparkLeast), sparkMost)
}

func kept(values []float64) []float64 { return values[max(0, len(values)-historyMax):] }

// watch calls look at once and then each interval, and shows what it returns: in
// a terminal drawn in place, elsewhere only from the second look on, when there
// are rates. An interruption is how it ends: no error. While the connection is
// lost it waits.
func (a *app) watch(ctx context.Context, js *client.JetStream, f *watchFlags, look func(context.Context, time.Time) error, drawing func(live *ui.Live) string, lines func() error) error {
	live, isLive := a.screen.NewLive()
	isLive = isLive && !a.global.json
	ticker := time.NewTicker(f.interval)
	defer ticker.Stop()
	reconnects := uint64(0)
	for n := 0; f.count == 0 || n <= f.count; n++ {
		err := js.Lasting(ctx, func(ctx context.Context) error { return look(ctx, time.Now()) })
		if now := js.Conn().Stats().Reconnects; isLive && now != reconnects {
			live.Leave() // below it stands what was said about the connection
			reconnects = now
		}
		if err != nil {
			if ctx.Err() != nil {
				return nil // interrupted
			}
			return err
		}
		switch {
		case isLive:
			live.Draw(drawing(live))
		case n > 0:
			if err := lines(); err != nil {
				return err
			}
		}
		if f.count > 0 && n == f.count {
			return nil
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return nil
		}
	}
	return nil
}

// thingsNamed returns the things of these names.
func thingsNamed[T any](names []string, get func(string) (T, error)) ([]T, error) {
	var things []T
	for _, name := range names {
		thing, err := get(name)
		if err != nil {
			return nil, err
		}
		things = append(things, thing)
	}
	return things, nil
}

// showLooks prints a line for each thing that was looked at.
func showLooks[T any](a *app, looks []T, text func(T) string) error {
	for _, l := range looks {
		if a.global.json {
			if err := a.writeJSON(l); err != nil {
				return err
			}
			continue
		}
		a.out.Println(text(l))
	}
	return a.out.Err()
}

// rateText writes a rate a second.
func rateText(perSecond float64) string {
	if perSecond < 100 && perSecond != float64(int64(perSecond)) {
		return fmt.Sprintf("%.1f/s", perSecond)
	}
	return ui.Count(int64(perSecond)) + "/s"
}

// clock heads a drawing.
func (a *app) clock(what string, f *watchFlags) string {
	return strings.TrimSpace(fmt.Sprintf("%s  %s", a.screen.Strong(what),
		a.screen.Faint(fmt.Sprintf("%s, every %s, Ctrl-C ends", time.Now().Format(time.TimeOnly), f.interval)))) + "\n\n"
}

// What of the terminal is no plot.
const (
	plotMargin   = 14 // columns for the scale
	plotHeadings = 6  // lines
	plotLeast    = 3  // lines of the smallest plot
)

// plots draws the rate and the lag of one gauge below their titles.
func (a *app) plots(live *ui.Live, head string, g *gauge, rate, lag string) string {
	columns, lines := live.Size()
	width, height := max(columns-plotMargin, 1), max((lines-plotHeadings)/2, plotLeast)
	var out strings.Builder
	out.WriteString(head + lag + "\n")
	for _, line := range ui.Plot(g.lags, width, height, func(v float64) string { return ui.Count(int64(v)) }) {
		out.WriteString(line + "\n")
	}
	out.WriteString(rate + "\n")
	for _, line := range ui.Plot(g.rates, width, height, rateText) {
		out.WriteString(line + "\n")
	}
	return out.String()
}
