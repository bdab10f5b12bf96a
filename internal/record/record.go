// Package record is the form a message has at rest: in the log, in segment files
// and in memory, from the publisher's batch to the consumer's delivery.
//
// A record is a header of [HeaderSize] bytes, then subject, header block and body.
// Numbers are little endian:
//
//	 0  u32  sum       CRC-32C of everything after it
//	 4  u32  length    of the whole record, bytes
//	 8  u16  subject   length in bytes
//	10  u16  flags     1: erased; see [Erase]
//	12  u32  header    length of the header block ("NATS/1.0…CRLF CRLF"), 0: none
//	16  i64  time      when it was accepted, Unix nanoseconds
//	24  u64  sequence  in its stream; 0 in the log, where it is not decided yet
//
// The path of one: a publisher's reader writes it with [Append] while it has the
// message in hand, so that the expensive part of the checksum is taken there;
// [Seal] gives it its time under the stream's lock, for the price of the header;
// [Parse] verifies it whenever it is read back; [Number] gives it its sequence
// when it is moved to a segment.
package record

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"math"
)

// HeaderSize is the number of bytes before the subject.
const HeaderSize = 32

// MaxSubject is the length of the longest subject a record can have.
const MaxSubject = math.MaxUint16

const (
	offLength  = 4
	offSubject = 8
	offFlags   = 10
	offHeader  = 12
	offTime    = 16
	offSeq     = 24
)

// ErrDamaged is part of every error about bytes that are not the record that was
// written.
var ErrDamaged = errors.New("record is damaged")

var table = crc32.MakeTable(crc32.Castagnoli)

// unsealed stands for time and sequence.
var unsealed [HeaderSize - offTime]byte

// Message is a record taken apart. Its slices are views.
type Message struct {
	Seq     uint64
	Time    int64 // Unix nanoseconds
	Subject []byte
	Header  []byte // nil: none
	Body    []byte
	// Erased says that the body is no longer what it was, but zeros.
	Erased bool
}

// Size returns the number of bytes of a record.
func Size(subject, header, body int) int { return HeaderSize + subject + header + body }

// Len returns the number of bytes of m's record.
func (m *Message) Len() int { return Size(len(m.Subject), len(m.Header), len(m.Body)) }

// Append appends a record without time and sequence, which is not readable before
// [Seal]. The payload is the header block, of headerLen bytes, and the body. The
// subject must not be longer than [MaxSubject].
func Append(dst, subject, payload []byte, headerLen int) []byte {
	dst = binary.LittleEndian.AppendUint32(dst, contentSum(subject, payload))
	dst = binary.LittleEndian.AppendUint32(dst, uint32(HeaderSize+len(subject)+len(payload)))
	dst = binary.LittleEndian.AppendUint16(dst, uint16(len(subject)))
	dst = binary.LittleEndian.AppendUint16(dst, 0)
	dst = binary.LittleEndian.AppendUint32(dst, uint32(headerLen))
	dst = append(dst, unsealed[:]...)
	dst = append(dst, subject...)
	return append(dst, payload...)
}

// Seal completes the record at the start of b, which [Append] has written, and
// returns its length.
func Seal(b []byte, time int64) int {
	binary.LittleEndian.PutUint64(b[offTime:], uint64(time))
	content := binary.LittleEndian.Uint32(b)
	binary.LittleEndian.PutUint32(b, crc32.Update(content, table, b[offLength:HeaderSize]))
	return int(binary.LittleEndian.Uint32(b[offLength:]))
}

// Reseal gives the record at the start of b, which [Seal] has completed before,
// another time, and returns its length.
func Reseal(b []byte, time int64) int {
	n := Length(b)
	binary.LittleEndian.PutUint64(b[offTime:], uint64(time))
	resum(b[:n])
	return n
}

