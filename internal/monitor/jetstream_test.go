package monitor_test

import (
	"time"

	"github.com/tidings-io/tidings/internal/jsapi"
	"github.com/tidings-io/tidings/internal/monitor"
)

// fakeJetStream is a JetStream with what a test puts in.
type fakeJetStream struct {
	config   monitor.JetStreamConfig
	limits   monitor.JetStreamLimits
	accounts []monitor.JetStreamAccount
	problems []monitor.HealthProblem
}

func (f *fakeJetStream) Config() monitor.JetStreamConfig      { return f.config }
func (f *fakeJetStream) Limits() monitor.JetStreamLimits      { return f.limits }
func (f *fakeJetStream) Accounts() []monitor.JetStreamAccount { return f.accounts }
func (f *fakeJetStream) Problems() []monitor.HealthProblem    { return f.problems }

// fakeAccount is the storage of one account.
type fakeAccount struct {
	name    string
	stats   jsapi.AccountStats
	streams []monitor.Stream
}

func (f *fakeAccount) Name() string              { return f.name }
func (f *fakeAccount) Stats() jsapi.AccountStats { return f.stats }
func (f *fakeAccount) Streams() []monitor.Stream { return f.streams }

func (f *fakeAccount) Stream(name string) monitor.Stream {
	for _, s := range f.streams {
		if s.Info().Config.Name == name {
			return s
		}
	}
	return nil
}

// fakeStream is one stream.
type fakeStream struct {
	info      jsapi.StreamInfo
	consumers []*jsapi.ConsumerInfo
}

func (f *fakeStream) Info() *jsapi.StreamInfo          { return &f.info }
func (f *fakeStream) Size() (messages, bytes uint64)   { return f.info.State.Msgs, f.info.State.Bytes }
func (f *fakeStream) Consumers() []*jsapi.ConsumerInfo { return f.consumers }

func (f *fakeStream) HasConsumer(name string) bool {
	for _, c := range f.consumers {
		if c.Name == name {
			return true
		}
	}
	return false
}

// stored is an account with one stream, which has messages and one consumer.
func stored(account, stream string, messages uint64) *fakeAccount {
	return &fakeAccount{
		name: account,
		stats: jsapi.AccountStats{
			Usage: jsapi.Usage{
				Memory: 10, Storage: 100 * messages, ReservedMemory: 20, ReservedStorage: 2000, Streams: 1, Consumers: 1,
				Limits: jsapi.AccountLimits{MaxMemory: 5000, MaxStorage: -1},
			},
			API: jsapi.APIStats{Level: jsapi.APILevel, Total: 7, Errors: 2, Inflight: 1},
		},
		streams: []monitor.Stream{&fakeStream{
			info: jsapi.StreamInfo{
				Config: jsapi.StreamConfig{Name: stream, Subjects: []string{"a.>"}}, Created: moment,
				State: jsapi.StreamState{
					Msgs: messages, Bytes: 100 * messages, FirstSeq: 1, FirstTime: moment, LastSeq: messages, LastTime: moment,
					NumSubjects: 1, Consumers: 1,
				},
				Cluster: &jsapi.ClusterInfo{Leader: "one"},
				Mirror:  &jsapi.StreamSourceInfo{Name: "ORIGIN", Lag: 1, Active: time.Second},
				Sources: []*jsapi.StreamSourceInfo{{Name: "OTHER", Seq: 3}},
			},
			consumers: []*jsapi.ConsumerInfo{{
				Stream: stream, Name: "C", Created: moment, Config: jsapi.ConsumerConfig{Durable: "C"}, NumPending: messages, Timestamp: moment,
			}, {
				Stream: stream, Name: "COPY", Created: moment, Config: jsapi.ConsumerConfig{Direct: true}, Timestamp: moment,
			}},
		}},
	}
}

// fullJetStream has two accounts with something to show in every field.
func fullJetStream() *fakeJetStream {
	return &fakeJetStream{
		config: monitor.JetStreamConfig{
			MaxMemory: 1, MaxStorage: 2, StoreDir: "/data", SyncInterval: time.Second, SyncAlways: true, Domain: "hub", Strict: true,
		},
		limits: monitor.JetStreamLimits{
			RequestBatch: 1, AckPending: 2, DuplicateWindow: 3, BatchInflightPerStream: 4, BatchInflightTotal: 5, BatchSize: 6, BatchTimeout: 7,
		},
		accounts: []monitor.JetStreamAccount{stored("BILLS", "B", 3), stored("ORDERS", "S", 5)},
	}
}
