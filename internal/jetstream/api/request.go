package api

import (
	"encoding/binary"
	"strconv"

	"github.com/tidings-io/tidings/internal/core"
	"github.com/tidings-io/tidings/internal/jsapi"
	"github.com/tidings-io/tidings/internal/wire"
)

// staged is a request as it stands in a stage. Its slices are views.
type staged struct {
	subject, reply, header, body []byte
}

// stagedHeader is the lengths of subject, reply, header block and payload, each a
// u32: with a large max_control_line subjects can be longer than a u16 says.
const stagedHeader = 16

// stage appends a request to the stage.
func stage(st *core.Stage, m *core.Message) {
	c := st.Reserve(stagedHeader + len(m.Subject) + len(m.Reply) + len(m.Payload))
	b := binary.LittleEndian.AppendUint32(c.Bytes, uint32(len(m.Subject)))
	b = binary.LittleEndian.AppendUint32(b, uint32(len(m.Reply)))
	b = binary.LittleEndian.AppendUint32(b, uint32(max(m.HeaderLen, 0)))
	b = binary.LittleEndian.AppendUint32(b, uint32(len(m.Payload)))
	c.Bytes = append(append(append(b, m.Subject...), m.Reply...), m.Payload...)
}

// unstage takes the first request from b and returns the rest.
func unstage(b []byte) (r staged, rest []byte) {
	subject, reply := int(binary.LittleEndian.Uint32(b)), int(binary.LittleEndian.Uint32(b[4:]))
	header, payload := int(binary.LittleEndian.Uint32(b[8:])), int(binary.LittleEndian.Uint32(b[12:]))
	b = b[stagedHeader:]
	r.subject, b = b[:subject:subject], b[subject:]
	r.reply, b = b[:reply:reply], b[reply:]
	r.header, r.body = b[:header:header], b[header:payload:payload]
	return r, b[payload:]
}

// request is a request that waits or is served.
type request struct {
	subject string
	api     jsapi.APISubject // of subject
	reply   []byte           // empty: nobody wants to know
	header  []byte
	body    []byte
	client  *jsapi.ClientInfo
	size    int
}

// own returns a copy of a staged request that stays valid.
func (s *staged) own() *request {
	size := len(s.reply) + len(s.header) + len(s.body)
	b := make([]byte, 0, size)
	b = append(append(append(b, s.reply...), s.header...), s.body...)
	r := &request{subject: string(s.subject), size: size + len(s.subject)}
	r.reply, b = b[:len(s.reply):len(s.reply)], b[len(s.reply):]
	r.header, r.body = b[:len(s.header):len(s.header)], b[len(s.header):]
	return r
}

// levelTooLow reports whether a header block requires a level of the API that
// this server has not, or none that is a number (ADR-44).
func levelTooLow(header []byte) bool {
	value, ok := headerValue(header, jsapi.HeaderRequiredAPILevel)
	if !ok {
		return false
	}
	level, err := strconv.Atoi(string(value))
	return err != nil || level > jsapi.APILevel
}

func headerValue(block []byte, key string) ([]byte, bool) {
	if len(block) == 0 {
		return nil, false
	}
	h, err := wire.ParseHeader(block)
	if err != nil {
		return nil, false
	}
	for i := range h.Fields {
		if string(h.Fields[i].Key) == key {
			return h.Fields[i].Value, true
		}
	}
	return nil, false
}

// asks reports whether an operation changes nothing: such requests have a queue
// of their own, so that they are answered while others wait for the disk.
func asks(o jsapi.Operation) bool {
	switch o { //nolint:exhaustive // the others change something
	case jsapi.AccountInfo, jsapi.StreamNames, jsapi.StreamList, jsapi.StreamInfoOp, jsapi.StreamMsgGet,
		jsapi.ConsumerNames, jsapi.ConsumerList, jsapi.ConsumerInfoOp:
		return true
	}
	return false
}
