// Package wire is the NATS client protocol as bytes: it parses the operations a
// client sends and appends the ones a server sends. It performs no I/O, keeps no
// connection state and knows no routing.
//
// The path of one message: the connection hands [Parser.Next] the unread bytes of
// its buffer. Next returns how many bytes the first complete operation took and
// leaves its parts in Parser.Op as views of that buffer, or says that it needs
// more bytes. Nothing is copied. For a publish, Op.Tail is the part of the input
// that a delivery repeats unchanged ("[reply ][#header ]#total CRLF payload CRLF"),
// so that a delivery is three copies: its head, the subscription id and the tail.
//
// Because an operation is parsed only when it is complete, every segmentation of
// the byte stream gives the same operations. Lengths are checked against
// [Limits] as soon as they are readable, never after the payload has arrived.
//
// Views are valid until the caller reuses the buffer or calls Next again. The
// protocol facts follow the public protocol reference (docs.nats.io, "Client
// Protocol"; ADR-4 for headers).
package wire
