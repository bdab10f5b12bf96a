package cli

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nuid"
	"github.com/spf13/cobra"

	"github.com/tidings-io/tidings/internal/cli/ui"
	"github.com/tidings-io/tidings/internal/client"
)

// newInbox returns a subject nobody else uses, below the prefix in use.
func newInbox(r *client.Resolved) string { return r.Text(client.InboxPrefix) + "." + nuid.Next() }

type requestFlags struct {
	contentFlags
	raw          bool
	count        int
	replies      int
	replyTimeout time.Duration
}

func (a *app) requestCommand() *cobra.Command {
	var f requestFlags
	cmd := &cobra.Command{
		Use:     "request SUBJECT [BODY]",
		Aliases: []string{"req"},
		Short:   "Send a request and show the answer",
		Long: `Send a request and show the first answer. The body is the argument, or a file
(--file), or else all of standard input. --timeout says how long to wait; if nobody
subscribes to the subject, the command ends at once with exit code 6.

With --replies N it waits for N answers, each at most --reply-timeout after the one
before; --replies 0 takes as many as come.`,
		Example: `  tidings request demo.time ''
  tidings request demo.echo hello --raw
  tidings request demo.inventory '' --replies 0 --reply-timeout 500ms`,
		GroupID: groupMessages,
		Args:    arguments(1, 2, "SUBJECT [BODY]"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.request(cmd.Context(), args, f)
		},
		ValidArgsFunction: cobra.NoFileCompletions,
	}
	f.add(cmd)
	flags := cmd.Flags()
	flags.BoolVarP(&f.raw, "raw", "r", false, "print bodies of answers only")
	flags.IntVarP(&f.count, "count", "n", 1, "send so many requests, one after the other")
	flags.IntVar(&f.replies, "replies", 1, "wait for so many answers to each request; 0 takes all that come")
	flags.DurationVar(&f.replyTimeout, "reply-timeout", 300*time.Millisecond, "with --replies, longest time between two answers")
	return cmd
}

func (f *requestFlags) check(subject string, json bool) error {
	if err := client.CheckPublishSubject(subject); err != nil {
		return usage(err)
	}
	if err := oneOf(form{"--raw", f.raw}, form{"--json", json}); err != nil {
		return err
	}
	switch {
	case f.count < 1:
		return usage(fmt.Errorf("--count %d: at least one request", f.count))
	case f.replies < 0:
		return usage(fmt.Errorf("--replies %d: a number of answers is not negative", f.replies))
	case f.replyTimeout <= 0:
		return usage(fmt.Errorf("--reply-timeout %s: a time above zero", f.replyTimeout))
	}
	return nil
}

func (a *app) request(ctx context.Context, args []string, f requestFlags) error {
	if err := f.check(args[0], a.global.json); err != nil {
		return err
	}
	body, err := a.readBody(ctx, args, f.file)
	if err != nil {
		return err
	}
	c, err := newContent(body, f.contentFlags)
	if err != nil {
		return err
	}
	nc, settings, err := a.connect(ctx, client.Options{})
	if err != nil {
		return err
	}
	defer nc.Close()
	number := 0
	for n := 1; n <= f.count; n++ {
		m, err := c.message(args[0], &templateData{Count: n, Subject: args[0]})
		if err != nil {
			return err
		}
		start := time.Now()
		var shown error
		err = ask(ctx, nc, m, settings.Timeout(), f, func(answer *nats.Msg) {
			number++
			shown = errors.Join(shown, a.showAnswer(number, answer, start, f.raw))
		})
		if err := errors.Join(err, shown); err != nil {
			return err
		}
	}
	return nil
}

// ask sends one request and gives each answer to each.
func ask(ctx context.Context, nc *nats.Conn, m *nats.Msg, timeout time.Duration, f requestFlags, each func(*nats.Msg)) error {
	if f.replies != 1 {
		err := client.RequestMany(ctx, nc, m, f.replies, timeout, f.replyTimeout, each)
		return requestError(nc, m, err)
	}
	answer, err := client.Request(ctx, nc, m, timeout)
	if err != nil {
		return requestError(nc, m, err)
	}
	each(answer)
	return nil
}

func requestError(nc *nats.Conn, m *nats.Msg, err error) error {
	if errors.Is(err, nats.ErrMaxPayload) {
		return publishError(nc, m, nats.ErrMaxPayload)
	}
	return err
}

func (a *app) showAnswer(number int, m *nats.Msg, start time.Time, raw bool) error {
	at := time.Now()
	switch {
	case a.global.json:
		v := newMessageView(number, m, at)
		v.RoundTrip = at.Sub(start).Nanoseconds()
		return a.writeJSON(v)
	case raw:
		return printRaw(a.out, m.Data)
	}
	return showMessage(a.out, a.screen, fmt.Sprintf("[#%d %s]", number, ui.Duration(at.Sub(start))), m, true)
}
