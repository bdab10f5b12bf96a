package jsapi

import (
	"time"
)

// StreamConfig is the configuration of a stream. Numbers that limit something
// are -1 for unlimited; [StreamConfig.Checked] makes that of 0 too.
type StreamConfig struct {
	Name        string   `json:"name"`
	Description string   `json:"description,omitempty"`
	Subjects    []string `json:"subjects,omitempty"`

	Retention         Retention     `json:"retention"`
	MaxConsumers      int           `json:"max_consumers"`
	MaxMsgs           int64         `json:"max_msgs"`
	MaxBytes          int64         `json:"max_bytes"`
	MaxAge            time.Duration `json:"max_age"` // 0: unlimited
	MaxMsgsPerSubject int64         `json:"max_msgs_per_subject"`
	MaxMsgSize        int32         `json:"max_msg_size"` // header and payload
	Discard           Discard       `json:"discard"`
	Storage           Storage       `json:"storage"`
	Replicas          int           `json:"num_replicas"` // 0: one

	NoAck           bool            `json:"no_ack,omitempty"`
	DuplicateWindow time.Duration   `json:"duplicate_window,omitempty"`
	Placement       *Placement      `json:"placement,omitempty"`
	Mirror          *StreamSource   `json:"mirror,omitempty"`
	Sources         []*StreamSource `json:"sources,omitempty"`

	Compression          Compression       `json:"compression"`
	FirstSeq             uint64            `json:"first_seq,omitempty"`
	SubjectTransform     *SubjectTransform `json:"subject_transform,omitempty"`
	Republish            *Republish        `json:"republish,omitempty"`
	AllowDirect          bool              `json:"allow_direct"`
	MirrorDirect         bool              `json:"mirror_direct"`
	DiscardNewPerSubject bool              `json:"discard_new_per_subject,omitempty"`

	Sealed         bool           `json:"sealed"`
	DenyDelete     bool           `json:"deny_delete"`
	DenyPurge      bool           `json:"deny_purge"`
	AllowRollup    bool           `json:"allow_rollup_hdrs"`
	ConsumerLimits ConsumerLimits `json:"consumer_limits"`

	AllowMsgTTL            bool              `json:"allow_msg_ttl"`
	SubjectDeleteMarkerTTL time.Duration     `json:"subject_delete_marker_ttl,omitempty"`
	AllowMsgCounter        bool              `json:"allow_msg_counter,omitempty"`
	AllowAtomicPublish     bool              `json:"allow_atomic,omitempty"`
	AllowMsgSchedules      bool              `json:"allow_msg_schedules,omitempty"`
	PersistMode            PersistMode       `json:"persist_mode,omitempty"`
	AllowBatchPublish      bool              `json:"allow_batched,omitempty"`
	Metadata               map[string]string `json:"metadata,omitempty"`
}

// Placement says on which servers a stream or consumer should live.
type Placement struct {
	Cluster   string   `json:"cluster,omitempty"`
	Tags      []string `json:"tags,omitempty"`
	Preferred string   `json:"preferred,omitempty"` // server; only of a leader's stepdown
}

// SubjectTransform rewrites subjects that match Source into Destination (ADR-36).
type SubjectTransform struct {
	Source      string `json:"src"`
	Destination string `json:"dest"`
}

// Republish sends stored messages on to core subscribers (ADR-28).
type Republish struct {
	Source      string `json:"src,omitempty"` // empty: all
	Destination string `json:"dest"`
	HeadersOnly bool   `json:"headers_only,omitempty"`
}

// StreamSource names a stream whose messages another one copies (ADR-59).
type StreamSource struct {
	Name              string             `json:"name"`
	OptStartSeq       uint64             `json:"opt_start_seq,omitempty"`
	OptStartTime      *time.Time         `json:"opt_start_time,omitempty"`
	FilterSubject     string             `json:"filter_subject,omitempty"`
	SubjectTransforms []SubjectTransform `json:"subject_transforms,omitempty"`
	External          *External          `json:"external,omitempty"`
	Consumer          *SourceConsumer    `json:"consumer,omitempty"`
}

// External leads to a stream of another account or domain.
type External struct {
	API     string `json:"api"` // prefix of its API
	Deliver string `json:"deliver"`
}

