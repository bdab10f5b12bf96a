package client

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/tidings-io/tidings/internal/jsapi"
)

// JetStream asks the JetStream API over a connection. Its methods block until
// the answer came, the timeout passed or ctx ended; their errors are of type
// [*Error] and name the stream or consumer, the server's reason and a way out.
// Safe for concurrent use.
type JetStream struct {
	nc      *nats.Conn
	prefix  string
	timeout time.Duration
}

// NewJetStream returns the API under prefix: [jsapi.APIPrefix], that of a domain
// ([jsapi.DomainPrefix]) or of an import. Each answer may take timeout.
func NewJetStream(nc *nats.Conn, prefix string, timeout time.Duration) *JetStream {
	return &JetStream{nc: nc, prefix: prefix, timeout: timeout}
}

// Conn returns the connection.
func (j *JetStream) Conn() *nats.Conn { return j.nc }

// Timeout returns how long an answer may take.
func (j *JetStream) Timeout() time.Duration { return j.timeout }

// head reads the error of a response before its own type is read.
type head struct {
	Error *jsapi.Error `json:"error"`
}

// call sends the request for an operation and reads the answer into response.
// what says what was attempted.
func (j *JetStream) call(ctx context.Context, what string, op jsapi.Operation, args []string, request, response any) error {
	body, err := encode(request)
	if err != nil {
		return &Error{What: what, Reason: err.Error(), Err: err}
	}
	m, err := Request(ctx, j.nc, &nats.Msg{Subject: op.Subject(j.prefix, args...), Data: body}, j.timeout)
	if err != nil {
		return j.explain(what, err)
	}
	return readAnswer(what, m.Data, response)
}

func encode(request any) ([]byte, error) {
	if request == nil {
		return nil, nil
	}
	return json.Marshal(request)
}

func readAnswer(what string, data []byte, response any) error {
	var h head
	if err := json.Unmarshal(data, &h); err != nil {
		return &Error{What: what, Reason: "the answer is no JSON: " + err.Error(), Err: err}
	}
	if h.Error != nil {
		return refusal(what, h.Error)
	}
	if response == nil {
		return nil
	}
	if err := json.Unmarshal(data, response); err != nil {
		return &Error{What: what, Reason: "the answer is not understood: " + err.Error(), Err: err}
	}
	return nil
}

// explain puts an error of a request into words that fit the API.
func (j *JetStream) explain(what string, err error) error {
	explained := Explain(what, err)
	var e *Error
	if !errors.As(explained, &e) {
		return explained
	}
	e.What = what
	if e.Kind == NoResponders {
		e.Reason = "JetStream does not answer under " + j.prefix
		e.Way = "switch it on in the server's configuration (jetstream: enabled) and for the account, or choose the right --domain"
	}
	return e
}

// refusal explains an error of the API.
func refusal(what string, err *jsapi.Error) error {
	return &Error{What: what, Reason: err.Error(), Way: waysOut[err.Code], Err: err}
}

// waysOut says what a person can do about an error of the API.
var waysOut = map[jsapi.Code]string{
	jsapi.ErrStreamNotFound:               "`tidings stream list` shows the streams there are",
	jsapi.ErrConsumerNotFound:             "`tidings consumer list STREAM` shows the consumers there are",
	jsapi.ErrStreamNameExist:              "change it with `tidings stream edit`, or choose another name",
	jsapi.ErrStreamSubjectOverlap:         "`tidings stream find --subject SUBJECT` shows which stream takes them; choose other subjects",
	jsapi.ErrStreamNameExistRestoreFailed: "remove that stream first, or give the restored one another name with --name",
	jsapi.ErrConsumerAlreadyExists:        "change it with `tidings consumer edit`, or choose another name",
	jsapi.ErrNoMessageFound:               "`tidings stream info` shows the first and last sequence, `tidings stream gaps` what is gone in between",
	jsapi.ErrNotEnabled:                   "switch JetStream on in the server's configuration (jetstream: enabled)",
	jsapi.ErrNotEnabledForAccount:         "switch JetStream on for the account, or use a user of another one",
	jsapi.ErrStreamReplicasNotSupported:   "the server is alone: leave --replicas out",
	jsapi.ErrStreamSealed:                 "it stays as it is; copy it with `tidings stream backup` and `tidings stream restore`",
	jsapi.ErrStorageResourcesExceeded:     "remove what is not needed any more, or raise max_file_store",
	jsapi.ErrMemoryResourcesExceeded:      "remove what is not needed any more, use file storage, or raise max_memory_store",
}

// pages asks for page after page until total entries came. each reads one page
// and returns its place and how many entries it had.
func pages(each func(offset int) (jsapi.Page, int, error)) error {
	for offset := 0; ; {
		page, n, err := each(offset)
		if err != nil {
			return err
		}
		offset += n
		if n == 0 || offset >= page.Total {
			return nil
		}
	}
}

// AccountInfo returns what the account uses and may use.
func (j *JetStream) AccountInfo(ctx context.Context) (*jsapi.AccountStats, error) {
	r := jsapi.AccountInfoResponse{AccountStats: &jsapi.AccountStats{}}
	err := j.call(ctx, "account info", jsapi.AccountInfo, nil, nil, &r)
	return r.AccountStats, err
}

func streamNamed(name string) string { return fmt.Sprintf("stream %q", name) }
