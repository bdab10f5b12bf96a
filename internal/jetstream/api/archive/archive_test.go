package archive_test

import (
	"archive/tar"
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/klauspost/compress/s2"

	"github.com/tidings-io/tidings/internal/jetstream/api/archive"
	"github.com/tidings-io/tidings/internal/jsapi"
	"github.com/tidings-io/tidings/internal/record"
)

// content collects what is read.
type content struct {
	head      archive.Head
	messages  []string
	delayed   []string
	consumers []string
	refuse    error
}

func (c *content) Head(h *archive.Head) error {
	c.head = *h
	return nil
}

func (c *content) Message(rec []byte) error {
	m := record.View(rec)
	c.messages = append(c.messages, fmt.Sprintf("%d %s %s %s", m.Seq, m.Subject, m.Header, m.Body))
	return c.refuse
}

func (c *content) Delayed(due int64, rec []byte) error {
	m := record.View(rec)
	c.delayed = append(c.delayed, fmt.Sprintf("%d %s %s", due, m.Subject, m.Body))
	return nil
}

func (c *content) Consumer(x *archive.Consumer) error {
	c.consumers = append(c.consumers, x.Name+" "+string(x.State))
	return nil
}

func message(seq uint64, body string) []byte {
	return record.Build(nil, &record.Message{Seq: seq, Time: 5, Subject: []byte("a.b"), Header: []byte("h"), Body: []byte(body)})
}

// small returns an archive of three messages and two consumers.
func small(t testing.TB) []byte {
	var b bytes.Buffer
	w, err := archive.NewWriter(&b, archive.Head{
		Config: jsapi.StreamConfig{Name: "S"}, Created: time.Unix(1, 0).UTC(), Messages: 3, FirstSeq: 2, LastSeq: 12,
	})
	for _, seq := range []uint64{2, 3, 9} {
		err = errors.Join(err, w.Message(message(seq, fmt.Sprint("body", seq))))
	}
	w.Lost(5)
	w.Last(12)
	for i := range 2 {
		err = errors.Join(err, w.Delayed(int64(70+i), message(0, fmt.Sprint("waits", i))))
	}
	for _, name := range []string{"c", strings.Repeat("d", 255)} {
		err = errors.Join(err, w.Consumer(archive.Consumer{Name: name, State: []byte("state of " + name)}))
	}
	if err = errors.Join(err, w.Close()); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestWhatIsWrittenIsRead(t *testing.T) {
	t.Parallel()
	var c content
	end, err := archive.Read(bytes.NewReader(small(t)), &c)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"2 a.b h body2", "3 a.b h body3", "9 a.b h body9"}
	if diff := cmp.Diff(want, c.messages); diff != "" {
		t.Error(diff)
	}
	long := strings.Repeat("d", 255)
	if diff := cmp.Diff([]string{"c state of c", long + " state of " + long}, c.consumers); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"70 a.b waits0", "71 a.b waits1"}, c.delayed); diff != "" {
		t.Error(diff)
	}
	if c.head.Config.Name != "S" || end.LastSeq != 12 || len(end.Lost) != 1 || end.Lost[0] != 5 {
		t.Errorf("head %+v, end %+v", c.head, end)
	}
}

func TestManyMessagesTakeManyEntries(t *testing.T) {
	t.Parallel()
	var b bytes.Buffer
	w, err := archive.NewWriter(&b, archive.Head{})
	for seq := range uint64(100) {
		err = errors.Join(err, w.Message(message(seq+1, strings.Repeat("x", 100_000))))
	}
	if err = errors.Join(err, w.Close()); err != nil {
		t.Fatal(err)
	}
	entries := 0
	for r := tar.NewReader(s2.NewReader(bytes.NewReader(b.Bytes()))); ; entries++ {
		if _, err := r.Next(); err != nil {
			break
		}
	}
	if entries != 2+100*100/1000 {
		t.Errorf("%d entries", entries)
	}
	var c content
	if _, err := archive.Read(&b, &c); err != nil || len(c.messages) != 100 {
		t.Errorf("%d messages, error %v", len(c.messages), err)
	}
}

