package cli

import (
	"cmp"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/tidings-io/tidings/internal/cli/asset"
	"github.com/tidings-io/tidings/internal/cli/ui"
	"github.com/tidings-io/tidings/internal/client"
	"github.com/tidings-io/tidings/internal/jsapi"
)

func (a *app) consumerListCommand() *cobra.Command {
	var names bool
	cmd := &cobra.Command{
		Use:     "list STREAM",
		Aliases: []string{"ls"},
		Short:   "List the consumers of a stream",
		Example: "  tidings consumer list ORDERS\n  tidings consumer list ORDERS --names",
		Args:    arguments(1, 1, "STREAM"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := checkNames(args); err != nil {
				return err
			}
			return a.withJetStream(cmd.Context(), func(js *client.JetStream) error {
				if names {
					found, err := js.ConsumerNames(cmd.Context(), args[0])
					if err != nil {
						return err
					}
					return a.showNames(found)
				}
				consumers, missing, err := js.Consumers(cmd.Context(), args[0])
				if err != nil {
					return err
				}
				a.warnMissing("consumers", missing)
				return a.listConsumers(args[0], consumers)
			})
		},
		ValidArgsFunction: a.completeStream(),
	}
	cmd.Flags().BoolVarP(&names, "names", "n", false, "show names only, one a line")
	return cmd
}

func (a *app) listConsumers(stream string, consumers []*jsapi.ConsumerInfo) error {
	var rows [][]string
	for _, c := range consumers {
		if a.global.json {
			if err := a.writeJSON(c); err != nil {
				return err
			}
			continue
		}
		filter := strings.Join(c.Config.Filters(), ", ")
		if filter == "" {
			filter = ">"
		}
		rows = append(rows, []string{
			c.Name, consumerKind(c), shortened(filter), ui.Count(c.NumPending), ui.Count(c.NumAckPending), c.Config.Description,
		})
	}
	switch {
	case a.global.json:
	case len(rows) == 0:
		a.noConsumers(stream)
	default:
		a.screen.Table([]string{"name", "kind", "filter", "pending", "unacknowledged", "description"}, rows, 4, 5)
	}
	return nil
}

func (a *app) noConsumers(stream string) {
	a.note("stream %s has no consumers; make one with `tidings consumer create %s`", stream, stream)
}

// consumerKind says in words what sort of consumer it is.
func consumerKind(c *jsapi.ConsumerInfo) string {
	kind := "pull"
	if c.Config.Push() {
		kind = "push"
	}
	if c.Config.Durable == "" {
		kind += ", ephemeral"
	}
	if c.Paused {
		kind += ", paused"
	}
	return kind
}

// consumerLine is one consumer in `tidings consumer report`.
type consumerLine struct {
	Name           string `json:"name"`
	Kind           string `json:"kind"`
	Ack            string `json:"ack_policy"`
	Pending        uint64 `json:"pending"`
	Unacknowledged int    `json:"unacknowledged"`
	Redelivered    int    `json:"redelivered"`
	Waiting        int    `json:"waiting"`
	Delivered      uint64 `json:"delivered"` // stream sequence
	AckFloor       uint64 `json:"ack_floor"` // stream sequence

	LastDelivery *time.Time `json:"last_delivery,omitempty"`
}

type consumerReport struct {
	Stream    string         `json:"stream"`
	Consumers []consumerLine `json:"consumers"`
	Total     consumerLine   `json:"total"`
}

var consumerOrders = map[string]func(x, y consumerLine) int{
	"name":           func(x, y consumerLine) int { return cmp.Compare(x.Name, y.Name) },
	"pending":        func(x, y consumerLine) int { return cmp.Compare(y.Pending, x.Pending) },
	"unacknowledged": func(x, y consumerLine) int { return cmp.Compare(y.Unacknowledged, x.Unacknowledged) },
	"redelivered":    func(x, y consumerLine) int { return cmp.Compare(y.Redelivered, x.Redelivered) },
	"waiting":        func(x, y consumerLine) int { return cmp.Compare(y.Waiting, x.Waiting) },
	"delivered":      func(x, y consumerLine) int { return cmp.Compare(y.Delivered, x.Delivered) },
}

func (a *app) consumerReportCommand() *cobra.Command {
	var f sortFlags
	cmd := &cobra.Command{
		Use:     "report STREAM",
		Short:   "Compare the consumers of a stream in a table, with totals",
		Example: "  tidings consumer report ORDERS --sort pending",
		Args:    arguments(1, 1, "STREAM"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := checkNames(args); err != nil {
				return err
			}
			if err := sorted(nil, f, consumerOrders); err != nil {
				return err
			}
			return a.withJetStream(cmd.Context(), func(js *client.JetStream) error {
				consumers, missing, err := js.Consumers(cmd.Context(), args[0])
				if err != nil {
					return err
				}
				a.warnMissing("consumers", missing)
				return a.consumerReport(args[0], consumers, f)
			})
		},
		ValidArgsFunction: a.completeStream(),
	}
	f.add(cmd, columnsOf(consumerOrders))
	return cmd
}

