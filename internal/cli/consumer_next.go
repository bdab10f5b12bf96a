package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/spf13/cobra"

	"github.com/tidings-io/tidings/internal/cli/asset"
	"github.com/tidings-io/tidings/internal/client"
	"github.com/tidings-io/tidings/internal/jsapi"
)

// deliveryView is a delivered message as JSON.
type deliveryView struct {
	storedView

	Consumer         string `json:"consumer"`
	ConsumerSequence uint64 `json:"consumer_sequence"`
	Deliveries       uint64 `json:"deliveries"`
	Pending          uint64 `json:"pending"`
	Answer           string `json:"answer"` // ack, nak, term or none
}

// answerFlags say how delivered messages are shown and answered.
type answerFlags struct {
	nak    bool
	delay  string
	term   bool
	reason string
	noAck  bool

	raw         bool
	headersOnly bool
}

func (f *answerFlags) add(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.BoolVar(&f.nak, "nak", false, "ask for each message again instead of acknowledging it")
	flags.StringVar(&f.delay, "delay", "", "with --nak: not before this `TIME`, such as 30s")
	flags.BoolVar(&f.term, "term", false, "say that each message is never to be delivered again")
	flags.StringVar(&f.reason, "reason", "", "with --term: why")
	flags.BoolVar(&f.noAck, "no-ack", false, "do not answer: the messages come again after the ack wait")
	flags.BoolVarP(&f.raw, "raw", "r", false, "print bodies only")
	flags.BoolVar(&f.headersOnly, "headers-only", false, "show headers but no bodies")
	completeFlag(cmd, "delay", cobra.NoFileCompletions)
	completeFlag(cmd, "reason", cobra.NoFileCompletions)
}

// answer is what is said about each message.
type answer struct {
	word    string // for people: ack, nak, term, none
	payload string
}

// answer checks the flags and returns what they say.
func (f *answerFlags) answer(asJSON bool) (answer, error) {
	if err := oneOf(form{"--nak", f.nak}, form{"--term", f.term}, form{"--no-ack", f.noAck}); err != nil {
		return answer{}, err
	}
	if err := oneOf(form{"--raw", f.raw}, form{"--json", asJSON}, form{"--headers-only", f.headersOnly}); err != nil {
		return answer{}, err
	}
	switch {
	case f.delay != "" && !f.nak:
		return answer{}, usage(errors.New("--delay is for --nak; add that"))
	case f.reason != "" && !f.term:
		return answer{}, usage(errors.New("--reason is for --term; add that"))
	case f.nak && f.delay != "":
		d, err := asset.ParseDuration(f.delay)
		if err != nil {
			return answer{}, usage(fmt.Errorf("--delay: %w", err))
		}
		text, err := json.Marshal(map[string]time.Duration{"delay": d})
		return answer{"nak", "-NAK " + string(text)}, err
	case f.nak:
		return answer{"nak", "-NAK"}, nil
	case f.term && f.reason != "":
		return answer{"term", "+TERM " + f.reason}, nil
	case f.term:
		return answer{"term", "+TERM"}, nil
	case f.noAck:
		return answer{word: "none"}, nil
	}
	return answer{"ack", "+ACK"}, nil
}

// taker shows deliveries and answers them.
type taker struct {
	app    *app
	js     *client.JetStream
	flags  *answerFlags
	answer answer
}

// take shows one message, and only then answers it: what could not be shown is
// not done.
func (t *taker) take(ctx context.Context, d client.Delivery) error {
	m := client.StoredMessage{
		Stream: d.Place.Stream, Subject: d.Subject, Seq: d.Place.StreamSeq,
		Time: time.Unix(0, d.Place.Time), Header: d.Header, Data: d.Data,
	}
	var err error
	switch {
	case t.app.global.json:
		err = t.app.writeJSON(deliveryView{
			storedView: newStoredView(&m), Consumer: d.Place.Consumer, ConsumerSequence: d.Place.ConsumerSeq,
			Deliveries: d.Place.Deliveries, Pending: d.Place.Pending, Answer: t.answer.word,
		})
	case t.flags.raw:
		err = printRaw(t.app.out, d.Data)
	default:
		title := fmt.Sprintf("[%d %s, delivery %d, %d more]", m.Seq, moment(m.Time), d.Place.Deliveries, d.Place.Pending)
		err = showMessage(t.app.out, t.app.screen, title, &nats.Msg{Subject: m.Subject, Header: m.Header, Data: m.Data}, !t.flags.headersOnly)
	}
	if err != nil || t.answer.payload == "" {
		return err
	}
	return t.js.Confirm(ctx, d, t.answer.payload)
}

