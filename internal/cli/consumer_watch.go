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

// consumerLook is one look at one consumer.
type consumerLook struct {
	Time           string  `json:"time"`
	Stream         string  `json:"stream"`
	Consumer       string  `json:"consumer"`
	Pending        uint64  `json:"pending"`
	Unacknowledged int     `json:"unacknowledged"`
	Redelivered    int     `json:"redelivered"`
	Waiting        int     `json:"waiting"`
	Delivered      float64 `json:"delivered_per_second"`
	Done           float64 `json:"done_per_second"` // stream sequences the ack floor moved by
	Lag            uint64  `json:"lag"`             // pending and unacknowledged
}

// consumerWatch is one `tidings consumer watch` or graph.
type consumerWatch struct {
	app       *app
	js        *client.JetStream
	stream    string
	names     []string
	delivered map[string]*gauge
	floor     map[string]*gauge
	looks     []consumerLook
}

func (a *app) newConsumerWatch(js *client.JetStream, args []string) *consumerWatch {
	return &consumerWatch{
		app: a, js: js, stream: args[0], names: args[1:],
		delivered: map[string]*gauge{}, floor: map[string]*gauge{},
	}
}

func (a *app) consumerWatchCommand() *cobra.Command {
	var f watchFlags
	cmd := &cobra.Command{
		Use:   "watch STREAM [CONSUMER...]",
		Short: "Show live how far consumers lag and how fast they are",
		Long: `Show live what consumers have pending and unacknowledged, and how fast messages are
delivered and done: in a terminal as a table with sparklines, elsewhere as one line for
each consumer and look.`,
		Example: `  tidings consumer watch ORDERS
  tidings consumer watch ORDERS billing --interval 5s --count 12 --json`,
		Args:              arguments(1, -1, "STREAM [CONSUMER...]"),
		ValidArgsFunction: a.completeConsumers(),
	}
	f.add(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		return a.watchConsumers(cmd, &f, args, func(w *consumerWatch, live *ui.Live) string { return w.table(&f, sparkWidth(live)) })
	}
	return cmd
}

func (a *app) consumerGraphCommand() *cobra.Command {
	var f watchFlags
	cmd := &cobra.Command{
		Use:   "graph STREAM CONSUMER",
		Short: "Plot live the lag of a consumer and its rate",
		Long: `Plot live how many messages a consumer has before it, pending and unacknowledged, and
how many are delivered each second. Without a terminal it shows what
` + "`tidings consumer watch`" + ` shows.`,
		Example:           "  tidings consumer graph ORDERS billing",
		Args:              arguments(2, 2, "STREAM CONSUMER"),
		ValidArgsFunction: a.completeConsumer(),
	}
	f.add(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		return a.watchConsumers(cmd, &f, args, func(w *consumerWatch, live *ui.Live) string { return w.plots(&f, live) })
	}
	return cmd
}

func (a *app) watchConsumers(cmd *cobra.Command, f *watchFlags, args []string, drawing func(*consumerWatch, *ui.Live) string) error {
	if err := checkNames(args); err != nil {
		return err
	}
	if err := f.check(); err != nil {
		return err
	}
	ctx := cmd.Context()
	return a.withJetStreamOver(ctx, a.lasting(), func(js *client.JetStream) error {
		w := a.newConsumerWatch(js, args)
		return a.watch(ctx, js, f, w.look, func(live *ui.Live) string { return drawing(w, live) }, w.lines)
	})
}

func (w *consumerWatch) consumers(ctx context.Context) ([]*jsapi.ConsumerInfo, error) {
	if len(w.names) == 0 {
		consumers, _, err := w.js.Consumers(ctx, w.stream) // those missing now come with a later look
		return consumers, err
	}
	return thingsNamed(w.names, func(name string) (*jsapi.ConsumerInfo, error) { return w.js.Consumer(ctx, w.stream, name) })
}

func (w *consumerWatch) look(ctx context.Context, now time.Time) error {
	consumers, err := w.consumers(ctx)
	if err != nil {
		return err
	}
	w.looks = w.looks[:0]
	for _, c := range consumers {
		lag := c.NumPending + uint64(c.NumAckPending)
		delivered, floor := gaugeNamed(w.delivered, c.Name), gaugeNamed(w.floor, c.Name)
		delivered.look(now, c.Delivered.ConsumerSeq, lag)
		floor.look(now, c.AckFloor.StreamSeq, lag)
		w.looks = append(w.looks, consumerLook{
			Time: now.UTC().Format(time.RFC3339Nano), Stream: w.stream, Consumer: c.Name, Pending: c.NumPending,
			Unacknowledged: c.NumAckPending, Redelivered: c.NumRedelivered, Waiting: c.NumWaiting,
			Delivered: delivered.rate, Done: floor.rate, Lag: lag,
		})
	}
	return nil
}

func (w *consumerWatch) table(f *watchFlags, width int) string {
	looks := slices.Clone(w.looks)
	slices.SortStableFunc(looks, func(x, y consumerLook) int { return cmp.Compare(y.Lag, x.Lag) }) // those that lag most on top
	var rows [][]string
	for _, l := range looks {
		g := w.delivered[l.Consumer]
		rows = append(rows, []string{
			l.Consumer, ui.Count(l.Pending), ui.Count(l.Unacknowledged), ui.Count(l.Redelivered), ui.Sparkline(g.lags, width),
			rateText(l.Delivered), ui.Sparkline(g.rates, width), rateText(l.Done),
		})
	}
	head := []string{"consumer", "pending", "unacknowledged", "redelivered", "lag", "delivered", "", "done"}
	return w.app.clock(plural(len(rows), "consumer")+" of stream "+ui.Printable(w.stream), f) +
		w.app.screen.TableText(head, rows, 2, 3, 4, 6, 8)
}

func (w *consumerWatch) lines() error {
	return showLooks(w.app, w.looks, func(l consumerLook) string {
		return fmt.Sprintf("%s %s: %s pending, %s unacknowledged, delivered %s, done %s", l.Time, ui.Printable(l.Consumer),
			ui.Count(l.Pending), ui.Count(l.Unacknowledged), rateText(l.Delivered), rateText(l.Done))
	})
}

// plots draws the only consumer.
func (w *consumerWatch) plots(f *watchFlags, live *ui.Live) string {
	l := w.looks[0]
	head := w.app.clock(fmt.Sprintf("consumer %s of stream %s", ui.Printable(l.Consumer), ui.Printable(w.stream)), f)
	return w.app.plots(live, head, w.delivered[l.Consumer],
		"delivered: "+rateText(l.Delivered),
		fmt.Sprintf("lag: %s pending, %s unacknowledged", ui.Count(l.Pending), ui.Count(l.Unacknowledged)))
}
