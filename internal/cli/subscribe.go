package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/spf13/cobra"

	"github.com/tidings-io/tidings/internal/client"
)

type subscribeFlags struct {
	queue        string
	count        int
	wait         time.Duration
	raw          bool
	headersOnly  bool
	subjectsOnly bool
	timestamp    bool
	inbox        bool
	dump         string
}

func (a *app) subscribeCommand() *cobra.Command {
	var f subscribeFlags
	cmd := &cobra.Command{
		Use:     "sub [SUBJECT...]",
		Aliases: []string{"subscribe"},
		Short:   "Show messages as they are published",
		Long: `Subscribe to one or more subjects and show their messages until --count of them
came, nothing came for --wait, or Ctrl-C. In a subject, * stands for one token and
> for all that follow.

Characters that would act on the terminal are shown as \x1b and the like; --raw
prints bodies exactly as they are, each followed by a newline.`,
		Example: `  tidings sub 'orders.>'
  tidings sub orders.new orders.paid --timestamp
  tidings sub orders.new --queue workers --count 10 --json
  tidings sub 'orders.>' --dump /tmp/orders`,
		GroupID: groupMessages,
		Args:    arguments(0, -1, "SUBJECT..."),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.subscribe(cmd.Context(), args, f)
		},
		ValidArgsFunction: cobra.NoFileCompletions,
	}
	flags := cmd.Flags()
	flags.StringVar(&f.queue, "queue", "", "join this queue group: each message goes to one member")
	flags.IntVarP(&f.count, "count", "n", 0, "end after so many messages")
	flags.DurationVar(&f.wait, "wait", 0, "end when nothing came for so long")
	flags.BoolVarP(&f.raw, "raw", "r", false, "print bodies only")
	flags.BoolVar(&f.headersOnly, "headers-only", false, "show headers but no bodies")
	flags.BoolVar(&f.subjectsOnly, "subjects-only", false, "show subjects only")
	flags.BoolVarP(&f.timestamp, "timestamp", "t", false, "show when each message came")
	flags.BoolVar(&f.inbox, "inbox", false, "subscribe to a new inbox and show its subject")
	flags.StringVar(&f.dump, "dump", "", "write each message into a file in this `DIR` instead of showing it")
	completeFlag(cmd, "queue", cobra.NoFileCompletions)
	return cmd
}

func (f *subscribeFlags) check(args []string, json bool) error {
	for _, subject := range args {
		if err := client.CheckSubscribeSubject(subject); err != nil {
			return usage(err)
		}
	}
	if err := oneOf(form{"--raw", f.raw}, form{"--json", json}, form{"--headers-only", f.headersOnly}, form{"--subjects-only", f.subjectsOnly}); err != nil {
		return err
	}
	switch {
	case len(args) == 0 && !f.inbox:
		return usage(errors.New("tidings sub: no subject; name one or use --inbox"))
	case f.count < 0:
		return usage(fmt.Errorf("--count %d: a number of messages is not negative", f.count))
	case f.wait < 0:
		return usage(fmt.Errorf("--wait %s: a time is not negative", f.wait))
	case f.queue != "" && client.CheckPublishSubject(f.queue) != nil:
		return usage(fmt.Errorf("--queue %q: use a name without blanks and wildcards", f.queue))
	}
	return nil
}

func (a *app) subscribe(ctx context.Context, args []string, f subscribeFlags) error {
	if err := f.check(args, a.global.json); err != nil {
		return err
	}
	if f.dump != "" {
		if err := os.MkdirAll(f.dump, 0o755); err != nil {
			return fmt.Errorf("--dump: %w", err)
		}
	}
	if f.inbox {
		r, err := a.resolve()
		if err != nil {
			return err
		}
		args = append(args, newInbox(r))
	}
	o := receiveOptions{subjects: args, queue: f.queue, count: f.count, idle: f.wait}
	n, err := a.receive(ctx, o, func(_ *receiver, n int, m *nats.Msg) error {
		return a.showReceived(n, m, f)
	})
	switch {
	case errors.Is(err, errIdle) && f.count == 0:
		return nil
	case errors.Is(err, errIdle):
		return &client.Error{
			Kind: client.TimedOut, What: "subscription", Reason: fmt.Sprintf("%d of %d messages came, then nothing for %s", n, f.count, f.wait),
			Way: "wait longer with --wait",
		}
	}
	return err
}

// showReceived prints one message, or writes its file, in the form asked for.
func (a *app) showReceived(n int, m *nats.Msg, f subscribeFlags) error {
	at := time.Now()
	switch {
	case f.dump != "":
		return dumpMessage(f.dump, n, m, at, f.raw)
	case a.global.json:
		return a.writeJSON(newMessageView(n, m, at))
	case f.raw:
		return printRaw(a.out, m.Data)
	}
	title := fmt.Sprintf("[#%d]", n)
	if f.timestamp {
		title = fmt.Sprintf("[#%d %s]", n, at.Format("2006-01-02 15:04:05.000000"))
	}
	if f.subjectsOnly {
		m = &nats.Msg{Subject: m.Subject}
	}
	return showMessage(a.out, a.screen, title, m, !f.subjectsOnly && !f.headersOnly)
}

// dumpMessage writes a message to DIR/000001.json, or its body alone to
// DIR/000001.body. Files of an earlier run are not overwritten.
func dumpMessage(dir string, n int, m *nats.Msg, at time.Time, raw bool) error {
	name, data := fmt.Sprintf("%06d.body", n), m.Data
	if !raw {
		var err error
		name = fmt.Sprintf("%06d.json", n)
		if data, err = json.MarshalIndent(newMessageView(n, m, at), "", "  "); err != nil {
			return err
		}
		data = append(data, '\n')
	}
	f, err := os.OpenFile(filepath.Join(dir, name), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return fmt.Errorf("--dump: %w; choose an empty directory", err)
	}
	_, err = f.Write(data)
	return errors.Join(err, f.Close())
}
