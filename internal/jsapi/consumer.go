package jsapi

import (
	"time"
)

// ConsumerConfig is the configuration of a consumer.
type ConsumerConfig struct {
	Durable     string `json:"durable_name,omitempty"`
	Name        string `json:"name,omitempty"`
	Description string `json:"description,omitempty"`

	DeliverPolicy DeliverPolicy   `json:"deliver_policy"`
	OptStartSeq   uint64          `json:"opt_start_seq,omitempty"`
	OptStartTime  *time.Time      `json:"opt_start_time,omitempty"`
	AckPolicy     AckPolicy       `json:"ack_policy"`
	AckWait       time.Duration   `json:"ack_wait,omitempty"`
	MaxDeliver    int             `json:"max_deliver,omitempty"` // -1: unlimited
	Backoff       []time.Duration `json:"backoff,omitempty"`

	FilterSubject  string   `json:"filter_subject,omitempty"`
	FilterSubjects []string `json:"filter_subjects,omitempty"`

	ReplayPolicy  ReplayPolicy `json:"replay_policy"`
	RateLimit     uint64       `json:"rate_limit_bps,omitempty"` // bits per second
	SampleFreq    string       `json:"sample_freq,omitempty"`    // percent of acknowledgements
	MaxWaiting    int          `json:"max_waiting,omitempty"`
	MaxAckPending int          `json:"max_ack_pending,omitempty"` // -1: unlimited
	FlowControl   bool         `json:"flow_control,omitempty"`
	HeadersOnly   bool         `json:"headers_only,omitempty"`

	MaxRequestBatch    int           `json:"max_batch,omitempty"`
	MaxRequestExpires  time.Duration `json:"max_expires,omitempty"`
	MaxRequestMaxBytes int           `json:"max_bytes,omitempty"`

	DeliverSubject string        `json:"deliver_subject,omitempty"`
	DeliverGroup   string        `json:"deliver_group,omitempty"`
	Heartbeat      time.Duration `json:"idle_heartbeat,omitempty"`

	InactiveThreshold time.Duration     `json:"inactive_threshold,omitempty"`
	Replicas          int               `json:"num_replicas"` // 0: as the stream
	MemoryStorage     bool              `json:"mem_storage,omitempty"`
	Direct            bool              `json:"direct,omitempty"`   // for a mirror or source
	Sourcing          bool              `json:"sourcing,omitempty"` // for a mirror or source
	Metadata          map[string]string `json:"metadata,omitempty"`

	PauseUntil      *time.Time     `json:"pause_until,omitempty"`
	PriorityGroups  []string       `json:"priority_groups,omitempty"`
	PriorityPolicy  PriorityPolicy `json:"priority_policy,omitempty"`
	PriorityTimeout time.Duration  `json:"priority_timeout,omitempty"`
}

// Push reports whether the consumer sends messages by itself.
func (c *ConsumerConfig) Push() bool { return c.DeliverSubject != "" }

// Filters returns the filter subjects, whichever of the two fields they stand
// in; none means all messages.
func (c *ConsumerConfig) Filters() []string {
	if c.FilterSubject != "" {
		return []string{c.FilterSubject}
	}
	return c.FilterSubjects
}

// ConsumerInfo is what there is to know about a consumer.
type ConsumerInfo struct {
	Stream         string               `json:"stream_name"`
	Name           string               `json:"name"`
	Created        time.Time            `json:"created"`
	Config         ConsumerConfig       `json:"config"`
	Delivered      SequenceInfo         `json:"delivered"`
	AckFloor       SequenceInfo         `json:"ack_floor"`
	NumAckPending  int                  `json:"num_ack_pending"`
	NumRedelivered int                  `json:"num_redelivered"`
	NumWaiting     int                  `json:"num_waiting"`
	NumPending     uint64               `json:"num_pending"`
	Cluster        *ClusterInfo         `json:"cluster,omitempty"`
	PushBound      bool                 `json:"push_bound,omitempty"`
	Paused         bool                 `json:"paused,omitempty"`
	PauseRemaining time.Duration        `json:"pause_remaining,omitempty"`
	Timestamp      time.Time            `json:"ts"`
	PriorityGroups []PriorityGroupState `json:"priority_groups,omitempty"`
}

// SequenceInfo is a place in the stream as a consumer sees it.
type SequenceInfo struct {
	ConsumerSeq uint64     `json:"consumer_seq"`
	StreamSeq   uint64     `json:"stream_seq"`
	LastActive  *time.Time `json:"last_active,omitempty"`
}

// PriorityGroupState is the state of one priority group.
type PriorityGroupState struct {
	Group          string     `json:"group"`
	PinnedClientID string     `json:"pinned_client_id,omitempty"`
	PinnedTime     *time.Time `json:"pinned_ts,omitempty"` // zero: never
}
