package monitor

import (
	"time"

	"github.com/tidings-io/tidings/internal/jsapi"
)

// JetStream is where pages get what they show of stored messages. Its methods,
// and those of the accounts and streams it leads to, are called from several
// goroutines.
type JetStream interface {
	// Config is how it was set up.
	Config() JetStreamConfig
	// Limits bound what requests can ask for.
	Limits() JetStreamLimits
	// Accounts are those that have it turned on, by name.
	Accounts() []JetStreamAccount
	// Problems is what is wrong with it, nothing while it is well.
	Problems() []HealthProblem
}

// JetStreamAccount is what one account has stored.
type JetStreamAccount interface {
	Name() string
	Stats() jsapi.AccountStats
	// Streams are those of the account, by name.
	Streams() []Stream
	// Stream is the one with that name, nil if there is none.
	Stream(name string) Stream
}

// Stream is one stream.
type Stream interface {
	// Info is nil if the stream is gone.
	Info() *jsapi.StreamInfo
	// Size is how many messages it has, and their bytes.
	Size() (messages, bytes uint64)
	// Consumers are those of the stream, by name, with those of mirrors and sources.
	Consumers() []*jsapi.ConsumerInfo
	// HasConsumer reports whether there is a consumer with that name.
	HasConsumer(name string) bool
}

// JetStreamConfig is how JetStream was set up.
type JetStreamConfig struct {
	MaxMemory    int64         `json:"max_memory"`  // bytes
	MaxStorage   int64         `json:"max_storage"` // bytes
	StoreDir     string        `json:"store_dir,omitempty"`
	SyncInterval time.Duration `json:"sync_interval,omitempty"`
	SyncAlways   bool          `json:"sync_always,omitempty"`
	Domain       string        `json:"domain,omitempty"`
	Strict       bool          `json:"strict,omitempty"`
}

// JetStreamLimits bound what requests can ask for; 0: there is no limit.
type JetStreamLimits struct {
	RequestBatch           int           `json:"max_request_batch,omitempty"`
	AckPending             int           `json:"max_ack_pending,omitempty"`
	DuplicateWindow        time.Duration `json:"max_duplicate_window,omitempty"`
	BatchInflightPerStream int           `json:"max_batch_inflight_per_stream,omitempty"`
	BatchInflightTotal     int           `json:"max_batch_inflight_total,omitempty"`
	BatchSize              int           `json:"max_batch_size,omitempty"` // messages
	BatchTimeout           time.Duration `json:"max_batch_timeout,omitempty"`
}

// JetStreamStats is what is stored, by the server or by one account.
type JetStreamStats struct {
	Memory          uint64         `json:"memory"`           // bytes
	Storage         uint64         `json:"storage"`          // bytes
	ReservedMemory  uint64         `json:"reserved_memory"`  // bytes
	ReservedStorage uint64         `json:"reserved_storage"` // bytes
	Accounts        int            `json:"accounts"`
	HAAssets        int            `json:"ha_assets"`
	API             jsapi.APIStats `json:"api"`
}

// JetStreamVarz is the part of /varz about JetStream, empty where it is off.
type JetStreamVarz struct {
	Config *JetStreamConfig `json:"config,omitempty"`
	Stats  *JetStreamStats  `json:"stats,omitempty"`
	Limits *JetStreamLimits `json:"limits,omitempty"`
}

// jetStreamVarz describes JetStream for /varz.
func (p *Pages) jetStreamVarz() (v JetStreamVarz) {
	js := p.source.JetStream()
	if js == nil {
		return v
	}
	config, limits, stats := js.Config(), js.Limits(), jetStreamStats(js.Accounts())
	v.Config, v.Stats = &config, &stats
	if limits != (JetStreamLimits{}) {
		v.Limits = &limits
	}
	return v
}

// jetStreamStats sums up the accounts.
func jetStreamStats(accounts []JetStreamAccount) JetStreamStats {
	sum := JetStreamStats{Accounts: len(accounts), API: jsapi.APIStats{Level: jsapi.APILevel}}
	for _, a := range accounts {
		st := a.Stats()
		sum.Memory += st.Memory
		sum.Storage += st.Storage
		sum.ReservedMemory += st.ReservedMemory
		sum.ReservedStorage += st.ReservedStorage
		sum.API.Total += st.API.Total
		sum.API.Errors += st.API.Errors
		sum.API.Inflight += st.API.Inflight
	}
	return sum
}

// accountStats is what is stored by one account. What it may store at most is
// reserved for it.
func accountStats(a JetStreamAccount) JetStreamStats {
	st := a.Stats()
	return JetStreamStats{
		Memory: st.Memory, Storage: st.Storage, API: st.API,
		ReservedMemory:  uint64(max(st.Limits.MaxMemory, 0)),
		ReservedStorage: uint64(max(st.Limits.MaxStorage, 0)),
	}
}
