// Package archive is the form that a stream has in a backup: a tar file,
// compressed as an S2 stream, whose bytes docs/formats/backup.md describes.
//
// The path of one message on its way out: [Writer.Message] adds its record, as it
// is stored, to the entry that is being filled; a full entry goes into the tar
// file and so through the compression to the io.Writer given to [NewWriter]. On
// its way in: [Read] takes the tar file apart, verifies each record's checksum and
// order, and hands it to a [Target] before it reads on.
//
// The reader trusts nothing. Names are compared, never used as paths; the order of
// entries is fixed; every length is bounded before memory is taken for it, and
// memory grows only as bytes arrive; numbers must agree with each other and with
// the last entry, so a file that ends early or goes on after its end is refused.
//
// Nothing here knows streams, clients or files: bytes come from an io.Reader and go
// to an io.Writer, one goroutine at a time.
package archive
