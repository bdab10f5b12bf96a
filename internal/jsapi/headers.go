package jsapi

// Headers that publishers set on messages for a stream.
const (
	HeaderMsgID                         = "Nats-Msg-Id"
	HeaderExpectedStream                = "Nats-Expected-Stream"
	HeaderExpectedLastSeq               = "Nats-Expected-Last-Sequence"
	HeaderExpectedLastSubjectSeq        = "Nats-Expected-Last-Subject-Sequence"
	HeaderExpectedLastSubjectSeqSubject = "Nats-Expected-Last-Subject-Sequence-Subject"
	HeaderExpectedLastMsgID             = "Nats-Expected-Last-Msg-Id"
	HeaderRollup                        = "Nats-Rollup"
	HeaderTTL                           = "Nats-TTL"
	HeaderIncrement                     = "Nats-Incr"
	HeaderBatchID                       = "Nats-Batch-Id"
	HeaderBatchSeq                      = "Nats-Batch-Sequence"
	HeaderBatchCommit                   = "Nats-Batch-Commit"
	HeaderSchedule                      = "Nats-Schedule"
	HeaderScheduleTarget                = "Nats-Schedule-Target"
	HeaderScheduleSource                = "Nats-Schedule-Source"
	HeaderScheduleTTL                   = "Nats-Schedule-TTL"
	HeaderScheduleRollup                = "Nats-Schedule-Rollup"
	HeaderScheduleTimeZone              = "Nats-Schedule-Time-Zone"
	HeaderScheduleNext                  = "Nats-Schedule-Next"
	HeaderRequiredAPILevel              = "Nats-Required-Api-Level"
	HeaderKVOperation                   = "KV-Operation"
)

// Headers that the server writes into stored messages.
const (
	HeaderMarkerReason   = "Nats-Marker-Reason"
	HeaderCounterSources = "Nats-Counter-Sources"
	HeaderScheduler      = "Nats-Scheduler"
	HeaderStreamSource   = "Nats-Stream-Source"
	HeaderStreamIdentity = "Nats-Stream-Identity"
)

// Headers of messages that the server delivers, republishes or answers with.
const (
	HeaderStream          = "Nats-Stream"
	HeaderSubject         = "Nats-Subject"
	HeaderSequence        = "Nats-Sequence"
	HeaderTimestamp       = "Nats-Time-Stamp"
	HeaderLastSequence    = "Nats-Last-Sequence"
	HeaderMsgSize         = "Nats-Msg-Size"
	HeaderNumPending      = "Nats-Num-Pending"
	HeaderUpToSequence    = "Nats-UpTo-Sequence"
	HeaderPinID           = "Nats-Pin-Id"
	HeaderPendingMessages = "Nats-Pending-Messages"
	HeaderPendingBytes    = "Nats-Pending-Bytes"
	HeaderLastConsumer    = "Nats-Last-Consumer"
	HeaderLastStream      = "Nats-Last-Stream"
	HeaderConsumerStalled = "Nats-Consumer-Stalled"
	HeaderResponseType    = "Nats-Response-Type"
)

// Values of headers.
const (
	RollupSubject = "sub" // of HeaderRollup: what came before on the subject goes
	RollupAll     = "all" // of HeaderRollup: what came before in the stream goes

	TTLNever = "never" // of HeaderTTL: exempt from the stream's max_age

	MarkerMaxAge = "MaxAge" // of HeaderMarkerReason: the last message of the subject expired
	MarkerRemove = "Remove" // of HeaderMarkerReason: it was deleted
	MarkerPurge  = "Purge"  // of HeaderMarkerReason: it was purged

	BatchCommit = "1"   // of HeaderBatchCommit: store this message and commit
	BatchEnd    = "eob" // of HeaderBatchCommit: commit without storing this message

	KVDelete = "DEL"   // of HeaderKVOperation
	KVPurge  = "PURGE" // of HeaderKVOperation
	KVPut    = "PUT"   // of HeaderKVOperation

	SchedulePurge = "purge" // of HeaderScheduleNext: the schedule is over
)