// newTaker returns the taker for a consumer; nothing is answered where nobody
// waits for it.
func (a *app) newTaker(js *client.JetStream, info *jsapi.ConsumerInfo, f *answerFlags, said answer) *taker {
	if info.Config.AckPolicy == jsapi.AckNone {
		said = answer{word: "none"}
	}
	return &taker{app: a, js: js, flags: f, answer: said}
}

func (a *app) consumerNextCommand() *cobra.Command {
	var f answerFlags
	count, wait, group := 1, "", ""
	cmd := &cobra.Command{
		Use:   "next STREAM CONSUMER",
		Short: "Take the next messages of a pull consumer and acknowledge them",
		Long: `Take the next messages of a pull consumer, show them, and acknowledge each when it has
been shown. The command waits until the server has the acknowledgement. If not all
messages of --count came within --wait, the exit code is 5.`,
		Example: `  tidings consumer next ORDERS billing
  tidings consumer next ORDERS billing --count 10 --no-ack
  tidings consumer next ORDERS billing --nak --delay 1m
  tidings consumer next ORDERS billing --term --reason "not an order"`,
		Args: arguments(2, 2, "STREAM CONSUMER"),
		RunE: func(cmd *cobra.Command, args []string) error {
			said, err := f.answer(a.global.json)
			if err != nil {
				return err
			}
			if count < 1 {
				return usage(fmt.Errorf("--count %d: at least one message", count))
			}
			expires, err := durationFlag("wait", wait)
			if err != nil {
				return err
			}
			return a.withConsumer(cmd, args, a.lasting(), func(ctx context.Context, js *client.JetStream, info *jsapi.ConsumerInfo) error {
				if info.Config.Push() {
					return usage(fmt.Errorf("consumer %s of stream %s sends its messages by itself; `tidings consumer subscribe` shows them", info.Name, info.Stream))
				}
				if expires == 0 {
					expires = js.Timeout()
				}
				t := a.newTaker(js, info, &f, said)
				return t.next(ctx, info, jsapi.PullRequest{Batch: count, Expires: expires, Group: group})
			})
		},
		ValidArgsFunction: a.completeConsumer(),
	}
	flags := cmd.Flags()
	flags.SortFlags = false
	flags.IntVarP(&count, "count", "n", 1, "take so many messages")
	flags.StringVar(&wait, "wait", "", "wait so long for them, such as 30s (default --timeout)")
	flags.StringVar(&group, "group", "", "ask as a member of this priority group")
	f.add(cmd)
	completeFlag(cmd, "group", cobra.NoFileCompletions)
	completeFlag(cmd, "wait", cobra.NoFileCompletions)
	return cmd
}

func (t *taker) next(ctx context.Context, info *jsapi.ConsumerInfo, request jsapi.PullRequest) error {
	n, err := t.js.Pull(ctx, info.Stream, info.Name, request, func(d client.Delivery) error { return t.take(ctx, d) })
	if err != nil || n == request.Batch {
		return err
	}
	return &client.Error{
		Kind: client.TimedOut, What: fmt.Sprintf("consumer %q of stream %q", info.Name, info.Stream),
		Reason: fmt.Sprintf("%d of %d messages came within %s", n, request.Batch, asset.FormatDuration(request.Expires)),
		Way:    "wait longer with --wait; `tidings consumer info` shows what is pending",
	}
}

