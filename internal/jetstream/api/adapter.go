package api

import (
	"time"

	"github.com/tidings-io/tidings/internal/core"
	"github.com/tidings-io/tidings/internal/jetstream"
	"github.com/tidings-io/tidings/internal/jsapi"
)

// Adapt returns the driver's node as this package sees it. The types below do
// nothing but give the driver's results the interfaces' names.
func Adapt(n *jetstream.Node) Node { return driverNode{n} }

// AdaptStream does the same for a stream.
func AdaptStream(s *jetstream.Stream) Stream { return driverStream{s} }

type driverNode struct{ *jetstream.Node }

func (n driverNode) Account(a *core.Account) Account {
	if found := n.Node.Account(a); found != nil {
		return driverAccount{found}
	}
	return nil
}

func (n driverNode) Version() string { return n.Config().Version }

type driverAccount struct{ *jetstream.Account }

func (a driverAccount) Stream(name string) Stream {
	if s := a.Account.Stream(name); s != nil {
		return driverStream{s}
	}
	return nil
}

func (a driverAccount) Streams(filter string) []Stream {
	found := a.Account.Streams(filter)
	list := make([]Stream, len(found))
	for i, s := range found {
		list[i] = driverStream{s}
	}
	return list
}

func (a driverAccount) Restore(cfg jsapi.StreamConfig, created time.Time) (Restore, *jsapi.Error) {
	r, err := a.Account.Restore(cfg, created)
	if err != nil {
		return nil, err
	}
	return driverRestore{r}, nil
}

type driverStream struct{ *jetstream.Stream }

func (s driverStream) Consumer(name string) Consumer {
	if c := s.Stream.Consumer(name); c != nil {
		return driverConsumer{c}
	}
	return nil
}

func (s driverStream) Consumers() []Consumer {
	found := s.Stream.Consumers()
	list := make([]Consumer, len(found))
	for i, c := range found {
		list[i] = driverConsumer{c}
	}
	return list
}

func (s driverStream) ConsumerStates() []ConsumerState {
	found := s.Stream.ConsumerStates()
	list := make([]ConsumerState, len(found))
	for i, c := range found {
		list[i] = ConsumerState(c)
	}
	return list
}

func (s driverStream) SnapshotEnd(after uint64) (SnapshotEnd, bool) {
	found, ok := s.Stream.SnapshotEnd(after)
	end := SnapshotEnd{LastSeq: found.LastSeq, Delayed: make([]DelayedMessage, len(found.Delayed))}
	for i, d := range found.Delayed {
		end.Delayed[i] = DelayedMessage(d)
	}
	return end, ok
}

type driverConsumer struct{ *jetstream.Consumer }

type driverRestore struct{ *jetstream.Restore }

func (r driverRestore) Consumer(c ConsumerState) error {
	return r.Restore.Consumer(jetstream.ConsumerState(c))
}
