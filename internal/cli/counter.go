package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"math/big"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/spf13/cobra"

	"github.com/tidings-io/tidings/internal/client"
	"github.com/tidings-io/tidings/internal/jsapi"
)

const counterLong = `A counter is a subject of a stream that was made with --allow-counter: each message adds
to it or takes away from it, and its value is the sum, however large. Counters of several
streams can be added up by a stream that takes them as sources.`

func (a *app) counterCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "counter",
		Short: "Count up and down, together with others",
		Long:  counterLong,
		Example: `  tidings stream create HITS --subjects 'hits.>' --allow-counter
  tidings counter increment hits.start
  tidings counter get hits.start`,
		GroupID: groupStreams,
	}
	a.api.add(cmd)
	return a.group(cmd,
		a.counterAddCommand("increment", "incr", 1), a.counterAddCommand("decrement", "decr", -1),
		a.counterGetCommand(), a.counterListCommand(), a.counterWatchCommand(),
	)
}

// counterView is a counter as JSON. Numbers are texts: they may be larger than
// numbers of JSON are in many programs.
type counterView struct {
	Subject  string                       `json:"subject"`
	Stream   string                       `json:"stream"`
	Value    string                       `json:"value"`
	Change   string                       `json:"change,omitempty"` // what the last message added
	Sequence uint64                       `json:"sequence"`
	Time     string                       `json:"time,omitempty"`
	Sources  map[string]map[string]string `json:"sources,omitempty"` // stream, subject, value
}

// counterOf reads the message of a counter.
func counterOf(subject, stream string, header nats.Header, data []byte, sequence uint64, at time.Time) (counterView, error) {
	v := counterView{
		Subject: subject, Stream: stream, Sequence: sequence, Time: at.UTC().Format(time.RFC3339Nano),
		Change: header.Get(jsapi.HeaderIncrement),
	}
	var body struct {
		Value string `json:"val"`
	}
	if err := json.Unmarshal(data, &body); err != nil {
		return v, notCounter(subject, stream)
	}
	if _, ok := new(big.Int).SetString(body.Value, 10); !ok {
		return v, notCounter(subject, stream)
	}
	v.Value = body.Value
	if text := header.Get(jsapi.HeaderCounterSources); text != "" {
		if err := json.Unmarshal([]byte(text), &v.Sources); err != nil {
			return v, fmt.Errorf("counter %q: header %s: %w", subject, jsapi.HeaderCounterSources, err)
		}
	}
	return v, nil
}

func notCounter(subject, stream string) error {
	return &client.Error{
		What: fmt.Sprintf("subject %q of stream %q", subject, stream), Reason: "its last message is no counter's",
		Way: "count on subjects of a stream made with `tidings stream create --allow-counter`",
	}
}

// streamOf returns the stream that takes messages of a subject, or the one named.
func (j *jetStream) streamOf(ctx context.Context, subject, named string) (string, error) {
	if named != "" {
		return named, nil
	}
	names, err := j.api.StreamNames(ctx, subject)
	switch {
	case err != nil:
		return "", err
	case len(names) == 0:
		return "", &client.Error{
			What: fmt.Sprintf("subject %q", subject), Reason: "no stream takes messages of it",
			Way: "check the subject, or name the stream with --stream",
		}
	case len(names) > 1:
		return "", usage(fmt.Errorf("subject %q is in several streams: %s; name one with --stream", subject, joinNames(names)))
	}
	return names[0], nil
}

func joinNames(names []string) string {
	const most = 5
	text := ""
	for i, name := range names {
		if i == most {
			return fmt.Sprintf("%s and %d more", text, len(names)-most)
		}
		if i > 0 {
			text += ", "
		}
		text += name
	}
	return text
}

// completeSubjects completes a first argument with the subjects of the streams
// for which use says so.
func (a *app) completeSubjects(use func(*jsapi.StreamConfig) bool) cobra.CompletionFunc {
	return func(_ *cobra.Command, args []string, word string) ([]cobra.Completion, cobra.ShellCompDirective) {
		if len(args) > 0 {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		return a.live(word, func(ctx context.Context, j *jetStream) ([]string, error) {
			streams, _, err := j.api.Streams(ctx, "")
			var names []string
			for _, s := range streams {
				if !use(&s.Config) {
					continue
				}
				subjects, err := j.api.Subjects(ctx, s.Config.Name, keyFilter("", word))
				if err != nil {
					return names, err
				}
				for subject := range subjects {
					names = append(names, subject)
				}
			}
			return names, err
		})
	}
}

func allowsCounter(c *jsapi.StreamConfig) bool   { return c.AllowMsgCounter }
func allowsSchedules(c *jsapi.StreamConfig) bool { return c.AllowMsgSchedules }