// pullBatch is how many messages `consumer subscribe` asks for at once: what is
// not acknowledged when it ends comes to others only after the ack wait.
const pullBatch = 10

func (a *app) consumerSubscribeCommand() *cobra.Command {
	var f answerFlags
	count, wait, group := 0, "", ""
	cmd := &cobra.Command{
		Use:     "subscribe STREAM CONSUMER",
		Aliases: []string{"sub"},
		Short:   "Show and acknowledge the messages of a consumer as they come",
		Long: `Show and acknowledge the messages of a consumer, push or pull, until --count of them
came, nothing came for --wait, or Ctrl-C. If the connection is lost, the command tries
again until it is back and goes on.`,
		Example: `  tidings consumer subscribe ORDERS billing
  tidings consumer subscribe ORDERS monitor --no-ack --headers-only --count 100`,
		Args: arguments(2, 2, "STREAM CONSUMER"),
		RunE: func(cmd *cobra.Command, args []string) error {
			said, err := f.answer(a.global.json)
			if err != nil {
				return err
			}
			if count < 0 {
				return usage(fmt.Errorf("--count %d: a number of messages is not negative", count))
			}
			idle, err := durationFlag("wait", wait)
			if err != nil {
				return err
			}
			err = a.withConsumer(cmd, args, a.lasting(), func(ctx context.Context, js *client.JetStream, info *jsapi.ConsumerInfo) error {
				t := a.newTaker(js, info, &f, said)
				if info.Config.Push() {
					return t.listen(ctx, info, count, idle)
				}
				return t.pull(ctx, info, count, idle, group)
			})
			return watched(err)
		},
		ValidArgsFunction: a.completeConsumer(),
	}
	flags := cmd.Flags()
	flags.SortFlags = false
	flags.IntVarP(&count, "count", "n", 0, "end after so many messages")
	flags.StringVar(&wait, "wait", "", "end when nothing came for so long, such as 30s; exit code 5 if --count was not reached")
	flags.StringVar(&group, "group", "", "ask as a member of this priority group")
	f.add(cmd)
	completeFlag(cmd, "group", cobra.NoFileCompletions)
	return cmd
}

// pull asks for messages again and again.
func (t *taker) pull(ctx context.Context, info *jsapi.ConsumerInfo, count int, idle time.Duration, group string) error {
	last := time.Now()
	for taken := 0; count == 0 || taken < count; {
		request := jsapi.PullRequest{Batch: pullBatch, Expires: t.js.Timeout(), Group: group}
		if count > 0 {
			request.Batch = min(request.Batch, count-taken)
		}
		if idle > 0 {
			left := time.Until(last.Add(idle))
			if left <= 0 {
				return idled(info, taken, count, idle)
			}
			request.Expires = min(request.Expires, max(left, time.Millisecond))
		}
		n, err := t.js.Pull(ctx, info.Stream, info.Name, request, func(d client.Delivery) error {
			last = time.Now()
			return t.take(ctx, d)
		})
		if err != nil {
			return err
		}
		taken += n
	}
	return nil
}

// listen takes what is sent.
func (t *taker) listen(ctx context.Context, info *jsapi.ConsumerInfo, count int, idle time.Duration) error {
	taken := 0
	err := t.js.Listen(ctx, info, idle, func(d client.Delivery) error {
		if err := t.take(ctx, d); err != nil {
			return err
		}
		if taken++; taken == count {
			return client.Enough()
		}
		return nil
	})
	if errors.Is(err, client.ErrIdle) {
		return idled(info, taken, count, idle)
	}
	return err
}

// idled ends a subscription to which nothing came: an error only if a number of
// messages was asked for.
func idled(info *jsapi.ConsumerInfo, taken, count int, idle time.Duration) error {
	if count == 0 {
		return nil
	}
	return &client.Error{
		Kind: client.TimedOut, What: fmt.Sprintf("consumer %q of stream %q", info.Name, info.Stream),
		Reason: fmt.Sprintf("%d of %d messages came, then nothing for %s", taken, count, asset.FormatDuration(idle)),
		Way:    "wait longer with --wait",
	}
}
