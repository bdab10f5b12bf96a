package api

import (
	"bytes"

	"github.com/tidings-io/tidings/internal/jsapi"
)

// call is one request being served.
type call struct {
	*request
	desk     *desk
	answerer *answerer
	account  Account // nil: JetStream is not enabled
	then     func()  // if set, runs when the answer is on its way
}

// handlers serve the operations; those that are missing get no answer.
var handlers = [...]func(*call) any{
	jsapi.AccountInfo:            accountInfo,
	jsapi.StreamCreate:           streamCreate,
	jsapi.StreamUpdate:           streamUpdate,
	jsapi.StreamNames:            streamNames,
	jsapi.StreamList:             streamList,
	jsapi.StreamInfoOp:           streamInfo,
	jsapi.StreamDelete:           streamDelete,
	jsapi.StreamPurge:            streamPurge,
	jsapi.StreamMsgGet:           streamMsgGet,
	jsapi.StreamMsgDelete:        streamMsgDelete,
	jsapi.StreamSnapshot:         streamSnapshot,
	jsapi.StreamRestore:          streamRestore,
	jsapi.StreamPeerRemove:       clusterOnly,
	jsapi.StreamPeerEvacuate:     clusterOnly,
	jsapi.StreamCancelMove:       clusterOnly,
	jsapi.StreamLeaderStepdown:   clusterOnly,
	jsapi.ConsumerCreate:         consumerCreate,
	jsapi.ConsumerDurableCreate:  consumerCreate,
	jsapi.ConsumerNames:          consumerNames,
	jsapi.ConsumerList:           consumerList,
	jsapi.ConsumerInfoOp:         consumerInfo,
	jsapi.ConsumerDelete:         consumerDelete,
	jsapi.ConsumerPause:          consumerPause,
	jsapi.ConsumerUnpin:          consumerUnpin,
	jsapi.ConsumerReset:          consumerReset,
	jsapi.ConsumerLeaderStepdown: clusterOnly,
}

// handle serves the request and returns its answer, or nil for none.
func (c *call) handle() any {
	d, r := c.desk, c.request
	if d.system() {
		return c.system()
	}
	if int(r.api.Operation) >= len(handlers) || handlers[r.api.Operation] == nil {
		return nil
	}
	c.account = d.server.node.Account(d.core)
	return handlers[r.api.Operation](c)
}

// system answers in the system account, which has no streams.
func (c *call) system() any {
	switch c.api.Operation { //nolint:exhaustive // the others are not served
	case jsapi.AccountInfo:
		return accountInfo(c)
	case jsapi.MetaLeaderStepdown, jsapi.MetaRescue, jsapi.ServerRemove, jsapi.ServerEvacuate,
		jsapi.AccountPurge, jsapi.AccountStreamMove, jsapi.AccountStreamCancelMove:
		return nil
	}
	return jsapi.Response{Type: jsapi.TypeSystemResponse, Error: jsapi.ErrNotEnabledForAccount.New()}
}

// answer fills in the head of a response: do serves the request and fills in the
// rest, unless the request is refused before.
func (c *call) answer(response any, head *jsapi.Response, do func() *jsapi.Error) any {
	*head = jsapi.NewResponse(c.api.Operation)
	switch {
	case c.account == nil:
		head.Error = jsapi.ErrNotEnabledForAccount.New()
		return response
	case levelTooLow(c.header):
		head.Error = jsapi.ErrRequiredAPILevel.New()
	default:
		head.Error = do()
	}
	c.account.CountAPI(head.Error != nil)
	return response
}

// decode reads the body into a request type, as strictly as configured.
func (c *call) decode(into any) *jsapi.Error {
	return jsapi.Decode(c.body, into, !c.desk.server.cfg.Lenient)
}

// decodeOptional is decode for requests that may have a body of no meaning.
func (c *call) decodeOptional(into any) *jsapi.Error {
	if !jsapi.HasJSON(c.body) {
		return nil
	}
	return c.decode(into)
}

// blank reports whether the body says nothing.
func (c *call) blank() bool {
	b := bytes.TrimSpace(c.body)
	if len(b) >= 2 && (b[0] == '{' && b[len(b)-1] == '}' || b[0] == '[' && b[len(b)-1] == ']') {
		b = bytes.TrimSpace(b[1 : len(b)-1])
	}
	return len(b) == 0
}

// stream returns the stream that the subject names.
func (c *call) stream() (Stream, *jsapi.Error) {
	if s := c.account.Stream(c.api.Stream); s != nil {
		return s, nil
	}
	return nil, jsapi.ErrStreamNotFound.New()
}

// consumer returns the consumer that the subject names.
func (c *call) consumer() (Consumer, *jsapi.Error) {
	s, err := c.stream()
	if err != nil {
		return nil, err
	}
	if consumer := s.Consumer(c.api.Consumer); consumer != nil {
		return consumer, nil
	}
	return nil, jsapi.ErrConsumerNotFound.New()
}

func accountInfo(c *call) any {
	var r jsapi.AccountInfoResponse
	return c.answer(&r, &r.Response, func() *jsapi.Error {
		stats := c.account.Stats()
		stats.API.Inflight = c.desk.waiting()
		r.AccountStats = &stats
		return nil
	})
}

// clusterOnly answers what a server that stands alone cannot do.
func clusterOnly(c *call) any {
	var r jsapi.Response
	return c.answer(&r, &r, func() *jsapi.Error { return jsapi.ErrClusterRequired.New() })
}