// Build appends the complete record of m.
func Build(dst []byte, m *Message) []byte {
	from := len(dst)
	dst = binary.LittleEndian.AppendUint32(dst, 0)
	dst = binary.LittleEndian.AppendUint32(dst, uint32(m.Len()))
	dst = binary.LittleEndian.AppendUint16(dst, uint16(len(m.Subject)))
	dst = binary.LittleEndian.AppendUint16(dst, 0)
	dst = binary.LittleEndian.AppendUint32(dst, uint32(len(m.Header)))
	dst = binary.LittleEndian.AppendUint64(dst, uint64(m.Time))
	dst = binary.LittleEndian.AppendUint64(dst, m.Seq)
	dst = append(append(append(dst, m.Subject...), m.Header...), m.Body...)
	resum(dst[from:])
	return dst
}

// Number gives the verified record b its sequence.
func Number(b []byte, seq uint64) {
	binary.LittleEndian.PutUint64(b[offSeq:], seq)
	resum(b)
}

// Length returns the length of the record that begins with b, of which it needs
// eight bytes; it is not verified.
func Length(b []byte) int { return int(binary.LittleEndian.Uint32(b[offLength:])) }

// Sequence returns the sequence of the record that begins with b, 0 if b is shorter
// than its header; it is not verified.
func Sequence(b []byte) uint64 {
	if len(b) < HeaderSize {
		return 0
	}
	return binary.LittleEndian.Uint64(b[offSeq:])
}

// Time returns the time of the record that begins with b; it is not verified.
func Time(b []byte) int64 { return int64(binary.LittleEndian.Uint64(b[offTime:])) }

// Parse verifies the record at the start of b and takes it apart. It does not
// allocate unless there is an error, which satisfies [ErrDamaged].
func Parse(b []byte) (m Message, n int, err error) {
	if err := check(b); err != nil {
		return Message{}, 0, err
	}
	n = Length(b)
	m = View(b[:n])
	if m.Erased {
		return m, n, checkErased(&m)
	}
	if sum := binary.LittleEndian.Uint32(b); sum != fullSum(b[:n]) {
		return Message{}, 0, fmt.Errorf("%w: checksum %08x does not match", ErrDamaged, sum)
	}
	return m, n, nil
}

// View takes a record apart that is known to be whole, such as one that was just
// sealed.
func View(b []byte) Message {
	n := Length(b)
	subject := HeaderSize + int(binary.LittleEndian.Uint16(b[offSubject:]))
	body := subject + int(binary.LittleEndian.Uint32(b[offHeader:]))
	m := Message{
		Seq:     binary.LittleEndian.Uint64(b[offSeq:]),
		Time:    Time(b),
		Subject: b[HeaderSize:subject:subject],
		Body:    b[body:n:n],
		Erased:  binary.LittleEndian.Uint16(b[offFlags:]) == flagErased,
	}
	if body > subject {
		m.Header = b[subject:body:body]
	}
	return m
}

func check(b []byte) error {
	if len(b) < HeaderSize {
		return fmt.Errorf("%w: %d bytes are no header", ErrDamaged, len(b))
	}
	n := int64(binary.LittleEndian.Uint32(b[offLength:]))
	content := int64(binary.LittleEndian.Uint16(b[offSubject:])) + int64(binary.LittleEndian.Uint32(b[offHeader:]))
	if n > int64(len(b)) || HeaderSize+content > n {
		return fmt.Errorf("%w: length %d of %d bytes with %d of subject and header", ErrDamaged, n, len(b), content)
	}
	if flags := binary.LittleEndian.Uint16(b[offFlags:]); flags&^flagErased != 0 {
		return fmt.Errorf("%w: unknown flags %04x", ErrDamaged, flags)
	}
	return nil
}

// contentSum is the checksum of subject, header block and body: the sum of a
// record goes on from it over the header, so that time and sequence can be set
// without reading the content again.
func contentSum(subject, payload []byte) uint32 {
	return crc32.Update(crc32.Checksum(subject, table), table, payload)
}

func fullSum(b []byte) uint32 {
	return crc32.Update(crc32.Checksum(b[HeaderSize:], table), table, b[offLength:HeaderSize])
}

func resum(b []byte) { binary.LittleEndian.PutUint32(b, fullSum(b)) }
