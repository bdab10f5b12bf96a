// Package stream decides what becomes of the messages of one stream: which are
// taken, with which sequence, what they become, and when they go. It is the state
// machine of the stream, without consumers, files and clients.
//
// The path of one message. The driver hands over a record that is durable in the
// log, with its place: [Machine.Publish]. What is due by then happens first
// (expire.go). A message without headers for a stream without special rules is
// appended to the index at once; otherwise its headers are read in one pass
// (headers.go), it is checked in a fixed order (check.go), and stored: appended,
// limits enforced, its TTL, schedule and id noted (store.go). The [Decision] says
// what the publisher is told.
//
// Messages are not here but where the log has them; the index knows the places.
// Where the stored message is another one than the published (a subject
// transform, a counter's total, a delete marker, a schedule's product), the machine
// builds the record and gives it to [Space.Keep].
//
// Promised: everything follows from the state and the commands with their times,
// so a log that is applied again leads to the same sequences and messages. For
// that, everything that is due up to the time of a command happens before it.
// [Machine.Expire] in between need not be in the log, unless [Machine.Produces]
// says that it appends messages; but its time must be before that of every command
// that is applied later, or what was refused once for want of room would be taken
// the next time, or the other way round. [Decode] of what [Machine.AppendState]
// has written goes on as the original would have.
//
// A machine belongs to its driver, which lets one goroutine at a time use it. It
// has no goroutine, clock or file; Space reads messages back.
//
// Not here: consumers and what they have acknowledged, configurations' validity
// (package jsapi), who may publish, the fetching of mirrored and sourced messages,
// advisories and answers on the wire.
package stream
