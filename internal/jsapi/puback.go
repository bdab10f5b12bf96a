package jsapi

import (
	"encoding/json"
	"strconv"
)

// PubAck answers a publish to a stream.
type PubAck struct {
	Error     *Error `json:"error,omitempty"`
	Stream    string `json:"stream"`
	Domain    string `json:"domain,omitempty"`
	Seq       uint64 `json:"seq"`
	Duplicate bool   `json:"duplicate,omitempty"`
	Value     string `json:"val,omitempty"`   // of a counter
	BatchID   string `json:"batch,omitempty"` // of the batch that this publish committed
	BatchSize int    `json:"count,omitempty"`
}

// AppendPubAck appends the answer to a publish as JSON. It does not allocate
// unless there is an error or a name needs escapes. The blank after
// "duplicate": is what existing servers send.
func AppendPubAck(dst []byte, ack *PubAck) []byte {
	dst = append(dst, '{')
	if ack.Error != nil {
		text, _ := json.Marshal(ack.Error) // numbers and a string: cannot fail
		dst = append(append(append(dst, `"error":`...), text...), ',')
	}
	dst = appendString(append(dst, `"stream":`...), ack.Stream)
	if ack.Domain != "" {
		dst = appendString(append(dst, `,"domain":`...), ack.Domain)
	}
	dst = strconv.AppendUint(append(dst, `,"seq":`...), ack.Seq, 10)
	if ack.Duplicate {
		dst = append(dst, `,"duplicate": true`...)
	}
	if ack.Value != "" {
		dst = appendString(append(dst, `,"val":`...), ack.Value)
	}
	if ack.BatchID != "" {
		dst = appendString(append(dst, `,"batch":`...), ack.BatchID)
		dst = strconv.AppendInt(append(dst, `,"count":`...), int64(ack.BatchSize), 10)
	}
	return append(dst, '}')
}

// appendString appends s as a JSON string. Unlike everywhere else in the API,
// "<", ">" and "&" stay as they are in the answer to a publish.
func appendString(dst []byte, s string) []byte {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c == '"' || c == '\\' || c > '~' {
			return appendEscaped(dst, s)
		}
	}
	dst = append(dst, '"')
	return append(append(dst, s...), '"')
}

func appendEscaped(dst []byte, s string) []byte {
	const hex = "0123456789abcdef"
	dst = append(dst, '"')
	for _, r := range s { // bytes that are no UTF-8 become U+FFFD
		switch {
		case r == '"' || r == '\\':
			dst = append(dst, '\\', byte(r))
		case r < ' ' || r == 0x7f:
			dst = append(dst, '\\', 'u', '0', '0', hex[r>>4], hex[r&15])
		default:
			dst = append(dst, string(r)...)
		}
	}
	return append(dst, '"')
}

// FlowAck is an answer on the control channel of a fast batch: an ack, a gap or
// an error (ADR-50).
type FlowAck struct {
	Type    string `json:"type"` // "ack", "gap" or "err"
	LastSeq uint64 `json:"last_seq,omitempty"`
	Seq     uint64 `json:"seq"`
	Msgs    uint16 `json:"msgs,omitempty"`
	Error   *Error `json:"error,omitempty"`
}

// Types of [FlowAck].
const (
	FlowAckOK    = "ack"
	FlowAckGap   = "gap"
	FlowAckError = "err"
)
