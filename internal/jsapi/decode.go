package jsapi

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Limits of what [Decode] takes.
const (
	// RequestMaxBytes is the size of the largest request.
	RequestMaxBytes = 8 << 20
	// RequestMaxDepth is the number of objects and lists that may stand in each
	// other; no request needs more than six.
	RequestMaxDepth = 32
)

// Decode reads the body of a request into a request type. In strict mode a
// field that the type has not is refused, otherwise it is passed over. A blank
// body leaves into as it is. Names of fields are taken in any case, and the
// last of equal ones wins, as existing servers do.
//
// Errors: ErrInvalidJSON, with what is wrong and where.
func Decode(body []byte, into any, strict bool) *Error {
	if len(body) > RequestMaxBytes {
		return ErrInvalidJSON.New(fmt.Sprintf("request of %d bytes is larger than %d", len(body), RequestMaxBytes))
	}
	if len(bytes.TrimSpace(body)) == 0 {
		return nil
	}
	if !shallow(body) {
		return ErrInvalidJSON.New(fmt.Sprintf("request is nested deeper than %d", RequestMaxDepth))
	}
	decoder := json.NewDecoder(bytes.NewReader(body))
	if strict {
		decoder.DisallowUnknownFields()
	}
	if err := decoder.Decode(into); err != nil {
		return ErrInvalidJSON.New(explain(err))
	}
	end := decoder.InputOffset()
	if rest := bytes.TrimLeft(body[end:], " \t\r\n"); len(rest) > 0 {
		return ErrInvalidJSON.New(fmt.Sprintf("invalid character %q after the request at offset %d", rest[0], len(body)-len(rest)+1))
	}
	return nil
}

// explain returns the text of an error of encoding/json without names of Go
// types, which mean nothing to the sender.
func explain(err error) string {
	var syntax *json.SyntaxError
	var kind *json.UnmarshalTypeError
	switch {
	case errors.As(err, &syntax):
		return syntax.Error() + " at offset " + strconv.FormatInt(syntax.Offset, 10)
	case errors.As(err, &kind) && kind.Field == "":
		return "request is " + kind.Value + ", it must be an object"
	case errors.As(err, &kind):
		return fmt.Sprintf("field %q can not be %s, it must be %s", fieldName(kind.Field), kind.Value, want(kind))
	}
	return err.Error()
}

// fieldName drops the names of embedded Go types from the path of a field; all
// names of the API begin in lower case.
func fieldName(path string) string {
	parts := strings.Split(path, ".")
	return strings.Join(slices.DeleteFunc(parts, func(part string) bool {
		return part != "" && part[0] >= 'A' && part[0] <= 'Z'
	}), ".")
}

// want names what a field takes.
func want(e *json.UnmarshalTypeError) string {
	switch e.Type.Kind().String() {
	case "bool":
		return "true or false"
	case "string":
		return "a string"
	case "slice":
		return "a list"
	case "struct", "map", "ptr":
		return "an object"
	}
	if e.Type.String() == "time.Duration" {
		return "a number of nanoseconds"
	}
	return "a number of type " + e.Type.Kind().String()
}

// shallow reports whether body keeps to RequestMaxDepth. It need not be valid.
func shallow(body []byte) bool {
	depth, inString := 0, false
	for i := 0; i < len(body); i++ {
		switch c := body[i]; {
		case inString && c == '\\':
			i++
		case c == '"':
			inString = !inString
		case inString:
		case c == '{' || c == '[':
			if depth++; depth > RequestMaxDepth {
				return false
			}
		case c == '}' || c == ']':
			depth--
		}
	}
	return true
}

// HasJSON reports whether a body begins as an object or a list. Requests for
// pages and infos pass over bodies that do not.
func HasJSON(body []byte) bool {
	body = bytes.TrimLeft(body, " \t\r\n")
	return len(body) > 0 && (body[0] == '{' || body[0] == '[')
}

// PullRequest is the body of a request for the next messages of a consumer.
type PullRequest struct {
	Expires       time.Duration `json:"expires,omitempty"`
	Batch         int           `json:"batch,omitempty"`
	MaxBytes      int           `json:"max_bytes,omitempty"`
	NoWait        bool          `json:"no_wait,omitempty"`
	Heartbeat     time.Duration `json:"idle_heartbeat,omitempty"`
	Group         string        `json:"group,omitempty"`
	MinPending    int64         `json:"min_pending,omitempty"`
	MinAckPending int64         `json:"min_ack_pending,omitempty"`
	PinID         string        `json:"id,omitempty"`
	Priority      int           `json:"priority,omitempty"`
}

// badPull is a text of the protocol that is an error.
type badPull string //nolint:errname // never seen by itself

func (b badPull) Error() string { return string(b) }

// ErrHeartbeatTooLarge is returned for a pull request whose heartbeat would not
// come twice before it expires.
var ErrHeartbeatTooLarge error = badPull(BadPullHeartbeat)

// ErrPriorityRange is returned for a pull request with a priority other than 0
// to 9.
var ErrPriorityRange error = badPull(BadPullPriorityRange)

// ParsePull reads the body of a request for the next messages: JSON, or the
// number of messages, or nothing for one. What is neither asks for one message,
// too; so does a batch below one. Unknown fields are passed over. The text of an
// error is what follows [StatusBadRequest].
//
// Errors: ErrHeartbeatTooLarge, ErrPriorityRange, or what is wrong with the JSON.
func ParsePull(body []byte) (PullRequest, error) {
	var p PullRequest
	body = bytes.TrimSpace(body)
	if len(body) > 0 && body[0] == '{' {
		if err := Decode(body, &p, false); err != nil {
			return PullRequest{}, errors.New(err.Description)
		}
	} else if n, err := strconv.Atoi(string(body)); err == nil {
		p.Batch = n
	}
	p.Batch = max(p.Batch, 1)
	switch {
	case p.Heartbeat > 0 && p.Heartbeat > p.Expires/2:
		return PullRequest{}, ErrHeartbeatTooLarge
	case p.Priority < 0 || p.Priority > 9:
		return PullRequest{}, ErrPriorityRange
	}
	return p, nil
}
