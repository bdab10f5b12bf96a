package jsapi

import (
	"time"
)

// StreamCreateRequest is the body of a request to create or update a stream.
type StreamCreateRequest struct {
	StreamConfig
	// Pedantic refuses what would otherwise be adjusted silently.
	Pedantic bool `json:"pedantic,omitempty"`
}

// StreamInfoRequest is the body of a request for a stream's info.
type StreamInfoRequest struct {
	Offset         int    `json:"offset,omitempty"`
	DeletedDetails bool   `json:"deleted_details,omitempty"`
	SubjectsFilter string `json:"subjects_filter,omitempty"`
}

// StreamPageRequest is the body of a request for names or infos of streams.
type StreamPageRequest struct {
	Offset  int    `json:"offset"`
	Subject string `json:"subject,omitempty"` // streams that take messages of it
}

// StreamPurgeRequest is the body of a purge. Seq (what is below it goes) and
// Keep (so many stay) exclude each other.
type StreamPurgeRequest struct {
	Sequence uint64 `json:"seq,omitempty"`
	Filter   string `json:"filter,omitempty"`
	Keep     uint64 `json:"keep,omitempty"`
}

// MsgGetRequest is the body of a request for messages; the fields from Batch on
// are for direct gets only.
type MsgGetRequest struct {
	Seq           uint64     `json:"seq,omitempty"`
	LastBySubject string     `json:"last_by_subj,omitempty"`
	NextBySubject string     `json:"next_by_subj,omitempty"`
	Batch         int        `json:"batch,omitempty"`
	MaxBytes      int        `json:"max_bytes,omitempty"`
	StartTime     *time.Time `json:"start_time,omitempty"`
	MultiLast     []string   `json:"multi_last,omitempty"`
	UpToSeq       uint64     `json:"up_to_seq,omitempty"`
	UpToTime      *time.Time `json:"up_to_time,omitempty"`
	NoHeaders     bool       `json:"no_hdr,omitempty"`
}

// MsgDeleteRequest is the body of a request to delete one message.
type MsgDeleteRequest struct {
	Seq     uint64 `json:"seq"`
	NoErase bool   `json:"no_erase,omitempty"`
}

// StreamSnapshotRequest is the body of a request for a snapshot.
type StreamSnapshotRequest struct {
	DeliverSubject string `json:"deliver_subject"`
	NoConsumers    bool   `json:"no_consumers,omitempty"`
	ChunkSize      int    `json:"chunk_size,omitempty"`
	WindowSize     int    `json:"window_size,omitempty"`
	CheckMsgs      bool   `json:"jsck,omitempty"`
}

// StreamRestoreRequest is the body of a request to restore a snapshot.
type StreamRestoreRequest struct {
	Config StreamConfig `json:"config"`
	State  StreamState  `json:"state"`
}

// PeerRequest is the body of a request about one peer of a stream.
type PeerRequest struct {
	Peer string `json:"peer"`
}

// ServerRemoveRequest is the body of a request about one server.
type ServerRemoveRequest struct {
	Server string `json:"peer"`
	Peer   string `json:"peer_id,omitempty"`
}

// StepdownRequest is the body of a request for another leader.
type StepdownRequest struct {
	Placement *Placement `json:"placement,omitempty"`
}

// ConsumerCreateRequest is the body of a request to create or update a consumer.
type ConsumerCreateRequest struct {
	Stream   string         `json:"stream_name"`
	Config   ConsumerConfig `json:"config"`
	Action   ConsumerAction `json:"action"`
	Pedantic bool           `json:"pedantic,omitempty"`
}

// ConsumerPageRequest is the body of a request for names or infos of consumers.
type ConsumerPageRequest struct {
	Offset  int    `json:"offset"`
	Subject string `json:"subject,omitempty"`
}

// ConsumerPauseRequest is the body of a request to pause; a time that is not in
// the future, or none, resumes.
type ConsumerPauseRequest struct {
	PauseUntil time.Time `json:"pause_until,omitzero"`
}

// ConsumerUnpinRequest is the body of a request to let another client be pinned.
type ConsumerUnpinRequest struct {
	Group string `json:"group"`
}

// ConsumerResetRequest is the body of a request to go back to Seq; 0: to the
// ack floor.
type ConsumerResetRequest struct {
	Seq uint64 `json:"seq,omitempty"`
}
