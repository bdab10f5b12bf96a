package archive

import (
	"archive/tar"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"time"

	"github.com/klauspost/compress/s2"

	"github.com/tidings-io/tidings/internal/record"
)

// Writer writes one archive. Use [NewWriter], then Message in ascending order, then
// Delayed, then Consumer, then Close.
type Writer struct {
	packed  *s2.Writer
	tar     *tar.Writer
	created time.Time

	entry []byte // records of the entry that is being filled
	name  string // of that
	end   End
}

// NewWriter begins an archive with the head, whose format and version it sets.
func NewWriter(w io.Writer, head Head) (*Writer, error) {
	head.Format, head.Version = format, version
	a := &Writer{packed: s2.NewWriter(w, s2.WriterConcurrency(1), s2.WriterBlockSize(256<<10)), created: head.Created}
	a.tar = tar.NewWriter(a.packed)
	return a, a.json(nameHead, head)
}

// Message adds a message: its verified record with its sequence set. rec is not
// kept.
func (a *Writer) Message(rec []byte) error {
	seq := record.View(rec).Seq
	a.end.Messages++
	a.end.Bytes += uint64(len(rec))
	a.end.LastSeq = seq
	return a.add(nameMessages, seq, rec)
}

// add appends parts to the entry that is being filled, whose name has a number.
func (a *Writer) add(kind string, number uint64, parts ...[]byte) error {
	if len(a.entry) == 0 {
		a.name = numbered(kind, number)
	}
	for _, p := range parts {
		a.entry = append(a.entry, p...)
	}
	if len(a.entry) < entrySize {
		return nil
	}
	return a.flush()
}

func numbered(kind string, number uint64) string { return fmt.Sprintf("%s%020d", kind, number) }

// Lost notes a message that cannot be read and so is not in the archive.
func (a *Writer) Lost(seq uint64) {
	if len(a.end.Lost) < lostMax {
		a.end.Lost = append(a.end.Lost, seq)
	}
	a.end.LastSeq = seq
}

// Last says which sequence the stream had given out last.
func (a *Writer) Last(seq uint64) { a.end.LastSeq = max(a.end.LastSeq, seq) }

func (a *Writer) flush() error {
	if len(a.entry) == 0 {
		return nil
	}
	b := a.entry
	a.entry = a.entry[:0]
	return a.file(a.name, b)
}

// Delayed adds a message that waits to be stored, its verified record without a
// sequence, after all others.
func (a *Writer) Delayed(due int64, rec []byte) error {
	if a.end.Delayed == 0 {
		if err := a.flush(); err != nil {
			return err
		}
	}
	a.end.Delayed++
	return a.add(nameDelayed, a.end.Delayed, binary.LittleEndian.AppendUint64(nil, uint64(due)), rec)
}

// Consumer adds a consumer, after all messages.
func (a *Writer) Consumer(c Consumer) error {
	if err := a.flush(); err != nil {
		return err
	}
	a.end.Consumers++
	return a.json(nameConsumer+c.Name+".json", c)
}

// Close ends the archive. It does not close the writer below.
func (a *Writer) Close() error {
	if err := a.flush(); err != nil {
		return err
	}
	if err := a.json(nameEnd, a.end); err != nil {
		return err
	}
	if err := a.tar.Close(); err != nil {
		return fmt.Errorf("end of backup: %w", err)
	}
	if err := a.packed.Close(); err != nil {
		return fmt.Errorf("end of backup: %w", err)
	}
	return nil
}

func (a *Writer) json(name string, value any) error {
	b, err := json.Marshal(value)
	if err != nil {
		return fmt.Errorf("backup entry %s: %w", name, err)
	}
	return a.file(name, append(b, '\n'))
}

func (a *Writer) file(name string, b []byte) error {
	head := &tar.Header{Name: name, Mode: 0o600, Size: int64(len(b)), ModTime: a.created.Truncate(time.Second)}
	if err := a.tar.WriteHeader(head); err != nil {
		return fmt.Errorf("backup entry %s: %w", name, err)
	}
	if _, err := a.tar.Write(b); err != nil {
		return fmt.Errorf("backup entry %s: %w", name, err)
	}
	return nil
}
