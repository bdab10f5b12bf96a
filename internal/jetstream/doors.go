package jetstream

import (
	"encoding/binary"

	"github.com/tidings-io/tidings/internal/core"
	"github.com/tidings-io/tidings/internal/jsapi"
)

// A door is where clients reach the consumers of a stream: it receives what they
// publish on some subjects and puts it into the stream's inbox, a batch at a time.
type door struct {
	stream *Stream
	kind   workKind
}

// Deliver implements [core.Receiver].
func (d *door) Deliver(st *core.Stage, _ *core.Subscription, m *core.Message) {
	c := st.Reserve(requestHeader + len(m.Subject) + len(m.Reply) + len(m.Payload))
	c.Bytes = appendRequest(c.Bytes, m)
}

// Flush implements [core.Receiver].
func (d *door) Flush(st *core.Stage) {
	st.Take(0, func(c *core.Chunk) {
		d.stream.post(work{kind: d.kind, chunk: c})
	})
}

// Exhausted implements [core.Receiver].
func (*door) Exhausted(*core.Subscription) {}

// Relief implements [core.Receiver].
func (*door) Relief(bool) <-chan struct{} { return nil }

// Filter implements [core.Receiver].
func (*door) Filter(*core.Subscription) core.Permissions { return nil }

// request is a message as a door stages it. Its slices are views of the chunk.
type request struct {
	subject, reply, header, body []byte
}

// requestHeader is the lengths of subject, reply, header block and payload, each a
// u32: with a large max_control_line subjects can be longer than a u16 says.
const requestHeader = 16

func appendRequest(dst []byte, m *core.Message) []byte {
	dst = binary.LittleEndian.AppendUint32(dst, uint32(len(m.Subject)))
	dst = binary.LittleEndian.AppendUint32(dst, uint32(len(m.Reply)))
	dst = binary.LittleEndian.AppendUint32(dst, uint32(max(m.HeaderLen, 0)))
	dst = binary.LittleEndian.AppendUint32(dst, uint32(len(m.Payload)))
	dst = append(append(dst, m.Subject...), m.Reply...)
	return append(dst, m.Payload...)
}

// eachRequest calls f for the requests in a chunk and gives it back.
func eachRequest(c *core.Chunk, f func(r *request)) {
	b := c.Bytes
	var r request
	for len(b) > 0 {
		subject, reply := int(binary.LittleEndian.Uint32(b)), int(binary.LittleEndian.Uint32(b[4:]))
		header, payload := int(binary.LittleEndian.Uint32(b[8:])), int(binary.LittleEndian.Uint32(b[12:]))
		b = b[requestHeader:]
		r.subject, b = b[:subject:subject], b[subject:]
		r.reply, b = b[:reply:reply], b[reply:]
		r.header, r.body, b = b[:header:header], b[header:payload:payload], b[payload:]
		f(&r)
	}
	c.Release()
}

// subscribe lets a receiver get what is published on subject in the account.
func (a *Account) subscribe(to core.Receiver, subject string) *core.Subscription {
	sub := core.NewSubscription(to, []byte(subject), nil, []byte(doorID))
	a.core.Subscribe(sub)
	return sub
}

// doorID is the id of subscriptions of the node's own; receivers do not tell
// theirs apart.
const doorID = "js"

// openDoorsLocked subscribes to what clients send to the consumers of a stream.
// Streams without consumers have no doors, consumers none of their own: there may
// be very many.
func (s *Stream) openDoorsLocked() {
	if len(s.mu.doors) > 0 {
		return
	}
	acks, flow := &door{stream: s, kind: workAcks}, &door{stream: s, kind: workFlow}
	s.mu.doors = []*core.Subscription{
		s.account.subscribe(acks, jsapi.AckPrefix+s.name+".>"),
		s.account.subscribe(acks, jsapi.AckPrefix+"*."+s.account.hash+"."+s.name+".>"),
		s.account.subscribe(flow, jsapi.FlowPrefix+s.name+".>"),
		s.account.subscribe(flow, jsapi.FlowPrefix+"*."+s.account.hash+"."+s.name+".>"),
	}
	pulls := &door{stream: s, kind: workPulls}
	for _, prefix := range s.node.apiPrefixes() {
		s.mu.doors = append(s.mu.doors, s.account.subscribe(pulls, prefix+".CONSUMER.MSG.NEXT."+s.name+".*"))
	}
}

func (s *Stream) closeDoorsLocked() {
	for _, sub := range s.mu.doors {
		s.account.core.Unsubscribe(sub)
	}
	s.mu.doors = nil
}
