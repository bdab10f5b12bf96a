package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/spf13/cobra"

	"github.com/tidings-io/tidings/internal/cli/ui"
	"github.com/tidings-io/tidings/internal/client"
)

// replyQueue is the queue group responders share unless told otherwise, so that
// starting a second one spreads the requests instead of answering twice.
const replyQueue = "tidings-reply"

type replyFlags struct {
	contentFlags
	queue   string
	echo    bool
	command string
	sleep   time.Duration
	count   int
}

// replied is one line of `tidings reply --json`.
type replied struct {
	Number   int    `json:"number"`
	Subject  string `json:"subject"`
	Bytes    int    `json:"bytes"`
	Answered bool   `json:"answered"` // false: the request named no reply subject
	Answer   int    `json:"answer_bytes"`
	Failure  string `json:"failure,omitempty"` // why --command gave no answer of its own
}

func (a *app) replyCommand() *cobra.Command {
	var f replyFlags
	cmd := &cobra.Command{
		Use:   "reply SUBJECT [BODY]",
		Short: "Answer requests",
		Long: `Subscribe to a subject and answer each request: with BODY, with the request itself
(--echo), or with the output of a command (--command).

A command is run by the shell for each request. It reads the request's body from
standard input and finds the subject in TIDINGS_SUBJECT and each header in
TIDINGS_HEADER_NAME; nothing of the request becomes part of the command. If it
fails, the answer carries the headers Nats-Service-Error and
Nats-Service-Error-Code and what the command wrote to standard error.

Several responders share the requests: they join the queue group tidings-reply
unless --queue names another one; --queue '' joins none.`,
		Example: `  tidings reply demo.echo --echo
  tidings reply demo.time --command date
  tidings reply demo.number --templates 'answer {{.Count}} to {{.Body}}'`,
		GroupID: groupMessages,
		Args:    arguments(1, 2, "SUBJECT [BODY]"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.reply(cmd.Context(), args, f)
		},
		ValidArgsFunction: cobra.NoFileCompletions,
	}
	f.addHeaders(cmd)
	flags := cmd.Flags()
	flags.StringVar(&f.queue, "queue", replyQueue, "queue group to join")
	flags.BoolVar(&f.echo, "echo", false, "answer with the body and headers of the request")
	flags.StringVar(&f.command, "command", "", "answer with the output of this `COMMAND`")
	flags.DurationVar(&f.sleep, "sleep", 0, "wait so long before each answer")
	flags.IntVarP(&f.count, "count", "n", 0, "end after so many requests")
	completeFlag(cmd, "queue", cobra.NoFileCompletions)
	return cmd
}

func (f *replyFlags) check(args []string) error {
	if err := client.CheckSubscribeSubject(args[0]); err != nil {
		return usage(err)
	}
	ways := 0
	for _, chosen := range []bool{len(args) > 1, f.echo, f.command != ""} {
		if chosen {
			ways++
		}
	}
	switch {
	case ways != 1:
		return usage(errors.New("tidings reply: give exactly one of BODY, --echo and --command"))
	case f.echo && (len(f.headers) > 0 || f.templates):
		return usage(errors.New("--echo answers with the request as it is; leave --header and --templates out"))
	case f.count < 0:
		return usage(fmt.Errorf("--count %d: a number of requests is not negative", f.count))
	case f.sleep < 0:
		return usage(fmt.Errorf("--sleep %s: a time is not negative", f.sleep))
	case f.queue != "" && client.CheckPublishSubject(f.queue) != nil:
		return usage(fmt.Errorf("--queue %q: use a name without blanks and wildcards", f.queue))
	}
	return nil
}

func (a *app) reply(ctx context.Context, args []string, f replyFlags) error {
	if err := f.check(args); err != nil {
		return err
	}
	var body []byte
	if len(args) > 1 {
		body = []byte(args[1])
	}
	c, err := newContent(body, f.contentFlags)
	if err != nil {
		return err
	}
	o := receiveOptions{subjects: args[:1], queue: f.queue, count: f.count}
	_, err = a.receive(ctx, o, func(r *receiver, n int, m *nats.Msg) error {
		if f.sleep > 0 {
			if err := pause(ctx, f.sleep); err != nil {
				return err
			}
		}
		return a.answer(ctx, r.nc, n, m, c, f)
	})
	return err
}

// answer makes the answer to one request, sends it, and shows a line about it.
func (a *app) answer(ctx context.Context, nc *nats.Conn, n int, m *nats.Msg, c *content, f replyFlags) error {
	result := replied{Number: n, Subject: m.Subject, Bytes: len(m.Data), Answered: m.Reply != ""}
	if result.Answered {
		answer, err := makeAnswer(ctx, n, m, c, f)
		if err != nil {
			return err
		}
		result.Answer, result.Failure = len(answer.Data), answer.Header.Get(headerError)
		answer.Subject = m.Reply
		if err := nc.PublishMsg(answer); err != nil {
			return publishError(nc, answer, err)
		}
	}
	if a.global.json {
		return a.writeJSON(result)
	}
	text := fmt.Sprintf("%s answered with %s", ui.Bytes(float64(result.Bytes)), ui.Bytes(float64(result.Answer)))
	if !result.Answered {
		text = ui.Bytes(float64(result.Bytes)) + " not answered: no reply subject"
	}
	if result.Failure != "" {
		text += " (" + ui.Printable(result.Failure) + ")"
	}
	_, err := fmt.Fprintf(a.out, "%s %s %s\n", a.screen.Faint(fmt.Sprintf("[#%d]", n)), a.screen.Subject(ui.Printable(m.Subject)), text)
	return err
}

func makeAnswer(ctx context.Context, n int, m *nats.Msg, c *content, f replyFlags) (*nats.Msg, error) {
	if f.echo {
		return &nats.Msg{Header: m.Header, Data: m.Data}, nil
	}
	answer, err := c.message("", &templateData{Count: n, Subject: m.Subject, Body: string(m.Data)})
	if err != nil || f.command == "" {
		return answer, err
	}
	output, err := runCommand(ctx, f.command, m)
	answer.Data = output
	if err != nil {
		if answer.Header == nil {
			answer.Header = nats.Header{}
		}
		answer.Header.Set(headerError, err.Error())
		answer.Header.Set(headerErrorCode, "500")
	}
	return answer, nil
}

// Headers of a failed answer, as services use them (ADR-32).
const (
	headerError     = "Nats-Service-Error"
	headerErrorCode = "Nats-Service-Error-Code"
)

// runCommand returns the output of the command for one request; with an error,
// what it wrote to standard error.
func runCommand(ctx context.Context, command string, m *nats.Msg) ([]byte, error) {
	shell := []string{"sh", "-c"}
	if runtime.GOOS == "windows" {
		shell = []string{"cmd", "/C"}
	}
	var out, errOut bytes.Buffer
	cmd := exec.CommandContext(ctx, shell[0], shell[1], command)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = bytes.NewReader(m.Data), &out, &errOut
	cmd.Env = append(os.Environ(), "TIDINGS_SUBJECT="+m.Subject)
	for name, values := range m.Header {
		cmd.Env = append(cmd.Env, "TIDINGS_HEADER_"+envName(name)+"="+strings.Join(values, ","))
	}
	if err := cmd.Run(); err != nil {
		return errOut.Bytes(), fmt.Errorf("the command failed: %w", err)
	}
	return out.Bytes(), nil
}

// envName turns a header's name into a part of a variable's name.
func envName(header string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z':
			return r - 'a' + 'A'
		case r >= 'A' && r <= 'Z', r >= '0' && r <= '9':
			return r
		}
		return '_'
	}, header)
}
