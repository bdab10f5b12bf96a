package record_test

import (
	"bytes"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tidings-io/tidings/internal/record"
)

func TestRecordsAreTakenApartAsTheyWereWritten(t *testing.T) {
	t.Parallel()
	for _, want := range []record.Message{
		{Time: 1, Subject: []byte("a"), Body: []byte{}},
		{Time: -5, Seq: 9, Subject: []byte("a.b"), Header: []byte("NATS/1.0\r\n\r\n"), Body: []byte("body")},
		{Time: 1 << 60, Subject: bytes.Repeat([]byte("s"), record.MaxSubject), Body: make([]byte, 70_000)},
	} {
		payload := append(bytes.Clone(want.Header), want.Body...)
		sealed := record.Append(nil, want.Subject, payload, len(want.Header))
		if n := record.Seal(sealed, want.Time); n != len(sealed) {
			t.Errorf("Seal returns %d for a record of %d bytes", n, len(sealed))
		}
		if want.Seq != 0 {
			record.Number(sealed, want.Seq)
		}
		if built := record.Build(nil, &want); !bytes.Equal(built, sealed) {
			t.Errorf("Build and Append differ for %q", want.Subject[:1])
		}
		got, n, err := record.Parse(append(sealed, "more"...))
		if err != nil || n != len(sealed) {
			t.Fatalf("Parse = %d, %v, want %d", n, err, len(sealed))
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	}
}

func TestEveryFlippedBitAndEveryTruncationIsNoticed(t *testing.T) {
	t.Parallel()
	m := record.Message{Time: 77, Seq: 3, Subject: []byte("a.b"), Header: []byte("NATS/1.0\r\n\r\n"), Body: []byte("body")}
	whole := record.Build(nil, &m)
	for i := range len(whole) * 8 {
		b := bytes.Clone(whole)
		b[i/8] ^= 1 << (i % 8)
		if _, _, err := record.Parse(b); !errors.Is(err, record.ErrDamaged) {
			t.Errorf("bit %d flipped: error %v", i, err)
		}
	}
	for n := range len(whole) {
		if _, _, err := record.Parse(whole[:n]); !errors.Is(err, record.ErrDamaged) {
			t.Errorf("%d bytes left: error %v", n, err)
		}
	}
}

func FuzzParseNeverReadsBeyondItsInput(f *testing.F) {
	f.Add(record.Build(nil, &record.Message{Subject: []byte("a"), Body: []byte("b")}))
	f.Fuzz(func(t *testing.T, b []byte) {
		m, n, err := record.Parse(b)
		// What is erased is never built.
		if err == nil && !m.Erased && !bytes.Equal(record.Build(nil, &m), b[:n]) {
			t.Errorf("Parse(%x) gives another record", b)
		}
	})
}

func BenchmarkAppendAndSeal(b *testing.B) {
	payload, dst := make([]byte, 128), make([]byte, 0, 4096)
	b.ReportAllocs()
	for b.Loop() {
		dst = record.Append(dst[:0], []byte("some.subject"), payload, 0)
		record.Seal(dst, 1)
	}
}

func TestARecordCanBeSealedAgain(t *testing.T) {
	t.Parallel()
	b := record.Append(nil, []byte("s"), []byte("NATS/1.0\r\n\r\nbody"), 12)
	size := record.Seal(b, 1)
	b = append(b, "more"...)
	if n := record.Reseal(b, 2); n != size {
		t.Errorf("it has %d bytes, want %d", n, size)
	}
	if m, _, err := record.Parse(b); err != nil || m.Time != 2 || string(m.Body) != "body" {
		t.Errorf("%+v, %v", m, err)
	}
}
