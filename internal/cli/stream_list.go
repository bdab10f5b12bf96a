package cli

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/tidings-io/tidings/internal/cli/ui"
	"github.com/tidings-io/tidings/internal/client"
	"github.com/tidings-io/tidings/internal/jsapi"
)

func (a *app) streamListCommand() *cobra.Command {
	var subject string
	var names bool
	cmd := &cobra.Command{
		Use:     "list",
		Aliases: []string{"ls"},
		Short:   "List the streams",
		Example: "  tidings stream list\n  tidings stream list --subject 'orders.>' --names",
		Args:    arguments(0, 0, ""),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.withJetStream(cmd.Context(), func(js *client.JetStream) error {
				if names {
					return a.streamNames(cmd.Context(), js, subject)
				}
				streams, err := a.allStreams(cmd.Context(), js, subject)
				if err != nil {
					return err
				}
				return a.listStreams(streams, "there are no streams; make one with `tidings stream create`")
			})
		},
		ValidArgsFunction: cobra.NoFileCompletions,
	}
	cmd.Flags().StringVar(&subject, "subject", "", "only streams that take messages of this subject")
	cmd.Flags().BoolVarP(&names, "names", "n", false, "show names only, one a line")
	completeFlag(cmd, "subject", cobra.NoFileCompletions)
	return cmd
}

func (a *app) streamNames(ctx context.Context, js *client.JetStream, subject string) error {
	names, err := js.StreamNames(ctx, subject)
	if err != nil {
		return err
	}
	return a.showNames(names)
}

// showNames prints names one a line, as JSON strings with --json.
func (a *app) showNames(names []string) error {
	for _, name := range names {
		if a.global.json {
			if err := a.writeJSON(name); err != nil {
				return err
			}
			continue
		}
		a.out.Println(ui.Printable(name))
	}
	return nil
}

// allStreams returns all streams, and warns of those that did not answer.
func (a *app) allStreams(ctx context.Context, js *client.JetStream, subject string) ([]*jsapi.StreamInfo, error) {
	streams, missing, err := js.Streams(ctx, subject)
	a.warnMissing("streams", missing)
	return streams, err
}

func (a *app) warnMissing(kind string, missing []string) {
	if len(missing) > 0 {
		a.warn(ui.Printable(fmt.Sprintf("these %s did not answer and are left out: %s", kind, strings.Join(missing, ", "))))
	}
}

// listStreams shows streams as a table or as one object each; nothing says that
// there are none.
func (a *app) listStreams(streams []*jsapi.StreamInfo, nothing string) error {
	if a.global.json {
		for _, s := range streams {
			if err := a.writeJSON(s); err != nil {
				return err
			}
		}
		return nil
	}
	if len(streams) == 0 {
		a.note("%s", nothing)
		return nil
	}
	var rows [][]string
	now := time.Now()
	for _, s := range streams {
		rows = append(rows, []string{
			s.Config.Name, shortened(strings.Join(s.Config.Subjects, ", ")), ui.Count(s.State.Msgs), ui.Bytes(float64(s.State.Bytes)),
			ui.Count(s.State.Consumers), ago(s.State.LastTime, now), s.Config.Description,
		})
	}
	a.screen.Table([]string{"name", "subjects", "messages", "bytes", "consumers", "last message", "description"}, rows, 3, 4, 5)
	return nil
}

// subjectsShown is how much of a list of subjects a table shows.
const subjectsShown = 40

func shortened(text string) string {
	runes := []rune(text)
	if len(runes) <= subjectsShown {
		return text
	}
	return string(runes[:subjectsShown-1]) + "…"
}

// reportLine is one stream in `tidings stream report`.
type reportLine struct {
	Name      string `json:"name"`
	Storage   string `json:"storage"`
	Retention string `json:"retention"`
	Persist   string `json:"persist_mode"`
	Replicas  int    `json:"replicas"`
	Consumers int    `json:"consumers"`
	Messages  uint64 `json:"messages"`
	Bytes     uint64 `json:"bytes"`
	Subjects  int    `json:"subjects"`
	Removed   int    `json:"removed"`
	Lost      int    `json:"lost"`
	Lag       uint64 `json:"lag"` // of a mirror or of the slowest source

	LastTime time.Time `json:"last_time"`
}

// streamReport is the result of `tidings stream report --json`.
type streamReport struct {
	Streams []reportLine `json:"streams"`
	Total   reportLine   `json:"total"`
}

func newReportLine(s *jsapi.StreamInfo) reportLine {
	line := reportLine{
		Name: s.Config.Name, Storage: s.Config.Storage.String(), Retention: s.Config.Retention.String(),
		Persist: s.Config.PersistMode.String(), Replicas: max(s.Config.Replicas, 1), Consumers: s.State.Consumers,
		Messages: s.State.Msgs, Bytes: s.State.Bytes, Subjects: s.State.NumSubjects, Removed: s.State.NumDeleted,
		LastTime: s.State.LastTime,
	}
	if s.State.Lost != nil {
		line.Lost = len(s.State.Lost.Msgs)
	}
	for _, o := range origins(s) {
		line.Lag = max(line.Lag, o.Lag)
	}
	return line
}

