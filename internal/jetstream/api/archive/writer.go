package archive

import (
	"archive/tar"
	"encoding/json"
	"fmt"
	"io"
	"time"

	"github.com/klauspost/compress/s2"

	"github.com/tidings-io/tidings/internal/record"
)

// Writer writes one archive. Use [NewWriter], then Message in ascending order,
// then Consumer, then Close.
type Writer struct {
	packed  *s2.Writer
	tar     *tar.Writer
	created time.Time

	entry []byte // records of the entry that is being filled
	first uint64 // sequence of the first of them
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
	if len(a.entry) == 0 {
		a.first = record.View(rec).Seq
	}
	a.entry = append(a.entry, rec...)
	a.end.Messages++
	a.end.Bytes += uint64(len(rec))
	if len(a.entry) < entrySize {
		return nil
	}
	return a.flush()
}

// Lost notes a message that cannot be read and so is not in the archive.
func (a *Writer) Lost(seq uint64) { a.end.Lost = append(a.end.Lost, seq) }

func (a *Writer) flush() error {
	if len(a.entry) == 0 {
		return nil
	}
	b := a.entry
	a.entry = a.entry[:0]
	return a.file(fmt.Sprintf("%s%020d", nameMessages, a.first), b)
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
