// Package vfs is the file system as the store sees it: few operations, each with
// a stated durability, so that everything above can be tested against lost power
// and failing disks.
//
// There are three implementations. [Dir] is a directory of the real file system
// (fdatasync and fallocate on Linux, their nearest relatives elsewhere). [Mem]
// lives in memory and knows what a loss of power would leave: what was synced,
// and an arbitrary part of the rest. [Faulty] wraps either and makes chosen calls
// fail, stop short, lie or wait, with a [Gate] until a test lets them go on. One
// suite of tests runs over all of them.
//
// The path of one durable record: Create the file, WriteAt, File.Sync (content
// and length survive), FS.SyncDir of its directory (the name survives). Each step
// promises nothing about the others: content synced in a file whose directory was
// not synced may be unreachable after a loss of power. Rename is atomic, also
// across a loss of power, but durable only after SyncDir of each directory it
// touched.
//
// Names are paths below the root with forward slashes, valid in the sense of
// [fs.ValidPath]; the root itself is ".". Anything else is refused, so a name
// taken from outside cannot leave the root by "..".
//
// Everything here is safe for concurrent use, and what depends on chance depends
// on a seed given by the caller. The package keeps no cache and retries nothing:
// after a failed Sync the content of the file is unknown, and the caller must not
// go on as if a second attempt could repair that.
package vfs
