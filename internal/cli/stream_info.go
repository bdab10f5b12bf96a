package cli

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/tidings-io/tidings/internal/cli/asset"
	"github.com/tidings-io/tidings/internal/cli/ui"
	"github.com/tidings-io/tidings/internal/client"
	"github.com/tidings-io/tidings/internal/jsapi"
)

func (a *app) streamInfoCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "info STREAM",
		Aliases: []string{"show"},
		Short:   "Show configuration, contents and consumers of a stream",
		Example: "  tidings stream info ORDERS\n  tidings stream info ORDERS --json",
		Args:    arguments(1, 1, "STREAM"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := checkName("stream", args[0]); err != nil {
				return err
			}
			return a.withJetStream(cmd.Context(), func(js *client.JetStream) error {
				return a.streamInfo(cmd.Context(), js, args[0])
			})
		},
		ValidArgsFunction: a.completeStream(),
	}
}

func (a *app) streamInfo(ctx context.Context, js *client.JetStream, name string) error {
	info, err := js.Stream(ctx, name)
	if err != nil {
		return err
	}
	if a.global.json {
		return a.writeJSON(info)
	}
	consumers, _, err := js.Consumers(ctx, name)
	if err != nil {
		return err
	}
	a.showStream(info, consumers)
	return nil
}

// section prints a heading and lines of label and text below it.
func (a *app) section(heading string, lines []asset.Line) {
	if len(lines) == 0 {
		return
	}
	a.out.Printf("\n%s\n", a.screen.Strong(heading))
	width := 0
	for _, line := range lines {
		width = max(width, len(line.Label))
	}
	for _, line := range lines {
		a.out.Printf("  %-*s  %s\n", width, line.Label, ui.Printable(line.Text))
	}
}

func (a *app) showStream(info *jsapi.StreamInfo, consumers []*jsapi.ConsumerInfo) {
	a.out.Printf("stream %s, created %s\n", a.screen.Strong(ui.Printable(info.Config.Name)), moment(info.Created))
	a.section("configuration", asset.Shown(&info.Config, asset.StreamFields()))
	a.section("state", streamState(info))
	a.section("copied from", sourceLines(info))
	a.section("cluster", clusterLines(info.Cluster, info.Domain))
	var lines []asset.Line
	for _, c := range consumers {
		text := fmt.Sprintf("%s pending, %s unacknowledged", ui.Count(c.NumPending), ui.Count(c.NumAckPending))
		lines = append(lines, asset.Line{Label: c.Name, Text: text})
	}
	a.section("consumers", lines)
}

func streamState(info *jsapi.StreamInfo) []asset.Line {
	s := &info.State
	lines := []asset.Line{
		{Label: "messages", Text: ui.Count(s.Msgs)},
		{Label: "bytes", Text: ui.Bytes(float64(s.Bytes))},
		{Label: "subjects", Text: ui.Count(s.NumSubjects)},
		{Label: "first sequence", Text: sequenceText(s.FirstSeq, s.FirstTime)},
		{Label: "last sequence", Text: sequenceText(s.LastSeq, s.LastTime)},
		{Label: "consumers", Text: ui.Count(s.Consumers)},
	}
	if s.NumDeleted > 0 {
		lines = append(lines, asset.Line{Label: "removed in between", Text: ui.Count(s.NumDeleted)})
	}
	if s.Lost != nil && len(s.Lost.Msgs) > 0 {
		lines = append(lines, asset.Line{Label: "LOST", Text: fmt.Sprintf("%s, %s: sequences %s",
			plural(len(s.Lost.Msgs), "message"), ui.Bytes(float64(s.Lost.Bytes)), sequenceRanges(s.Lost.Msgs))})
	}
	for _, what := range info.Damage {
		lines = append(lines, asset.Line{Label: "DAMAGED LOG", Text: what})
	}
	return lines
}

func sequenceText(seq uint64, at time.Time) string {
	if at.IsZero() || at.Unix() <= 0 {
		return ui.Count(seq)
	}
	return fmt.Sprintf("%s, %s (%s)", ui.Count(seq), moment(at), ago(at, time.Now()))
}

// rangesShown is how many ranges of sequences fit into a line.
const rangesShown = 10

// sequenceRanges writes sequences as ranges: 1-3, 7.
func sequenceRanges(seqs []uint64) string {
	seqs = slices.Clone(seqs)
	slices.Sort(seqs)
	var ranges []string
	for i := 0; i < len(seqs); {
		j := i
		for j+1 < len(seqs) && seqs[j+1] == seqs[j]+1 {
			j++
		}
		text := strconv.FormatUint(seqs[i], 10)
		if j > i {
			text += fmt.Sprintf("-%d", seqs[j])
		}
		ranges = append(ranges, text)
		i = j + 1
	}
	if more := len(ranges) - rangesShown; more > 0 {
		ranges = append(ranges[:rangesShown], fmt.Sprintf("and %d more ranges", more))
	}
	return strings.Join(ranges, ", ")
}

// origins are the streams that a stream copies from, with their state.
func origins(info *jsapi.StreamInfo) []*jsapi.StreamSourceInfo {
	if info.Mirror != nil {
		return append([]*jsapi.StreamSourceInfo{info.Mirror}, info.Sources...)
	}
	return info.Sources
}

func sourceLines(info *jsapi.StreamInfo) []asset.Line {
	var lines []asset.Line
	for _, s := range origins(info) {
		text := "up to date"
		if s.Lag > 0 {
			text = ui.Count(s.Lag) + " messages behind"
		}
		if s.Active >= 0 {
			text += ", last seen " + ui.Duration(s.Active) + " ago"
		} else {
			text += ", not seen yet"
		}
		if s.Error != nil {
			text += ", error: " + s.Error.Error()
		}
		lines = append(lines, asset.Line{Label: s.Name, Text: text})
	}
	return lines
}

func clusterLines(c *jsapi.ClusterInfo, domain string) []asset.Line {
	var lines []asset.Line
	add := func(label, text string) {
		if text != "" {
			lines = append(lines, asset.Line{Label: label, Text: text})
		}
	}
	add("domain", domain)
	if c == nil {
		return lines
	}
	add("name", c.Name)
	add("leader", c.Leader)
	for _, r := range c.Replicas {
		text := "up to date"
		switch {
		case r.Offline:
			text = "offline"
		case !r.Current:
			text = ui.Count(r.Lag) + " operations behind"
		}
		add("replica "+r.Name, text+", seen "+ui.Duration(r.Active)+" ago")
	}
	return lines
}
