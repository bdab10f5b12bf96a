// Package consumer is the state machine of one JetStream consumer: what it
// delivers to whom and when, and what has been acknowledged.
//
// The path of one message. The driver appends it to the stream's index and runs
// the machines that are Hungry. Run takes messages whose redelivery is due first,
// then what the cursor finds behind the last delivery, picks who gets each (the
// waiting pull request whose turn it is, or the deliver subject) and has the
// driver send it (Env.Deliver). The delivery is remembered as pending until Ack
// says what became of it; a refusal or the end of its ack wait puts it into the
// redelivery queue, the last allowed delivery ends with an advisory or as a dead
// letter.
//
// What survives. Deliveries, pull requests and timers are volatile. Where
// delivery has got to, what is pending, how often it was delivered and what is
// finished leave as coalesced deltas: Delta takes the changes since the last one
// to the log, ApplyDelta makes them binding, live as well as in replay, and tells
// which messages are finished with. A delta changes nothing when it is applied
// twice, and each state between two deltas is one from which nothing is lost:
// what was not logged is delivered again. A confirmed acknowledgement is one
// whose delta has been committed (Committed). What the stream may remove (Needs)
// follows from committed state alone, so that replay decides as the live machine
// did.
//
// The machine is pure: no goroutine, clock, lock or I/O. Time comes with each
// call, in Unix nanoseconds, and never goes back; randomness and ids come from
// Env. One goroutine at a time uses it, under the lock of its stream. Nothing is
// allocated ahead: without pending messages and requests there is a struct, a
// cursor and a filter, and nothing to do until Deadline or while not Hungry. What
// the consumers of a stream have in common, most of the configuration included, is
// in their Home.
//
// Not here: the API, permissions, the text of messages, how they travel.
package consumer
