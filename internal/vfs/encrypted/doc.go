// Package encrypted is a file system whose files are encrypted at rest: it wraps a
// [vfs.FS] and keeps names and sizes as they are, contents not.
//
// The path of one write: what the caller gives is cut into blocks of 16 bytes,
// each encrypted with AES-256 in XTS mode (IEEE 1619, NIST SP 800-38E) under a key
// of its file and its place in it, and written at the same place behind a header of
// 4 KiB. Nothing is collected: when WriteAt returns, the layer below has it all,
// so Sync means what it means there.
//
// Why XTS: a log overwrites in place, so no key stream may ever be used for two
// contents, and there is no room for a nonce beside each sector. And a block
// depends on nothing but its 16 bytes: what a lost or torn write and a flipped bit
// do to the store is what they do without encryption, to within 15 bytes. A write
// that goes on in the middle of a sector, as the one at the end of a segment does,
// writes the durable bytes before it again as they are. A cipher over whole
// sectors, or over 512 bytes of ChaCha20, would turn them all into noise if that
// write is torn. What XTS does not do: it shows which blocks of a file are equal
// in two copies of it taken at different times, and it does not notice changes by
// somebody who can write to the disk; checksums are against accidents.
//
// The keys: a random data key per store, in the file [KeyFile], encrypted under a
// key made of the secret in the configuration; see keys.go. Each file has a random
// number in its header, from which and the data key its own key is made.
//
// Promises: docs/formats/encryption.md has every byte. A block of zeros on the disk
// reads as zeros, so holes and reserved space stay what they
// are. A header that cannot be read makes the reads of its file fail, not the
// opening: the store above treats the file as damaged. A secret that does not fit
// changes nothing. All is safe for concurrent use as far as the layer below is;
// files may be open more than once, through this FS alone.
package encrypted