// reportOrders are the columns a report can be sorted by; all but the name put
// the largest first.
var reportOrders = map[string]func(x, y reportLine) int{
	"name":      func(x, y reportLine) int { return cmp.Compare(x.Name, y.Name) },
	"messages":  func(x, y reportLine) int { return cmp.Compare(y.Messages, x.Messages) },
	"bytes":     func(x, y reportLine) int { return cmp.Compare(y.Bytes, x.Bytes) },
	"subjects":  func(x, y reportLine) int { return cmp.Compare(y.Subjects, x.Subjects) },
	"consumers": func(x, y reportLine) int { return cmp.Compare(y.Consumers, x.Consumers) },
	"lag":       func(x, y reportLine) int { return cmp.Compare(y.Lag, x.Lag) },
	"lost":      func(x, y reportLine) int { return cmp.Compare(y.Lost, x.Lost) },
	"last":      func(x, y reportLine) int { return y.LastTime.Compare(x.LastTime) },
}

// sortFlags choose the order of a report.
type sortFlags struct {
	by      string
	reverse bool
}

func (f *sortFlags) add(cmd *cobra.Command, columns []string) {
	cmd.Flags().StringVar(&f.by, "sort", "name", "sort by this `COLUMN`: "+strings.Join(columns, ", "))
	cmd.Flags().BoolVarP(&f.reverse, "reverse", "R", false, "turn the order around")
	completeFlag(cmd, "sort", cobra.FixedCompletions(toCompletions(columns), cobra.ShellCompDirectiveNoFileComp))
}

// sorted sorts lines as the flags say.
func sorted[L any](lines []L, f sortFlags, orders map[string]func(x, y L) int) error {
	order, ok := orders[f.by]
	if !ok {
		return usage(fmt.Errorf("--sort %q: use one of %s", f.by, strings.Join(columnsOf(orders), ", ")))
	}
	slices.SortStableFunc(lines, order)
	if f.reverse {
		slices.Reverse(lines)
	}
	return nil
}

func columnsOf[L any](orders map[string]func(x, y L) int) []string {
	columns := make([]string, 0, len(orders))
	for name := range orders {
		columns = append(columns, name)
	}
	slices.Sort(columns)
	return columns
}

func (a *app) streamReportCommand() *cobra.Command {
	var f sortFlags
	var subject string
	cmd := &cobra.Command{
		Use:     "report",
		Short:   "Compare streams in a table, with totals",
		Example: "  tidings stream report\n  tidings stream report --sort bytes",
		Args:    arguments(0, 0, ""),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := sorted(nil, f, reportOrders); err != nil {
				return err
			}
			return a.withJetStream(cmd.Context(), func(js *client.JetStream) error {
				streams, err := a.allStreams(cmd.Context(), js, subject)
				if err != nil {
					return err
				}
				return a.streamReport(streams, f)
			})
		},
		ValidArgsFunction: cobra.NoFileCompletions,
	}
	f.add(cmd, columnsOf(reportOrders))
	cmd.Flags().StringVar(&subject, "subject", "", "only streams that take messages of this subject")
	completeFlag(cmd, "subject", cobra.NoFileCompletions)
	return cmd
}

func (a *app) streamReport(streams []*jsapi.StreamInfo, f sortFlags) error {
	report := streamReport{Streams: []reportLine{}, Total: reportLine{Name: "total"}}
	for _, s := range streams {
		line := newReportLine(s)
		report.Streams = append(report.Streams, line)
		t := &report.Total
		t.Consumers += line.Consumers
		t.Messages += line.Messages
		t.Bytes += line.Bytes
		t.Subjects += line.Subjects
		t.Removed += line.Removed
		t.Lost += line.Lost
		t.Lag = max(t.Lag, line.Lag)
		t.Replicas += line.Replicas
		if line.LastTime.After(t.LastTime) {
			t.LastTime = line.LastTime
		}
	}
	if err := sorted(report.Streams, f, reportOrders); err != nil {
		return err
	}
	if a.global.json {
		return a.writeJSON(report)
	}
	if len(streams) == 0 {
		a.note("there are no streams; make one with `tidings stream create`")
		return nil
	}
	now := time.Now()
	var rows [][]string
	for _, line := range append(report.Streams, report.Total) {
		storage := line.Storage
		if line.Persist == jsapi.PersistAsync.String() {
			storage += ", async"
		}
		rows = append(rows, []string{
			line.Name, storage, line.Retention, ui.Count(line.Replicas), ui.Count(line.Consumers), ui.Count(line.Messages),
			ui.Bytes(float64(line.Bytes)), ui.Count(line.Subjects), ui.Count(line.Removed), ui.Count(line.Lost), ui.Count(line.Lag), ago(line.LastTime, now),
		})
	}
	a.screen.Table([]string{
		"name", "storage", "retention", "replicas", "consumers", "messages",
		"bytes", "subjects", "removed", "lost", "lag", "last message",
	}, rows, 4, 5, 6, 7, 8, 9, 10, 11)
	return nil
}
