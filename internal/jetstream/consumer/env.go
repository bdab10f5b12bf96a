package consumer

import (
	"github.com/tidings-io/tidings/internal/jetstream/index"
	"github.com/tidings-io/tidings/internal/jsapi"
)

// Env is what a machine asks of its driver. All calls come from inside the
// machine's methods, under the stream's lock; none may call the machine.
type Env interface {
	// Deliver sends e to the subject, with the acknowledgement subject made of d as
	// reply. size is what counts for flow control, rate limit and max_bytes: the
	// bytes of subject, reply, header and body as they are delivered.
	Deliver(to []byte, e index.Entry, d *Delivery) (size int, r Result)
	// Size returns what Deliver would. It is asked for pulls with max_bytes only.
	Size(e index.Entry, d *Delivery) int
	// Time returns when e was stored, 0 if it cannot be read. It is asked for
	// consumers that replay at the original pace only.
	Time(e index.Entry) int64
	// SeqAt returns the first sequence stored at t or later, the one after the last
	// if there is none.
	SeqAt(t int64) uint64
	// Status sends a message without payload whose header is the status line and
	// the headers. reply is "" for none.
	Status(to []byte, status, reply string, headers ...Header)
	// FlowReply returns the subject on which a flow control request is answered.
	FlowReply(id string) string
	// Interest reports whether somebody subscribes to the subject.
	Interest(to []byte) bool
	// Reply sends an empty message: the acknowledgement is confirmed.
	Reply(to []byte)
	// Advise publishes an advisory or a metric; event has its head.
	Advise(kind jsapi.EventKind, event any)
	// DeadLetter stores e in the stream of dead letters, in the same step of the
	// log as the next delta, in which e is finished with. It is called once for e
	// unless that step is lost, or there was no place for it at the moment.
	DeadLetter(e index.Entry, reason, detail string, deliveries uint64) Burial
	// UniqueID returns an id for an advisory or a pinned client: 22 characters.
	UniqueID() string
	// Random returns a random number.
	Random() uint64
}

// Burial is what becomes of a message that is given up.
type Burial uint8

// What DeadLetter returns.
const (
	Buried    Burial = iota // it is a dead letter
	NoPlace                 // it stays pending, and is tried again later
	NotBuried               // it ends as if the consumer had no dead letters
)

// Reasons of dead letters.
const (
	ReasonMaxDeliveries = "max_deliveries"
	ReasonTerminated    = "terminated"
)

// MetadataDeadLetter is the key of a consumer's metadata whose value is the
// subject of its dead letters.
const MetadataDeadLetter = "tidings.dead-letter"

// Delivery is what a delivered message tells besides itself. It is valid during
// the call.
type Delivery struct {
	ConsumerSeq uint64
	Deliveries  uint64 // of this message, from 1
	Pending     uint64 // messages behind it
	PinID       string // for the header Nats-Pin-Id; empty: none
	HeadersOnly bool   // headers and Nats-Msg-Size in place of the body
	// Hold is set by Deliver if the client that it went to has a backlog: it gets
	// nothing more from this consumer until Relieved is called with that number. The
	// others do.
	Hold uint64
}

// Result says what became of a delivery.
type Result uint8

// Results of Env.Deliver.
const (
	Sent       Result = iota // it is on its way
	NoInterest               // nobody subscribes to the subject
	Gone                     // the message is not there any more, or cannot be read
)

// Header is one header of a status message.
type Header struct{ Name, Value string }
