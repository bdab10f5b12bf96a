package stream

import (
	"strconv"
	"time"

	"github.com/tidings-io/tidings/internal/jsapi"
)

// Republish says what core subscribers get of a stored message (ADR-28): the
// subject, the header block, appended to dst, and the body, a view of the message;
// false: nothing.
func (m *Machine) Republish(dst []byte, s *Stored) (to string, header, body []byte, ok bool) {
	if m.republish == nil {
		return "", nil, nil, false
	}
	to, ok = m.republish.Apply(string(s.Message.Subject), mix(s.Seq))
	if !ok {
		return "", nil, nil, false
	}
	h := appendHeaders(dst, s.Message.Header, isRepublishHeader)
	h = appendHeader(h, jsapi.HeaderStream, m.cfg.Name)
	h = appendHeader(h, jsapi.HeaderSubject, s.Message.Subject)
	h = appendHeader(h, jsapi.HeaderSequence, strconv.FormatUint(s.Seq, 10))
	h = appendHeader(h, jsapi.HeaderTimestamp, time.Unix(0, s.Message.Time).UTC().Format(time.RFC3339Nano))
	h = appendHeader(h, jsapi.HeaderLastSequence, strconv.FormatUint(s.Previous, 10))
	if m.cfg.Republish.HeadersOnly {
		h = appendHeader(h, jsapi.HeaderMsgSize, strconv.Itoa(len(s.Message.Body)))
	} else {
		body = s.Message.Body
	}
	return to, append(h, crlf...), body, true
}

// isRepublishHeader: those that another stream has set would come twice.
func isRepublishHeader(name []byte) bool {
	switch string(name) {
	case jsapi.HeaderStream, jsapi.HeaderSubject, jsapi.HeaderSequence, jsapi.HeaderTimestamp, jsapi.HeaderLastSequence,
		jsapi.HeaderMsgSize:
		return true
	}
	return false
}
