package cli

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/tidings-io/tidings/internal/cli/ui"
	"github.com/tidings-io/tidings/internal/client"
	"github.com/tidings-io/tidings/internal/jsapi"
)

// streamLook is one look at one stream.
type streamLook struct {
	Time      string  `json:"time"`
	Stream    string  `json:"stream"`
	Messages  uint64  `json:"messages"`
	Bytes     uint64  `json:"bytes"`
	Rate      float64 `json:"stored_per_second"`
	Consumers int     `json:"consumers"`
	Lag       uint64  `json:"lag"` // of its slowest consumer, or behind its origins
}

// streamWatch is one `tidings stream watch`.
type streamWatch struct {
	app    *app
	js     *client.JetStream
	names  []string
	gauges map[string]*gauge
	looks  []streamLook
}

// consumersWatched is the number of streams up to which their consumers are
// looked at, too: that is one request for each.
const consumersWatched = 32

func (a *app) streamWatchCommand() *cobra.Command {
	var f watchFlags
	cmd := &cobra.Command{
		Use:   "watch [STREAM...]",
		Short: "Show live how streams grow and whether they are read",
		Long: `Show live how streams grow and how far their slowest consumer, or the stream itself
behind its origins, lags: in a terminal as a table with sparklines, elsewhere as one
line for each stream and look.`,
		Example: `  tidings stream watch
  tidings stream watch ORDERS --interval 5s
  tidings stream watch ORDERS --count 10 --json`,
		Args:              arguments(0, -1, "[STREAM...]"),
		ValidArgsFunction: a.completeStreams(),
	}
	f.add(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		return a.watchStreams(cmd.Context(), &f, args, func(w *streamWatch, live *ui.Live) string { return w.table(&f, sparkWidth(live)) })
	}
	return cmd
}

func (a *app) streamGraphCommand() *cobra.Command {
	var f watchFlags
	cmd := &cobra.Command{
		Use:   "graph STREAM",
		Short: "Plot live how fast a stream grows and how far it is not read",
		Long: `Plot live how many messages a stream stores each second, and how far its slowest
consumer, or the stream itself behind its origins, lags. Without a terminal it shows what
` + "`tidings stream watch`" + ` shows.`,
		Example:           "  tidings stream graph ORDERS",
		Args:              arguments(1, 1, "STREAM"),
		ValidArgsFunction: a.completeStream(),
	}
	f.add(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		return a.watchStreams(cmd.Context(), &f, args, func(w *streamWatch, live *ui.Live) string { return w.plots(&f, live) })
	}
	return cmd
}

func (a *app) watchStreams(ctx context.Context, f *watchFlags, names []string, drawing func(*streamWatch, *ui.Live) string) error {
	if err := f.check(); err != nil {
		return err
	}
	for _, name := range names {
		if err := checkName("stream", name); err != nil {
			return err
		}
	}
	return a.withJetStreamOver(ctx, a.lasting(), func(js *client.JetStream) error {
		w := &streamWatch{app: a, js: js, names: names, gauges: map[string]*gauge{}}
		return a.watch(ctx, js, f, w.look, func(live *ui.Live) string { return drawing(w, live) }, w.lines)
	})
}

func (w *streamWatch) streams(ctx context.Context) ([]*jsapi.StreamInfo, error) {
	if len(w.names) == 0 {
		streams, _, err := w.js.Streams(ctx, "") // those missing now come with a later look
		return streams, err
	}
	return thingsNamed(w.names, func(name string) (*jsapi.StreamInfo, error) { return w.js.Stream(ctx, name) })
}

func (w *streamWatch) look(ctx context.Context, now time.Time) error {
	streams, err := w.streams(ctx)
	if err != nil {
		return err
	}
	w.looks = w.looks[:0]
	for _, s := range streams {
		lag := newReportLine(s).Lag
		if s.State.Consumers > 0 && len(streams) <= consumersWatched {
			consumers, _, err := w.js.Consumers(ctx, s.Config.Name)
			if err != nil {
				return err
			}
			for _, c := range consumers {
				lag = max(lag, c.NumPending+uint64(c.NumAckPending))
			}
		}
		g := gaugeNamed(w.gauges, s.Config.Name)
		g.look(now, s.State.LastSeq, lag)
		w.looks = append(w.looks, streamLook{
			Time: now.UTC().Format(time.RFC3339Nano), Stream: s.Config.Name, Messages: s.State.Msgs, Bytes: s.State.Bytes,
			Rate: g.rate, Consumers: s.State.Consumers, Lag: lag,
		})
	}
	return nil
}

func (w *streamWatch) table(f *watchFlags, width int) string {
	var rows [][]string
	looks := slices.Clone(w.looks)
	slices.SortStableFunc(looks, func(x, y streamLook) int { return cmp.Compare(y.Rate, x.Rate) }) // the busiest on top
	for _, l := range looks {
		g := w.gauges[l.Stream]
		rows = append(rows, []string{
			l.Stream, ui.Count(l.Messages), ui.Bytes(float64(l.Bytes)), rateText(l.Rate), ui.Sparkline(g.rates, width),
			ui.Count(l.Lag), ui.Sparkline(g.lags, width),
		})
	}
	head := []string{"stream", "messages", "bytes", "stored", "", "lag", ""}
	return w.app.clock(plural(len(rows), "stream"), f) + w.app.screen.TableText(head, rows, 2, 3, 4, 6)
}

// plots draws the only stream.
func (w *streamWatch) plots(f *watchFlags, live *ui.Live) string {
	l := w.looks[0]
	return w.app.plots(live, w.app.clock("stream "+ui.Printable(l.Stream), f), w.gauges[l.Stream],
		fmt.Sprintf("stored: %s, %s messages, %s", rateText(l.Rate), ui.Count(l.Messages), ui.Bytes(float64(l.Bytes))),
		fmt.Sprintf("lag: %s", ui.Count(l.Lag)))
}

func (w *streamWatch) lines() error {
	return showLooks(w.app, w.looks, func(l streamLook) string {
		return fmt.Sprintf("%s %s: %s messages, %s, stored %s, lag %s", l.Time, ui.Printable(l.Stream),
			ui.Count(l.Messages), ui.Bytes(float64(l.Bytes)), rateText(l.Rate), ui.Count(l.Lag))
	})
}
