package client

import (
	"context"
	"fmt"
	"time"

	"github.com/tidings-io/tidings/internal/jsapi"
)

func consumerNamed(stream, name string) string {
	return fmt.Sprintf("consumer %q of stream %q", name, stream)
}

// Consumers returns the consumers of a stream in the order of their names, and
// the names of those whose server did not answer or cannot.
func (j *JetStream) Consumers(ctx context.Context, stream string) (consumers []*jsapi.ConsumerInfo, missing []string, err error) {
	err = pages(func(offset int) (jsapi.Page, int, error) {
		var r jsapi.ConsumerListResponse
		what := fmt.Sprintf("consumers of stream %q", stream)
		err := j.call(ctx, what, jsapi.ConsumerList, []string{stream}, jsapi.ConsumerPageRequest{Offset: offset}, &r)
		consumers = append(consumers, r.Consumers...)
		missing = append(missing, r.Missing...)
		for name := range r.Offline {
			missing = append(missing, name)
		}
		return r.Page, len(r.Consumers), err
	})
	return consumers, missing, err
}

// ConsumerNames returns the names of the consumers of a stream.
func (j *JetStream) ConsumerNames(ctx context.Context, stream string) (names []string, err error) {
	err = pages(func(offset int) (jsapi.Page, int, error) {
		var r jsapi.ConsumerNamesResponse
		what := fmt.Sprintf("names of consumers of stream %q", stream)
		err := j.call(ctx, what, jsapi.ConsumerNames, []string{stream}, jsapi.ConsumerPageRequest{Offset: offset}, &r)
		names = append(names, r.Consumers...)
		return r.Page, len(r.Consumers), err
	})
	return names, err
}

// Consumer returns what there is to know about a consumer.
func (j *JetStream) Consumer(ctx context.Context, stream, name string) (*jsapi.ConsumerInfo, error) {
	var r jsapi.ConsumerCreateResponse
	err := j.call(ctx, consumerNamed(stream, name), jsapi.ConsumerInfoOp, []string{stream, name}, nil, &r)
	return r.ConsumerInfo, err
}

// WriteConsumer makes or changes a consumer, as action says. c.Name must not be
// empty.
func (j *JetStream) WriteConsumer(ctx context.Context, stream string, c *jsapi.ConsumerConfig, action jsapi.ConsumerAction) (*jsapi.ConsumerInfo, error) {
	verb := "create "
	if action == jsapi.UpdateOnly {
		verb = "change "
	}
	args := []string{stream, c.Name}
	if len(c.FilterSubjects) == 0 && c.FilterSubject != "" {
		args = append(args, c.FilterSubject) // permissions can be given by filter
	}
	var r jsapi.ConsumerCreateResponse
	request := jsapi.ConsumerCreateRequest{Stream: stream, Config: *c, Action: action}
	err := j.call(ctx, verb+consumerNamed(stream, c.Name), jsapi.ConsumerCreate, args, request, &r)
	return r.ConsumerInfo, err
}

// DeleteConsumer removes a consumer.
func (j *JetStream) DeleteConsumer(ctx context.Context, stream, name string) error {
	return j.call(ctx, "remove "+consumerNamed(stream, name), jsapi.ConsumerDelete, []string{stream, name}, nil, nil)
}

// PauseConsumer keeps a consumer from delivering until then; the zero time
// resumes it.
func (j *JetStream) PauseConsumer(ctx context.Context, stream, name string, until time.Time) (*jsapi.ConsumerPauseResponse, error) {
	what := "pause "
	if until.IsZero() {
		what = "resume "
	}
	var r jsapi.ConsumerPauseResponse
	request := jsapi.ConsumerPauseRequest{PauseUntil: until}
	err := j.call(ctx, what+consumerNamed(stream, name), jsapi.ConsumerPause, []string{stream, name}, request, &r)
	return &r, err
}

// UnpinConsumer lets another client of a priority group be pinned.
func (j *JetStream) UnpinConsumer(ctx context.Context, stream, name, group string) error {
	request := jsapi.ConsumerUnpinRequest{Group: group}
	return j.call(ctx, "unpin "+consumerNamed(stream, name), jsapi.ConsumerUnpin, []string{stream, name}, request, nil)
}

// ResetConsumer makes a consumer deliver again from seq, or with 0 from its ack
// floor, and returns where it begins.
func (j *JetStream) ResetConsumer(ctx context.Context, stream, name string, seq uint64) (uint64, error) {
	var r jsapi.ConsumerResetResponse
	request := jsapi.ConsumerResetRequest{Seq: seq}
	err := j.call(ctx, "reset "+consumerNamed(stream, name), jsapi.ConsumerReset, []string{stream, name}, request, &r)
	return r.ResetSeq, err
}
