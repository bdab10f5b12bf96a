package store

import (
	"bytes"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tidings-io/tidings/internal/jetstream/index"
	"github.com/tidings-io/tidings/internal/jetstream/wal"
)

func sampleSection() section {
	s := section{
		group: 7, applied: 99, kind: stateInline, next: 4,
		segments: []segmentRef{{1, false, 4096}, {3, true, 70_000}},
		kept:     []keptRecord{{index.Place{File: inMemory | 2, Offset: 10}, []byte("record")}},
		dropped:  []droppedGroup{{5, 12}},
		state:    []byte("state"), stateSize: 5,
	}
	s.stateSum = checksum(s.state)
	return s
}

func TestSectionsComeBackAsTheyWereWritten(t *testing.T) {
	t.Parallel()
	want := sampleSection()
	b := encodeSection(&want)
	got, n, ok := parseSection(append(b, "more"...))
	if !ok || n != len(b) {
		t.Fatalf("got %d, %v", n, ok)
	}
	opts := cmp.AllowUnexported(section{}, segmentRef{}, keptRecord{}, droppedGroup{})
	if diff := cmp.Diff(want, got, opts); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestCheckpointHeadComesBackAsItWasWritten(t *testing.T) {
	t.Parallel()
	want := checkpointHead{
		number: 3, sections: 5, created: -7, length: 1 << 40,
		position: wal.Position{File: 8, Offset: 4096, Batch: 77, Prev: 5, Oldest: 2},
	}
	got, err := parseCheckpointHead(appendCheckpointHead(nil, want))
	if err != nil || got != want {
		t.Errorf("got %+v, %v", got, err)
	}
}

func TestBlocksComeBackWhetherTheyGetSmallerOrNot(t *testing.T) {
	t.Parallel()
	f := func(raw []byte, method uint32) {
		t.Helper()
		b, head := appendBlock([]byte("before"), raw, 64, 6)
		got, err := decodeBlock([]byte("x"), b[6:])
		if err != nil || !bytes.Equal(got[1:], raw) || head.method != method || int(head.end()) != len(b) {
			t.Errorf("%d bytes come back as %d with method %d, %v", len(raw), len(got)-1, head.method, err)
		}
	}
	f(bytes.Repeat([]byte("again and "), 1000), blockS2)
	f([]byte{1, 2, 3}, blockStored)
}

func FuzzParseSection(f *testing.F) {
	s := sampleSection()
	f.Add(encodeSection(&s))
	f.Add(encodeSection(&section{kind: stateInFile, stateFile: 3, group: 2}))
	f.Fuzz(func(t *testing.T, b []byte) {
		s, n, ok := parseSection(b)
		if ok && s.kind == stateInline {
			if again, m, ok := parseSection(encodeSection(&s)); !ok || m != n || again.group != s.group {
				t.Errorf("%x is not written as it is read", b)
			}
		}
	})
}

func FuzzDecodeBlock(f *testing.F) {
	b, _ := appendBlock(nil, bytes.Repeat([]byte("text "), 100), 64, 64)
	f.Add(b)
	f.Fuzz(func(t *testing.T, b []byte) {
		if got, err := decodeBlock(nil, b); err == nil && len(got) != int(le.Uint32(b[12:])) {
			t.Errorf("%d bytes from a block of %d", len(got), le.Uint32(b[12:]))
		}
	})
}

func FuzzParseHeads(f *testing.F) {
	f.Add(appendCheckpointHead(nil, checkpointHead{number: 1}))
	f.Add(appendSegmentHead(nil, segmentHead{group: 2, number: 1, blocks: true}))
	f.Add(appendStateHead(nil, &section{group: 2, applied: 5}))
	f.Add(appendNode(nil, [16]byte{1}, 5))
	f.Fuzz(func(t *testing.T, b []byte) {
		_, _ = parseCheckpointHead(b)
		_, _ = parseNode(b)
		if h, err := parseSegmentHead(b); err == nil && !bytes.Equal(appendSegmentHead(nil, h)[:28], b[:28]) {
			t.Errorf("%x is not written as it is read", b)
		}
		_ = checkStateHead(b, &section{})
	})
}
