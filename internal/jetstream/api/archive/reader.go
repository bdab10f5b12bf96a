package archive

import (
	"archive/tar"
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"io"
	"strings"

	"github.com/klauspost/compress/s2"

	"github.com/tidings-io/tidings/internal/record"
)

// Target takes what is in an archive, in this order. An error of its own ends the
// reading and is returned.
type Target interface {
	Head(h *Head) error
	// Message takes a verified record, valid until it returns. Sequences ascend.
	Message(rec []byte) error
	// Delayed takes a message that waits until it is due (Unix nanoseconds), as its
	// verified record without a sequence, valid until it returns.
	Delayed(due int64, rec []byte) error
	Consumer(c *Consumer) error
}

// Read reads one archive to its end and hands its content to t. What t got is
// complete only if there is no error.
//
// Errors: [ErrInvalid]; errors of r and of t.
func Read(r io.Reader, t Target) (*End, error) {
	below := &source{r: r}
	packed := s2.NewReader(below, s2.ReaderMaxBlockSize(blockMaxBytes))
	a := &reader{packed: packed, tar: tar.NewReader(packed), target: t}
	end, err := a.read()
	if err == nil {
		return end, nil
	}
	// Errors of the reader below and of the target are not the archive's fault.
	if below.err != nil && !errors.Is(below.err, io.EOF) {
		return nil, below.err
	}
	if a.targetErr != nil {
		return nil, a.targetErr
	}
	if !errors.Is(err, ErrInvalid) {
		err = invalid("%v", err)
	}
	return nil, err
}

// source remembers what the reader below it said.
type source struct {
	r   io.Reader
	err error
}

func (s *source) Read(p []byte) (int, error) {
	n, err := s.r.Read(p)
	if err != nil {
		s.err = err
	}
	return n, err //nolint:wrapcheck // io.Reader
}

type reader struct {
	packed    io.Reader
	tar       *tar.Reader
	target    Target
	targetErr error

	head   Head
	got    End
	seq    uint64 // last sequence
	buffer bytes.Buffer
}

func (a *reader) read() (*End, error) {
	name, err := a.next()
	if err != nil {
		return nil, err
	}
	if name != nameHead {
		return nil, invalid("it begins with %q, not with %q", name, nameHead)
	}
	if err := a.readHead(); err != nil {
		return nil, err
	}
	for range entriesMax {
		name, err := a.next()
		if err != nil {
			return nil, err
		}
		switch {
		case strings.HasPrefix(name, nameMessages) && a.got.Consumers == 0 && a.got.Delayed == 0:
			err = a.readMessages(name)
		case strings.HasPrefix(name, nameDelayed) && a.got.Consumers == 0:
			err = a.readDelayed(name)
		case strings.HasPrefix(name, nameConsumer):
			err = a.readConsumer(name)
		case name == nameEnd:
			return a.readEnd()
		default:
			err = invalid("entry %q does not belong here", name)
		}
		if err != nil {
			return nil, err
		}
	}
	return nil, invalid("it has more than %d entries", entriesMax)
}

// next goes on to the next entry and returns its name.
func (a *reader) next() (string, error) {
	h, err := a.tar.Next()
	switch {
	case errors.Is(err, io.EOF):
		return "", invalid("it ends before %q", nameEnd)
	case err != nil:
		return "", invalid("%v", err)
	case h.Typeflag != tar.TypeReg || sparse(h):
		return "", invalid("entry %q is no plain file", h.Name)
	}
	return h.Name, nil
}

// sparse reports whether an entry is larger than what the file has of it.
func sparse(h *tar.Header) bool {
	for key := range h.PAXRecords {
		if key != "path" {
			return true
		}
	}
	return false
}

// take calls the target.
func (a *reader) take(err error) error {
	if err != nil {
		a.targetErr = err
	}
	return err
}

// json reads an entry into a value.
func (a *reader) json(name string, most int64, into any) error {
	a.buffer.Reset()
	n, err := io.Copy(&a.buffer, io.LimitReader(a.tar, most+1))
	switch {
	case err != nil:
		return invalid("entry %q: %v", name, err)
	case n > most:
		return invalid("entry %q is larger than %d bytes", name, most)
	}
	decoder := json.NewDecoder(&a.buffer)
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(into); err != nil {
		return invalid("entry %q: %v", name, err)
	}
	return nil
}

func (a *reader) readHead() error {
	if err := a.json(nameHead, jsonMaxBytes, &a.head); err != nil {
		return err
	}
	switch h := &a.head; {
	case h.Format != format:
		return invalid("its format is %q, not %q", h.Format, format)
	case h.Version != version:
		return invalid("it has version %d, this program reads %d: use the program that wrote it", h.Version, version)
	}
	return a.take(a.target.Head(&a.head))
}

