package cli

import (
	"cmp"
	"context"

	"github.com/spf13/cobra"

	"github.com/tidings-io/tidings/internal/cli/ui"
	"github.com/tidings-io/tidings/internal/client"
)

// subjectCount is one subject of `tidings stream subjects`.
type subjectCount struct {
	Subject  string `json:"subject"`
	Messages uint64 `json:"messages"`
}

var subjectOrders = map[string]func(x, y subjectCount) int{
	"name":     func(x, y subjectCount) int { return cmp.Compare(x.Subject, y.Subject) },
	"messages": func(x, y subjectCount) int { return cmp.Compare(y.Messages, x.Messages) },
}

func (a *app) streamSubjectsCommand() *cobra.Command {
	var f sortFlags
	var names bool
	cmd := &cobra.Command{
		Use:     "subjects STREAM [FILTER]",
		Short:   "Count the messages of each subject of a stream",
		Example: "  tidings stream subjects ORDERS\n  tidings stream subjects ORDERS 'orders.eu.>' --sort messages",
		Args:    arguments(1, 2, "STREAM [FILTER]"),
		RunE: func(cmd *cobra.Command, args []string) error {
			filter := ">"
			if len(args) == 2 {
				filter = args[1]
			}
			if err := client.CheckSubscribeSubject(filter); err != nil {
				return usage(err)
			}
			if err := checkName("stream", args[0]); err != nil {
				return err
			}
			if err := sorted(nil, f, subjectOrders); err != nil {
				return err
			}
			return a.withJetStream(cmd.Context(), func(js *client.JetStream) error {
				return a.streamSubjects(cmd.Context(), js, args[0], filter, f, names)
			})
		},
		ValidArgsFunction: a.completeStream(),
	}
	f.add(cmd, columnsOf(subjectOrders))
	cmd.Flags().BoolVarP(&names, "names", "n", false, "show subjects only, one a line")
	return cmd
}

func (a *app) streamSubjects(ctx context.Context, js *client.JetStream, stream, filter string, f sortFlags, names bool) error {
	counts, err := js.Subjects(ctx, stream, filter)
	if err != nil {
		return err
	}
	lines := make([]subjectCount, 0, len(counts))
	for subject, n := range counts {
		lines = append(lines, subjectCount{subject, n})
	}
	if err := sorted(lines, sortFlags{by: "name"}, subjectOrders); err != nil { // the order of equals
		return err
	}
	if err := sorted(lines, f, subjectOrders); err != nil {
		return err
	}
	var rows [][]string
	var total uint64
	for _, line := range lines {
		switch {
		case a.global.json:
			if err := a.writeJSON(line); err != nil {
				return err
			}
		case names:
			a.out.Println(ui.Printable(line.Subject))
		}
		total += line.Messages
		rows = append(rows, []string{line.Subject, ui.Count(line.Messages)})
	}
	if a.global.json || names {
		return nil
	}
	if len(rows) == 0 {
		a.note("stream %s has no messages of %q", stream, filter)
		return nil
	}
	a.screen.Table([]string{"subject", "messages"}, rows, 2)
	a.note("%s, %s messages", plural(len(rows), "subject"), ui.Count(total))
	return nil
}
