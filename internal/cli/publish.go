package cli

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/spf13/cobra"

	"github.com/tidings-io/tidings/internal/cli/ui"
	"github.com/tidings-io/tidings/internal/client"
)

// maxLine is the longest line `pub --lines` takes.
const maxLine = 64 << 20

type publishFlags struct {
	contentFlags
	reply string
	count int
	sleep time.Duration
	lines bool
}

// published is the result of `tidings pub`.
type published struct {
	Subject  string `json:"subject"`
	Messages int    `json:"messages"`
	Bytes    int64  `json:"bytes"` // of bodies
}

func (a *app) publishCommand() *cobra.Command {
	var f publishFlags
	cmd := &cobra.Command{
		Use:     "pub SUBJECT [BODY]",
		Aliases: []string{"publish"},
		Short:   "Publish messages",
		Long: `Publish a message to a subject. The body is the argument, or a file (--file), or
else all of standard input. The command ends when the server has taken everything.`,
		Example: `  tidings pub orders.new "one coffee"
  echo '{"item":"coffee"}' | tidings pub orders.new --header Content-Type:application/json
  tidings pub demo.tick --templates --count 5 --sleep 1s 'tick {{.Count}} at {{.Time}}'
  seq 1 100 | tidings pub demo.number --lines`,
		GroupID: groupMessages,
		Args:    arguments(1, 2, "SUBJECT [BODY]"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.publish(cmd.Context(), args, f)
		},
		ValidArgsFunction: cobra.NoFileCompletions,
	}
	f.add(cmd)
	flags := cmd.Flags()
	flags.StringVar(&f.reply, "reply", "", "ask for answers to this `SUBJECT`")
	flags.IntVarP(&f.count, "count", "n", 1, "publish so many messages")
	flags.DurationVar(&f.sleep, "sleep", 0, "wait so long between messages, such as 100ms")
	flags.BoolVar(&f.lines, "lines", false, "publish each line of standard input as a message")
	completeFlag(cmd, "reply", cobra.NoFileCompletions)
	return cmd
}

func (f *publishFlags) check(args []string) error {
	if err := client.CheckPublishSubject(args[0]); err != nil {
		return usage(err)
	}
	if f.reply != "" {
		if err := client.CheckPublishSubject(f.reply); err != nil {
			return usage(fmt.Errorf("--reply: %w", err))
		}
	}
	switch {
	case f.count < 1:
		return usage(fmt.Errorf("--count %d: at least one message", f.count))
	case f.sleep < 0:
		return usage(fmt.Errorf("--sleep %s: a time is not negative", f.sleep))
	case f.lines && (f.count != 1 || f.file != "" || len(args) > 1):
		return usage(errors.New("--lines takes the bodies from standard input; leave BODY, --file and --count out"))
	case f.lines && f.templates:
		return usage(errors.New("--lines sends lines as they are; leave --templates out"))
	}
	return nil
}

func (a *app) publish(ctx context.Context, args []string, f publishFlags) error {
	if err := f.check(args); err != nil {
		return err
	}
	var body []byte
	var err error
	if !f.lines {
		if body, err = a.readBody(ctx, args, f.file); err != nil {
			return err
		}
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

	p := &publisher{nc: nc, content: c, flags: f, timeout: settings.Timeout()}
	p.done.Subject = args[0]
	if f.lines {
		err = p.lines(ctx, bufio.NewScanner(a.input(ctx)))
	} else {
		err = p.repeat(ctx)
	}
	if flushed := client.Flush(nc, p.timeout); err == nil { // what was sent before an interruption counts, too
		err = flushed
	}
	if err != nil {
		return err
	}
	if a.global.json {
		return a.writeJSON(p.done)
	}
	a.note("published %s to %q, %s", plural(p.done.Messages, "message"), p.done.Subject, ui.Bytes(float64(p.done.Bytes)))
	return nil
}

// publisher sends the messages of one `tidings pub`.
type publisher struct {
	nc      *nats.Conn
	content *content
	flags   publishFlags
	timeout time.Duration
	done    published
}

func (p *publisher) repeat(ctx context.Context) error {
	for n := 1; n <= p.flags.count; n++ {
		m, err := p.content.message(p.done.Subject, &templateData{Count: n, Subject: p.done.Subject})
		if err != nil {
			return err
		}
		if err := p.send(ctx, m, n < p.flags.count); err != nil {
			return err
		}
	}
	return nil
}

func (p *publisher) lines(ctx context.Context, in *bufio.Scanner) error {
	in.Buffer(nil, maxLine)
	m, err := p.content.message(p.done.Subject, &templateData{})
	if err != nil {
		return err
	}
	for in.Scan() {
		m.Data = in.Bytes()
		if err := p.send(ctx, m, true); err != nil {
			return err
		}
	}
	if err := in.Err(); err != nil {
		return fmt.Errorf("read standard input: %w", err)
	}
	return nil
}

// send publishes one message and, if more follow, waits --sleep.
func (p *publisher) send(ctx context.Context, m *nats.Msg, more bool) error {
	if ctx.Err() != nil {
		return errInterrupted
	}
	m.Reply = p.flags.reply
	if err := p.nc.PublishMsg(m); err != nil {
		return publishError(p.nc, m, err)
	}
	p.done.Messages++
	p.done.Bytes += int64(len(m.Data))
	if p.flags.sleep == 0 || !more {
		return nil
	}
	if err := client.Flush(p.nc, p.timeout); err != nil {
		return err
	}
	return pause(ctx, p.flags.sleep)
}

// publishError explains why a message could not be handed to the connection.
func publishError(nc *nats.Conn, m *nats.Msg, err error) error {
	what := fmt.Sprintf("publish to %q", m.Subject)
	if errors.Is(err, nats.ErrMaxPayload) {
		return &client.Error{
			What: what, Err: err,
			Reason: fmt.Sprintf("the message has %s, the server takes at most %s", ui.Bytes(float64(m.Size())), ui.Bytes(float64(nc.MaxPayload()))),
			Way:    "send less at once or raise max_payload in the server's configuration",
		}
	}
	return client.Explain(what, err)
}

// pause waits for d or until ctx ends, which is an error.
func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return errInterrupted
	}
}

func plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return ui.Count(n) + " " + noun + "s"
}