func (a *app) consumerReport(stream string, consumers []*jsapi.ConsumerInfo, f sortFlags) error {
	report := consumerReport{Stream: stream, Consumers: []consumerLine{}, Total: consumerLine{Name: "total"}}
	for _, c := range consumers {
		report.Consumers = append(report.Consumers, consumerLine{
			Name: c.Name, Kind: consumerKind(c), Ack: c.Config.AckPolicy.String(), Pending: c.NumPending,
			Unacknowledged: c.NumAckPending, Redelivered: c.NumRedelivered, Waiting: c.NumWaiting,
			Delivered: c.Delivered.StreamSeq, AckFloor: c.AckFloor.StreamSeq, LastDelivery: c.Delivered.LastActive,
		})
		report.Total.Pending += c.NumPending
		report.Total.Unacknowledged += c.NumAckPending
		report.Total.Redelivered += c.NumRedelivered
		report.Total.Waiting += c.NumWaiting
	}
	if err := sorted(report.Consumers, f, consumerOrders); err != nil {
		return err
	}
	if a.global.json {
		return a.writeJSON(report)
	}
	if len(consumers) == 0 {
		a.noConsumers(stream)
		return nil
	}
	var rows [][]string
	row := func(l consumerLine, sequences ...string) {
		rows = append(rows, append([]string{
			l.Name, l.Kind, l.Ack, ui.Count(l.Pending), ui.Count(l.Unacknowledged), ui.Count(l.Redelivered), ui.Count(l.Waiting),
		}, sequences...))
	}
	for _, l := range report.Consumers {
		row(l, ui.Count(l.Delivered), ui.Count(l.AckFloor), lastActive(l.LastDelivery))
	}
	row(report.Total, "", "", "")
	a.screen.Table([]string{
		"name", "kind", "ack", "pending", "unacknowledged", "redelivered", "waiting", "delivered", "ack floor", "last delivery",
	}, rows, 4, 5, 6, 7, 8, 9)
	return nil
}

func lastActive(at *time.Time) string {
	if at == nil {
		return "never"
	}
	return ago(*at, time.Now())
}

func (a *app) consumerInfoCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "info STREAM CONSUMER",
		Aliases: []string{"show"},
		Short:   "Show configuration and state of a consumer",
		Example: "  tidings consumer info ORDERS billing\n  tidings consumer info ORDERS billing --json",
		Args:    arguments(2, 2, "STREAM CONSUMER"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := checkNames(args); err != nil {
				return err
			}
			return a.withJetStream(cmd.Context(), func(js *client.JetStream) error {
				info, err := js.Consumer(cmd.Context(), args[0], args[1])
				if err != nil {
					return err
				}
				if a.global.json {
					return a.writeJSON(info)
				}
				a.showConsumer(info)
				return nil
			})
		},
		ValidArgsFunction: a.completeConsumer(),
	}
}

func (a *app) showConsumer(info *jsapi.ConsumerInfo) {
	a.out.Printf("consumer %s of stream %s, %s, created %s\n", a.screen.Strong(ui.Printable(info.Name)),
		ui.Printable(info.Stream), consumerKind(info), moment(info.Created))
	a.section("configuration", asset.Shown(&info.Config, asset.ConsumerFields()))
	a.section("state", consumerState(info))
	a.section("cluster", clusterLines(info.Cluster, ""))
}

func consumerState(info *jsapi.ConsumerInfo) []asset.Line {
	place := func(s jsapi.SequenceInfo) string {
		return fmt.Sprintf("stream sequence %s, consumer sequence %s, %s", ui.Count(s.StreamSeq), ui.Count(s.ConsumerSeq), lastActive(s.LastActive))
	}
	lines := []asset.Line{
		{Label: "pending", Text: ui.Count(info.NumPending)},
		{Label: "unacknowledged", Text: ui.Count(info.NumAckPending)},
		{Label: "redelivered", Text: ui.Count(info.NumRedelivered)},
		{Label: "last delivered", Text: place(info.Delivered)},
		{Label: "ack floor", Text: place(info.AckFloor)},
	}
	switch {
	case !info.Config.Push():
		lines = append(lines, asset.Line{Label: "waiting requests", Text: ui.Count(info.NumWaiting)})
	case info.PushBound:
		lines = append(lines, asset.Line{Label: "listeners", Text: "there are some"})
	default:
		lines = append(lines, asset.Line{Label: "listeners", Text: "none: nothing is sent"})
	}
	if info.Paused {
		lines = append(lines, asset.Line{Label: "paused", Text: "for " + ui.Duration(info.PauseRemaining)})
	}
	for _, g := range info.PriorityGroups {
		text := "no client is pinned"
		if g.PinnedClientID != "" {
			text = "pinned to " + g.PinnedClientID
			if g.PinnedTime != nil {
				text += " since " + moment(*g.PinnedTime)
			}
		}
		lines = append(lines, asset.Line{Label: "group " + g.Group, Text: text})
	}
	return lines
}
