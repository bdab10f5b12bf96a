package record_test

import (
	"bytes"
	"hash/crc32"
	"testing"

	"github.com/tidings-io/tidings/internal/record"
)

// TestErasedRecordKeepsTheChecksumOfWhatItIsIn erases records of all small sizes
// between others.
func TestErasedRecordKeepsTheChecksumOfWhatItIsIn(t *testing.T) {
	t.Parallel()
	table := crc32.MakeTable(crc32.Castagnoli)
	for size := range 300 {
		before := record.Build(nil, &record.Message{Time: 5, Subject: []byte("a.b"), Body: []byte("before")})
		m := record.Message{
			Seq: uint64(size % 3), Time: 77, Subject: []byte("orders.new"), Header: []byte("NATS/1.0\r\n\r\n"),
			Body: bytes.Repeat([]byte{'x', 'y', byte(size)}, size)[:size],
		}
		payload := record.Build(bytes.Clone(before), &m)
		payload = append(payload, "and what follows"...)
		want := crc32.Checksum(payload, table)
		record.Erase(payload[len(before):])
		if got := crc32.Checksum(payload, table); got != want {
			t.Fatalf("body of %d bytes: checksum %08x, want %08x", size, got, want)
		}
		got, n, err := record.Parse(payload[len(before):])
		if err != nil || n != m.Len() || !got.Erased || got.Seq != m.Seq || got.Time != m.Time ||
			!bytes.Equal(got.Subject, m.Subject) || !bytes.Equal(got.Header, m.Header) || !bytes.Equal(got.Body, make([]byte, size)) {
			t.Fatalf("body of %d bytes: got %+v, %v", size, got, err)
		}
		if _, _, err := record.Parse(payload); err != nil {
			t.Fatalf("the record before: %v", err)
		}
		if size > 0 {
			payload[len(before)+m.Len()-1] = 1
			if _, _, err := record.Parse(payload[len(before):]); err == nil {
				t.Fatal("an erased record with a body passed")
			}
		}
	}
}
