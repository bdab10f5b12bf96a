package jsapi

import (
	"time"
)

// Response is the head of every response: its type, and an error if the request
// was refused.
type Response struct {
	Type  string `json:"type"`
	Error *Error `json:"error,omitempty"`
}

// NewResponse returns the head of an answer to a request for o.
func NewResponse(o Operation) Response { return Response{Type: o.ResponseType()} }

// Page is the place of a response in a longer list.
type Page struct {
	Total  int `json:"total"`
	Offset int `json:"offset"`
	Limit  int `json:"limit"`
}

// AccountInfoResponse answers AccountInfo.
type AccountInfoResponse struct {
	Response
	*AccountStats
}

// AccountStats is what an account uses and may use.
type AccountStats struct {
	Usage
	Domain string           `json:"domain,omitempty"`
	API    APIStats         `json:"api"`
	Tiers  map[string]Usage `json:"tiers,omitempty"`
}

// Usage is what an account, or a tier of it, uses and may use. Sizes are bytes.
type Usage struct {
	Memory          uint64        `json:"memory"`
	Storage         uint64        `json:"storage"`
	ReservedMemory  uint64        `json:"reserved_memory"`
	ReservedStorage uint64        `json:"reserved_storage"`
	Streams         int           `json:"streams"`
	Consumers       int           `json:"consumers"`
	Limits          AccountLimits `json:"limits"`
}

// AccountLimits bound what an account may store; -1: unlimited.
type AccountLimits struct {
	MaxMemory             int64 `json:"max_memory"`
	MaxStorage            int64 `json:"max_storage"`
	MaxStreams            int   `json:"max_streams"`
	MaxConsumers          int   `json:"max_consumers"`
	MaxAckPending         int   `json:"max_ack_pending"`
	MemoryMaxStreamBytes  int64 `json:"memory_max_stream_bytes"`
	StorageMaxStreamBytes int64 `json:"storage_max_stream_bytes"`
	MaxBytesRequired      bool  `json:"max_bytes_required"`
}

// APIStats counts requests to the API.
type APIStats struct {
	Level    int    `json:"level"`
	Total    uint64 `json:"total"`
	Errors   uint64 `json:"errors"`
	Inflight uint64 `json:"inflight,omitempty"`
}

// StreamCreateResponse answers StreamCreate and StreamUpdate; the latter never
// sets DidCreate.
type StreamCreateResponse struct {
	Response
	*StreamInfo
	DidCreate bool `json:"did_create,omitempty"`
}

// StreamInfoResponse answers StreamInfoOp; the page is that of the subjects.
type StreamInfoResponse struct {
	Response
	Page
	*StreamInfo
}

// StreamNamesResponse answers StreamNames.
type StreamNamesResponse struct {
	Response
	Page
	Streams []string `json:"streams"`
}

// StreamListResponse answers StreamList. Missing are streams that did not
// answer in time, Offline those that cannot, with the reason.
type StreamListResponse struct {
	Response
	Page
	Streams []*StreamInfo     `json:"streams"`
	Missing []string          `json:"missing,omitempty"`
	Offline map[string]string `json:"offline,omitempty"`
}

// SuccessResponse answers what has nothing more to say.
type SuccessResponse struct {
	Response
	Success bool `json:"success,omitempty"`
}

// StreamPurgeResponse answers StreamPurge.
type StreamPurgeResponse struct {
	Response
	Success bool   `json:"success,omitempty"`
	Purged  uint64 `json:"purged"`
}

// MsgGetResponse answers StreamMsgGet.
type MsgGetResponse struct {
	Response
	Message *StoredMsg `json:"message,omitempty"`
}

// StoredMsg is one message of a stream; header and payload are base64 in JSON.
type StoredMsg struct {
	Subject string    `json:"subject"`
	Seq     uint64    `json:"seq"`
	Header  []byte    `json:"hdrs,omitempty"`
	Data    []byte    `json:"data,omitempty"`
	Time    time.Time `json:"time"`
}

// StreamSnapshotResponse answers StreamSnapshot before the first chunk.
type StreamSnapshotResponse struct {
	Response
	Config *StreamConfig `json:"config,omitempty"`
	State  *StreamState  `json:"state,omitempty"`
}

// StreamRestoreResponse answers StreamRestore: where the chunks go.
type StreamRestoreResponse struct {
	Response
	DeliverSubject string `json:"deliver_subject"`
}

// ConsumerCreateResponse answers ConsumerCreate and ConsumerDurableCreate, and
// ConsumerInfoOp under its own type.
type ConsumerCreateResponse struct {
	Response
	*ConsumerInfo
}

// ConsumerNamesResponse answers ConsumerNames.
type ConsumerNamesResponse struct {
	Response
	Page
	Consumers []string `json:"consumers"`
}

// ConsumerListResponse answers ConsumerList; see [StreamListResponse].
type ConsumerListResponse struct {
	Response
	Page
	Consumers []*ConsumerInfo   `json:"consumers"`
	Missing   []string          `json:"missing,omitempty"`
	Offline   map[string]string `json:"offline,omitempty"`
}

// ConsumerPauseResponse answers ConsumerPause.
type ConsumerPauseResponse struct {
	Response
	Paused         bool          `json:"paused"`
	PauseUntil     time.Time     `json:"pause_until"`
	PauseRemaining time.Duration `json:"pause_remaining,omitempty"`
}

// ConsumerUnpinResponse answers ConsumerUnpin.
type ConsumerUnpinResponse struct {
	Response
}

// ConsumerResetResponse answers ConsumerReset.
type ConsumerResetResponse struct {
	Response
	*ConsumerInfo
	ResetSeq uint64 `json:"reset_seq"`
}

// AccountPurgeResponse answers AccountPurge.
type AccountPurgeResponse struct {
	Response
	Initiated bool `json:"initiated,omitempty"`
}
