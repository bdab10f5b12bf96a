// Package store keeps the messages and the states of all streams of a node on
// disk: one log for everything that happens, segment files for what stays, and
// checkpoints from which a restart goes on. It knows messages, not the rules of
// streams.
//
// The path of a message. It becomes durable as part of an entry of the log
// ([Store.Append]), and its stream's index points into the log: nothing is copied
// then. [Files.Read] finds it by its [index.Place]. When log files run out, the
// keeper (one goroutine) takes the oldest: it copies what its messages are still
// there for to segment files of their streams, re-points the index under the
// stream's lock ([Owner]), writes checkpoints that no longer refer to the file,
// and gives it back to the log. Records that streams make themselves are held in
// memory ([Files.Keep]) until the keeper writes them to a segment; [Memory] does
// the same for streams that are never on disk.
//
// A state may be large: an index of millions of subjects. So it is taken in parts
// ([State]) of about 256 KiB; the owner's lock is held for one of them at a time, and
// what the owner does in between is noted by it and written with the next part
// ([index.Capture] says how), so that the parts together are the state at the last
// one. The other ways were tried on paper: a copy of what is to be written takes half
// of the index's memory once more; copying blocks and pages when they are changed
// takes as much when changes are spread; holding the lock stalls publishers for as
// long as encoding and disk take; and replaying the log over parts of different
// ages is no way at all, as what an entry does depends on the whole state.
//
// The path of a restart. [Open] finds the newest intact checkpoint of each group
// and opens the log where the oldest of these ends; [Store.Recover] gives the
// states to the caller, as many at a time as there are processors and each in parts,
// then the entries behind them.
//
// Promises: what the log reported durable is served or reported as damaged, with
// file, offset and sequence, and damage spares the rest. A failed write or sync
// stops the store for good ([Store.Err]). Nothing that could not be read is
// deleted: files that are damaged or that nobody knows go to quarantine/. Files of
// a stream are removed only after [Store.Drop], that is when its delete entry is
// durable. Two generations of checkpoints are kept, and what the older one refers
// to; a group whose state one of them has lost goes on from the other.
//
// The store owns its directory, which it locks. docs/formats has the bytes of
// each file. It takes no lock of its own while it calls an [Owner].
package store
