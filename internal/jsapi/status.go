package jsapi

// Status lines of messages without payload: number and text as they follow
// "NATS/1.0 ". They are never acknowledged.
const (
	StatusIdleHeartbeat = "100 Idle Heartbeat"
	StatusFlowControl   = "100 FlowControl Request"

	StatusEndOfBatch = "204 EOB" // of a direct get

	// StatusBadRequest is followed by what is wrong with the pull request.
	StatusBadRequest = "400 Bad Request - "

	StatusNoMessages      = "404 No Messages"       // pull with no_wait
	StatusMessageNotFound = "404 Message Not Found" // direct get
	StatusNoResults       = "404 No Results"        // direct get of several subjects

	StatusRequestTimeout   = "408 Request Timeout"   // pull that expired
	StatusInterestExpired  = "408 Interest Expired"  // pull
	StatusRequestsPending  = "408 Requests Pending"  // pull
	StatusEmptyRequest     = "408 Empty Request"     // direct get
	StatusInvalidRequest   = "408 Bad Request"       // direct get
	StatusMalformedRequest = "408 Malformed Request" // direct get
	StatusNoInterest       = "408 No Interest"       // snapshot
	StatusNoFlowResponse   = "408 No Flow Response"  // snapshot

	StatusPushBased          = "409 Consumer is push based"
	StatusConsumerDeleted    = "409 Consumer Deleted"
	StatusLeadershipChange   = "409 Leadership Change"
	StatusServerShutdown     = "409 Server Shutdown"
	StatusMaxWaiting         = "409 Exceeded MaxWaiting"
	StatusMaxBytesTooSmall   = "409 Message Size Exceeds MaxBytes"
	StatusBatchCompleted     = "409 Batch Completed"
	StatusMaxRequestBatch    = "409 Exceeded MaxRequestBatch of "    // followed by the limit
	StatusMaxRequestExpires  = "409 Exceeded MaxRequestExpires of "  // followed by the limit
	StatusMaxRequestMaxBytes = "409 Exceeded MaxRequestMaxBytes of " // followed by the limit

	StatusRequiredAPILevel = "412 Required Api Level"
	StatusTooManyResults   = "413 Too Many Results" // direct get of several subjects
	StatusPinIDMismatch    = "423 Nats-Pin-Id mismatch"
	StatusWrongPinID       = "423 Nats-Wrong-Pin-Id"
	StatusTooManyRequests  = "429 Too Many Requests" // direct get
	StatusNoResponders     = "503"                   // an acknowledgement that nobody waits for
	StatusInternal         = "500 "                  // followed by the error's text
)

// What follows [StatusBadRequest].
const (
	BadPullHeartbeat     = "heartbeat value too large"
	BadPullGroupMissing  = "Priority Group missing"
	BadPullGroup         = "Invalid Priority Group"
	BadPullNotOverflow   = "Not a Overflow Priority consumer"
	BadPullNotPinned     = "Not a Pinned Client Priority consumer"
	BadPullPriorityRange = "Priority must be between 0 and 9"
)
