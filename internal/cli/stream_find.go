package cli

import (
	"fmt"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/tidings-io/tidings/internal/cli/asset"
	"github.com/tidings-io/tidings/internal/client"
	"github.com/tidings-io/tidings/internal/jsapi"
)

// findFlags are the conditions of `tidings stream find`; all given ones must
// hold.
type findFlags struct {
	subject     string
	empty       bool
	noConsumers bool
	idle        string
	older       string
	storage     string
	retention   string
	replicas    int
	messages    uint64
	mirror      bool
	sourced     bool
	sealed      bool
	lost        bool
	leader      string
	cluster     string
	invert      bool
	names       bool
}

func (a *app) streamFindCommand() *cobra.Command {
	var f findFlags
	cmd := &cobra.Command{
		Use:     "find",
		Aliases: []string{"query"},
		Short:   "List the streams for which some conditions hold",
		Long: `List the streams for which all given conditions hold; with --invert, those for which
not all of them hold.`,
		Example: `  tidings stream find --empty --no-consumers
  tidings stream find --idle 30d --names
  tidings stream find --subject orders.new`,
		Args:              arguments(0, 0, ""),
		ValidArgsFunction: cobra.NoFileCompletions,
	}
	f.add(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		conditions, err := f.conditions(time.Now())
		if err != nil {
			return err
		}
		return a.withJetStream(cmd.Context(), func(js *client.JetStream) error {
			streams, err := a.allStreams(cmd.Context(), js, "")
			if err != nil {
				return err
			}
			takes, err := js.StreamNames(cmd.Context(), f.subject)
			if err != nil {
				return err
			}
			found := slices.DeleteFunc(streams, func(s *jsapi.StreamInfo) bool {
				all := slices.Contains(takes, s.Config.Name) && holds(conditions, s)
				return all == f.invert
			})
			if f.names {
				return a.showNames(namesOf(found))
			}
			return a.listStreams(found, "no stream is like that")
		})
	}
	return cmd
}

func (f *findFlags) add(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.SortFlags = false
	flags.StringVar(&f.subject, "subject", "", "takes messages of this subject")
	flags.BoolVar(&f.empty, "empty", false, "has no messages")
	flags.BoolVar(&f.noConsumers, "no-consumers", false, "has no consumers")
	flags.StringVar(&f.idle, "idle", "", "got no message for so long, such as 30d")
	flags.StringVar(&f.older, "older", "", "was created so long ago or earlier")
	flags.StringVar(&f.storage, "storage", "", "is kept there: file or memory")
	flags.StringVar(&f.retention, "retention", "", "has this retention: limits, interest or workqueue")
	flags.IntVar(&f.replicas, "replicas", 0, "has so many replicas")
	flags.Uint64Var(&f.messages, "messages", 0, "has so many messages or more")
	flags.BoolVar(&f.mirror, "mirror", false, "is a mirror")
	flags.BoolVar(&f.sourced, "sourced", false, "copies from other streams")
	flags.BoolVar(&f.sealed, "sealed", false, "is sealed")
	flags.BoolVar(&f.lost, "lost", false, "has lost messages")
	flags.StringVar(&f.leader, "leader", "", "is led by the server of this name")
	flags.StringVar(&f.cluster, "cluster", "", "lives in the cluster of this name")
	flags.BoolVar(&f.invert, "invert", false, "list the others")
	flags.BoolVarP(&f.names, "names", "n", false, "show names only, one a line")
	words := func(flag string, words ...cobra.Completion) {
		completeFlag(cmd, flag, cobra.FixedCompletions(words, cobra.ShellCompDirectiveNoFileComp))
	}
	words("storage", "file", "memory")
	words("retention", "limits", "interest", "workqueue")
	for _, name := range []string{"subject", "idle", "older", "replicas", "messages", "leader", "cluster"} {
		completeFlag(cmd, name, cobra.NoFileCompletions)
	}
}

type condition func(*jsapi.StreamInfo) bool

func holds(conditions []condition, s *jsapi.StreamInfo) bool {
	return !slices.ContainsFunc(conditions, func(c condition) bool { return !c(s) })
}

func namesOf(streams []*jsapi.StreamInfo) []string {
	var names []string
	for _, s := range streams {
		names = append(names, s.Config.Name)
	}
	return names
}

// conditions returns what the flags ask for.
func (f *findFlags) conditions(now time.Time) ([]condition, error) {
	var all []condition
	when := func(given bool, c condition) {
		if given {
			all = append(all, c)
		}
	}
	idle, err := durationFlag("idle", f.idle)
	if err != nil {
		return nil, err
	}
	older, err := durationFlag("older", f.older)
	if err != nil {
		return nil, err
	}
	when(f.empty, func(s *jsapi.StreamInfo) bool { return s.State.Msgs == 0 })
	when(f.noConsumers, func(s *jsapi.StreamInfo) bool { return s.State.Consumers == 0 })
	when(f.idle != "", func(s *jsapi.StreamInfo) bool { return now.Sub(lastUse(s)) >= idle })
	when(f.older != "", func(s *jsapi.StreamInfo) bool { return now.Sub(s.Created) >= older })
	when(f.storage != "", func(s *jsapi.StreamInfo) bool { return s.Config.Storage.String() == f.storage })
	when(f.retention != "", func(s *jsapi.StreamInfo) bool { return s.Config.Retention.String() == f.retention })
	when(f.replicas > 0, func(s *jsapi.StreamInfo) bool { return max(s.Config.Replicas, 1) == f.replicas })
	when(f.messages > 0, func(s *jsapi.StreamInfo) bool { return s.State.Msgs >= f.messages })
	when(f.mirror, func(s *jsapi.StreamInfo) bool { return s.Config.Mirror != nil })
	when(f.sourced, func(s *jsapi.StreamInfo) bool { return len(s.Config.Sources) > 0 })
	when(f.sealed, func(s *jsapi.StreamInfo) bool { return s.Config.Sealed })
	when(f.lost, func(s *jsapi.StreamInfo) bool {
		return s.State.Lost != nil && len(s.State.Lost.Msgs) > 0 || len(s.Damage) > 0
	})
	when(f.leader != "", func(s *jsapi.StreamInfo) bool { return s.Cluster != nil && s.Cluster.Leader == f.leader })
	when(f.cluster != "", func(s *jsapi.StreamInfo) bool { return s.Cluster != nil && s.Cluster.Name == f.cluster })
	return all, f.check()
}

func (f *findFlags) check() error {
	if f.storage != "" && f.storage != "file" && f.storage != "memory" {
		return usage(fmt.Errorf("--storage %q: use file or memory", f.storage))
	}
	if f.retention != "" && !slices.Contains([]string{"limits", "interest", "workqueue"}, f.retention) {
		return usage(fmt.Errorf("--retention %q: use limits, interest or workqueue", f.retention))
	}
	if f.subject != "" {
		return usage(client.CheckSubscribeSubject(f.subject))
	}
	return nil
}

// lastUse is when the last message came, or if none did, when the stream was
// made.
func lastUse(s *jsapi.StreamInfo) time.Time {
	if s.State.LastTime.Unix() <= 0 {
		return s.Created
	}
	return s.State.LastTime
}

func durationFlag(name, text string) (time.Duration, error) {
	if text == "" {
		return 0, nil
	}
	d, err := asset.ParseDuration(text)
	if err != nil {
		return 0, usage(fmt.Errorf("--%s: %w", name, err))
	}
	return d, nil
}
