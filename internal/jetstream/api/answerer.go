package api

import (
	"encoding/json"
	"strconv"

	"github.com/tidings-io/tidings/internal/core"
	"github.com/tidings-io/tidings/internal/jetstream/index"
)

// answerer publishes answers in an account. It belongs to the goroutine that has
// taken it from its desk.
type answerer struct {
	desk *desk
	pub  *core.Publisher

	msg    core.Message
	tail   []byte
	header []byte // a header block that is being built
	record []byte // of a message that is read

	// Of a look-up, so that it needs no closure: see find.go.
	look     lookup
	lookView func(*index.Index)

	flushes int
}

const (
	// answererKeep is the size of buffers that are kept from answer to answer.
	answererKeep = 256 << 10
	// answererForget is the number of flushes after which the publisher forgets
	// whom it knows, so that it keeps no closed connections.
	answererForget = 1024
)

func newAnswerer(d *desk) *answerer {
	a := &answerer{desk: d, pub: d.server.cfg.Accounts.Publisher(core.Sender{Account: d.core, Echo: true})}
	a.lookView = a.look.view
	return a
}

func (d *desk) answerer() *answerer { return d.answerers.Get().(*answerer) }

// done gives an answerer back after a flush.
func (d *desk) done(a *answerer) {
	a.flush()
	a.look.reset()
	d.answerers.Put(a)
}

func (a *answerer) flush() {
	a.pub.Flush()
	if a.flushes++; a.flushes >= answererForget {
		a.flushes = 0
		a.pub.Forget()
	}
}

// send publishes a message. header is the header block or empty. It returns the
// number of deliveries, and the arguments are used up.
func (a *answerer) send(subject, reply, header, body []byte) core.Outcome {
	t := a.tail[:0]
	if len(reply) > 0 {
		t = append(append(t, reply...), ' ')
	}
	headerLen := -1
	if len(header) > 0 {
		headerLen = len(header)
		t = append(strconv.AppendInt(t, int64(headerLen), 10), ' ')
	}
	t = append(strconv.AppendInt(t, int64(len(header)+len(body)), 10), '\r', '\n')
	from := len(t)
	t = append(append(t, header...), body...)
	to := len(t)
	t = append(t, '\r', '\n')
	a.tail = t
	// A large message is sent from where it is, before that is used again.
	refer := len(t) >= core.ReferFrom
	a.msg = core.Message{
		Subject: subject, Reply: reply, Payload: t[from:to], HeaderLen: headerLen, Tail: t, Volatile: !refer,
	}
	n := a.pub.Publish(&a.msg)
	if refer {
		a.pub.Flush()
	}
	if cap(a.tail) > answererKeep {
		a.tail = nil
	}
	return n
}

// advise publishes an advisory.
func (a *answerer) advise(subject string, event any) {
	b, err := json.Marshal(event)
	if err != nil {
		a.desk.server.cfg.Log.Error("Advisory does not marshal", "subject", subject, "error", err)
		return
	}
	a.send([]byte(subject), nil, nil, b)
}
