package jetstream

import (
	"bytes"
	cryptorand "crypto/rand"
	"errors"
	"math/rand/v2"
	"strconv"
	"unsafe"

	"github.com/tidings-io/tidings/internal/jetstream/consumer"
	"github.com/tidings-io/tidings/internal/jetstream/index"
	"github.com/tidings-io/tidings/internal/jetstream/store"
	"github.com/tidings-io/tidings/internal/jsapi"
	"github.com/tidings-io/tidings/internal/record"
	"github.com/tidings-io/tidings/internal/wire"
)

// env is what a consumer's machine asks of its stream. All of it runs in a turn,
// under the stream's lock.
type env Consumer

var _ consumer.Env = (*env)(nil)

const statusVersion = "NATS/1.0"

// Deliver implements [consumer.Env].
func (v *env) Deliver(to []byte, e index.Entry, d *consumer.Delivery) (int, consumer.Result) {
	s := v.stream
	m, err := s.recordLocked(e)
	if err != nil {
		return 0, consumer.Gone
	}
	o := &s.out
	o.reply = jsapi.AppendAckV1(o.reply[:0], &jsapi.AckSubject{
		Stream: s.name, Consumer: v.name, Deliveries: d.Deliveries, StreamSeq: e.Seq,
		ConsumerSeq: d.ConsumerSeq, Time: m.Time, Pending: d.Pending,
	})
	header, body := m.Header, m.Body
	if d.HeadersOnly || d.PinID != "" {
		header = o.withFields(header, d, len(body))
		if d.HeadersOnly {
			body = nil
		}
	}
	size := len(m.Subject) + len(o.reply) + len(header) + len(body)
	if o.deliver(s.mu.pub, to, m.Subject, o.reply, header, body) == 0 {
		return size, consumer.NoInterest
	}
	d.Hold = s.behindLocked((*Consumer)(v))
	return size, consumer.Sent
}

// withFields appends what a delivery adds to the header block of a message.
func (o *outgoing) withFields(header []byte, d *consumer.Delivery, size int) []byte {
	h := o.head[:0]
	if block, whole := bytes.CutSuffix(header, []byte("\r\n\r\n")); whole {
		h = append(append(h, block...), "\r\n"...)
	} else { // there is none, or one that is no header block: clients send what they like
		h = append(append(h, statusVersion...), "\r\n"...)
	}
	if d.HeadersOnly {
		h = append(append(h, jsapi.HeaderMsgSize...), ": "...)
		h = append(strconv.AppendInt(h, int64(size), 10), "\r\n"...)
	}
	if d.PinID != "" {
		h = append(append(h, jsapi.HeaderPinID...), ": "...)
		h = append(append(h, d.PinID...), "\r\n"...)
	}
	o.head = append(h, "\r\n"...)
	return o.head
}

// Size implements [consumer.Env].
func (v *env) Size(e index.Entry, d *consumer.Delivery) int {
	s := v.stream
	o := &s.out
	o.reply = jsapi.AppendAckV1(o.reply[:0], &jsapi.AckSubject{
		Stream: s.name, Consumer: v.name, Deliveries: d.Deliveries, StreamSeq: e.Seq,
		ConsumerSeq: d.ConsumerSeq, Time: s.mu.now, Pending: d.Pending,
	})
	return int(e.Size) - record.HeaderSize + len(o.reply)
}

// Time implements [consumer.Env].
func (v *env) Time(e index.Entry) int64 {
	m, err := v.stream.recordLocked(e)
	if err != nil {
		return 0
	}
	return m.Time
}

// SeqAt implements [consumer.Env].
func (v *env) SeqAt(t int64) uint64 { return v.stream.seqAtLocked(t) }

// Status implements [consumer.Env].
func (v *env) Status(to []byte, status, reply string, headers ...consumer.Header) {
	v.stream.status(to, status, reply, headers...)
}

