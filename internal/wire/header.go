package wire

import (
	"bytes"
	"errors"
	"strconv"
)

// ErrHeader is returned for a header block that does not follow ADR-4.
var ErrHeader = errors.New("malformed message header")

const headerVersion = "NATS/1.0"

// Header is a parsed header block; its slices are views of the block.
type Header struct {
	Status      string // "503"; empty without a status
	Description string
	Fields      []HeaderField
}

// HeaderField is one line of a header block. Keys keep their case.
type HeaderField struct{ Key, Value []byte }

// ParseHeader reads a header block: the version line with an optional status,
// "Key: Value" lines, an empty line (ADR-4). Values are trimmed of blanks.
func ParseHeader(block []byte) (Header, error) {
	var h Header
	first, rest, ok := bytes.Cut(block, []byte("\r\n"))
	if !ok || !bytes.HasPrefix(first, []byte(headerVersion)) {
		return h, ErrHeader
	}
	if status := bytes.TrimSpace(first[len(headerVersion):]); len(status) > 0 {
		code, text, _ := bytes.Cut(status, []byte(" "))
		h.Status, h.Description = string(code), string(bytes.TrimSpace(text))
	}
	for len(rest) > 0 {
		line, after, ok := bytes.Cut(rest, []byte("\r\n"))
		if !ok {
			return h, ErrHeader
		}
		rest = after
		if len(line) == 0 {
			if len(rest) > 0 {
				return h, ErrHeader
			}
			return h, nil
		}
		key, value, ok := bytes.Cut(line, []byte(":"))
		if !ok || len(key) == 0 {
			return h, ErrHeader
		}
		h.Fields = append(h.Fields, HeaderField{key, bytes.TrimSpace(value)})
	}
	return h, ErrHeader
}

// Append appends the block that ParseHeader reads back.
func (h Header) Append(dst []byte) []byte {
	dst = append(dst, headerVersion...)
	if h.Status != "" {
		dst = append(append(dst, ' '), h.Status...)
		if h.Description != "" {
			dst = append(append(dst, ' '), h.Description...)
		}
	}
	dst = append(dst, '\r', '\n')
	for _, f := range h.Fields {
		dst = append(append(dst, f.Key...), ": "...)
		dst = append(append(dst, f.Value...), '\r', '\n')
	}
	return append(dst, '\r', '\n')
}

// AppendNoResponders appends the message that tells a requester on reply, through
// its subscription sid, that nobody listens on subject (ADR-22).
func AppendNoResponders(dst, reply, sid, subject []byte) []byte {
	size := len(headerVersion) + len(" 503\r\nNats-Subject: \r\n\r\n") + len(subject)
	dst = append(append(dst, "HMSG "...), reply...)
	dst = append(append(dst, ' '), sid...)
	for range 2 {
		dst = strconv.AppendInt(append(dst, ' '), int64(size), 10)
	}
	dst = append(append(dst, "\r\n"+headerVersion+" 503\r\nNats-Subject: "...), subject...)
	return append(dst, "\r\n\r\n\r\n"...)
}
