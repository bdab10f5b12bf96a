package wal

import (
	"bytes"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tidings-io/tidings/internal/vfs"
)

func TestHeadersReadBackAsTheyWereWritten(t *testing.T) {
	t.Parallel()
	fh := fileHeader{number: 42, incarnation: 1 << 60, size: 64 << 20}
	b := appendFileHeader(nil, fh)
	got, err := parseFileHeader(b)
	if err != nil || got != fh || len(b) != fileHeaderSize {
		t.Errorf("got %+v, %v, %d bytes", got, err, len(b))
	}
	bh := batchHeader{
		incarnation: 7, number: 42, seq: 99, offset: 8192, entries: 3, dirSum: 5,
		payloadBytes: 1000, oldest: 40, prev: 17,
	}
	b = make([]byte, batchHeaderSize)
	putBatchHeader(b, &bh)
	again, ok := parseBatchHeader(b)
	if !ok || again != bh {
		t.Errorf("got %+v, %v", again, ok)
	}
}

func TestEveryBitOfAHeaderCounts(t *testing.T) {
	t.Parallel()
	file := appendFileHeader(nil, fileHeader{number: 1, incarnation: 2, size: minFileSize})
	batch := make([]byte, batchHeaderSize)
	putBatchHeader(batch, &batchHeader{number: 1, seq: 1, offset: blockSize, entries: 1})
	for i := range batchHeaderSize * 8 {
		f, b := slices.Clone(file), slices.Clone(batch)
		f[i/8] ^= 1 << (i % 8)
		b[i/8] ^= 1 << (i % 8)
		if _, err := parseFileHeader(f); err == nil {
			t.Errorf("a file header with bit %d flipped was taken", i)
		}
		if _, ok := parseBatchHeader(b); ok {
			t.Errorf("a batch header with bit %d flipped was taken", i)
		}
	}
}

func TestFileNamesAreExact(t *testing.T) {
	t.Parallel()
	f := func(name string, number FileNumber, tail string, ok bool) {
		t.Helper()
		n, rest, is := parseFileName(name)
		if is != ok || ok && (n != number || rest != tail) {
			t.Errorf("%q: got %d, %q, %v", name, n, rest, is)
		}
	}
	f("00000042.wal", 42, "", true)
	f("123456789.wal", 123456789, "", true)
	f("00000042.wal.tmp", 42, ".tmp", true)
	f("00000042.wal.damaged-00", 42, ".damaged-00", true)
	f("42.wal", 0, "", false)
	f("00000000.wal", 0, "", false)
	f("0000004x.wal", 0, "", false)
	f("00000042", 0, "", false)
	f("+0000042.wal", 0, "", false)
}

// FuzzFile opens a log whose one file is anything at all. The file header and
// the sums of batch headers are repaired, so that the fuzzer gets behind them.
func FuzzFile(f *testing.F) {
	m := vfs.NewMem()
	opts := Options{FS: m, Dir: ".", FileSize: minFileSize, MaxFiles: 3, Incarnation: func() uint64 { return 5 }}
	l, err := Open(opts)
	if err != nil {
		f.Fatal(err)
	}
	for i := range 3 {
		if _, err := l.Commit([]Entry{{Group: 1, Index: Index(i), Payload: bytes.Repeat([]byte("x"), 50*i)}}, Normal); err != nil {
			f.Fatal(err)
		}
	}
	if err := l.Close(); err != nil {
		f.Fatal(err)
	}
	whole, err := vfs.ReadFile(m, "00000001.wal")
	if err != nil {
		f.Fatal(err)
	}
	var heads []byte // what the fuzzer changes: the beginning of each block
	for off := blockSize; off < 6*blockSize; off += blockSize {
		heads = append(heads, whole[off:off+fuzzHead]...)
	}
	f.Add(heads, true)
	f.Add(heads, false)
	f.Add([]byte{}, true)
	f.Fuzz(func(t *testing.T, heads []byte, repair bool) {
		file := make([]byte, minFileSize)
		copy(file, appendFileHeader(nil, fileHeader{number: 1, incarnation: 5, size: minFileSize}))
		for off := int64(blockSize); off < minFileSize && len(heads) > 0; off += blockSize {
			heads = heads[copy(file[off:off+fuzzHead], heads):]
			if b := file[off:][:batchHeaderSize]; repair {
				le.PutUint64(b[8:], 5)
				le.PutUint64(b[16:], 1)
				le.PutUint32(b[32:], uint32(off/blockSize))
				le.PutUint32(b[4:], checksum(b[8:]))
			}
		}
		fuzzOne(t, file, !repair)
	})
}

// fuzzHead is how much of each block a fuzzer may write.
const fuzzHead = 256

// FuzzDirectory parses anything as a directory, its sum repaired; what is taken
// is written again as the same bytes.
func FuzzDirectory(f *testing.F) {
	b := make([]byte, 2*dirEntrySize)
	putDirEntry(b, &dirEntry{kind: 1, group: 2, term: 3, index: 4, length: 5, sum: 6})
	putDirEntry(b[dirEntrySize:], &dirEntry{kind: 255, group: 1 << 63, length: 95})
	f.Add(b, 100)
	f.Add([]byte{}, 0)
	f.Fuzz(func(t *testing.T, b []byte, payloadBytes int) {
		h := batchHeader{entries: len(b) / dirEntrySize, dirSum: checksum(b), payloadBytes: payloadBytes}
		dir, ok := parseDirectory(nil, b, &h)
		if !ok {
			return
		}
		again := make([]byte, len(b))
		end := uint32(0)
		for i := range dir {
			putDirEntry(again[i*dirEntrySize:], &dir[i])
			if dir[i].offset != end {
				t.Fatalf("payload %d is at %d, want %d", i, dir[i].offset, end)
			}
			end += dir[i].length
		}
		if !bytes.Equal(again, b) || int(end) != payloadBytes {
			t.Errorf("got %x with %d bytes, want %x with %d", again, end, b, payloadBytes)
		}
	})
}

// fuzzOne wants no panic and no error. Where headers are genuine, what is read
// once is all that is read again; a made-up one may reach over others, which a
// torn batch never does, and these come to light behind its replacement.
func fuzzOne(t *testing.T, content []byte, genuine bool) {
	t.Helper()
	m := vfs.NewMem()
	disk, err := m.Create("00000001.wal")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := disk.WriteAt(content, 0); err != nil {
		t.Fatal(err)
	}
	read := func() (groups []Group) {
		l, err := Open(Options{FS: m, Dir: ".", FileSize: minFileSize, MaxFiles: 3, Incarnation: func() uint64 { return 6 }})
		if err != nil {
			t.Fatal(err)
		}
		for rec, err := range l.Replay() {
			if err != nil && !Damaged(err) {
				t.Fatal(err)
			}
			if err == nil {
				groups = append(groups, rec.Group)
			}
		}
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
		return groups
	}
	first := read()
	if diff := cmp.Diff(first, read()); diff != "" && genuine {
		t.Errorf("opened twice (-first +second):\n%s", diff)
	}
}
