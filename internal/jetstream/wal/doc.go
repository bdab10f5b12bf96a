// Package wal is the write-ahead log of a node: one ordered record of everything
// that must survive, shared by all groups (streams, their consumers, metadata).
//
// The path of an entry: [Log.Append] copies it into the open batch and returns.
// The commit loop takes the open batch as soon as the batch before it is synced,
// so a lone writer never waits for company and many writers share one sync; it
// writes the batch with one call, syncs the file once, and tells each caller's
// [Completion] where its entries are. [Log.Read] gets one back by its [Place] and
// verifies it. Once the owner of the entries has put what still lives elsewhere,
// [Log.Retire] gives the oldest files back for use under new numbers.
//
// Promises: the entries of one Append survive together or not at all. What was
// reported durable is there after any loss of power, or is reported as damaged by
// [Log.Replay], never silently missing; docs/formats/wal.md says how a torn end
// differs from damage and which window is left. A failed write or sync poisons the
// log: no later call succeeds until it is opened anew. For want of disk space an
// entry is refused before it is accepted, never after, and a reserve is kept for
// entries that free space. Files that hold something unreadable are set aside
// under another name, never reused or removed.
//
// The log owns its directory and two goroutines: commitLoop writes, prepareLoop
// makes files ready ahead of need. It knows neither the meaning of kinds and
// payloads nor which entries are still needed. Only one process may open a
// directory: the store above holds the lock.
package wal
