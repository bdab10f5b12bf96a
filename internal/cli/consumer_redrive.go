package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/spf13/cobra"

	"github.com/tidings-io/tidings/internal/cli/asset"
	"github.com/tidings-io/tidings/internal/client"
	"github.com/tidings-io/tidings/internal/jsapi"
)

// Headers of dead letters: what the message was before.
const (
	deadPrefix   = "Tidings-Dead-Letter-"
	deadStream   = deadPrefix + "Stream"
	deadConsumer = deadPrefix + "Consumer"
	deadSubject  = deadPrefix + "Subject"
	deadReason   = deadPrefix + "Reason"
)

// redriveID begins the message id of what is published again. It makes a
// redrive that was cut short and begun anew store each message once.
const redriveID = "tidings-redrive."

type redriveFlags struct {
	from    string
	subject string
	reason  string
	count   int
	keep    bool
	dryRun  bool
	confirmation
}

// redriven is one message of `tidings consumer redrive`.
type redriven struct {
	From        string `json:"from"`          // stream of dead letters
	FromSeq     uint64 `json:"from_sequence"` // there
	Subject     string `json:"subject"`       // where it was and goes
	Reason      string `json:"reason"`
	Stream      string `json:"stream"`
	Sequence    uint64 `json:"sequence,omitempty"` // new; not with --dry-run
	AlreadyDone bool   `json:"already_done,omitempty"`
}

const redriveLong = `Publish the dead letters of a consumer again: messages that its stream moved to the
subject of --dead-letter because they were delivered too often or terminated. Each goes
to the subject it had, without the headers of its death, and is removed from the
stream of dead letters when the server has stored it. Cut short and begun anew, no
message is published twice within the stream's duplicate window.

The message is a new one: every consumer of the stream gets it, not only this one.`

func (a *app) consumerRedriveCommand() *cobra.Command {
	var f redriveFlags
	cmd := &cobra.Command{
		Use:   "redrive STREAM CONSUMER",
		Short: "Publish the dead letters of a consumer again",
		Long:  redriveLong,
		Example: `  tidings consumer redrive ORDERS billing --dry-run
  tidings consumer redrive ORDERS billing --count 1 --yes
  tidings consumer redrive ORDERS billing --from DEAD --subject 'orders.eu.>' --yes`,
		Args: arguments(2, 2, "STREAM CONSUMER"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := errors.Join(checkNames(args), f.check()); err != nil {
				return err
			}
			return a.withJetStream(cmd.Context(), func(js *client.JetStream) error {
				r := &redrive{app: a, js: js, flags: &f, stream: args[0], consumer: args[1]}
				return r.run(cmd)
			})
		},
		ValidArgsFunction: a.completeConsumer(),
	}
	flags := cmd.Flags()
	flags.SortFlags = false
	flags.StringVar(&f.from, "from", "", "`STREAM` of the dead letters (default: the one that stores the consumer's --dead-letter subject)")
	flags.StringVar(&f.subject, "subject", "", "only messages whose subject was this; wildcards allowed")
	flags.StringVar(&f.reason, "reason", "", "only messages whose reason contains this `TEXT`")
	flags.IntVarP(&f.count, "count", "n", 0, "end after so many messages")
	flags.BoolVar(&f.keep, "keep", false, "leave the dead letters where they are")
	flags.BoolVar(&f.dryRun, "dry-run", false, "show which messages would be published and do nothing")
	f.confirmation.add(cmd)
	completeFlag(cmd, "from", a.completeStreamFlag)
	for _, name := range []string{"subject", "reason", "count"} {
		completeFlag(cmd, name, cobra.NoFileCompletions)
	}
	return cmd
}

func (f *redriveFlags) check() error {
	if f.count < 0 {
		return usage(fmt.Errorf("--count %d: a number of messages is not negative", f.count))
	}
	if f.subject != "" {
		if err := client.CheckSubscribeSubject(f.subject); err != nil {
			return usage(fmt.Errorf("--subject: %w", err))
		}
	}
	if f.from != "" {
		return checkName("stream", f.from)
	}
	return nil
}

// redrive is one run of the command.
type redrive struct {
	app      *app
	js       *client.JetStream
	flags    *redriveFlags
	stream   string
	consumer string
	done     int
}

func (r *redrive) run(cmd *cobra.Command) error {
	ctx := cmd.Context()
	from, err := r.source(ctx)
	if err != nil {
		return err
	}
	letters, err := r.letters(ctx, from)
	if err != nil {
		return err
	}
	if len(letters) == 0 {
		r.app.note("stream %s has no dead letters of consumer %s of stream %s like that", from.Config.Name, r.consumer, r.stream)
		return nil
	}
	if !r.flags.dryRun {
		question := fmt.Sprintf("publish %s of stream %s again?", plural(len(letters), "dead letter"), from.Config.Name)
		if err := r.flags.ask(r.app, cmd, question); err != nil {
			return err
		}
	}
	for _, seq := range letters {
		if err := r.letter(ctx, from.Config.Name, seq); err != nil {
			r.app.note("%s published again before this", plural(r.done, "message"))
			return err
		}
	}
	if !r.app.global.json && !r.flags.dryRun {
		r.app.note("%s of stream %s published again", plural(r.done, "dead letter"), from.Config.Name)
	}
	return nil
}

