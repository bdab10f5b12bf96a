package jsapi

import (
	"strings"
	"time"
)

// AdvisoryPrefix begins the subjects of advisories.
const AdvisoryPrefix = "$JS.EVENT.ADVISORY."

// MetricPrefix begins the subjects of metrics.
const MetricPrefix = "$JS.EVENT.METRIC."

// EventKind is what an advisory or metric is about: the head of its subject and
// its type.
type EventKind struct {
	// Subject is what follows with the names of stream and consumer, or all.
	Subject string
	// Type is the value of the type field.
	Type string
}

const (
	advisoryType = "io.nats.jetstream.advisory.v1."
	metricType   = "io.nats.jetstream.metric.v1."
)

// The kinds of advisories and metrics. Followed by the names of: stream and
// consumer where they begin with Consumer, the stream where they begin with
// Stream, nothing otherwise.
var (
	EventStreamCreated          = EventKind{AdvisoryPrefix + "STREAM.CREATED", advisoryType + "stream_action"}
	EventStreamDeleted          = EventKind{AdvisoryPrefix + "STREAM.DELETED", advisoryType + "stream_action"}
	EventStreamUpdated          = EventKind{AdvisoryPrefix + "STREAM.UPDATED", advisoryType + "stream_action"}
	EventStreamSnapshotCreate   = EventKind{AdvisoryPrefix + "STREAM.SNAPSHOT_CREATE", advisoryType + "snapshot_create"}
	EventStreamSnapshotComplete = EventKind{AdvisoryPrefix + "STREAM.SNAPSHOT_COMPLETE", advisoryType + "snapshot_complete"}
	EventStreamRestoreCreate    = EventKind{AdvisoryPrefix + "STREAM.RESTORE_CREATE", advisoryType + "restore_create"}
	EventStreamRestoreComplete  = EventKind{AdvisoryPrefix + "STREAM.RESTORE_COMPLETE", advisoryType + "restore_complete"}
	EventStreamBatchAbandoned   = EventKind{AdvisoryPrefix + "STREAM.BATCH_ABANDONED", advisoryType + "stream_batch_abandoned"}
	EventStreamLeaderElected    = EventKind{AdvisoryPrefix + "STREAM.LEADER_ELECTED", advisoryType + "stream_leader_elected"}
	EventStreamQuorumLost       = EventKind{AdvisoryPrefix + "STREAM.QUORUM_LOST", advisoryType + "stream_quorum_lost"}

	EventConsumerCreated       = EventKind{AdvisoryPrefix + "CONSUMER.CREATED", advisoryType + "consumer_action"}
	EventConsumerDeleted       = EventKind{AdvisoryPrefix + "CONSUMER.DELETED", advisoryType + "consumer_action"}
	EventConsumerPause         = EventKind{AdvisoryPrefix + "CONSUMER.PAUSE", advisoryType + "consumer_pause"}
	EventConsumerPinned        = EventKind{AdvisoryPrefix + "CONSUMER.PINNED", advisoryType + "consumer_group_pinned"}
	EventConsumerUnpinned      = EventKind{AdvisoryPrefix + "CONSUMER.UNPINNED", advisoryType + "consumer_group_unpinned"}
	EventConsumerMaxDeliver    = EventKind{AdvisoryPrefix + "CONSUMER.MAX_DELIVERIES", advisoryType + "max_deliver"}
	EventConsumerNak           = EventKind{AdvisoryPrefix + "CONSUMER.MSG_NAKED", advisoryType + "nak"}
	EventConsumerTerminated    = EventKind{AdvisoryPrefix + "CONSUMER.MSG_TERMINATED", advisoryType + "terminated"}
	EventConsumerLeaderElected = EventKind{AdvisoryPrefix + "CONSUMER.LEADER_ELECTED", advisoryType + "consumer_leader_elected"}
	EventConsumerQuorumLost    = EventKind{AdvisoryPrefix + "CONSUMER.QUORUM_LOST", advisoryType + "consumer_quorum_lost"}
	EventConsumerAckMetric     = EventKind{MetricPrefix + "CONSUMER.ACK", metricType + "consumer_ack"}

	EventDomainLeaderElected = EventKind{AdvisoryPrefix + "DOMAIN.LEADER_ELECTED", advisoryType + "domain_leader_elected"}
	EventStreamStoreFailed   = EventKind{AdvisoryPrefix + "STREAM.STORE_FAILED", "io.tidings.jetstream.advisory.v1.stream_store_failed"}
	EventServerOutOfStorage  = EventKind{AdvisoryPrefix + "SERVER.OUT_OF_STORAGE", advisoryType + "server_out_of_space"}
	EventServerRemoved       = EventKind{AdvisoryPrefix + "SERVER.REMOVED", advisoryType + "server_removed"}
	EventAPILimitReached     = EventKind{AdvisoryPrefix + "API.LIMIT_REACHED", advisoryType + "api_limit_reached"}
	EventAPIAudit            = EventKind{AdvisoryPrefix + "API", advisoryType + "api_audit"}
)