func TestEveryTruncationIsRefused(t *testing.T) {
	t.Parallel()
	whole := small(t)
	for n := range whole {
		var c content
		if _, err := archive.Read(bytes.NewReader(whole[:n]), &c); !errors.Is(err, archive.ErrInvalid) {
			t.Fatalf("first %d of %d bytes: %v", n, len(whole), err)
		}
	}
}

func TestEveryFlippedBitIsRefusedOrHarmless(t *testing.T) {
	t.Parallel()
	whole := small(t)
	var want content
	if _, err := archive.Read(bytes.NewReader(whole), &want); err != nil {
		t.Fatal(err)
	}
	for i := range whole {
		b := bytes.Clone(whole)
		b[i] ^= 1 << (i % 8)
		var c content
		if _, err := archive.Read(bytes.NewReader(b), &c); err != nil {
			continue
		}
		if diff := cmp.Diff(want.messages, c.messages); diff != "" {
			t.Fatalf("bit of byte %d: %s", i, diff)
		}
	}
}

// pack makes an archive of entries with those names and contents.
func pack(entries ...[2]string) []byte {
	var b bytes.Buffer
	packed := s2.NewWriter(&b)
	w := tar.NewWriter(packed)
	for _, e := range entries {
		head := &tar.Header{Name: e[0], Mode: 0o600, Size: int64(len(e[1]))}
		if strings.HasPrefix(e[0], "link") {
			head.Typeflag, head.Linkname, head.Size = tar.TypeSymlink, e[1], 0
		}
		_ = w.WriteHeader(head) // a test of what is not read
		_, _ = io.WriteString(w, e[1])
	}
	_ = w.Close()
	_ = packed.Close()
	return b.Bytes()
}

func TestHostileArchivesAreRefused(t *testing.T) {
	t.Parallel()
	head := [2]string{"backup.json", `{"format":"tidings-backup","version":1,"config":{"name":"S"},"last_seq":10}`}
	end := [2]string{"end.json", `{"messages":0,"bytes":0,"consumers":0,"last_seq":10}`}
	first := "messages/00000000000000000001"
	refused := func(why string, entries ...[2]string) {
		t.Helper()
		_, err := archive.Read(bytes.NewReader(pack(entries...)), &content{})
		if !errors.Is(err, archive.ErrInvalid) || !strings.Contains(err.Error(), why) {
			t.Errorf("error %v, want one with %q", err, why)
		}
	}
	if _, err := archive.Read(bytes.NewReader(pack(head, end)), &content{}); err != nil {
		t.Fatal(err)
	}
	refused("begins with", end)
	refused("begins with", [2]string{"../../etc/passwd", "x"}, end)
	refused("version 2", [2]string{"backup.json", `{"format":"tidings-backup","version":2}`}, end)
	refused("its format is", [2]string{"backup.json", `{"format":"x","version":1}`}, end)
	refused("does not belong here", head, [2]string{"/etc/passwd", "x"}, end)
	refused("ends before", head)
	refused("is empty", head, [2]string{first, ""}, end)
	refused("ends inside a record", head, [2]string{first, string(message(1, "x"))[:35]}, end)
	refused("record of", head, [2]string{first, "xxxx\xff\xff\xff\xff" + strings.Repeat("x", 100)}, end)
	refused("ends inside a record", head, [2]string{first, "xxxx\xff\xff\xff\x07" + strings.Repeat("x", 100)}, end)
	refused("damaged", head, [2]string{first, strings.Replace(string(message(1, "xxxx")), "xxxx", "xxxy", 1)}, end)
	refused("message 11", head, [2]string{"messages/00000000000000000011", string(message(11, "x"))}, end)
	refused("message 0", head, [2]string{"messages/00000000000000000000", string(message(0, "x"))}, end)
	refused("message 1 stands after 1", head, [2]string{first, string(message(1, "x")) + string(message(1, "x"))}, end)
	refused("begins with message 2", head, [2]string{first, string(message(2, "x"))}, end)
	refused("are there", head, [2]string{first, string(message(1, "x"))}, end)
	waits := "delayed/00000000000000000001"
	due := "\x01\x00\x00\x00\x00\x00\x00\x00"
	refused("is empty", head, [2]string{waits, ""}, end)
	refused("ends inside a record", head, [2]string{waits, due + string(message(0, "x"))[:35]}, end)
	refused("does not wait any more", head, [2]string{waits, due + string(message(1, "x"))}, end)
	refused("are there", head, [2]string{waits, due + string(message(0, "x"))}, end)
	refused("stands after 0 delayed", head, [2]string{"delayed/00000000000000000002", due + string(message(0, "x"))}, end)
	refused("does not belong here", head, [2]string{waits, due + string(message(0, "x"))}, [2]string{first, string(message(1, "x"))}, end)
	refused("is of consumer", head, [2]string{"consumers/../x.json", `{"name":"c"}`}, end)
	refused("does not belong here", head, [2]string{"consumers/c.json", `{"name":"c"}`}, [2]string{first, string(message(1, "x"))}, end)
	refused("comes after the end", head, end, end)
	refused("unknown field", head, [2]string{"end.json", `{"x":1}`})
	refused("larger than", [2]string{"backup.json", strings.Repeat(" ", 9<<20)}, end)
	refused("is no plain file", head, [2]string{"link", "/etc/passwd"}, end)
	refused("not a valid backup", [2]string{"", ""})
}

