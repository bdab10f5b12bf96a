// Package conn is a client's connection as the server sees it: it reads
// operations, checks them, publishes through core and writes deliveries.
//
// The path of one message. A socket becomes readable; the connection's goroutine
// (or a new one, if it was parked) borrows a 64 KiB buffer and reads once. Each
// operation in the buffer is parsed in place (package wire); a publish goes to
// the connection's core.Publisher, which appends it to a stage per destination.
// When the buffer is used up, the publisher is flushed: for each destination its
// [Conn.Flush] takes the small write lock once, becomes the writer if there is
// none, and writes straight from the stage; otherwise the staged chunk is queued
// for the one who writes. Replies to the client itself (PONG, +OK, -ERR) are
// staged in the same order and leave last, so a PONG follows all effects of the
// input before it.
//
// Turns. One read and its flush are a turn; between turns the goroutine yields,
// so a connection with endless input does not starve others. A connection with
// nothing to read gives its buffer back; one that stays idle gives up its
// goroutine as well and waits parked.
//
// Back-pressure. What the kernel does not take is queued in chunks and written by
// a goroutine that lives as long as there is a queue. Publishers that fill a
// queue beyond a mark wait a little after their flush, as long as the slow side
// makes progress; beyond MaxPending, or when nothing moves for WriteDeadline, the
// connection is closed as a slow consumer, which is counted and logged.
//
// The end. A connection that ends in order (Conn.finish: the server closes, an
// error, a stale client) is written what is queued and told that nothing more
// comes; its input is then thrown away until the client has closed its side, for a
// bounded time, because closing with unread input would reset the connection and
// lose what is on its way. When the server closes, PINGs are no longer answered
// before the first queue ends: what was answered is delivered.
//
// Ownership is noted at the fields of [Conn]. Locks: Conn.out.mu and Conn.subs.mu
// are leaves; no system call and no call into core happens under them.
package conn
