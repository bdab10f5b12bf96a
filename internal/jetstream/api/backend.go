package api

import (
	"time"

	"github.com/tidings-io/tidings/internal/core"
	"github.com/tidings-io/tidings/internal/jetstream/index"
	"github.com/tidings-io/tidings/internal/jsapi"
)

// Node finds what JetStream has of an account.
type Node interface {
	// Account returns nil if JetStream is not enabled for the account.
	Account(a *core.Account) Account
	// Version is the server's version as metadata in answers tells it (ADR-44).
	Version() string
}

// Account is the streams of one account. Methods that change something return
// when the change is durable.
type Account interface {
	CreateStream(cfg jsapi.StreamConfig, pedantic bool) (info *jsapi.StreamInfo, created bool, err *jsapi.Error)
	UpdateStream(cfg jsapi.StreamConfig, pedantic bool) (*jsapi.StreamInfo, *jsapi.Error)
	DeleteStream(name string) *jsapi.Error
	// Stream returns nil if there is no stream with that name.
	Stream(name string) Stream
	// Streams returns the streams ordered by name, with a filter those that take
	// messages of an overlapping subject.
	Streams(subjectFilter string) []Stream
	Stats() jsapi.AccountStats
	CountAPI(failed bool)
	// Restore begins a stream that nobody can see before it is committed.
	Restore(cfg jsapi.StreamConfig, created time.Time) (Restore, *jsapi.Error)
}

// Messages is how messages of a stream are found and read.
type Messages interface {
	// View runs f with the stream's index under the stream's lock.
	View(f func(x *index.Index))
	// Read appends the record of an entry that View has found, verified. It fails
	// if the record was moved or removed since, or is damaged.
	Read(dst []byte, e index.Entry) ([]byte, error)
}

// Stream is one stream. Its configuration and info have metadata as it is stored.
type Stream interface {
	Messages
	Name() string
	Config() jsapi.StreamConfig
	Created() time.Time
	Info(req jsapi.StreamInfoRequest) (*jsapi.StreamInfo, *jsapi.Error)
	// SubjectCount is the number of subjects with messages that match filter.
	SubjectCount(filter string) int
	Purge(req jsapi.StreamPurgeRequest) (purged uint64, err *jsapi.Error)
	DeleteMessage(seq uint64, noErase bool) *jsapi.Error
	// CreateConsumer creates or updates one; the request's name, filters and
	// action are in order with the subject it came on.
	CreateConsumer(req *jsapi.ConsumerCreateRequest) (info *jsapi.ConsumerInfo, created bool, err *jsapi.Error)
	// Consumer returns nil if there is no consumer with that name.
	Consumer(name string) Consumer
	// Consumers returns the consumers ordered by name.
	Consumers() []Consumer
	DeleteConsumer(name string) *jsapi.Error
	// ConsumerStates returns what a snapshot keeps of the durable consumers.
	ConsumerStates() []ConsumerState
	// SnapshotEnd ends a snapshot that has the messages up to a sequence. It reports
	// false if there are more.
	SnapshotEnd(after uint64) (end SnapshotEnd, ok bool)
}

// SnapshotEnd is what stands behind the messages of a snapshot.
type SnapshotEnd struct {
	LastSeq uint64 // given out last
	Delayed []DelayedMessage
}

// DelayedMessage is a message that waits to be stored.
type DelayedMessage struct {
	Due    int64  // Unix nanoseconds
	Record []byte // without a sequence; must not be changed
}

// Consumer is one consumer. Its info has metadata as it is stored.
type Consumer interface {
	Name() string
	Info() *jsapi.ConsumerInfo
	// Pause stops deliveries until then; a time that is over resumes them.
	Pause(until time.Time) (*jsapi.ConsumerInfo, *jsapi.Error)
	Unpin(group string) *jsapi.Error
	// Reset has the consumer go on with seq, 0: behind its ack floor. It returns
	// where that is.
	Reset(seq uint64) (*jsapi.ConsumerInfo, uint64, *jsapi.Error)
}

// ConsumerState is what a snapshot keeps of a consumer.
type ConsumerState struct {
	Name    string
	Config  jsapi.ConsumerConfig
	Created time.Time
	State   []byte // as the consumer's machine writes it
}

// Restore is a stream that is being restored.
type Restore interface {
	// Add stores a verified record under its own sequence and time. Sequences
	// ascend.
	Add(rec []byte) error
	// Delayed has a message wait until it is due, as its verified record without a
	// sequence.
	Delayed(due int64, rec []byte) error
	// Skip makes last the stream's last sequence.
	Skip(last uint64) error
	Consumer(c ConsumerState) error
	// Commit makes the stream visible, durably.
	Commit() (*jsapi.StreamInfo, *jsapi.Error)
	// Abort forgets what was not committed. It may be called twice and after
	// Commit.
	Abort()
}
