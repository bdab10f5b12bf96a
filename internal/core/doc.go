// Package core turns a publish into deliveries. It knows accounts, interest and
// permissions; it knows no protocol, socket or goroutine.
//
// The path of one message. A door (a client connection, later a route, a leaf
// node, a stream) owns a [Publisher]. For each message that its reader finds, it
// calls Publisher.Publish: the publisher looks the subject up (first in its own
// memory of recent subjects, validated by generation numbers, then in the
// account's index), picks a member of each queue group, and asks each [Receiver]
// to append the message to that publisher's own [Stage] for that receiver. No
// lock is taken and nothing is allocated. When the reader has used up what one
// read returned it calls Publisher.Flush: each stage that has something is handed
// to its receiver, once, whatever the number of messages in it.
//
// Ownership: a Publisher and its stages belong to the one goroutine that reads
// the door's input at the moment. Accounts, indexes and counters are shared and
// read without locks. Chunks of staged bytes belong to the stage until a receiver
// takes them (Stage.Take), then to the receiver until it releases them.
//
// Promises: messages of one publisher reach one subscription in the order they
// were published; each subscription gets each message at most once; a queue
// group's message goes to exactly one member; a subscription with a maximum gets
// exactly that many. A member that leaves a queue group and waits for
// [Accounts.Departed] gets nothing afterwards that another member could have
// had.
package core