// readMessages hands the records of an entry on.
func (a *reader) readMessages(name string) error {
	for first := true; ; first = false {
		m, err := a.record(name, 0)
		switch {
		case errors.Is(err, io.EOF):
			return notEmpty(name, first)
		case err != nil:
			return err
		case m.Seq <= a.seq:
			return invalid("message %d stands after %d", m.Seq, a.seq)
		case first && name != numbered(nameMessages, m.Seq):
			return invalid("entry %q begins with message %d", name, m.Seq)
		}
		a.seq = m.Seq
		a.got.Messages++
		a.got.Bytes += uint64(a.buffer.Len())
		if err := a.take(a.target.Message(a.buffer.Bytes())); err != nil {
			return err
		}
	}
}

// dueSize is the size of the time that stands before the record of a delayed
// message.
const dueSize = 8

// readDelayed hands the messages of an entry on that wait.
func (a *reader) readDelayed(name string) error {
	if name != numbered(nameDelayed, a.got.Delayed+1) {
		return invalid("entry %q stands after %d delayed messages", name, a.got.Delayed)
	}
	for first := true; ; first = false {
		m, err := a.record(name, dueSize)
		switch {
		case errors.Is(err, io.EOF):
			return notEmpty(name, first)
		case err != nil:
			return err
		case m.Seq != 0:
			return invalid("entry %q has message %d, which does not wait any more", name, m.Seq)
		}
		a.got.Delayed++
		b := a.buffer.Bytes()
		if err := a.take(a.target.Delayed(int64(binary.LittleEndian.Uint64(b)), b[dueSize:])); err != nil {
			return err
		}
	}
}

// notEmpty refuses an entry that ends before its first record.
func notEmpty(name string, empty bool) error {
	if empty {
		return invalid("entry %q is empty", name)
	}
	return nil
}

// record reads the next record of an entry into the buffer, with so many bytes that
// stand before it. The error is io.EOF when there is none.
func (a *reader) record(name string, before int) (m record.Message, err error) {
	start := make([]byte, before+record.HeaderSize)
	switch _, err := io.ReadFull(a.tar, start); {
	case errors.Is(err, io.EOF):
		return m, io.EOF
	case err != nil:
		return m, invalid("entry %q ends inside a record: %v", name, err)
	}
	size := record.Length(start[before:])
	if size < record.HeaderSize || size > RecordMaxBytes {
		return m, invalid("entry %q has a record of %d bytes", name, size)
	}
	a.buffer.Reset()
	a.buffer.Write(start)
	// The buffer grows with what is there, not with what is announced.
	if _, err := io.CopyN(&a.buffer, a.tar, int64(size-record.HeaderSize)); err != nil {
		return m, invalid("entry %q ends inside a record: %v", name, err)
	}
	if m, _, err = record.Parse(a.buffer.Bytes()[before:]); err != nil {
		return m, invalid("entry %q: %v", name, err)
	}
	if m.Erased {
		return m, invalid("entry %q has a message that is erased, which has no place in a backup", name)
	}
	return m, nil
}

func (a *reader) readConsumer(name string) error {
	var c Consumer
	if err := a.json(name, consumerMaxBytes, &c); err != nil {
		return err
	}
	if name != nameConsumer+c.Name+".json" {
		return invalid("entry %q is of consumer %q", name, c.Name)
	}
	a.got.Consumers++
	return a.take(a.target.Consumer(&c))
}

// readEnd compares what was there with what there should have been.
func (a *reader) readEnd() (*End, error) {
	var end End
	if err := a.json(nameEnd, jsonMaxBytes, &end); err != nil {
		return nil, err
	}
	if a.seq > end.LastSeq {
		return nil, invalid("message %d stands after %d, the last", a.seq, end.LastSeq)
	}
	if end.Messages != a.got.Messages || end.Bytes != a.got.Bytes || end.Delayed != a.got.Delayed || end.Consumers != a.got.Consumers {
		return nil, invalid("%d messages of %d bytes, %d delayed ones and %d consumers were announced, %d of %d, %d and %d are there",
			end.Messages, end.Bytes, end.Delayed, end.Consumers, a.got.Messages, a.got.Bytes, a.got.Delayed, a.got.Consumers)
	}
	switch h, err := a.tar.Next(); {
	case err == nil:
		return nil, invalid("entry %q comes after the end", h.Name)
	case !errors.Is(err, io.EOF):
		return nil, invalid("%v", err)
	}
	switch n, err := io.CopyN(io.Discard, a.packed, 1); {
	case n > 0:
		return nil, invalid("it goes on after its end")
	case !errors.Is(err, io.EOF):
		return nil, invalid("%v", err)
	}
	return &end, nil
}
