package stream

import "github.com/tidings-io/tidings/internal/jsapi"

// Answer says what a publisher hears.
type Answer uint8

// What a publisher hears, if it gave a reply subject.
const (
	AnswerNone  Answer = iota // nothing but the FlowAcks of the decision
	AnswerAck                 // the PubAck of the decision
	AnswerEmpty               // an empty message: part of a batch
)

// Decision is what became of a message. It does not refer to the message.
type Decision struct {
	Answer    Answer
	Duplicate bool
	Count     int    // of messages in the batch that this one committed
	Seq       uint64 // of the message, of the one it is a duplicate of, of the last of its batch
	Err       *jsapi.Error
	Value     string          // of a counter
	Batch     string          // that this message committed
	Flow      []jsapi.FlowAck // for the reply subject, before the answer
}

// PubAck returns the answer in the form of the API.
func (d *Decision) PubAck(stream, domain string) jsapi.PubAck {
	if d.Err != nil {
		return jsapi.PubAck{Error: d.Err, Stream: stream, Domain: domain}
	}
	return jsapi.PubAck{
		Stream: stream, Domain: domain, Seq: d.Seq, Duplicate: d.Duplicate, Value: d.Value,
		BatchID: d.Batch, BatchSize: d.Count,
	}
}

func (m *Machine) answer() Answer {
	if m.cfg.NoAck {
		return AnswerNone
	}
	return AnswerAck
}

func (m *Machine) refuse(err *jsapi.Error) Decision {
	return Decision{Answer: m.answer(), Err: err}
}
