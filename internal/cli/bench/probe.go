package bench

import (
	"time"

	"github.com/nats-io/nats.go"

	"github.com/tidings-io/tidings/internal/client"
)

// probe measures how long a publisher's messages are under way without making
// it wait: now and then the publisher sends one to an inbox of its own
// connection, behind everything it sent before.
type probe struct {
	inbox   string
	payload []byte
	sub     *nats.Subscription
	ended   chan struct{} // closed when the subscription has handled its last message

	latency *recorder // owned by the subscription's goroutine until ended
}

func newProbe(nc *nats.Conn) (*probe, error) {
	p := &probe{inbox: nc.NewInbox(), payload: newPayload(stampSize), latency: newRecorder(), ended: make(chan struct{})}
	var err error
	p.sub, err = nc.Subscribe(p.inbox, func(m *nats.Msg) {
		if sent, ok := stampOf(m.Data); ok {
			p.latency.record(time.Now().UnixNano() - sent)
		}
	})
	if err != nil {
		return nil, client.Explain("subscribe to the probe's inbox", err)
	}
	p.sub.SetClosedHandler(func(string) { close(p.ended) })
	return p, nil
}

// send publishes one probe. The publisher's goroutine calls it.
func (p *probe) send(nc *nats.Conn) error {
	stamp(p.payload, time.Now())
	return nc.Publish(p.inbox, p.payload)
}

// finish takes the probes that are under way and returns the recorder; nil if
// that did not end in time.
func (p *probe) finish(timeout time.Duration) *recorder {
	if err := p.sub.Drain(); err != nil {
		return nil // the connection was lost
	}
	select {
	case <-p.ended:
		return p.latency
	case <-time.After(timeout):
		return nil
	}
}
