package stream

import (
	"bytes"
	"iter"

	"github.com/tidings-io/tidings/internal/jsapi"
)

// headers are the values of a header block that mean something to a stream: views
// of it, nil where there is none. A value that is there and empty is not nil, but
// mostly means the same.
type headers struct {
	msgID                              []byte
	expectedStream, expectedLast       []byte
	expectedSubjectLast, expectedOn    []byte
	expectedID                         []byte
	rollup, ttl                        []byte
	increment, counterSources          []byte
	batchID, batchSeq, batchCommit     []byte
	schedule, scheduleTarget           []byte
	scheduleSource, scheduleTTL        []byte
	scheduleRollup, scheduleZone       []byte
	scheduler, scheduleNext            []byte
	apiLevel, streamSource, markReason []byte
	kvOperation, delay                 []byte
}

// field returns where the value of a header belongs.
func (h *headers) field(name []byte) *[]byte {
	switch string(name) {
	case jsapi.HeaderMsgID:
		return &h.msgID
	case jsapi.HeaderExpectedStream:
		return &h.expectedStream
	case jsapi.HeaderExpectedLastSeq:
		return &h.expectedLast
	case jsapi.HeaderExpectedLastSubjectSeq:
		return &h.expectedSubjectLast
	case jsapi.HeaderExpectedLastSubjectSeqSubject:
		return &h.expectedOn
	case jsapi.HeaderExpectedLastMsgID:
		return &h.expectedID
	case jsapi.HeaderRollup:
		return &h.rollup
	case jsapi.HeaderTTL:
		return &h.ttl
	case jsapi.HeaderIncrement:
		return &h.increment
	case jsapi.HeaderCounterSources:
		return &h.counterSources
	case jsapi.HeaderBatchID:
		return &h.batchID
	case jsapi.HeaderBatchSeq:
		return &h.batchSeq
	case jsapi.HeaderBatchCommit:
		return &h.batchCommit
	case jsapi.HeaderSchedule:
		return &h.schedule
	case jsapi.HeaderScheduleTarget:
		return &h.scheduleTarget
	case jsapi.HeaderScheduleSource:
		return &h.scheduleSource
	case jsapi.HeaderScheduleTTL:
		return &h.scheduleTTL
	case jsapi.HeaderScheduleRollup:
		return &h.scheduleRollup
	case jsapi.HeaderScheduleTimeZone:
		return &h.scheduleZone
	case jsapi.HeaderScheduler:
		return &h.scheduler
	case jsapi.HeaderScheduleNext:
		return &h.scheduleNext
	case jsapi.HeaderRequiredAPILevel:
		return &h.apiLevel
	case jsapi.HeaderStreamSource:
		return &h.streamSource
	case jsapi.HeaderMarkerReason:
		return &h.markReason
	case HeaderDelay:
		return &h.delay
	case jsapi.HeaderKVOperation:
		return &h.kvOperation
	}
	return nil
}

// parse reads a header block and reports whether there is anything that means
// something. Names are compared as they are written, the first of a name counts,
// blanks before a value do not.
func (h *headers) parse(block []byte) (special bool) {
	for name, line := range headerLines(block) {
		if len(name) < 8 || name[0] != 'N' && name[0] != 'K' && name[0] != 'T' {
			continue
		}
		if f := h.field(name); f != nil && *f == nil {
			*f = headerValue(name, line)
			special = true
		}
	}
	return special
}

// withoutChecks forgets what other streams' publishers expected of their stream.
func (h *headers) withoutChecks() {
	h.expectedStream, h.expectedLast, h.expectedSubjectLast, h.expectedOn, h.expectedID = nil, nil, nil, nil, nil
	h.batchID, h.batchSeq, h.batchCommit = nil, nil, nil
}

// headerValue returns the value of a line; it is not nil.
func headerValue(name, line []byte) []byte {
	v := line[len(name)+1:]
	v = bytes.TrimSuffix(v, crlf)
	for len(v) > 0 && v[0] == ' ' {
		v = v[1:]
	}
	return v
}

var crlf = []byte("\r\n")

const headerVersion = "NATS/1.0\r\n"

// headerLines yields the lines of a header block that have a name, each with its
// end.
func headerLines(block []byte) iter.Seq2[[]byte, []byte] {
	return func(yield func(name, line []byte) bool) {
		_, rest, _ := bytes.Cut(block, crlf)
		for len(rest) > 0 {
			end := bytes.Index(rest, crlf)
			if end == 0 {
				return
			}
			if end < 0 {
				end = len(rest)
			} else {
				end += len(crlf)
			}
			line := rest[:end:end]
			rest = rest[end:]
			if colon := bytes.IndexByte(line, ':'); colon > 0 && !yield(line[:colon:colon], line) {
				return
			}
		}
	}
}

// appendHeaders appends a header block, without its end, but for the lines that
// drop names. An empty block is begun.
func appendHeaders(dst, block []byte, drop func(name []byte) bool) []byte {
	dst = append(dst, headerVersion...)
	for name, line := range headerLines(block) {
		if drop == nil || !drop(name) {
			dst = append(append(dst, bytes.TrimSuffix(line, crlf)...), crlf...) // the last may have no end
		}
	}
	return dst
}

// appendHeader appends one line.
func appendHeader[V ~string | ~[]byte](dst []byte, name string, value V) []byte {
	dst = append(append(dst, name...), ": "...)
	return append(append(dst, value...), crlf...)
}
