package cli

import (
	"slices"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/tidings-io/tidings/internal/cli/ui"
	"github.com/tidings-io/tidings/internal/client"
	"github.com/tidings-io/tidings/internal/jsapi"
)

// gap is a run of sequences of a stream, between its first and its last, that
// have no message any more.
type gap struct {
	Stream   string `json:"stream"`
	First    uint64 `json:"first"`
	Last     uint64 `json:"last"`
	Messages uint64 `json:"messages"`
	Why      string `json:"why"` // removed or lost
}

const (
	whyRemoved = "removed" // by somebody, or by a limit of the stream
	whyLost    = "lost"    // damaged on the disk
)

func (a *app) streamGapsCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "gaps STREAM",
		Short: "List the sequences whose messages are gone",
		Long: `List the sequences between the first and the last message of a stream whose messages are
gone: removed, by somebody or by a limit, or lost by damage.`,
		Example: "  tidings stream gaps ORDERS\n  tidings stream gaps ORDERS --json",
		Args:    arguments(1, 1, "STREAM"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := checkName("stream", args[0]); err != nil {
				return err
			}
			return a.withJetStream(cmd.Context(), func(js *client.JetStream) error {
				info, err := js.StreamWithRemoved(cmd.Context(), args[0])
				if err != nil {
					return err
				}
				return a.showGaps(args[0], gapsOf(info))
			})
		},
		ValidArgsFunction: a.completeStream(),
	}
}

func gapsOf(info *jsapi.StreamInfo) []gap {
	why := map[uint64]string{}
	for _, seq := range info.State.Deleted {
		why[seq] = whyRemoved
	}
	if info.State.Lost != nil {
		for _, seq := range info.State.Lost.Msgs {
			why[seq] = whyLost
		}
	}
	var sequences []uint64
	for seq := range why {
		sequences = append(sequences, seq)
	}
	slices.Sort(sequences)
	var gaps []gap
	for _, seq := range sequences {
		if n := len(gaps); n > 0 && gaps[n-1].Last+1 == seq && gaps[n-1].Why == why[seq] {
			gaps[n-1].Last++
			gaps[n-1].Messages++
			continue
		}
		gaps = append(gaps, gap{info.Config.Name, seq, seq, 1, why[seq]})
	}
	return gaps
}

func (a *app) showGaps(stream string, gaps []gap) error {
	var rows [][]string
	for _, g := range gaps {
		if a.global.json {
			if err := a.writeJSON(g); err != nil {
				return err
			}
			continue
		}
		rows = append(rows, []string{strconv.FormatUint(g.First, 10), strconv.FormatUint(g.Last, 10), ui.Count(g.Messages), g.Why})
	}
	if len(gaps) == 0 {
		a.note("stream %s has no gaps", stream)
	}
	if len(rows) > 0 {
		a.screen.Table([]string{"first", "last", "messages", "why"}, rows, 1, 2, 3)
	}
	return nil
}
