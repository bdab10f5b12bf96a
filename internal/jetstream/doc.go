// Package jetstream runs streams and consumers: it gives the pure state machines
// (packages stream and consumer) their log, their time, their messages and their
// subscribers.
//
// The path of one publish. A stream is a core.Receiver: the publishing
// connection's reader writes each message as a record into its own stage for the
// stream, and at the end of its batch the stage becomes one entry of the node's
// log (ingest.go). The log syncs it together with whatever else was queued, and
// says so; a turn of the stream applies it (apply.go): the state machine decides
// sequence, duplicate or refusal for each record, the acknowledgements are staged
// to the publishers like any delivery, then consumers that waited are served, from
// the same bytes. Streams in memory skip the log.
//
// Turns. A stream has no goroutine. Work for it (entries that are durable,
// acknowledgements and pull requests of clients, timers) goes into its inbox;
// whoever puts something into an idle inbox runs the turn, or leaves that to the
// node's pool if it must not be held up, as the log's commit loop. There is one
// turn of a stream at a time, and its deliveries are handed over before the next
// one begins, so their order is kept.
//
// Slow clients. A delivery tells the machine when its client has not taken what it
// was sent before (backlog.go): then that pull request or push consumer waits, and
// nobody else; what it is not given stays in the stream.
//
// Who owns what. Stream.mu guards the machine and the consumers of one stream;
// readers of information take it, too. Stream.order makes the order in which
// entries get their index the order of the log. Account.mu guards the table of
// streams and is held while one is created or deleted. Locks are taken in the
// order Account.mu, Stream.mu, Stream.order; none is held while a client is waited
// for.
//
// Everything that must survive is an entry of the log: the catalogue of streams in
// the node's own group, everything else in the stream's (commands.go). After a
// restart the newest checkpoint and the entries after it go through the same
// functions (recover.go).
package jetstream
