package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"

	"github.com/nats-io/nats.go"
	"github.com/spf13/cobra"

	"github.com/tidings-io/tidings/internal/client"
	"github.com/tidings-io/tidings/internal/jsapi"
)

// counterAddCommand is increment (sign 1) or decrement (-1).
func (a *app) counterAddCommand(name, alias string, sign int) *cobra.Command {
	direction := map[int]string{1: "up", -1: "down"}[sign]
	cmd := &cobra.Command{
		Use:     name + " SUBJECT [NUMBER]",
		Aliases: []string{alias},
		Short:   "Count " + direction + ", by 1 or by a number",
		Long: "Count " + direction + `, by 1 or by a whole number of any size, and print the new value. A counter begins at
0 when it is first used.`,
		Example: fmt.Sprintf("  tidings counter %[1]s hits.start\n  tidings counter %[1]s hits.start 250 --quiet", name),
		Args:    arguments(1, 2, "SUBJECT [NUMBER]"),
		RunE: func(cmd *cobra.Command, args []string) error {
			number := big.NewInt(1)
			if len(args) == 2 {
				var ok bool
				if number, ok = new(big.Int).SetString(args[1], 10); !ok {
					return usage(fmt.Errorf("number %q: use a whole number in digits", args[1]))
				}
			}
			if err := client.CheckPublishSubject(args[0]); err != nil {
				return usage(err)
			}
			return a.counterAdd(cmd.Context(), args[0], number.Mul(number, big.NewInt(int64(sign))))
		},
		ValidArgsFunction: a.completeSubjects(allowsCounter),
	}
	return cmd
}

// signed writes a number the way the header wants it: always with a sign.
func signed(n *big.Int) string {
	if n.Sign() < 0 {
		return n.String()
	}
	return "+" + n.String()
}

func (a *app) counterAdd(ctx context.Context, subject string, n *big.Int) error {
	j, err := a.jetStream(ctx, client.Options{})
	if err != nil {
		return err
	}
	defer j.nc.Close()
	ack, err := j.publish(ctx, "count on "+subject, &nats.Msg{
		Subject: subject, Header: nats.Header{jsapi.HeaderIncrement: {signed(n)}},
	})
	if err != nil {
		return err
	}
	if ack.Value == "" {
		return fmt.Errorf("count on %q: stream %q stored the message, but its server knows no counters", subject, ack.Stream)
	}
	if a.global.json {
		return a.writeJSON(counterView{Subject: subject, Stream: ack.Stream, Value: ack.Value, Change: signed(n), Sequence: ack.Seq})
	}
	a.note("counted %s on %q", signed(n), subject)
	a.out.Println(ack.Value)
	return nil
}

// publish stores one message in the stream that takes its subject.
func (j *jetStream) publish(ctx context.Context, what string, m *nats.Msg) (*jsapi.PubAck, error) {
	answer, err := client.Request(ctx, j.nc, m, j.timeout)
	var explained *client.Error
	if errors.As(err, &explained) && explained.Kind == client.NoResponders {
		return nil, &client.Error{
			Kind: client.NoResponders, What: what, Reason: "no stream takes messages of that subject", Err: err,
			Way: "make one that does with `tidings stream create`, or check the subject",
		}
	}
	if err != nil {
		return nil, err
	}
	var ack jsapi.PubAck
	if err := json.Unmarshal(answer.Data, &ack); err != nil || ack.Error == nil && ack.Stream == "" {
		return nil, &client.Error{What: what, Reason: "what answered is no stream", Err: err, Way: "check the subject"}
	}
	if ack.Error != nil {
		return nil, &client.Error{What: what, Reason: ack.Error.Description, Err: ack.Error, Way: publishWays[ack.Error.Code]}
	}
	return &ack, nil
}

// publishWays are ways out of what a stream refuses.
var publishWays = map[jsapi.Code]string{
	jsapi.ErrMessageIncrDisabled:      "use a stream made with `tidings stream create --allow-counter`",
	jsapi.ErrMessageSchedulesDisabled: "use a stream with `--allow-schedules` (`tidings stream edit` can switch it on)",
	jsapi.ErrMessageTTLDisabled:       "use a stream with `--allow-ttl`, or leave the TTL out",
}
