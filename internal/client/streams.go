package client

import (
	"context"
	"fmt"
	"maps"

	"github.com/tidings-io/tidings/internal/jsapi"
)

// Streams returns the streams that take messages of subject, all if it is
// empty, in the order of their names, and the names of those whose server did
// not answer or cannot.
func (j *JetStream) Streams(ctx context.Context, subject string) (streams []*jsapi.StreamInfo, missing []string, err error) {
	err = pages(func(offset int) (jsapi.Page, int, error) {
		var r jsapi.StreamListResponse
		err := j.call(ctx, "list of streams", jsapi.StreamList, nil, jsapi.StreamPageRequest{Offset: offset, Subject: subject}, &r)
		streams = append(streams, r.Streams...)
		missing = append(missing, r.Missing...)
		for name := range r.Offline {
			missing = append(missing, name)
		}
		return r.Page, len(r.Streams), err
	})
	return streams, missing, err
}

// StreamNames returns the names of the streams that take messages of subject,
// all if it is empty.
func (j *JetStream) StreamNames(ctx context.Context, subject string) (names []string, err error) {
	err = pages(func(offset int) (jsapi.Page, int, error) {
		var r jsapi.StreamNamesResponse
		err := j.call(ctx, "names of streams", jsapi.StreamNames, nil, jsapi.StreamPageRequest{Offset: offset, Subject: subject}, &r)
		names = append(names, r.Streams...)
		return r.Page, len(r.Streams), err
	})
	return names, err
}

// Stream returns what there is to know about a stream.
func (j *JetStream) Stream(ctx context.Context, name string) (*jsapi.StreamInfo, error) {
	var r jsapi.StreamInfoResponse
	err := j.call(ctx, streamNamed(name), jsapi.StreamInfoOp, []string{name}, nil, &r)
	return r.StreamInfo, err
}

// StreamWithRemoved returns that, too, and which messages between the first and
// the last are removed.
func (j *JetStream) StreamWithRemoved(ctx context.Context, name string) (*jsapi.StreamInfo, error) {
	var r jsapi.StreamInfoResponse
	request := jsapi.StreamInfoRequest{DeletedDetails: true}
	err := j.call(ctx, streamNamed(name), jsapi.StreamInfoOp, []string{name}, request, &r)
	return r.StreamInfo, err
}

// Subjects returns the subjects of a stream that match filter with the number
// of messages of each.
func (j *JetStream) Subjects(ctx context.Context, name, filter string) (map[string]uint64, error) {
	all := map[string]uint64{}
	err := pages(func(offset int) (jsapi.Page, int, error) {
		var r jsapi.StreamInfoResponse
		request := jsapi.StreamInfoRequest{Offset: offset, SubjectsFilter: filter}
		if err := j.call(ctx, fmt.Sprintf("subjects of stream %q", name), jsapi.StreamInfoOp, []string{name}, request, &r); err != nil {
			return jsapi.Page{}, 0, err
		}
		maps.Copy(all, r.State.Subjects)
		return r.Page, len(r.State.Subjects), nil
	})
	return all, err
}

// CreateStream makes a stream.
func (j *JetStream) CreateStream(ctx context.Context, c *jsapi.StreamConfig) (*jsapi.StreamInfo, error) {
	var r jsapi.StreamCreateResponse
	err := j.call(ctx, "create "+streamNamed(c.Name), jsapi.StreamCreate, []string{c.Name}, c, &r)
	return r.StreamInfo, err
}

// UpdateStream changes the configuration of a stream.
func (j *JetStream) UpdateStream(ctx context.Context, c *jsapi.StreamConfig) (*jsapi.StreamInfo, error) {
	var r jsapi.StreamCreateResponse
	err := j.call(ctx, "change "+streamNamed(c.Name), jsapi.StreamUpdate, []string{c.Name}, c, &r)
	return r.StreamInfo, err
}

// DeleteStream removes a stream with all its messages and consumers.
func (j *JetStream) DeleteStream(ctx context.Context, name string) error {
	return j.call(ctx, "remove "+streamNamed(name), jsapi.StreamDelete, []string{name}, nil, nil)
}

// Purge removes messages of a stream and returns how many.
func (j *JetStream) Purge(ctx context.Context, name string, which jsapi.StreamPurgeRequest) (uint64, error) {
	var r jsapi.StreamPurgeResponse
	err := j.call(ctx, "purge "+streamNamed(name), jsapi.StreamPurge, []string{name}, which, &r)
	return r.Purged, err
}

// DeleteMessage removes one message. Unless keepBytes, its bytes are
// overwritten.
func (j *JetStream) DeleteMessage(ctx context.Context, stream string, seq uint64, keepBytes bool) error {
	what := fmt.Sprintf("remove message %d of stream %q", seq, stream)
	request := jsapi.MsgDeleteRequest{Seq: seq, NoErase: keepBytes}
	return j.call(ctx, what, jsapi.StreamMsgDelete, []string{stream}, request, nil)
}