// For returns the subject of an event about those names: a stream, or a stream
// and a consumer.
func (k EventKind) For(names ...string) string {
	return strings.Join(append([]string{k.Subject}, names...), ".")
}

// New returns the head of an event: id is unique, now is in UTC.
func (k EventKind) New(id string, now time.Time) Event {
	return Event{Type: k.Type, ID: id, Timestamp: now}
}

// Event is the head of each advisory and metric.
type Event struct {
	Type      string    `json:"type"`
	ID        string    `json:"id"`
	Timestamp time.Time `json:"timestamp"`
}

// Actions of [StreamAction] and [ConsumerAdvice].
const (
	ActionCreate = "create"
	ActionDelete = "delete"
	ActionModify = "modify" // streams only
)

// StreamAction says that a stream was created, changed or deleted.
type StreamAction struct {
	Event
	Stream string `json:"stream"`
	Action string `json:"action"`
	Domain string `json:"domain,omitempty"`
}

// ConsumerAdvice says that a consumer was created or deleted.
type ConsumerAdvice struct {
	Event
	Stream   string `json:"stream"`
	Consumer string `json:"consumer"`
	Action   string `json:"action"`
	Domain   string `json:"domain,omitempty"`
}

// ConsumerPaused says that a consumer was paused or resumed.
type ConsumerPaused struct {
	Event
	Stream     string    `json:"stream"`
	Consumer   string    `json:"consumer"`
	Paused     bool      `json:"paused"`
	PauseUntil time.Time `json:"pause_until"`
	Domain     string    `json:"domain,omitempty"`
}

// GroupPinned says that a client was pinned for a priority group.
type GroupPinned struct {
	Event
	Account  string `json:"account,omitempty"`
	Stream   string `json:"stream"`
	Consumer string `json:"consumer"`
	Domain   string `json:"domain,omitempty"`
	Group    string `json:"group"`
	PinnedID string `json:"pinned_id"`
}

// Reasons of [GroupUnpinned].
const (
	UnpinnedAdmin   = "admin"
	UnpinnedTimeout = "timeout"
)

// GroupUnpinned says that the client of a priority group is no longer pinned.
type GroupUnpinned struct {
	Event
	Account  string `json:"account,omitempty"`
	Stream   string `json:"stream"`
	Consumer string `json:"consumer"`
	Domain   string `json:"domain,omitempty"`
	Group    string `json:"group"`
	Reason   string `json:"reason"`
}

// MaxDeliverReached says that a message will not be delivered again.
type MaxDeliverReached struct {
	Event
	Stream     string `json:"stream"`
	Consumer   string `json:"consumer"`
	StreamSeq  uint64 `json:"stream_seq"`
	Deliveries uint64 `json:"deliveries"`
	Domain     string `json:"domain,omitempty"`
}

// MsgRefused says that a consumer refused a message with "-NAK".
type MsgRefused struct {
	Event
	Stream      string `json:"stream"`
	Consumer    string `json:"consumer"`
	ConsumerSeq uint64 `json:"consumer_seq"`
	StreamSeq   uint64 `json:"stream_seq"`
	Deliveries  uint64 `json:"deliveries"`
	Domain      string `json:"domain,omitempty"`
}

// MsgTerminated says that a consumer gave a message up with "+TERM".
type MsgTerminated struct {
	Event
	Stream      string `json:"stream"`
	Consumer    string `json:"consumer"`
	ConsumerSeq uint64 `json:"consumer_seq"`
	StreamSeq   uint64 `json:"stream_seq"`
	Deliveries  uint64 `json:"deliveries"`
	Reason      string `json:"reason,omitempty"`
	Domain      string `json:"domain,omitempty"`
}

// AckMetric says how long a sampled message took to be acknowledged.
type AckMetric struct {
	Event
	Stream      string        `json:"stream"`
	Consumer    string        `json:"consumer"`
	ConsumerSeq uint64        `json:"consumer_seq"`
	StreamSeq   uint64        `json:"stream_seq"`
	AckTime     time.Duration `json:"ack_time"`
	Deliveries  uint64        `json:"deliveries"`
	Domain      string        `json:"domain,omitempty"`
}

// Reasons of [BatchAbandoned].
const (
	AbandonedTimeout    = "timeout"
	AbandonedLarge      = "large"
	AbandonedIncomplete = "incomplete"
)

// BatchAbandoned says that an atomic batch was given up.
type BatchAbandoned struct {
	Event
	Account string `json:"account,omitempty"`
	Stream  string `json:"stream"`
	Domain  string `json:"domain,omitempty"`
	BatchID string `json:"batch"`
	Reason  string `json:"reason"`
}

