package jetstream

import (
	"encoding/json"
	"strconv"
	"time"

	"github.com/tidings-io/tidings/internal/core"
	"github.com/tidings-io/tidings/internal/jsapi"
)

// outgoing builds messages for core subscribers in one buffer. It belongs to
// whoever runs the stream's turn.
type outgoing struct {
	tail  []byte
	head  []byte // a header block that is being built
	reply []byte // an acknowledgement subject that is being built
	msg   core.Message
}

// send publishes a message through pub. header is the header block or empty. The
// parts are used up when it returns.
func (o *outgoing) send(pub *core.Publisher, subject, reply, header, body []byte) {
	o.deliver(pub, subject, nil, reply, header, body)
}

// deliver is send to those who listen on subject, who see the message as one on
// another subject, unless that is nil.
func (o *outgoing) deliver(pub *core.Publisher, subject, shown, reply, header, body []byte) core.Outcome {
	if pub == nil {
		return core.NoInterest // not in a turn: nobody is there yet, or any more
	}
	t := o.tail[:0]
	if len(reply) > 0 {
		t = append(append(t, reply...), ' ')
	}
	headerLen := -1
	if len(header) > 0 {
		headerLen = len(header)
		t = append(strconv.AppendInt(t, int64(headerLen), 10), ' ')
	}
	t = append(strconv.AppendInt(t, int64(len(header)+len(body)), 10), '\r', '\n')
	from := len(t)
	t = append(append(t, header...), body...)
	to := len(t)
	t = append(t, '\r', '\n')
	o.tail = t
	o.msg = core.Message{
		Subject: subject, Shown: shown, Reply: reply, Payload: t[from:to], HeaderLen: headerLen,
		Tail: t, Volatile: true,
	}
	n := pub.Publish(&o.msg)
	if cap(o.tail) > outgoingKeep {
		o.tail = nil
	}
	return n
}

// outgoingKeep is the size of the buffer that is kept from message to message.
const outgoingKeep = 256 << 10

// event is an advisory or metric that is to be published.
type event struct {
	subject string
	body    any // with a jsapi.Event filled in
}

// newEvent returns the head of an event.
func newEvent(kind jsapi.EventKind) jsapi.Event {
	return kind.New(uniqueID(), time.Now().UTC())
}

// advise publishes an event through pub.
func (a *Account) advise(pub *core.Publisher, e *event) {
	b, err := json.Marshal(e.body)
	if err != nil {
		a.node.log.Error("Advisory does not marshal", "subject", e.subject, "error", err)
		return
	}
	var o outgoing
	o.send(pub, []byte(e.subject), nil, nil, b)
}

// Advise publishes an event to the account from outside of a turn.
func (a *Account) Advise(subject string, body any) {
	pub := a.node.accounts.Publisher(core.Sender{Account: a.core, Echo: true})
	a.advise(pub, &event{subject, body})
	pub.Release()
}

func (a *Account) adviseStream(kind jsapi.EventKind, action, stream string) {
	a.Advise(kind.For(stream), &jsapi.StreamAction{
		Event: newEvent(kind), Stream: stream, Action: action, Domain: a.node.cfg.Domain,
	})
}
