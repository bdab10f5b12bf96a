// Package jsapi is the vocabulary of JetStream: what its requests, responses,
// advisories and acknowledgements look like as JSON, as subjects and as
// headers, which errors there are, and which configurations are valid. Server
// and tools share it.
//
// The path of one request: [ParseAPISubject] says which operation a subject
// asks for and on which stream and consumer. [Decode] reads the body into the
// request type of the operation, refusing what is too large, too deep or, in
// strict mode, unknown. [StreamConfig.Checked] and [ConsumerConfig.Checked]
// fill defaults and refuse what cannot work, looking at nothing but the
// configuration itself; their CheckedUpdate compares it with the one it
// replaces. The answer is a response type, marshalled with encoding/json; a
// refusal is an [*Error] in it. Messages that consumers deliver carry an
// acknowledgement subject, which [AppendAckV1] writes and [ParseAckSubject]
// reads without allocating.
//
// Promised: the order of the JSON fields, the fields left out when empty, and
// the numbers of errors are those that existing servers of protocol version
// 2.15 give, their texts too unless another one is clearer, so that stock
// clients and tools see no difference. Durations are integers of nanoseconds,
// times RFC 3339 with nanoseconds.
//
// Everything here is pure: no I/O, no clock, no state. Values belong to the
// caller; a check returns a changed copy. What depends on other streams, on
// accounts or on servers (overlap between streams, limits of an account,
// whether a mirror's origin exists) is not decided here.
package jsapi
