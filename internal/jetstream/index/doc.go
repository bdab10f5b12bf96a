// Package index is the index of one stream, in memory: which sequences have a
// message, of which subject and size, and where its record is; and which subjects
// there are, with their first and last message.
//
// The path of a message: the stream's machine decides its sequence and calls
// [Index.Append], which finds the subject's [ID] (hot.go, then dict.go) and adds a
// row to the newest block (block.go). Limits and acknowledgements take it out with
// [Index.Remove]; the store re-points it with [Index.Move] when it copies the
// record elsewhere. Readers look it up by sequence, or go from one message to the
// next that a [Filter] lets pass, with [Index.Next] or a [Cursor].
//
// It is built to be small: twelve bytes a message (fourteen where neighbours are in
// different files, nineteen at most where a block has holes) and, for a subject,
// twenty bytes besides what its text does not share with its neighbour's. There is
// no pointer per message or subject, so that the garbage collector has nothing to
// follow. Nothing is allocated to append to a known subject, remove, look up or walk,
// except for a block or page now and then.
//
// Sequences are exact, always: First, Last and counts of a subject, numbers of
// pending messages, holes. What costs is put off until somebody asks: the next
// message of a subject whose first one was removed (subjects.go), which subjects a
// filter means (filter.go), what became of the messages before a cursor
// (cursor.go), which blocks lack a rare subject (bloom.go).
//
// It is pure: no goroutine, clock, file or lock, and what it does depends on nothing
// but the calls. One goroutine at a time may use an index with its filters and
// cursors; look-ups write to caches, too. It knows no limits, retention or
// deduplication; those are the stream's.
package index