func TestWhatComesAfterTheEndIsRefused(t *testing.T) {
	t.Parallel()
	for _, more := range []string{"x", string(small(t))} {
		b := append(small(t), more...)
		if _, err := archive.Read(bytes.NewReader(b), &content{}); !errors.Is(err, archive.ErrInvalid) {
			t.Errorf("%d bytes more: %v", len(more), err)
		}
	}
}

func TestErrorsOfReaderAndTargetAreReturned(t *testing.T) {
	t.Parallel()
	broken := errors.New("broken")
	if _, err := archive.Read(bytes.NewReader(small(t)), &content{refuse: broken}); !errors.Is(err, broken) || errors.Is(err, archive.ErrInvalid) {
		t.Errorf("target: %v", err)
	}
	r := io.MultiReader(bytes.NewReader(small(t)[:100]), brokenReader{broken})
	if _, err := archive.Read(r, &content{}); !errors.Is(err, broken) || errors.Is(err, archive.ErrInvalid) {
		t.Errorf("reader: %v", err)
	}
}

type brokenReader struct{ err error }

func (e brokenReader) Read([]byte) (int, error) { return 0, e.err }

func FuzzRead(f *testing.F) {
	f.Add(small(f))
	f.Add(pack([2]string{"backup.json", `{"format":"tidings-backup","version":1}`}, [2]string{"end.json", "{}"}))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, b []byte) {
		c := content{}
		end, err := archive.Read(bytes.NewReader(b), &c)
		if err == nil && end.Messages != uint64(len(c.messages)) {
			t.Errorf("%d messages announced, %d read", end.Messages, len(c.messages))
		}
		// The same as plain tar entries, so that the fuzzer is not kept out by the
		// compression's checksums.
		if len(b) > math.MaxUint16 {
			return
		}
		_, err = archive.Read(bytes.NewReader(pack(
			[2]string{"backup.json", `{"format":"tidings-backup","version":1,"last_seq":99}`},
			[2]string{"messages/00000000000000000001", string(b)},
			[2]string{"end.json", "{}"},
		)), &c)
		if err != nil && !errors.Is(err, archive.ErrInvalid) {
			t.Errorf("error %v is not about the archive", err)
		}
	})
}
