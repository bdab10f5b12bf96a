// Package api serves the JetStream API: it takes what clients publish on
// $JS.API.> (and $JS.<domain>.API.>), has the driver do it, and answers.
//
// The path of one request. The subscriptions of an account lead to its desk, a
// core.Receiver: in Deliver the request is copied into the publisher's stage, in
// Flush it goes into one of the account's two queues, one for requests that only
// ask, one for all others. A queue has a goroutine while it has requests; it
// takes them one after the other, checks the sender's required API level, decodes
// the body, calls the driver and publishes the answer to the reply subject. A
// request beyond a queue's limit is answered at once with what is the matter
// (type system_overloaded) and counted in an advisory.
//
// Direct gets do not pass through the queues. Each stream that allows them has a
// subscription of its own in the queue group _sys_ ([Server.Register]); the
// goroutine of the requesting connection looks the message up, reads it and
// publishes it to the requester in its Flush.
//
// There is no subscription to $JS.API.> itself: pull requests are the driver's,
// and a direct get or pull for something that does not exist shall be told that
// there are no responders. Subjects of the API that ask for nothing known get no
// answer.
//
// Snapshots and restores are transfers with goroutines of their own, whose number
// is bounded; their archive is described in package archive.
//
// Ownership: a desk belongs to one account and reaches no other account's streams.
// A request owns its bytes. An answerer (publisher and buffers) belongs to the
// goroutine that has taken it from the desk's pool. Nothing here decides what a
// stream or consumer does; that is the driver's, behind the interfaces in
// backend.go.
package api