// SourceConsumer is a consumer that exists already and that delivers what is
// copied (ADR-60).
type SourceConsumer struct {
	Name           string `json:"name"`
	DeliverSubject string `json:"deliver_subject"`
}

// ConsumerLimits are defaults and maxima for the consumers of a stream.
type ConsumerLimits struct {
	InactiveThreshold time.Duration `json:"inactive_threshold,omitempty"`
	MaxAckPending     int           `json:"max_ack_pending,omitempty"`
}

// StreamInfo is what there is to know about a stream.
type StreamInfo struct {
	Config     StreamConfig        `json:"config"`
	Created    time.Time           `json:"created"`
	State      StreamState         `json:"state"`
	Domain     string              `json:"domain,omitempty"`
	Cluster    *ClusterInfo        `json:"cluster,omitempty"`
	Mirror     *StreamSourceInfo   `json:"mirror,omitempty"`
	Sources    []*StreamSourceInfo `json:"sources,omitempty"`
	Alternates []StreamAlternate   `json:"alternates,omitempty"`
	Timestamp  time.Time           `json:"ts"`
	Delayed    *DelayedMessages    `json:"tidings_delayed,omitempty"`
	// Damage says what the log has lost of the stream, one text for each entry.
	Damage []string `json:"tidings_damage,omitempty"`
}

// DelayedMessages is what a stream will store later; stock servers have none.
type DelayedMessages struct {
	Messages int       `json:"messages"`
	Bytes    int       `json:"bytes"`
	Next     time.Time `json:"next"` // when the first is due
}

// StreamState is what a stream holds. Of an empty stream FirstSeq is LastSeq+1.
type StreamState struct {
	Msgs        uint64            `json:"messages"`
	Bytes       uint64            `json:"bytes"`
	FirstSeq    uint64            `json:"first_seq"`
	FirstTime   time.Time         `json:"first_ts"`
	LastSeq     uint64            `json:"last_seq"`
	LastTime    time.Time         `json:"last_ts"`
	NumSubjects int               `json:"num_subjects,omitempty"`
	Subjects    map[string]uint64 `json:"subjects,omitempty"`
	NumDeleted  int               `json:"num_deleted,omitempty"`
	Deleted     []uint64          `json:"deleted,omitempty"`
	Lost        *LostMessages     `json:"lost,omitempty"`
	Consumers   int               `json:"consumer_count"`
}

// LostMessages are messages that the store had and cannot read.
type LostMessages struct {
	Msgs  []uint64 `json:"msgs"`
	Bytes uint64   `json:"bytes"`
}

// StreamSourceInfo is the state of a mirror or of one source.
type StreamSourceInfo struct {
	Name              string             `json:"name"`
	External          *External          `json:"external,omitempty"`
	Lag               uint64             `json:"lag"`
	Seq               uint64             `json:"seq,omitempty"` // last sequence of the origin that was copied
	Active            time.Duration      `json:"active"`        // since the last message; -1: never
	Error             *Error             `json:"error,omitempty"`
	FilterSubject     string             `json:"filter_subject,omitempty"`
	SubjectTransforms []SubjectTransform `json:"subject_transforms,omitempty"`
}

// StreamAlternate is a stream with the same messages, nearest first.
type StreamAlternate struct {
	Name    string `json:"name"`
	Domain  string `json:"domain,omitempty"`
	Cluster string `json:"cluster"`
}

// ClusterInfo says which servers a stream or consumer lives on. A server that
// stands alone fills in Leader only.
type ClusterInfo struct {
	Name           string      `json:"name,omitempty"`
	RaftGroup      string      `json:"raft_group,omitempty"`
	Leader         string      `json:"leader,omitempty"`
	LeaderSince    *time.Time  `json:"leader_since,omitempty"`
	SystemAccount  bool        `json:"system_account,omitempty"`
	TrafficAccount string      `json:"traffic_account,omitempty"`
	Replicas       []*PeerInfo `json:"replicas,omitempty"`
}

// PeerInfo is the state of one replica that does not lead.
type PeerInfo struct {
	Name    string        `json:"name"`
	Current bool          `json:"current"`
	Offline bool          `json:"offline,omitempty"`
	Active  time.Duration `json:"active"`
	Lag     uint64        `json:"lag,omitempty"`
	Peer    string        `json:"peer,omitempty"`
}
