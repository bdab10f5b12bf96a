package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/tidings-io/tidings/internal/client"
	"github.com/tidings-io/tidings/internal/jsapi"
)

// lastOptions says which last messages of subjects to read.
type lastOptions struct {
	filter      string // subject; "" is all
	live        bool   // go on with what is stored later, until ctx ends
	updates     bool   // only that
	headersOnly bool
	limit       int    // end after so many; 0 does not
	begun       func() // called when messages can come; nil: nothing is
}

// lastMessages gives the last message of each subject to handle, in the order of
// the stream. Nothing for the timeout is an error unless it is live; an
// interruption ends a live one.
func (j *jetStream) lastMessages(ctx context.Context, stream string, o lastOptions, handle func(jetstream.Msg, *jetstream.MsgMetadata) error) error {
	what := fmt.Sprintf("read stream %q", stream)
	config := jetstream.OrderedConsumerConfig{
		FilterSubjects: []string{o.filter}, DeliverPolicy: jetstream.DeliverLastPerSubjectPolicy, HeadersOnly: o.headersOnly,
	}
	if o.filter == "" {
		config.FilterSubjects = []string{">"}
	}
	if o.updates { // by sequence, so that a lost connection leaves nothing out
		info, err := j.api.Stream(ctx, stream)
		if err != nil {
			return err
		}
		config.DeliverPolicy, config.OptStartSeq = jetstream.DeliverByStartSequencePolicy, info.State.LastSeq+1
	}
	consumer, err := j.js.OrderedConsumer(ctx, stream, config)
	if err != nil {
		return j.explain(what, err)
	}
	if info := consumer.CachedInfo(); !o.live && info != nil && info.NumPending == 0 {
		return nil
	}
	messages := make(chan jetstream.Msg, 256)
	ended := make(chan struct{})
	consuming, err := consumer.Consume(func(m jetstream.Msg) {
		select {
		case messages <- m:
		case <-ended: // nobody takes it any more
		}
	})
	if err != nil {
		return j.explain(what, err)
	}
	defer consuming.Stop()
	defer close(ended)
	if o.begun != nil {
		o.begun()
	}
	patience := j.timeout
	if o.live {
		patience = 0
	}
	n := 0
	return take(ctx, j, what, messages, patience, func(m jetstream.Msg) (bool, error) {
		meta, err := m.Metadata()
		if err != nil {
			return true, j.explain(what, err)
		}
		n++
		err = handle(m, meta)
		return n == o.limit || !o.live && meta.NumPending == 0, err
	})
}

// lastKind is a kind of thing whose state is the last message of a subject.
type lastKind struct {
	things      string // counters, schedules
	in          func(*jsapi.StreamConfig) bool
	headersOnly bool
	head        []string // of the table
	numeric     []int
}

// errOther says that a message is none of the things that are listed.
var errOther = errors.New("another thing")

// listLast shows the things of a kind whose subjects match the filter, of one
// stream, or of all that have them if its name is empty. view returns one of them
// as JSON and as a row of the table.
func (a *app) listLast(ctx context.Context, k lastKind, filter, stream string, view func(stream string, m jetstream.Msg, meta *jetstream.MsgMetadata) (any, []string, error)) error {
	if filter != "" {
		if err := client.CheckSubscribeSubject(filter); err != nil {
			return usage(err)
		}
	}
	j, err := a.jetStream(ctx, client.Options{})
	if err != nil {
		return err
	}
	defer j.nc.Close()
	names := []string{stream}
	if stream == "" {
		if names, err = j.streamsThat(ctx, k.in, filter); err != nil {
			return err
		}
	}
	var rows [][]string
	for _, name := range names {
		o := lastOptions{filter: filter, headersOnly: k.headersOnly}
		err := j.lastMessages(ctx, name, o, func(m jetstream.Msg, meta *jetstream.MsgMetadata) error {
			v, row, err := view(name, m, meta)
			switch {
			case errors.Is(err, errOther):
			case err != nil:
				a.warn(err.Error())
			case a.global.json:
				return a.writeJSON(v)
			default:
				rows = append(rows, row)
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	switch {
	case a.global.json:
	case len(rows) == 0:
		a.note("there are no such %s", k.things)
	default:
		slices.SortFunc(rows, slices.Compare)
		a.screen.Table(k.head, rows, k.numeric...)
	}
	return nil
}

// streamsThat returns the names of the streams for which use says so, and that
// take messages of the filter.
func (j *jetStream) streamsThat(ctx context.Context, use func(*jsapi.StreamConfig) bool, filter string) ([]string, error) {
	streams, _, err := j.api.Streams(ctx, filter)
	var names []string
	for _, s := range streams {
		if use(&s.Config) {
			names = append(names, s.Config.Name)
		}
	}
	return names, err
}