// source finds the stream of the dead letters.
func (r *redrive) source(ctx context.Context) (*jsapi.StreamInfo, error) {
	if r.flags.from != "" {
		return r.js.Stream(ctx, r.flags.from)
	}
	info, err := r.js.Consumer(ctx, r.stream, r.consumer)
	if err != nil {
		return nil, err
	}
	subject := info.Config.Metadata[asset.DeadLetterKey]
	if subject == "" {
		return nil, usage(fmt.Errorf("consumer %s of stream %s has no subject for dead letters; name their stream with --from", r.consumer, r.stream))
	}
	names, err := r.js.StreamNames(ctx, subject)
	if err != nil {
		return nil, err
	}
	if len(names) != 1 {
		return nil, usage(fmt.Errorf("%s store the dead letters, %q; name one with --from", plural(len(names), "stream"), subject))
	}
	return r.js.Stream(ctx, names[0])
}

// letters returns the sequences of the dead letters that are meant. They are
// collected first, so that a message that dies again is not redriven in the
// same run.
func (r *redrive) letters(ctx context.Context, from *jsapi.StreamInfo) ([]uint64, error) {
	var found []uint64
	pager := r.js.NewPager(from, "", 0, time.Time{})
	for {
		page, err := pager.Page(ctx, viewBatch)
		if err != nil || len(page) == 0 {
			return found, err
		}
		for i := range page {
			if !r.meant(page[i].Header) {
				continue
			}
			found = append(found, page[i].Seq)
			if len(found) == r.flags.count {
				return found, nil
			}
		}
	}
}

func (r *redrive) meant(h nats.Header) bool {
	return h.Get(deadStream) == r.stream && h.Get(deadConsumer) == r.consumer && h.Get(deadSubject) != "" &&
		(r.flags.subject == "" || client.Matches(r.flags.subject, h.Get(deadSubject))) &&
		strings.Contains(h.Get(deadReason), r.flags.reason)
}

// letter publishes one dead letter again and then removes it.
func (r *redrive) letter(ctx context.Context, from string, seq uint64) error {
	dead, err := r.js.Message(ctx, from, jsapi.MsgGetRequest{Seq: seq})
	if errors.Is(err, jsapi.ErrNoMessageFound) {
		return nil // another redrive was faster
	}
	if err != nil {
		return err
	}
	line := redriven{
		From: from, FromSeq: seq, Subject: dead.Header.Get(deadSubject), Reason: dead.Header.Get(deadReason), Stream: r.stream,
	}
	if r.flags.dryRun {
		r.done++
		return r.show(line)
	}
	ack, err := r.js.Store(ctx, revived(&dead, r.stream))
	if err != nil {
		return err
	}
	if !r.flags.keep {
		if err := r.js.DeleteMessage(ctx, from, seq, true); err != nil && !errors.Is(err, jsapi.ErrNoMessageFound) {
			return err
		}
	}
	r.done++
	line.Sequence, line.AlreadyDone = ack.Seq, ack.Duplicate
	return r.show(line)
}

func (r *redrive) show(line redriven) error {
	if r.app.global.json {
		return r.app.writeJSON(line)
	}
	r.app.out.Printf("[%d] %s", line.FromSeq, r.app.screen.Subject(line.Subject))
	if line.Sequence > 0 {
		r.app.out.Printf(" is message %d of stream %s", line.Sequence, line.Stream)
	}
	r.app.out.Printf(": %s\n", line.Reason)
	return nil
}

// notAgain are headers that were conditions of the first publish.
var notAgain = []string{
	jsapi.HeaderMsgID, jsapi.HeaderExpectedStream, jsapi.HeaderExpectedLastSeq, jsapi.HeaderExpectedLastSubjectSeq,
	jsapi.HeaderExpectedLastSubjectSeqSubject, jsapi.HeaderExpectedLastMsgID, jsapi.HeaderRollup,
	jsapi.HeaderBatchID, jsapi.HeaderBatchSeq, jsapi.HeaderBatchCommit,
}

// revived returns the message as it was before it died, to be stored in its
// stream and nowhere else.
func revived(dead *client.StoredMessage, stream string) *nats.Msg {
	m := &nats.Msg{Subject: dead.Header.Get(deadSubject), Data: dead.Data, Header: nats.Header{}}
	for name, values := range dead.Header {
		if !strings.HasPrefix(name, deadPrefix) && !slices.Contains(notAgain, name) {
			m.Header[name] = values
		}
	}
	m.Header.Set(jsapi.HeaderExpectedStream, stream)
	m.Header.Set(jsapi.HeaderMsgID, fmt.Sprintf("%s%s.%d.%d", redriveID, dead.Stream, dead.Seq, dead.Time.UnixNano()))
	return m
}
