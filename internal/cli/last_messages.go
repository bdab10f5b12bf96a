package cli

import (
	"context"
	"fmt"

	"github.com/nats-io/nats.go/jetstream"
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