// status sends a message that is a status line and headers.
func (s *Stream) status(to []byte, status, reply string, headers ...consumer.Header) {
	o := &s.out
	h := append(o.head[:0], statusVersion...)
	h = append(append(append(h, ' '), status...), "\r\n"...)
	for _, f := range headers {
		h = append(append(append(h, f.Name...), ": "...), f.Value...)
		h = append(h, "\r\n"...)
	}
	o.head = append(h, "\r\n"...)
	o.send(s.mu.pub, to, []byte(reply), o.head, nil)
}

// FlowReply implements [consumer.Env].
func (v *env) FlowReply(id string) string {
	return string(jsapi.AppendFlowV1(nil, &jsapi.FlowSubject{Stream: v.stream.name, Consumer: v.name, ID: id}))
}

// Interest implements [consumer.Env].
func (v *env) Interest(to []byte) bool { return v.stream.account.core.Interested(to) }

// Reply implements [consumer.Env].
func (v *env) Reply(to []byte) { v.stream.out.send(v.stream.mu.pub, to, nil, nil, nil) }

// Advise implements [consumer.Env].
func (v *env) Advise(kind jsapi.EventKind, body any) {
	s := v.stream
	if s.mu.pub == nil {
		return // it was told before the restart
	}
	s.mu.advice = append(s.mu.advice, event{kind.For(s.name, v.name), body})
}

// DeadLetter implements [consumer.Env].
func (v *env) DeadLetter(e index.Entry, reason, detail string, deliveries uint64) consumer.Burial {
	return v.stream.deadLetterLocked((*Consumer)(v), e, reason, detail, deliveries)
}

// UniqueID implements [consumer.Env].
func (v *env) UniqueID() string { return uniqueID() }

// uniqueID returns 22 characters that nobody has seen before.
func uniqueID() string { return cryptorand.Text()[:22] }

// Random implements [consumer.Env].
func (v *env) Random() uint64 { return rand.Uint64() }

// recordLocked returns the record of an entry; it is valid until the next one is
// read.
func (s *Stream) recordLocked(e index.Entry) (record.Message, error) {
	if b := s.recentRecord(e); b != nil {
		return record.View(b), nil
	}
	var m record.Message
	var err error
	if s.logged {
		if s.mu.reader == nil {
			s.mu.reader = s.node.store.Files(s.group).Reader()
		}
		m, err = s.mu.reader.Read(e)
	} else {
		s.mu.readBuf, err = s.space.Read(s.mu.readBuf[:0], e)
		if err == nil {
			m = record.View(s.mu.readBuf)
		}
	}
	switch {
	case err == nil && len(s.mu.lost.Messages) > 0:
		s.foundLostLocked(e.Seq)
	case err != nil && !errors.Is(err, store.ErrMoved):
		s.readFailedLocked(e, err)
	}
	return m, err
}

// seqAtLocked returns the first sequence that was stored at or after t. Times grow
// with sequences, so it halves the range; a message that cannot be read is passed
// over.
func (s *Stream) seqAtLocked(t int64) uint64 {
	x := s.mu.machine.Index()
	st := x.State()
	from, to := st.First, st.Last+1
	for from < to {
		mid := from + (to-from)/2
		e, ok := x.Next(mid, nil)
		for ok && e.Seq < to {
			m, err := s.recordLocked(e)
			if err == nil {
				if m.Time < t {
					from = e.Seq + 1
				} else {
					to = mid
				}
				break
			}
			e, ok = x.Next(e.Seq+1, nil)
		}
		if !ok || e.Seq >= to {
			to = min(to, mid)
		}
	}
	return from
}

// view returns b as a string for the time that b stays as it is: names in requests
// are looked up without a copy.
func view(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }

// parseSeq reads a sequence; 0 if there is none.
func parseSeq(b []byte) uint64 {
	n, err := strconv.ParseUint(string(b), 10, 64)
	if err != nil {
		return 0
	}
	return n
}

// levelSupported reports whether a request asks for no API level, or one that
// this server has.
func levelSupported(header []byte) bool {
	h, err := wire.ParseHeader(header)
	if err != nil {
		return true
	}
	for _, f := range h.Fields {
		if string(f.Key) == jsapi.HeaderRequiredAPILevel {
			n, err := strconv.Atoi(string(f.Value))
			return err == nil && n <= jsapi.APILevel
		}
	}
	return true
}
