package server

import (
	"errors"

	"github.com/tidings-io/tidings/internal/core"
	"github.com/tidings-io/tidings/internal/jetstream"
	"github.com/tidings-io/tidings/internal/jetstream/index"
	"github.com/tidings-io/tidings/internal/jsapi"
	"github.com/tidings-io/tidings/internal/monitor"
	"github.com/tidings-io/tidings/internal/options"
	"github.com/tidings-io/tidings/internal/telemetry"
)

// storedPages shows what is stored to the monitoring pages and to the metrics.
type storedPages struct {
	node     *jetstream.Node
	accounts *core.Accounts
	options  *options.JetStream
	disk     *telemetry.Disk
}

// Config implements [monitor.JetStream].
func (p *storedPages) Config() monitor.JetStreamConfig {
	c, o := p.node.Config(), p.options
	return monitor.JetStreamConfig{
		MaxMemory: c.MaxMemory, MaxStorage: c.MaxStorage, StoreDir: c.Dir, Domain: o.Domain, Strict: o.Strict,
		SyncInterval: o.SyncInterval, SyncAlways: o.SyncInterval == 0,
	}
}

// Limits implements [monitor.JetStream].
func (p *storedPages) Limits() monitor.JetStreamLimits {
	l := &p.options.Limits
	return monitor.JetStreamLimits{
		RequestBatch: l.MaxRequestBatch, AckPending: l.MaxAckPending, DuplicateWindow: l.MaxDuplicateWindow,
		BatchInflightPerStream: l.Batch.MaxInflightPerStream, BatchInflightTotal: l.Batch.MaxInflightTotal,
		BatchSize: l.Batch.MaxMsgs, BatchTimeout: l.Batch.Timeout,
	}
}

// enabled returns the accounts that have JetStream, by name.
func (p *storedPages) enabled() []*jetstream.Account {
	var list []*jetstream.Account
	for _, a := range p.accounts.All() {
		if stored := p.node.Account(a); stored != nil {
			list = append(list, stored)
		}
	}
	return list
}

// Accounts implements [monitor.JetStream].
func (p *storedPages) Accounts() []monitor.JetStreamAccount {
	var list []monitor.JetStreamAccount
	for _, a := range p.enabled() {
		list = append(list, storedAccount{a})
	}
	return list
}

// Problems implements [monitor.JetStream].
func (p *storedPages) Problems() []monitor.HealthProblem {
	var list []monitor.HealthProblem
	for _, err := range p.node.Health() {
		problem := monitor.HealthProblem{Type: monitor.ProblemJetStream, Error: err.Error()}
		if of, ok := errors.AsType[*jetstream.StreamError](err); ok {
			problem.Type, problem.Account, problem.Stream = monitor.ProblemStream, of.Account, of.Stream
		}
		list = append(list, problem)
	}
	return list
}

// Figures implements storedSource.
func (p *storedPages) Figures() *telemetry.JetStream {
	c := p.node.Config()
	figures := &telemetry.JetStream{
		MemoryLimit: c.MaxMemory, StorageLimit: c.MaxStorage, Problems: len(p.node.Health()), Disk: p.disk,
	}
	figures.LogSize, figures.LogLimit = p.node.Store().LogSize()
	for _, a := range p.enabled() {
		st := a.Stats()
		of := telemetry.JetStreamAccount{
			Name: a.Name(), Memory: st.Memory, Storage: st.Storage, Streams: st.Streams, Consumers: st.Consumers,
			Requests: st.API.Total, FailedRequests: st.API.Errors,
		}
		for _, s := range a.Streams("") {
			messages, _ := storedStream{s}.Size()
			of.Messages += messages
		}
		figures.Accounts = append(figures.Accounts, of)
	}
	return figures
}

// Streams implements storedSource.
func (p *storedPages) Streams(streams, consumers int) []telemetry.Stream {
	var list []telemetry.Stream
	for _, a := range p.enabled() {
		for _, s := range a.Streams("") {
			if len(list) == streams {
				return list
			}
			shown := telemetry.Stream{Account: a.Name(), Name: s.Name()}
			shown.Messages, shown.Bytes = storedStream{s}.Size()
			for _, c := range s.Consumers() {
				if consumers--; consumers < 0 {
					break
				}
				info := c.Info()
				shown.Consumers = append(shown.Consumers, telemetry.Consumer{
					Name: c.Name(), Pending: info.NumPending, AckPending: info.NumAckPending,
				})
			}
			list = append(list, shown)
		}
	}
	return list
}

// storedAccount implements [monitor.JetStreamAccount].
type storedAccount struct{ *jetstream.Account }

func (a storedAccount) Streams() []monitor.Stream {
	streams := a.Account.Streams("")
	list := make([]monitor.Stream, len(streams))
	for i, s := range streams {
		list[i] = storedStream{s}
	}
	return list
}

func (a storedAccount) Stream(name string) monitor.Stream {
	s := a.Account.Stream(name)
	if s == nil {
		return nil
	}
	return storedStream{s}
}

// storedStream implements [monitor.Stream].
type storedStream struct{ stream *jetstream.Stream }

func (s storedStream) Info() *jsapi.StreamInfo {
	info, err := s.stream.Info(jsapi.StreamInfoRequest{})
	if err != nil {
		return nil // deleted meanwhile
	}
	return info
}

func (s storedStream) Size() (messages, bytes uint64) {
	s.stream.View(func(x *index.Index) {
		st := x.State()
		messages, bytes = st.Messages, st.Bytes
	})
	return messages, bytes
}

func (s storedStream) Consumers() []*jsapi.ConsumerInfo {
	consumers := s.stream.Consumers()
	list := make([]*jsapi.ConsumerInfo, len(consumers))
	for i, c := range consumers {
		list[i] = c.Info()
	}
	return list
}

func (s storedStream) HasConsumer(name string) bool { return s.stream.Consumer(name) != nil }