// SnapshotCreated says that a snapshot of a stream begins.
type SnapshotCreated struct {
	Event
	Stream string      `json:"stream"`
	State  StreamState `json:"state"`
	Client ClientInfo  `json:"client"`
	Domain string      `json:"domain,omitempty"`
}

// SnapshotCompleted says that a snapshot of a stream has ended.
type SnapshotCompleted struct {
	Event
	Stream string     `json:"stream"`
	Start  time.Time  `json:"start"`
	End    time.Time  `json:"end"`
	Client ClientInfo `json:"client"`
	Domain string     `json:"domain,omitempty"`
}

// RestoreCreated says that a stream begins to be restored.
type RestoreCreated struct {
	Event
	Stream string     `json:"stream"`
	Client ClientInfo `json:"client"`
	Domain string     `json:"domain,omitempty"`
}

// RestoreCompleted says that the restore of a stream has ended.
type RestoreCompleted struct {
	Event
	Stream string     `json:"stream"`
	Start  time.Time  `json:"start"`
	End    time.Time  `json:"end"`
	Bytes  int64      `json:"bytes"`
	Client ClientInfo `json:"client"`
	Domain string     `json:"domain,omitempty"`
}

// LeaderElected says who leads a stream or a consumer.
type LeaderElected struct {
	Event
	Stream   string      `json:"stream"`
	Consumer string      `json:"consumer,omitempty"`
	Leader   string      `json:"leader"`
	Replicas []*PeerInfo `json:"replicas"`
	Domain   string      `json:"domain,omitempty"`
}

// QuorumLost says that a stream or a consumer has too few replicas to go on.
type QuorumLost struct {
	Event
	Stream   string      `json:"stream"`
	Consumer string      `json:"consumer,omitempty"`
	Replicas []*PeerInfo `json:"replicas"`
	Domain   string      `json:"domain,omitempty"`
}

// DomainLeaderElected says who leads the metadata of a domain.
type DomainLeaderElected struct {
	Event
	Leader   string      `json:"leader"`
	Replicas []*PeerInfo `json:"replicas"`
	Cluster  string      `json:"cluster"`
	Domain   string      `json:"domain,omitempty"`
}

// StreamStoreFailed says that a stream takes nothing any more until the server is
// started anew, since something could not be written. It is not known to other
// servers.
type StreamStoreFailed struct {
	Event
	Stream string `json:"stream"`
	Error  string `json:"error"`
	Domain string `json:"domain,omitempty"`
}

// OutOfStorage says that a server has no room, when storing to which stream.
type OutOfStorage struct {
	Event
	Server   string `json:"server"`
	ServerID string `json:"server_id"`
	Stream   string `json:"stream,omitempty"`
	Cluster  string `json:"cluster"`
	Domain   string `json:"domain,omitempty"`
}

// ServerRemoved says that a server was taken out of the cluster.
type ServerRemoved struct {
	Event
	Server   string `json:"server"`
	ServerID string `json:"server_id"`
	Cluster  string `json:"cluster"`
	Domain   string `json:"domain,omitempty"`
}

// APILimitReached says that requests were dropped.
type APILimitReached struct {
	Event
	Server  string `json:"server"`
	Domain  string `json:"domain,omitempty"`
	Dropped int64  `json:"dropped"`
}

// APIAudit tells a request and its answer.
type APIAudit struct {
	Event
	Server   string     `json:"server"`
	Client   ClientInfo `json:"client"`
	Subject  string     `json:"subject"`
	Request  string     `json:"request,omitempty"`
	Response string     `json:"response"`
	Domain   string     `json:"domain,omitempty"`
}

// ClientInfo says who sent a request, as advisories and the header
// Nats-Request-Info tell it.
type ClientInfo struct {
	Start      *time.Time    `json:"start,omitempty"`
	Host       string        `json:"host,omitempty"`
	ID         uint64        `json:"id,omitempty"`
	Account    string        `json:"acc,omitempty"`
	Service    string        `json:"svc,omitempty"` // account of the responder
	User       string        `json:"user,omitempty"`
	Name       string        `json:"name,omitempty"`
	Lang       string        `json:"lang,omitempty"`
	Version    string        `json:"ver,omitempty"`
	RTT        time.Duration `json:"rtt,omitempty"`
	Server     string        `json:"server,omitempty"`
	Cluster    string        `json:"cluster,omitempty"`
	Alternates []string      `json:"alts,omitempty"`
	Stop       *time.Time    `json:"stop,omitempty"`
	JWT        string        `json:"jwt,omitempty"`
	IssuerKey  string        `json:"issuer_key,omitempty"`
	NameTag    string        `json:"name_tag,omitempty"`
	Tags       []string      `json:"tags,omitempty"`
	Kind       string        `json:"kind,omitempty"`
	ClientType string        `json:"client_type,omitempty"`
	ClientID   string        `json:"client_id,omitempty"` // of MQTT
	Nonce      string        `json:"nonce,omitempty"`
}
